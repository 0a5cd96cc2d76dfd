//! Chains on disk: what is stored goes on bit for bit.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ppl_core::{Ctx, Result};
use ppl_dist::Normal;
use ppl_mcmc::{ChainRun, Hmc, Kernel, LogDensity, MassMatrix, Mcmc, Nuts, RandomWalk, Transition};
use ppl_tensor::{KeyStream, Tensor};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ppl-mcmc-store-{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    folder
}

/// Two numbers of different scale, that count evaluations of all chains, and stop them after so many.
#[derive(Clone)]
struct Counted {
    left: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    pause: Duration,
}

impl Counted {
    fn new(evaluations: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(evaluations)), stop: Arc::default(), pause: Duration::ZERO }
    }
}

impl LogDensity for Counted {
    fn dimension(&self) -> usize {
        2
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop.store(true, Ordering::Relaxed);
        }
        std::thread::sleep(self.pause);
        gradient[0] = -x[0];
        gradient[1] = -100.0 * x[1];
        Ok(-0.5 * x[0] * x[0] - 50.0 * x[1] * x[1])
    }
}

const STARTS: [[f64; 2]; 2] = [[0.5, 0.1], [-1.0, 0.0]];

fn starts() -> Vec<Vec<f64>> {
    STARTS.map(Vec::from).to_vec()
}

fn run<K: Kernel>(mcmc: &Mcmc<K>, density: &Counted) -> Vec<ChainRun> {
    mcmc.sample(|| density.clone(), &starts()).unwrap()
}

fn same(found: &[ChainRun], expected: &[ChainRun]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.failure.is_none(), "{:?}", found.failure);
        assert_eq!(found.values, expected.values);
        assert_eq!(found.transitions, expected.transitions);
        assert_eq!(found.warmup_values, expected.warmup_values);
        assert_eq!(found.warmup_transitions, expected.warmup_transitions);
    }
    assert_eq!(found.len(), expected.len());
}

/// Interrupted in the warm-up, among the draws, and not at all.
fn goes_on<K: Kernel>(name: &str, kernel: K) {
    let mcmc = || Mcmc::new(kernel.clone()).warmup(150).draws(60).keep_warmup(true).seed(9);
    let whole = run(&mcmc(), &Counted::new(usize::MAX));
    for (case, evaluations) in [40, 250, 700, usize::MAX].into_iter().enumerate() {
        let folder = folder(&format!("{name}-{case}"));
        let density = Counted::new(evaluations);
        let stopped = run(&mcmc().stop(density.stop.clone()).store(&folder), &density);
        let taken = |run: &ChainRun| run.warmup_transitions.len() + run.transitions.len();
        // Both chains together: every transition of theirs is one evaluation at least.
        assert!(evaluations > 300 || stopped.iter().any(|run| taken(run) < 150), "{evaluations}");
        same(&run(&mcmc().resume(&folder), &Counted::new(usize::MAX)), &whole);
        // Once more: everything is read, nothing drawn.
        let none = Counted::new(usize::MAX);
        same(&run(&mcmc().resume(&folder), &none), &whole);
        assert_eq!(none.left.load(Ordering::Relaxed), usize::MAX - 2, "one evaluation a chain, to compare");
        let more = run(&mcmc().draws(80).resume(&folder), &Counted::new(usize::MAX));
        same(&more, &run(&mcmc().draws(80), &Counted::new(usize::MAX)));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn interrupted_chains_go_on_bit_for_bit() {
    for kind in [MassMatrix::Identity, MassMatrix::Diagonal, MassMatrix::Dense, MassMatrix::Gradients] {
        goes_on(&format!("{kind:?}"), Nuts::new().mass_matrix(kind).jitter(0.1));
    }
    goes_on("hmc", Hmc::new());
    goes_on("random-walk", RandomWalk::new());
}

const CHILD: &str = "PPL_MCMC_STORE_CHILD";

fn long(folder: &Path) -> (Mcmc<Nuts>, Counted) {
    let mcmc = Mcmc::new(Nuts::new()).warmup(50).draws(2000).seed(3);
    let mcmc = if folder.exists() { mcmc.resume(folder) } else { mcmc.store(folder) };
    (mcmc, Counted { pause: Duration::from_micros(200), ..Counted::new(usize::MAX) })
}

/// Run by the next test in a process of its own.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let (mcmc, density) = long(Path::new(&folder));
        run(&mcmc, &density);
    }
}

/// A process that is killed loses at most what it drew in its last second.
#[test]
fn a_killed_run_goes_on_bit_for_bit() {
    let folder = folder("killed");
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    let mut child =
        child.args(["--exact", "child"]).env(CHILD, &folder).stdout(Stdio::null()).spawn().unwrap();
    let (state, begin) = (folder.join("chain-0.safetensors"), Instant::now());
    let first = loop {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
        if let Ok(content) = std::fs::read(&state) {
            break content;
        }
    };
    // Until the state has been written anew.
    while std::fs::read(&state).unwrap() == first && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (mcmc, mut density) = long(&folder);
    density.pause = Duration::ZERO;
    let resumed = run(&mcmc, &density);
    let used = usize::MAX - density.left.load(Ordering::Relaxed);
    let (whole, counter) = (Mcmc::new(Nuts::new()).warmup(50).draws(2000).seed(3), Counted::new(usize::MAX));
    same(&resumed, &run(&whole, &counter));
    let all = usize::MAX - counter.left.load(Ordering::Relaxed);
    assert!(used < all, "{used} of {all} evaluations");
    std::fs::remove_dir_all(&folder).unwrap();
}

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

#[test]
fn what_does_not_fit_is_refused() {
    let (folder, y) = (folder("refused"), Tensor::from([1.0, 2.0]));
    let mcmc = || Mcmc::new(Nuts::new()).warmup(30).draws(20).chains(2);
    let text = |mcmc: Mcmc<Nuts>, y: &Tensor| mcmc.run(&model, y).unwrap_err().to_string();
    assert!(text(mcmc().resume(&folder), &y).ends_with("there are no chains to go on with"));
    let whole = mcmc().store(&folder).run(&model, &y).unwrap();
    let again = mcmc().resume(&folder).run(&model, &y).unwrap();
    assert_eq!(again.get("mean").unwrap().to_f64().unwrap(), whole.get("mean").unwrap().to_f64().unwrap());
    let more = mcmc().chains(3).resume(&folder).run(&model, &y).unwrap();
    assert_eq!(more.chain_count(), 3);
    assert!(
        text(mcmc().store(&folder), &y).contains("there are chains already, which `resume` goes on with")
    );
    assert!(text(mcmc().seed(1).resume(&folder), &y).ends_with("seed: 0 in the file, 1 here"));
    assert!(text(mcmc().warmup(31).resume(&folder), &y).ends_with("warm-up: 30 in the file, 31 here"));
    assert!(
        text(mcmc().resume(&folder), &Tensor::from([1.0, 3.0])).ends_with("the model or its data are others")
    );

    std::fs::write(folder.join("chain-0.zarr/0.0"), [0; 12]).unwrap();
    std::fs::write(folder.join("chain-1.safetensors"), [0; 12]).unwrap();
    assert!(text(mcmc().resume(&folder), &y).ends_with("has 0 draws, 20 are needed"));
    std::fs::remove_file(folder.join("chain-0.zarr/0.0")).unwrap();
    assert!(text(mcmc().resume(&folder), &y).contains("chain-0.zarr/0.0: "));
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    assert!(text(mcmc().store(folder.join("below")), &y).contains("below"));
    std::fs::remove_file(&folder).unwrap();
}

/// What is stored is an array that other programs read, while a chain runs and after; Python's zarr itself, where it is.
#[test]
fn stored_draws_are_an_array_of_zarr() {
    let (folder, y) = (folder("array"), Tensor::from([1.0, 2.0]));
    let mcmc = Mcmc::new(Nuts::new()).warmup(30).draws(20).chains(2);
    let chains = mcmc.store(&folder).run(&model, &y).unwrap();
    let array = folder.join("chain-1.zarr");
    let text = std::fs::read_to_string(array.join(".zarray")).unwrap();
    assert!(text.contains(r#""shape":[20,9]"#) && text.contains(r#""chunks":[20,9]"#), "{text}");
    assert_eq!(std::fs::metadata(array.join("0.0")).unwrap().len(), 20 * 9 * 8);
    let means = chains.get("mean").unwrap().to_f64().unwrap();
    let energies: f64 = chains.energies().unwrap()[1].iter().sum();

    let python = std::env::var("PPL_ARVIZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let known = std::process::Command::new(&python).args(["-c", "import zarr"]).output();
    if known.is_ok_and(|known| known.status.success()) {
        let script = "import sys, zarr\na = zarr.open(sys.argv[1], mode='r')\n\
                      print(repr(float(a[3, 0])), repr(float(a[:, 8].sum())), a.attrs['last_numbers'][-1])";
        let output = std::process::Command::new(&python).args(["-c", script]).arg(&array).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let parts: Vec<&str> = printed.split_whitespace().collect();
        assert_eq!(parts[0].parse::<f64>().unwrap(), means[23]);
        assert!((parts[1].parse::<f64>().unwrap() - energies).abs() < 1e-9, "{printed} {energies}");
        assert_eq!(parts[2], "energy");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A kernel that does not write its state.
#[derive(Clone)]
struct Still;

impl Kernel for Still {
    type State = Vec<f64>;

    fn init(&mut self, _: &mut dyn LogDensity, x: &[f64], _: usize, _: KeyStream) -> Result<Vec<f64>> {
        Ok(x.to_vec())
    }

    fn step(&mut self, _: &mut dyn LogDensity, _: &mut Vec<f64>) -> Result<Transition> {
        Ok(Transition::default())
    }

    fn position(state: &Vec<f64>) -> &[f64] {
        state
    }
}

#[test]
fn a_kernel_that_cannot_be_stored_says_so() {
    let folder = folder("still");
    let runs = run(&Mcmc::new(Still).draws(3).store(&folder), &Counted::new(usize::MAX));
    let text = runs[0].failure.as_ref().unwrap().to_string();
    assert_eq!(text, "storing chains is not available for this kernel: it does not write its state");
    std::fs::remove_dir_all(&folder).unwrap();
}
