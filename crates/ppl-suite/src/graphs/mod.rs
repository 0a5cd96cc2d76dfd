//! Random programs: whatever runs a recorded graph must give what the interpreter gives, to rounding.
//!
//! How far results may differ is a property of the program. So it is measured: the interpreter runs it several times
//! on a backend with random errors in the last digits, and a result may differ by a multiple of what those moved it.
//! Where they make an infinity finite or a truth value another, nothing can be said, and nothing is.

mod noise;
mod program;
mod sketch;

pub use sketch::{Sketch, long_sketches, sketches};

use std::sync::Arc;

use ppl_tensor::{
    DType, Device, Executable, Graph, HostBackend, HostTensor, Interpreter, Result, Tensor, Traced, trace,
};

use crate::runner::{Outcome, describe, require};
use noise::Noisy;

/// Runs a recorded function on arguments: what is held to the law.
pub type Runner<'a> = &'a dyn Fn(Traced<Vec<Tensor>>, &Vec<Tensor>) -> Result<Vec<Tensor>>;

/// Runs with random errors.
const NOISY_RUNS: u64 = 6;

/// How many times as far as those moved it a result may be from the interpreter's.
const MARGIN: f64 = 16.0;

/// How many entries were compared, and of how many nothing can be said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Entries that had to agree.
    pub compared: usize,
    /// Entries that rounding decides.
    pub undecided: usize,
}

/// A recorded random program, run by `runner` on arguments of the types it was recorded with, gives what the
/// interpreter gives.
///
/// # Errors
/// The first difference, with the recorded graph.
pub fn runs_as_interpreted(sketch: &Sketch, runner: Runner<'_>) -> std::result::Result<Seen, String> {
    let device = Device::cpu();
    let [first, second] =
        [0, 1].map(|set| sketch.arguments(set).into_iter().collect::<Result<Vec<Tensor>>>());
    let (first, second) = (first.map_err(describe("upload"))?, second.map_err(describe("upload"))?);
    agrees(&device, &|args: &Vec<Tensor>| sketch.run(args), &first, &second, runner)
}

/// A random program, recorded.
///
/// # Errors
/// If it cannot be recorded.
pub fn record(sketch: &Sketch) -> Result<Traced<Vec<Tensor>>> {
    let args = sketch.arguments(0).into_iter().collect::<Result<Vec<Tensor>>>()?;
    trace(&Device::cpu(), |args: &Vec<Tensor>| sketch.run(args), &args)
}

/// A function, recorded with some arguments and run by `runner` on others, gives what the interpreter gives.
///
/// # Errors
/// The first difference, with the recorded graph.
pub fn agrees(
    device: &Device,
    f: &dyn Fn(&Vec<Tensor>) -> Result<Vec<Tensor>>,
    recorded_with: &Vec<Tensor>,
    args: &Vec<Tensor>,
    runner: Runner<'_>,
) -> std::result::Result<Seen, String> {
    let traced = trace(device, f, recorded_with).map_err(describe("trace"))?;
    let listing = traced.graph().to_string();
    let inputs = args.iter().map(Tensor::to_host).collect::<Result<Vec<_>>>().map_err(describe("inputs"))?;
    let expected = interpret(HostBackend, traced.graph(), &inputs).map_err(describe("interpret"))?;
    let mut moved = Vec::new();
    for seed in 0..NOISY_RUNS {
        let noisy = Noisy::new(seed);
        let inputs: Vec<HostTensor> = inputs.iter().map(|x| noisy.blurred(x)).collect();
        moved.push(interpret(noisy, traced.graph(), &inputs).map_err(describe("interpret with noise"))?);
    }
    let outputs = runner(traced, args).map_err(describe("run"))?;
    require(outputs.len() == expected.len(), || {
        format!("{} outputs instead of {}", outputs.len(), expected.len())
    })?;
    let mut seen = Seen::default();
    for (number, (output, expected)) in outputs.iter().zip(&expected).enumerate() {
        let output = output.to_host().map_err(describe("output"))?;
        let moved: Vec<&HostTensor> = moved.iter().map(|run| &run[number]).collect();
        same(&output, expected, &moved, &mut seen)
            .map_err(|reason| format!("output {number}: {reason}\n{listing}"))?;
    }
    Ok(seen)
}

fn interpret<B>(backend: B, graph: &Graph, inputs: &[HostTensor]) -> Result<Vec<HostTensor>>
where
    B: ppl_tensor::Backend<Buffer = HostTensor>,
{
    Interpreter::new(Arc::new(backend), graph)?.run(inputs)
}

/// Equal entries, as far as the runs with errors allow to say.
fn same(actual: &HostTensor, expected: &HostTensor, moved: &[&HostTensor], seen: &mut Seen) -> Outcome {
    let (found, wanted) = (actual.tensor_type(), expected.tensor_type());
    require(found == wanted, || format!("{found:?} instead of {wanted:?}"))?;
    let spacing = if wanted.dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let (a, b) = (actual.to_f64(), expected.to_f64());
    let moved: Vec<Vec<f64>> = moved.iter().map(|run| run.to_f64()).collect();
    for (i, (&a, &b)) in a.iter().zip(&b).enumerate() {
        let exactly = |x: f64, y: f64| x == y || x.is_nan() && y.is_nan();
        let continuous = wanted.dtype.is_float() && b.is_finite();
        let stable = |run: &Vec<f64>| if continuous { run[i].is_finite() } else { exactly(run[i], b) };
        if !moved.iter().all(stable) {
            seen.undecided += 1;
            continue;
        }
        seen.compared += 1;
        let most = moved.iter().map(|run| (run[i] - b).abs()).fold(0.0, f64::max);
        // Denormal floats have no more than an absolute precision.
        let smallest =
            if wanted.dtype == DType::F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
        let allowed = if continuous { MARGIN * (most + spacing * b.abs()) + smallest } else { 0.0 };
        require(exactly(a, b) || (a - b).abs() <= allowed, || {
            format!("entry {i}: {a:?} instead of {b:?} (allowed {allowed:.1e})")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use ppl_tensor::op::TriangularSolve;
    use ppl_tensor::{NodeKind, Op, compile};

    use super::*;
    use crate::Family;
    use crate::cases::rows;
    use crate::runner::for_each;

    #[test]
    fn the_interpreter_agrees_with_itself_and_most_is_compared() {
        let total = std::cell::Cell::new(Seen::default());
        let law = |sketch: &Sketch| {
            let seen = runs_as_interpreted(sketch, &|traced, args| compile(traced)?.run(args))?;
            let all = total.get();
            let (compared, undecided) = (all.compared + seen.compared, all.undecided + seen.undecided);
            total.set(Seen { compared, undecided });
            Ok(())
        };
        for_each(&sketches(), 200, law).unwrap();
        let all = total.get();
        assert!(all.compared > 30_000 && all.undecided < all.compared / 10, "{all:?}");
    }

    #[test]
    fn every_operation_is_met_in_both_floats() {
        let met = RefCell::new(BTreeSet::new());
        let law = |sketch: &Sketch| {
            let traced = record(sketch).map_err(describe("record"))?;
            collect(traced.graph(), &mut met.borrow_mut());
            Ok(())
        };
        for_each(&sketches(), 1000, law).unwrap();
        let met = met.into_inner();
        let all = Family::ALL.iter().flat_map(|&family| rows(family)).map(|row| row.name);
        let missing = |(name, dtype): &(String, DType)| {
            // A cast has its dtype in its name.
            let fits = |of: DType| of == *dtype || !of.is_float() || name.starts_with("cast");
            !met.iter().any(|(op, of)| op == name && fits(*of))
        };
        let missing: Vec<(String, DType)> =
            all.flat_map(|name| [(name.clone(), DType::F64), (name, DType::F32)]).filter(missing).collect();
        // It knows nothing of batches, and is under the laws of operations alone.
        assert!(missing.iter().all(|(name, _)| name == "inner"), "{missing:?}");
    }

    /// Operations of a graph and of its loops, with the dtypes of what they give.
    fn collect(graph: &Graph, met: &mut BTreeSet<(String, DType)>) {
        for node in graph.nodes() {
            let NodeKind::Op { op, .. } = &node.kind else { continue };
            let mut name = op.name().into_owned();
            match op {
                Op::Scan(scan) => collect(scan.body(), met),
                // As the table of cases names it.
                Op::TriangularSolve(TriangularSolve { upper, transpose }) => {
                    name += &format!(" upper={upper} transpose={transpose}");
                }
                _ => {}
            }
            met.insert((name, node.ty.dtype));
        }
    }

    #[test]
    fn small_errors_are_found() {
        // The sum is wrong by a millionth.
        let wrong = |traced: Traced<Vec<Tensor>>, args: &Vec<Tensor>| {
            Ok(compile(traced)?.run(args)?.iter().map(|y| y * (1.0 + 1e-6)).collect())
        };
        let x = vec![Tensor::from([1.0, -2.0, 4.0])];
        let f = |args: &Vec<Tensor>| Ok(vec![(&args[0] * 3.0).sum_all()]);
        assert!(agrees(&Device::cpu(), &f, &x, &x, &wrong).is_err());
        assert!(agrees(&Device::cpu(), &f, &x, &x, &|traced, args| compile(traced)?.run(args)).is_ok());
    }
}
