//! Chains on disk: what is stored goes on bit for bit.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/python.rs"]
mod python;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ppl_core::{Ctx, Result, TensorFile};
use ppl_dist::Normal;
use ppl_mcmc::{Chains, Hmc, Kernel, LogDensity, MassMatrix, Mcmc, Nuts, RandomWalk, Transition};
use ppl_suite::TemporaryPath;
use ppl_tensor::{KeyStream, Tensor};

use crate::python::python;

fn folder(name: &str) -> TemporaryPath {
    TemporaryPath::new(&format!("mcmc-store-{name}"))
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

fn run<K: Kernel>(mcmc: &Mcmc<K>, density: &Counted) -> Chains {
    mcmc.sample(|| density.clone(), &starts()).unwrap()
}

fn values(chains: &Chains) -> Vec<f64> {
    chains.get("x").unwrap().to_f64().unwrap()
}

/// The transitions that were kept of a chain, those of its warm-up included.
fn taken(chains: &Chains, number: usize) -> usize {
    let count = |chain: Chains| chain.draw_count() + chain.warmup().map_or(0, Chains::draw_count);
    chains.chain(number).map_or(0, count)
}

fn same(found: &Chains, expected: &Chains) {
    assert!(found.failures().is_empty(), "{:?}", found.failures());
    assert_eq!(values(found), values(expected));
    assert_eq!(found.transitions(), expected.transitions());
    assert_eq!(found.warmup().is_some(), expected.warmup().is_some());
    if let (Some(found), Some(expected)) = (found.warmup(), expected.warmup()) {
        same(found, expected);
    }
}

/// Interrupted in the warm-up, among the draws, and not at all.
fn goes_on<K: Kernel>(name: &str, kernel: K) {
    let mcmc = || Mcmc::new(kernel.clone()).warmup(150).draws(60).keep_warmup(true).seed(9);
    let whole = run(&mcmc(), &Counted::new(usize::MAX));
    for (case, evaluations) in [40, 250, 700, usize::MAX].into_iter().enumerate() {
        let folder = folder(&format!("{name}-{case}"));
        let density = Counted::new(evaluations);
        let stopped = run(&mcmc().stop(density.stop.clone()).store(&folder), &density);
        // Both chains together: every transition of theirs is one evaluation at least.
        assert!(evaluations > 300 || (0..2).any(|number| taken(&stopped, number) < 150), "{evaluations}");
        same(&run(&mcmc().resume(&folder), &Counted::new(usize::MAX)), &whole);
        // Once more: everything is read, nothing drawn.
        let none = Counted::new(usize::MAX);
        same(&run(&mcmc().resume(&folder), &none), &whole);
        assert_eq!(none.left.load(Ordering::Relaxed), usize::MAX - 2, "one evaluation a chain, to compare");
        let more = run(&mcmc().draws(80).resume(&folder), &Counted::new(usize::MAX));
        same(&more, &run(&mcmc().draws(80), &Counted::new(usize::MAX)));
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
    let mut child = child
        .args(["--exact", "child"])
        .env(CHILD, folder.as_os_str())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
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
    let both = text(mcmc().resume(&folder), &y);
    assert!(both.contains("has 0 draws, 20 are needed; chain 1 failed: "), "{both}");
    std::fs::remove_file(folder.join("chain-0.zarr/0.0")).unwrap();
    assert!(text(mcmc().resume(&folder), &y).contains("chain-0.zarr/0.0: "));
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    assert!(text(mcmc().store(folder.join("below")), &y).contains("below"));
    std::fs::remove_file(&folder).unwrap();
}

/// A second run in the folder would begin its files anew: it is refused whichever chains left some.
#[test]
fn no_chain_is_overwritten_where_the_first_one_failed() {
    let folder = folder("first");
    let mcmc = || Mcmc::new(Nuts::new()).warmup(20).draws(30);
    let lost = [vec![f64::NAN, 0.0], STARTS[1].to_vec()];
    let density = || Counted::new(usize::MAX);
    let chains = mcmc().store(&folder).sample(density, &lost).unwrap();
    assert_eq!((chains.failures()[0].0, chains.run_times()[0].number, chains.draw_count()), (0, 1, 30));
    let rows = || std::fs::metadata(folder.join("chain-1.zarr/0.0")).unwrap().len();
    let before = rows();
    let again = mcmc().store(&folder).sample(density, &lost).unwrap_err().to_string();
    assert!(again.ends_with("there are chains already, which `resume` goes on with"), "{again}");
    assert_eq!(rows(), before);
    let resumed = mcmc().draws(40).resume(&folder).sample(density, &lost).unwrap();
    let whole = mcmc().draws(40).sample(density, &lost).unwrap();
    same(&resumed.chain(1).unwrap(), &whole.chain(1).unwrap());
    // Rows whose state was taken away are nobody's to overwrite.
    std::fs::rename(folder.join("chain-1.safetensors"), folder.join("moved")).unwrap();
    assert_eq!(mcmc().store(&folder).sample(density, &lost).unwrap_err().to_string(), again);
    let text = mcmc().resume(&folder).sample(density, &lost).unwrap_err().to_string();
    assert!(text.contains("chain 1 failed: ") && text.contains("no state from which they go on"), "{text}");
    assert!(rows() > before);
}

/// Whatever would make other draws is refused, in the words of both.
#[test]
fn a_chain_goes_on_with_its_own_kernel_alone() {
    let (folder, y) = (folder("kernel"), Tensor::from([1.0, 2.0]));
    fn run<K: Kernel>(kernel: K, y: &Tensor, place: impl FnOnce(Mcmc<K>) -> Mcmc<K>) -> Result<Chains> {
        place(Mcmc::new(kernel).warmup(30).draws(20).chains(2)).run(&model, y)
    }
    run(Nuts::new(), &y, |mcmc| mcmc.store(&folder)).unwrap();
    fn refused<K: Kernel>(kernel: K, y: &Tensor, folder: &Path) {
        let theirs = Nuts::new().describe();
        let expected = format!("kernel: {theirs} in the file, {} here", kernel.describe());
        let text = run(kernel, y, |mcmc| mcmc.resume(folder)).unwrap_err().to_string();
        assert!(text.ends_with(&expected) && text.contains("chain-0.safetensors"), "{text}");
    }
    refused(Hmc::new(), &y, &folder);
    refused(RandomWalk::new(), &y, &folder);
    refused(Nuts::new().target_acceptance(0.9), &y, &folder);
    refused(Nuts::new().mass_matrix(MassMatrix::Dense), &y, &folder);
    refused(Nuts::new().max_tree_depth(9), &y, &folder);
    refused(Nuts::new().step_size(0.1), &y, &folder);
    refused(Nuts::new().jitter(0.1), &y, &folder);
    run(Nuts::new(), &y, |mcmc| mcmc.resume(&folder)).unwrap();

    let path = folder.join("chain-1.safetensors");
    let mut file = TensorFile::read(&path).unwrap();
    file.insert_text("format", "ppl chain 2");
    file.write(&path).unwrap();
    let text = run(Nuts::new(), &y, |mcmc| mcmc.resume(&folder)).unwrap_err().to_string();
    assert!(text.contains("the format `ppl chain 2`, which only an older version goes on with"), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();

    // Lengths that differ in their last digit are others.
    let words = |length| Hmc::new().trajectory_length(length).describe();
    assert_ne!(words(1.0), words(1.0 + f64::EPSILON));
}

/// Also of chains that have no draws yet, which a log density could be compared at: in the warm-up, and at the start.
#[test]
fn another_model_is_seen_before_the_first_draw() {
    for evaluations in [1, 60] {
        let (folder, density) = (folder(&format!("early-{evaluations}")), Counted::new(evaluations));
        let mcmc = || Mcmc::new(RandomWalk::new()).warmup(200).draws(20);
        let stopped = mcmc().stop(density.stop.clone()).store(&folder).sample(|| density.clone(), &starts());
        assert_eq!(stopped.unwrap_err().to_string(), "the chains were stopped before their first draw");
        let resumed =
            |shift| mcmc().resume(&folder).sample(|| Shifted(Counted::new(usize::MAX), shift), &starts());
        let text = resumed(1.0).unwrap_err().to_string();
        assert_eq!(text.matches("the model or its data are others").count(), 2, "{text}");
        same(&resumed(0.0).unwrap(), &run(&mcmc(), &Counted::new(usize::MAX)));
    }
}

/// A log density plus a constant.
struct Shifted(Counted, f64);

impl LogDensity for Shifted {
    fn dimension(&self) -> usize {
        2
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        Ok(self.0.value_and_gradient(x, gradient)? + self.1)
    }
}

/// Draws that take long each are on disk soon after they are made: seen from outside, while the chain runs.
#[test]
fn slow_draws_are_written_in_time() {
    let folder = folder("slow");
    let density = Counted { pause: Duration::from_millis(200), ..Counted::new(usize::MAX) };
    let mcmc = Mcmc::new(RandomWalk::new()).warmup(0).draws(15).stop(density.stop.clone()).store(&folder);
    let array = folder.join("chain-0.zarr/.zarray");
    let ended = AtomicBool::new(false);
    let chains = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let text = std::fs::read_to_string(&array).unwrap_or_default();
                if text.contains("\"shape\":[") && !text.contains("\"shape\":[0,") {
                    density.stop.store(true, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let chains = mcmc.sample(|| density.clone(), &starts()[..1]);
        ended.store(true, Ordering::Relaxed);
        chains.unwrap()
    });
    let drawn = chains.draw_count();
    assert!((1..15).contains(&drawn), "{drawn}");
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

    let script = "
a = zarr.open(sys.argv[1], mode='r')
print(repr(float(a[3, 0])), repr(float(a[:, 8].sum())), a.attrs['last_numbers'][-1])";
    if let Some(printed) = python("import sys, zarr", script, &array) {
        let parts: Vec<&str> = printed.split_whitespace().collect();
        assert_eq!(parts[0].parse::<f64>().unwrap(), means[23]);
        assert!((parts[1].parse::<f64>().unwrap() - energies).abs() < 1e-9, "{printed} {energies}");
        assert_eq!(parts[2], "energy");
    }
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
    let mcmc = Mcmc::new(Still).draws(3).store(&folder);
    let text = mcmc.sample(|| Counted::new(usize::MAX), &starts()).unwrap_err().to_string();
    assert_eq!(text, "storing chains is not available for this kernel: it does not write its state");
}
