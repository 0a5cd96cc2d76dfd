//! Python's packages, pinned, in virtual environments below cargo's target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{cargo, lacking, output, run};
use crate::{Result, workspace};

/// A virtual environment and the file that says what belongs in it.
pub(crate) struct Environment {
    pub(crate) folder: &'static str,
    /// From the workspace.
    pub(crate) requirements: &'static str,
}

const ARVIZ: Environment =
    Environment { folder: "arviz", requirements: "crates/ppl-mcmc/tests/requirements.txt" };

/// Written into an environment when all that was required is there.
const STAMP: &str = "requirements.installed";

/// The tests of exported and stored chains, with ArviZ and zarr to read them.
pub(crate) fn arviz() -> Result {
    let python = match ARVIZ.install(&target()?) {
        Ok(python) => python,
        Err(reason) => return lacking(reason),
    };
    let mut tests = cargo(&["test", "--package", "ppl-mcmc", "--test", "export", "--test", "store"]);
    tests.env("PPL_ARVIZ_PYTHON", python);
    run(tests)
}

impl Environment {
    /// Makes the environment below this folder what its requirements say, unless it is; gives its Python.
    pub(crate) fn install(&self, folder: &Path) -> Result<PathBuf> {
        let file = workspace().join(self.requirements);
        let fault = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let required = std::fs::read_to_string(&file).map_err(|error| fault(&file, error))?;
        let environment = folder.join(self.folder);
        let python = environment.join("bin").join("python");
        let stamp = environment.join(STAMP);
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == required) {
            return Ok(python);
        }
        std::fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&environment);
        run(venv).map_err(|reason| format!("{reason}; Python 3.11 with venv is needed"))?;
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
        std::fs::write(&stamp, required).map_err(|error| fault(&stamp, error))?;
        Ok(python)
    }
}

/// Cargo's target directory.
pub(crate) fn target() -> Result<PathBuf> {
    let text = output(cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// The lines of a file of requirements that are some.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::{ARVIZ, requirements};
    use crate::peers::{PEERS, PYRO};
    use crate::workspace;

    #[test]
    fn every_requirement_is_pinned() {
        for environment in [PEERS, PYRO, ARVIZ] {
            let file = workspace().join(environment.requirements);
            let text = std::fs::read_to_string(file).unwrap();
            assert!(requirements(&text).count() > 0);
            for line in requirements(&text) {
                assert!(line.split_once("==").is_some_and(|(_, version)| !version.is_empty()), "{line}");
            }
        }
    }
}
