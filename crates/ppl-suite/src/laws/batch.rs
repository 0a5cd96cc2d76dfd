//! Mapping a function over rows is calling it for each row.

use ppl_tensor::{Device, HostTensor, Op, Result, Tensor, grad, vmap};

use super::{
    apply, contains, download_all, gradients, members, replaced, stack, tracked, upload_all, weights,
};
use crate::cases::{Case, in_float};
use crate::compare::{Tolerance, compare, compare_all};
use crate::runner::{Outcome, describe};

/// Every choice of inputs to map, but none.
fn subsets(case: &Case) -> impl Iterator<Item = usize> + use<> {
    1..1_usize << case.arity().min(3)
}

/// The numbers of rows to map over. An operation evaluated row by row cannot say what no rows give.
fn row_counts(case: &Case) -> &'static [usize] {
    if matches!(case.op_for(&Device::cpu()), Op::Custom(_)) { &[1, 2] } else { &[0, 1, 2] }
}

/// The inputs of row `row`: its own set where mapped, the first elsewhere.
fn row_inputs(case: &Case, device: &Device, subset: usize, row: usize) -> Vec<HostTensor> {
    let float = device.default_float();
    replaced(&case.inputs(0, float), subset, &members(&case.inputs(row, float), subset))
}

/// The mapped inputs, `rows` rows of each.
fn stacked_inputs(case: &Case, device: &Device, subset: usize, rows: usize) -> Vec<HostTensor> {
    let float = device.default_float();
    let sets: Vec<Vec<HostTensor>> = (0..rows).map(|row| case.inputs(row, float)).collect();
    let whole = |place: usize| {
        let rows: Vec<HostTensor> = sets.iter().map(|set| set[place].clone()).collect();
        stack(&rows, &case.inputs(0, float)[place].tensor_type())
    };
    (0..case.arity()).filter(|&place| contains(subset, place)).map(whole).collect()
}

fn for_every_map(case: &Case, law: impl Fn(usize, usize) -> Outcome) -> Outcome {
    for subset in subsets(case) {
        for &rows in row_counts(case) {
            law(subset, rows).map_err(|reason| format!("{rows} rows of inputs {subset:#b}: {reason}"))?;
        }
    }
    Ok(())
}

/// `vmap` over every choice of inputs gives what a loop over the rows gives.
///
/// # Errors
/// The first difference.
pub fn same_as_loop(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    let op = case.op_for(device);
    let fixed = case.upload(0, device).map_err(describe("upload"))?;
    for_every_map(case, |subset, rows| {
        let mapped =
            upload_all(device, &stacked_inputs(case, device, subset, rows)).map_err(describe("upload"))?;
        let all = |row: &Vec<Tensor>| Ok(apply(&op, &replaced(&fixed, subset, row)));
        let actual = vmap(all, &mapped).and_then(|y| y.to_host()).map_err(describe("map"))?;
        let single =
            |row: usize| apply(&op, &upload_all(device, &row_inputs(case, device, subset, row))?).to_host();
        let expected = (0..rows).map(single).collect::<Result<Vec<_>>>().map_err(describe("loop"))?;
        let ty = single(0).map_err(describe("loop"))?.tensor_type();
        compare(&actual, &stack(&expected, &ty), tolerance)
    })
}

/// Two nested maps over every two choices of inputs give what two loops give.
///
/// # Errors
/// The first difference.
pub fn same_as_nested_loops(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    for outer in subsets(case) {
        for inner in subsets(case) {
            for (m, n) in [(2, 2), (1, 2), (2, 1)] {
                nested(case, device, [outer, inner], [m, n], tolerance)
                    .map_err(|reason| format!("{m} rows of {outer:#b}, {n} rows of {inner:#b}: {reason}"))?;
            }
        }
    }
    Ok(())
}

fn nested(
    case: &Case,
    device: &Device,
    [outer, inner]: [usize; 2],
    [m, n]: [usize; 2],
    tolerance: Tolerance,
) -> Outcome {
    let (op, float) = (case.op_for(device), device.default_float());
    let first = case.inputs(0, float);
    // Input `place` of row (i, j): a set of its own for each of the rows it is mapped over.
    let input = |place: usize, i: usize, j: usize| {
        let set = usize::from(contains(outer, place)) * 2 * i + usize::from(contains(inner, place)) * j;
        case.inputs(set, float)[place].clone()
    };
    let whole = |place: usize| {
        let ty = first[place].tensor_type();
        let inner_rows = |i: usize| match contains(inner, place) {
            true => stack(&(0..n).map(|j| input(place, i, j)).collect::<Vec<_>>(), &ty),
            false => input(place, i, 0),
        };
        match contains(outer, place) {
            true => stack(&(0..m).map(inner_rows).collect::<Vec<_>>(), &inner_rows(0).tensor_type()),
            false => inner_rows(0),
        }
    };
    let wholes: Vec<HostTensor> = (0..case.arity()).map(whole).collect();
    let wholes = upload_all(device, &wholes).map_err(describe("upload"))?;
    let actual = vmap(
        |rows: &Vec<Tensor>| {
            let outside = replaced(&wholes, outer, rows);
            vmap(
                |rows: &Vec<Tensor>| Ok(apply(&op, &replaced(&outside, inner, rows))),
                &members(&outside, inner),
            )
        },
        &members(&wholes, outer),
    );
    let actual = actual.and_then(|y| y.to_host()).map_err(describe("map"))?;
    let single = |i: usize, j: usize| {
        let inputs: Vec<HostTensor> = (0..case.arity()).map(|place| input(place, i, j)).collect();
        apply(&op, &upload_all(device, &inputs)?).to_host()
    };
    let mut expected = Vec::new();
    for i in 0..m {
        let row = (0..n).map(|j| single(i, j)).collect::<Result<Vec<_>>>().map_err(describe("loop"))?;
        expected.push(stack(&row, &row[0].tensor_type()));
    }
    compare(&actual, &stack(&expected, &expected[0].tensor_type()), tolerance)
}

/// Gradients taken inside a map, with respect to its rows, are those taken in a loop.
///
/// # Errors
/// The first difference.
pub fn gradients_in_a_map(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    if !case.has_gradient() {
        return Ok(());
    }
    let op = case.op_for(device);
    let fixed = case.upload(0, device).map_err(describe("upload"))?;
    // Only what is per row has a gradient per row: the rest is not tracked.
    let of_rows = |row: &[Tensor], subset: usize| -> Result<Vec<Tensor>> {
        let row = tracked(row);
        let y = apply(&op, &replaced(&fixed, subset, &row));
        let leaves: Vec<&Tensor> = row.iter().filter(|x| x.is_tracked()).collect();
        if leaves.is_empty() || !y.check()?.dtype().is_float() {
            return Ok(Vec::new());
        }
        grad(&super::weighted_sum(&y, device)?, &leaves)
    };
    for_every_map(case, |subset, rows| {
        let mapped =
            upload_all(device, &stacked_inputs(case, device, subset, rows)).map_err(describe("upload"))?;
        let actual = vmap(|row: &Vec<Tensor>| of_rows(row, subset), &mapped);
        let actual = actual.and_then(|all| download_all(&all)).map_err(describe("gradient in a map"))?;
        let single = |row: usize| -> Result<Vec<HostTensor>> {
            let row = upload_all(device, &members(&row_inputs(case, device, subset, row), subset))?;
            download_all(&of_rows(&row, subset)?)
        };
        let first = single(0).map_err(describe("gradient"))?;
        let each = (0..rows).map(single).collect::<Result<Vec<_>>>().map_err(describe("gradient"))?;
        let stacked = |i: usize| {
            let rows: Vec<HostTensor> = each.iter().map(|row| row[i].clone()).collect();
            stack(&rows, &first[i].tensor_type())
        };
        compare_all(&actual, &(0..first.len()).map(stacked).collect::<Vec<_>>(), tolerance)
    })
}

/// Gradients of a function that maps inside are sums over a loop: for mapped inputs each row's own, for the others the
/// sum of all rows'.
///
/// # Errors
/// The first difference.
pub fn gradients_of_a_map(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    if !case.has_gradient() {
        return Ok(());
    }
    let op = case.op_for(device);
    let fixed = case.upload(0, device).map_err(describe("upload"))?;
    for_every_map(case, |subset, rows| {
        let mapped =
            upload_all(device, &stacked_inputs(case, device, subset, rows)).map_err(describe("upload"))?;
        let whole = || -> Result<Vec<HostTensor>> {
            let leaves = tracked(&replaced(&fixed, subset, &mapped));
            let map = |row: &Vec<Tensor>| Ok(apply(&op, &replaced(&leaves, subset, row)));
            let y = vmap(map, &members(&leaves, subset))?;
            let floats: Vec<&Tensor> = leaves.iter().filter(|x| x.is_tracked()).collect();
            if !y.dtype().is_float() {
                return Ok(Vec::new());
            }
            // The same weights in every row, so that a row's gradient is that of a loop.
            let weights = device.upload(in_float(&weights(&y.shape()[1..]), y.dtype()))?;
            download_all(&grad(&(y * weights).sum_all(), &floats)?)
        };
        let actual = whole().map_err(describe("gradient of a map"))?;
        let single = |row: usize| -> Result<Vec<HostTensor>> {
            let inputs = upload_all(device, &row_inputs(case, device, subset, row))?;
            download_all(&gradients(&op, &inputs, device)?)
        };
        let first = single(0).map_err(describe("gradient"))?;
        let each = (0..rows).map(single).collect::<Result<Vec<_>>>().map_err(describe("gradient"))?;
        let floats: Vec<usize> = (0..fixed.len()).filter(|&i| fixed[i].dtype().is_float()).collect();
        let combined = |(i, &place): (usize, &usize)| {
            let ty = first[i].tensor_type();
            let rows: Vec<HostTensor> = each.iter().map(|row| row[i].clone()).collect();
            if contains(subset, place) { stack(&rows, &ty) } else { sum(&rows, &first[i]) }
        };
        let expected: Vec<HostTensor> =
            if first.is_empty() { Vec::new() } else { floats.iter().enumerate().map(combined).collect() };
        compare_all(&actual, &expected, tolerance)
    })
}

/// The sum of arrays of `like`'s type.
fn sum(rows: &[HostTensor], like: &HostTensor) -> HostTensor {
    let mut total = vec![0.0; like.data().len()];
    for row in rows {
        total.iter_mut().zip(row.to_f64()).for_each(|(total, x)| *total += x);
    }
    in_float(&HostTensor::new(like.shape(), total).expect("as many values as before"), like.dtype())
}
