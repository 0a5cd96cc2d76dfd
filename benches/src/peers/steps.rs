//! Steps of variational inference: draws, gradient and update.

use std::time::{Duration, Instant};

use ppl::autoguide::{AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal};
use ppl::core::{Error, Model, Result};
use ppl::infer::{Adam, Execute, Objective, Svi, TraceElbo};
use ppl::tensor::{DType, Device, TensorTree, TreePath};
use serde_json::json;

use super::{Contest, OURS, Session, System};
use crate::data::{Rugged, simulated_regression};
use crate::harness::{CompileTime, Group};
use crate::inference::{PARTICLES, linreg, rugged};
use crate::posteriors::{Data, linreg_json, rugged_json};

/// A step to compare: the peers know model and guide by these names.
struct Step<'a> {
    work: &'a str,
    guide: &'a str,
    particles: usize,
    learning_rate: f64,
    dtype: DType,
    data: &'a Data,
    /// The share of the fastest peer's time that a step should not exceed.
    aim: f64,
}

const PEERS: [System; 3] =
    [System::NumPyro { one_thread: true }, System::NumPyro { one_thread: false }, System::Pyro];

/// All steps that the filter admits.
pub(super) fn run(session: &mut Session<'_>) -> Result<()> {
    let folder = session.peers.data();
    let Rugged { countries, note, .. } = Rugged::load()?;
    let (rows, _) = simulated_regression()?;
    let rugged_data = Data::write(&folder, "rugged", rugged_json(&countries)?)?;
    let linreg_data = Data::write(&folder, "linreg", linreg_json(&rows)?)?;
    for dtype in [DType::F64, DType::F32] {
        for particles in [1, PARTICLES] {
            let (guide, data) = ("AutoDiagonalNormal", &linreg_data);
            let step =
                Step { work: "linreg", guide, particles, learning_rate: 0.01, dtype, data, aim: 1.0 / 3.0 };
            compare(session, &step, linreg, || AutoDiagonalNormal::new(linreg), &rows)?;
        }
        let data = &rugged_data;
        let step =
            |guide| Step { work: "rugged", guide, particles: 1, learning_rate: 0.02, dtype, data, aim: 0.25 };
        compare(session, &step("AutoNormal"), rugged, || AutoNormal::new(rugged), &countries)?;
        let guide = || AutoMultivariateNormal::new(rugged);
        compare(session, &step("AutoMultivariateNormal"), rugged, guide, &countries)?;
    }
    if session.works.iter().any(|work| work.name.contains("rugged")) {
        session.notes.push(note);
    }
    Ok(())
}

fn compare<A: TensorTree, M: Model<A> + Clone, G: Model<A>>(
    session: &mut Session<'_>,
    step: &Step<'_>,
    model: M,
    guide: impl Fn() -> G,
    args: &A,
) -> Result<()> {
    let Step { work, guide: guide_name, particles, learning_rate, dtype, data, aim } = step;
    let plural = if *particles == 1 { "" } else { "s" };
    let name = format!("svi/{work}, {guide_name}, {particles} particle{plural}, {dtype}");
    if !session.wants(&name) {
        return Ok(());
    }
    let args = args.try_map(&mut TreePath::root(), &mut |_, leaf| Ok(leaf.cast(*dtype).check()?.clone()))?;
    let mut contest = Contest::new(ours(Group::new(name, "step", 1), step, model, guide, args));
    let request = json!({
        "do": "svi", "work": work, "data": data.file, "guide": guide_name, "particles": particles,
        "learning_rate": learning_rate,
    });
    for system in PEERS {
        (contest, _) = contest.peer(&mut session.peers, system, *dtype, &request);
    }
    session.measure(contest, Some(*aim))
}

/// The group with the cases of this library: each way to run a step is one.
fn ours<'a, A, M, G>(group: Group<'a>, step: &Step<'_>, model: M, guide: impl Fn() -> G, args: A) -> Group<'a>
where
    A: TensorTree + 'a,
    M: Model<A> + Clone + 'a,
    G: Model<A> + 'a,
{
    let objective = || TraceElbo::new().particles(step.particles);
    let device = Device::cpu().float(step.dtype);
    let adam = || Adam::new(step.learning_rate);
    let eager = Svi::new(model.clone(), guide(), adam(), objective()).on(&device, 0).progress(false);
    let jitted = Svi::new(model, guide(), adam(), objective().jit()).on(&device, 0).progress(false);
    let compile = CompileTime::default();
    group
        .timed(&format!("{OURS}, eager"), fit(eager, args.clone(), CompileTime::default()))
        .timed(&format!("{OURS}, jit"), fit(jitted, args, compile.clone()))
        .compiled_in(compile)
}

/// So many steps of a fit, and how long they took.
fn fit<A, M: Model<A>, G: Model<A>, J: Execute<A>>(
    mut svi: Svi<M, G, Adam, J>,
    args: A,
    compile: CompileTime,
) -> impl FnMut(usize) -> Result<Duration> {
    move |steps| {
        let start = Instant::now();
        let losses = svi.run(steps, &args)?;
        let time = start.elapsed();
        compile.set(svi.compile_time());
        match losses.last() {
            Some(loss) if loss.is_finite() => Ok(time),
            _ => Err(Error::argument("the fit has no finite loss")),
        }
    }
}
