//! Peer systems for the benchmarks: pinned, each in a virtual environment below cargo's target directory.

use crate::python::{self, Environment};
use crate::{Result, command};

pub(crate) const PEERS: Environment =
    Environment { folder: "venv", requirements: "benches/peers/requirements.txt" };
/// Apart, as it is large.
pub(crate) const PYRO: Environment =
    Environment { folder: "pyro", requirements: "benches/peers/requirements-pyro.txt" };

/// The option that leaves [`PYRO`] out.
const WITHOUT_PYRO: &str = "--without-pyro";

/// What is to be installed.
fn environments(options: &[&str]) -> &'static [Environment] {
    if options.contains(&WITHOUT_PYRO) { &[PEERS] } else { &[PEERS, PYRO] }
}

/// Installs what is missing, and runs the comparison. What cannot be installed is named, and is missing from the table.
pub(crate) fn bench(options: &[&str]) -> Result {
    let mut rest: Vec<&str> = options.iter().copied().filter(|option| *option != WITHOUT_PYRO).collect();
    let folder = python::target()?.join("peers");
    for environment in environments(options) {
        if let Err(reason) = environment.install(&folder) {
            eprintln!("peers are not all there: {reason}");
        }
    }
    let folder = folder.to_str().ok_or("the path of cargo's target directory is not text")?;
    rest.extend(["--peers", folder]);
    command::bench(&rest)
}

#[cfg(test)]
mod tests {
    use super::environments;

    #[test]
    fn all_peers_unless_one_is_left_out() {
        let folders = |options: &[&str]| {
            environments(options).iter().map(|environment| environment.folder).collect::<Vec<_>>()
        };
        assert_eq!(folders(&["svi"]), ["venv", "pyro"]);
        assert_eq!(folders(&["svi", "--without-pyro"]), ["venv"]);
    }
}
