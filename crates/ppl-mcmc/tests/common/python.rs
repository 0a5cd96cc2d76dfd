//! Python, with what reads our files.

use std::path::Path;
use std::process::Command;

/// Names the Python that has all that is needed.
const VARIABLE: &str = "PPL_ARVIZ_PYTHON";

/// What a script prints that is given a folder. Nothing where no Python is named and the one that there is lacks what the
/// script imports: then there is nothing to test. A Python that is named must have it.
pub(crate) fn python(imports: &str, script: &str, folder: &Path) -> Option<String> {
    let named = std::env::var(VARIABLE).ok();
    let python = named.as_deref().unwrap_or("python3");
    let run = |script: &str| Command::new(python).args(["-c", script]).arg(folder).output();
    let known = run(imports);
    if named.is_none() && !known.as_ref().is_ok_and(|known| known.status.success()) {
        eprintln!("not tested: {python} lacks a module of `{imports}`; {VARIABLE} names another");
        return None;
    }
    let output = known.and_then(|_| run(&format!("{imports}\n{script}"))).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
