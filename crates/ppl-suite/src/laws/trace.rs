//! Recording, compiling and running a function is calling it.

use ppl_tensor::{Device, Program, Result, Tensor, Traced, trace, vmap};

use super::{apply, contains, download_all, gradients, members, replaced, stack, upload_all};
use crate::cases::Case;
use crate::compare::{Tolerance, compare_all};
use crate::runner::{Outcome, describe};

/// Makes a program of a recorded function: what is held to the laws of traces. That of a device is
/// [`compile`](ppl_tensor::compile).
pub type Compile<'a> = &'a dyn Fn(Traced<Vec<Tensor>>) -> Result<Program<Vec<Tensor>>>;

/// A law of traces.
pub type TraceLaw = fn(&Case, &Device, Tolerance, Compile<'_>) -> Outcome;

/// Traces `f` at the first arguments, checks the graph, and compares a run on each of `runs` with a call.
fn compare_with_call(
    f: &dyn Fn(&Vec<Tensor>) -> Result<Vec<Tensor>>,
    device: &Device,
    runs: &[Vec<Tensor>],
    tolerance: Tolerance,
    compile: Compile<'_>,
) -> Outcome {
    let traced = trace(device, f, &runs[0]).map_err(describe("trace"))?;
    traced.graph().check().map_err(|error| format!("the graph is not legal: {error}\n{}", traced.graph()))?;
    let listing = traced.graph().to_string();
    let program = compile(traced).map_err(describe("compile"))?;
    for (number, args) in runs.iter().enumerate() {
        let actual = program.run(args).and_then(|y| download_all(&y)).map_err(describe("run"))?;
        let expected = f(args).and_then(|y| download_all(&y)).map_err(describe("call"))?;
        compare_all(&actual, &expected, tolerance)
            .map_err(|reason| format!("run {number}: {reason}\n{listing}"))?;
    }
    Ok(())
}

/// For every choice of inputs that are arguments of the program, the others being constants: a compiled operation gives
/// what the operation gives, for the arguments it was traced with and for others.
///
/// # Errors
/// The first difference, or what is wrong with the graph.
pub fn same_as_eager(case: &Case, device: &Device, tolerance: Tolerance, compile: Compile<'_>) -> Outcome {
    let op = case.op_for(device);
    let sets = [0, 1].map(|set| case.upload(set, device).map_err(describe("upload")));
    let [first, second] = sets;
    let (first, second) = (first?, second?);
    for subset in 1..1_usize << case.arity().min(3) {
        let f = |args: &Vec<Tensor>| Ok(vec![apply(&op, &replaced(&first, subset, args)).check()?.clone()]);
        let runs = [members(&first, subset), members(&second, subset)];
        compare_with_call(&f, device, &runs, tolerance, compile)
            .map_err(|reason| format!("arguments {subset:#b}: {reason}"))?;
    }
    Ok(())
}

/// Gradients taken inside a traced function are those taken outside.
///
/// # Errors
/// The first difference, or what is wrong with the graph.
pub fn gradients_in_a_trace(
    case: &Case,
    device: &Device,
    tolerance: Tolerance,
    compile: Compile<'_>,
) -> Outcome {
    if !case.has_gradient() {
        return Ok(());
    }
    let op = case.op_for(device);
    let runs = [0, 1].map(|set| case.upload(set, device));
    let runs = runs.into_iter().collect::<Result<Vec<_>>>().map_err(describe("upload"))?;
    compare_with_call(&|args| gradients(&op, args, device), device, &runs, tolerance, compile)
}

/// A map inside a traced function, with gradients inside the map, is the same as one outside.
///
/// # Errors
/// The first difference, or what is wrong with the graph.
pub fn maps_in_a_trace(case: &Case, device: &Device, tolerance: Tolerance, compile: Compile<'_>) -> Outcome {
    let (op, float) = (case.op_for(device), device.default_float());
    let args = |subset: usize, sets: [usize; 2]| -> Result<Vec<Tensor>> {
        let whole = |place: usize| {
            let rows = sets.map(|set| case.inputs(set, float)[place].clone());
            if contains(subset, place) { stack(&rows, &rows[0].tensor_type()) } else { rows[0].clone() }
        };
        upload_all(device, &(0..case.arity()).map(whole).collect::<Vec<_>>())
    };
    for subset in 1..1_usize << case.arity().min(3) {
        let f = |args: &Vec<Tensor>| {
            let map = |row: &Vec<Tensor>| {
                let inputs = replaced(args, subset, row);
                let value = apply(&op, &inputs).check()?.clone();
                let all_mapped =
                    (0..inputs.len()).all(|i| contains(subset, i) || !inputs[i].dtype().is_float());
                let gradients = match case.has_gradient() && all_mapped {
                    true => gradients(&op, &inputs, device)?,
                    false => Vec::new(),
                };
                Ok((value, gradients))
            };
            let (value, gradients) = vmap(map, &members(args, subset))?;
            Ok([vec![value], gradients].concat())
        };
        let runs = [[0, 1], [2, 3]].map(|sets| args(subset, sets));
        let runs = runs.into_iter().collect::<Result<Vec<_>>>().map_err(describe("upload"))?;
        compare_with_call(&f, device, &runs, tolerance, compile)
            .map_err(|reason| format!("rows of {subset:#b}: {reason}"))?;
    }
    Ok(())
}
