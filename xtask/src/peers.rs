//! Peer systems for the benchmarks: pinned, each in a virtual environment below cargo's target directory.

use crate::python::{self, Environment};
use crate::{Result, command};

pub(crate) const PEERS: Environment =
    Environment { folder: "venv", requirements: "benches/peers/requirements.txt" };
/// Apart, as it is large.
pub(crate) const PYRO: Environment =
    Environment { folder: "pyro", requirements: "benches/peers/requirements-pyro.txt" };

/// Installs what is missing, and runs the comparison. What cannot be installed is named, and is missing from the table.
pub(crate) fn bench(options: &[&str]) -> Result {
    let with_pyro = options.contains(&"--with-pyro");
    let mut rest: Vec<&str> = options.iter().copied().filter(|option| *option != "--with-pyro").collect();
    let folder = python::target()?.join("peers");
    for environment in
        [PEERS, PYRO].iter().filter(|environment| environment.folder == PEERS.folder || with_pyro)
    {
        if let Err(reason) = environment.install(&folder) {
            eprintln!("peers are not all there: {reason}");
        }
    }
    let folder = folder.to_str().ok_or("the path of cargo's target directory is not text")?;
    rest.extend(["--peers", folder]);
    command::bench(&rest)
}
