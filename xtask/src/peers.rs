//! Peer systems for the benchmarks: pinned, each in a virtual environment below cargo's target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{self, cargo, output, run};
use crate::{Result, workspace};

/// A virtual environment and the file that says what belongs in it.
struct Environment {
    folder: &'static str,
    requirements: &'static str,
}

const PEERS: Environment = Environment { folder: "venv", requirements: "requirements.txt" };
/// Apart, as it is large.
const PYRO: Environment = Environment { folder: "pyro", requirements: "requirements-pyro.txt" };

/// Written into an environment when all that was required is there.
const STAMP: &str = "requirements.installed";

/// Installs what is missing, and runs the comparison. What cannot be installed is named, and is missing from the table.
pub(crate) fn bench(options: &[&str]) -> Result {
    let with_pyro = options.contains(&"--with-pyro");
    let mut rest: Vec<&str> = options.iter().copied().filter(|option| *option != "--with-pyro").collect();
    let folder = target()?.join("peers");
    for environment in
        [PEERS, PYRO].iter().filter(|environment| environment.folder == PEERS.folder || with_pyro)
    {
        if let Err(reason) = install(environment, &folder) {
            eprintln!("peers are not all there: {reason}");
        }
    }
    let folder = folder.to_str().ok_or("the path of cargo's target directory is not text")?;
    rest.extend(["--peers", folder]);
    command::bench(&rest)
}

/// Cargo's target directory.
fn target() -> Result<PathBuf> {
    let text = output(cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// Makes the environment what its requirements say, unless it is.
fn install(environment: &Environment, folder: &Path) -> Result<()> {
    let file = workspace().join("benches").join("peers").join(environment.requirements);
    let fault = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let required = std::fs::read_to_string(&file).map_err(|error| fault(&file, error))?;
    let environment = folder.join(environment.folder);
    let stamp = environment.join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == required) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&environment);
    run(venv).map_err(|reason| format!("{reason}; Python 3.11 with venv is needed"))?;
    let python = environment.join("bin").join("python");
    let pip = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip
    };
    let mut all = pip();
    all.arg("--requirement").arg(&file);
    if run(all).is_err() {
        println!("not everything can be installed together: one by one");
        let one = |line: &&str| {
            let mut one = pip();
            one.arg(line);
            run(one).is_err()
        };
        let missing: Vec<&str> = requirements(&required).filter(one).collect();
        if !missing.is_empty() {
            return Err(format!("pip does not install {}", missing.join(" ")));
        }
    }
    std::fs::write(&stamp, required).map_err(|error| fault(&stamp, error))
}

/// The lines of a file of requirements that are some.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::{PEERS, PYRO, requirements};
    use crate::workspace;

    #[test]
    fn every_requirement_is_pinned() {
        for environment in [PEERS, PYRO] {
            let file = workspace().join("benches").join("peers").join(environment.requirements);
            let text = std::fs::read_to_string(file).unwrap();
            assert!(requirements(&text).count() > 0);
            for line in requirements(&text) {
                assert!(line.split_once("==").is_some_and(|(_, version)| !version.is_empty()), "{line}");
            }
        }
    }
}
