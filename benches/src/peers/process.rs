//! Peer systems as processes that answer requests: see `benches/peers/server.py`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use ppl::core::{Error, Result};
use ppl::tensor::DType;
use serde_json::{Value, json};

/// A system to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// NumPyro, on one core or on all.
    NumPyro {
        /// Whether it may use one core only.
        one_thread: bool,
    },
    /// nutpie with its numba backend.
    Nutpie,
    /// Stan as PyStan brings it.
    Stan,
    /// Pyro with its just-in-time compiler.
    Pyro,
}

impl System {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            System::NumPyro { one_thread: true } => "NumPyro, 1 thread",
            System::NumPyro { one_thread: false } => "NumPyro, all threads",
            System::Nutpie => "nutpie",
            System::Stan => "Stan",
            System::Pyro => "Pyro JIT",
        }
    }

    fn script(self) -> &'static str {
        match self {
            System::NumPyro { .. } => "numpyro_peer.py",
            System::Nutpie => "nutpie_peer.py",
            System::Stan => "stan_peer.py",
            System::Pyro => "pyro_peer.py",
        }
    }

    /// The virtual environment it is installed in, a folder beside the others.
    fn environment(self) -> &'static str {
        if self == System::Pyro { "pyro" } else { "venv" }
    }

    fn one_thread(self) -> bool {
        self != (System::NumPyro { one_thread: false })
    }
}

/// A running peer, with one piece of work prepared at a time.
pub struct Peer {
    system: System,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
    log: PathBuf,
}

impl Peer {
    /// Starts a peer that is installed below a folder, where its log goes as well.
    fn start(system: System, dtype: DType, folder: &Path) -> std::result::Result<Self, String> {
        let python = folder.join(system.environment()).join("bin").join("python");
        if !python.exists() {
            return Err(match system {
                System::Pyro => {
                    "not installed: left out by --without-pyro, or pip could not install it".into()
                }
                _ => format!("not installed: there is no {}", python.display()),
            });
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(system.script());
        let log = folder.join(format!("{}-{dtype}.log", system.name().replace(", ", "-").replace(' ', "-")));
        let errors = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new(&python);
        command.arg(script).arg("--dtype").arg(dtype.to_string()).arg("--cache").arg(folder.join("stan"));
        if system.one_thread() {
            command.arg("--one-thread");
        }
        // The scripts' folder is the repository's.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
        let mut child = spawned.map_err(|error| format!("{}: {error}", python.display()))?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("its input and output are not open".into());
        };
        let answers = BufReader::new(output);
        let mut peer = Self { system, child, requests, answers, version: String::new(), log };
        peer.version = peer.answer()?["version"].as_str().unwrap_or_default().to_owned();
        Ok(peer)
    }

    /// Its name and versions.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// If the peer ended, or could not do it.
    pub fn ask(&mut self, request: &Value) -> std::result::Result<Value, String> {
        writeln!(self.requests, "{request}").map_err(|error| self.ended(&error.to_string()))?;
        self.answer()
    }

    fn answer(&mut self) -> std::result::Result<Value, String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).map_err(|error| self.ended(&error.to_string()))?;
        if read == 0 {
            return Err(self.ended("it ended"));
        }
        let answer: Value = serde_json::from_str(&line).map_err(|error| self.ended(&error.to_string()))?;
        match answer["error"].as_str() {
            Some(reason) => Err(reason.lines().next().unwrap_or_default().to_owned()),
            None => Ok(answer),
        }
    }

    /// The reason, and the end of what it wrote before.
    fn ended(&self, reason: &str) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        format!("{reason}: {last} (see {})", self.log.display())
    }

    /// Repeats the prepared work in the peer's own loop, and returns the time that took there.
    ///
    /// # Errors
    /// As [`Peer::ask`].
    pub fn run(&mut self, calls: usize) -> Result<Duration> {
        let answer = self.ask(&json!({ "do": "run", "calls": calls }));
        let seconds = answer.map(|answer| answer["seconds"].as_f64().unwrap_or(f64::NAN));
        let time = seconds.and_then(|seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("the answer has no time: {error}"))
        });
        time.map_err(|reason| Error::argument(format!("{}: {reason}", self.system.name())))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing is left to do about a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A peer that several groups use in turn.
pub type Shared = Rc<RefCell<Peer>>;

/// The peers that run, each started when it is first asked for.
pub struct Peers {
    folder: PathBuf,
    running: HashMap<(System, DType), std::result::Result<Shared, String>>,
}

impl Peers {
    /// Peers installed below a folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), running: HashMap::new() }
    }

    /// The folder for what peers read.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A peer that has prepared a piece of work, and its answer.
    ///
    /// # Errors
    /// In a few words why it is not available, or cannot do this.
    pub fn prepare(
        &mut self,
        system: System,
        dtype: DType,
        request: &Value,
    ) -> std::result::Result<(Shared, Value), String> {
        let folder = &self.folder;
        let started = self
            .running
            .entry((system, dtype))
            .or_insert_with(|| Peer::start(system, dtype, folder).map(|peer| Rc::new(RefCell::new(peer))));
        let peer = started.clone()?;
        let answer = peer.borrow_mut().ask(request)?;
        Ok((peer, answer))
    }

    /// Names and versions of the peers that were started.
    pub fn versions(&self) -> Vec<String> {
        let running = self.running.values().flatten();
        let mut versions: Vec<String> = running.map(|peer| peer.borrow().version().to_owned()).collect();
        versions.sort();
        versions.dedup();
        versions
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ppl::tensor::DType;
    use serde_json::json;

    use super::{Peers, System};

    #[test]
    fn a_peer_that_is_not_installed_is_absent_with_a_reason() {
        let mut peers = Peers::new(Path::new("/nowhere"));
        for system in [System::NumPyro { one_thread: true }, System::Nutpie, System::Stan, System::Pyro] {
            let reason = peers.prepare(system, DType::F64, &json!({ "do": "svi" })).err().unwrap();
            assert!(reason.starts_with("not installed: "), "{reason}");
        }
        assert!(peers.versions().is_empty());
    }
}
