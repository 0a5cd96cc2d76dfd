//! A process that is killed in the middle of a run, and the fit that goes on from its file.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ppl_infer::{Adam, Schedule};

use crate::{Boxed, Inference, TemporaryFile, bits, data, noisy};

const FILE: &str = "PPL_TEST_CHECKPOINT";

fn fit() -> Inference<ppl_tensor::Tensor> {
    noisy(Box::new(Adam::new(0.01).schedule(Schedule::cosine(100_000, 0.1))) as Boxed)
}

/// A child process that does not outlive its test.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs in the child process alone: a fit that takes much longer than the test waits.
#[test]
fn child() {
    if let Ok(path) = std::env::var(FILE) {
        fit().fit().checkpoint(path, 10).run(20_000, &data()).unwrap();
    }
}

fn taken(path: &Path) -> usize {
    let mut svi = fit();
    // The file is there, and whole, from the first checkpoint on.
    if path.exists() { svi.load(path).map(|()| svi.losses().len()).unwrap() } else { 0 }
}

#[test]
fn a_killed_fit_goes_on_bit_for_bit() {
    let path = TemporaryFile::new("killed");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact"])
        .env(FILE, path.as_ref())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let victim = Victim(child);
    let start = Instant::now();
    while taken(path.as_ref()) < 30 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(victim);
    std::fs::remove_file(format!("{}.partial", path.0.display())).ok();

    let mut resumed = fit();
    resumed.load(&path).unwrap();
    let before = resumed.losses().len();
    assert!(before >= 30 && before.is_multiple_of(10), "{before}");
    resumed.run(25, &data()).unwrap();
    let mut whole = fit();
    whole.run(before + 25, &data()).unwrap();
    assert_eq!(bits(resumed.params()), bits(whole.params()));
    assert_eq!(resumed.losses(), whole.losses());
}
