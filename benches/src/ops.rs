//! What an operation costs beside the loop that does its arithmetic: run eagerly, recorded for a gradient, walked
//! backwards, and inside a program.

use std::hint::black_box;

use ppl::core::Result;
use ppl::tensor::{Device, Tensor, compile, grad, no_grad, trace};

use crate::harness::Group;

/// Numbers of elements; the first is a scalar, without a dimension.
const SIZES: [usize; 4] = [1, 8, 200, 1_000_000];

/// Operations recorded in a program; enough that what a run costs beside them does not count.
const CHAIN: usize = 64;

/// `size` numbers between 0.5 and 1.5.
fn ramp(size: usize, phase: f64) -> Vec<f64> {
    (0..size).map(|i| 1.0 + 0.5 * (i as f64 + phase).sin()).collect()
}

fn tensor(values: &[f64]) -> Tensor {
    if let [value] = values { Tensor::from([*value]).reshape([]) } else { Tensor::from(values) }
}

fn size_name(size: usize) -> String {
    match size {
        1 => "scalar".to_owned(),
        1_000_000 => "1e6".to_owned(),
        size => size.to_string(),
    }
}

/// All groups of this file.
pub fn groups() -> Vec<Group<'static>> {
    let mut groups = Vec::new();
    for size in SIZES {
        let (x, y) = (ramp(size, 0.0), ramp(size, 0.5));
        let add = |a: &Tensor, b: &Tensor| a + b;
        groups.push(forward("add", (&x, &y), add, |x, y| x + y));
        groups.push(backward("add", (&x, &y), add, |x, y, _| vec![vec![1.0; x.len()], vec![1.0; y.len()]]));
        let mul = |a: &Tensor, b: &Tensor| a * b;
        groups.push(forward("mul", (&x, &y), mul, |x, y| x * y));
        groups.push(backward("mul", (&x, &y), mul, |x, y, _| vec![y.to_vec(), x.to_vec()]));
        // The second operand is ignored, and has no gradient.
        let exp = |a: &Tensor, _: &Tensor| a.exp();
        groups.push(forward("exp", (&x, &y), exp, |x, _| x.exp()));
        groups.push(backward("exp", (&x, &y), exp, |_, _, exp| vec![exp.to_vec()]));
    }
    groups.extend([1, 8, 200].map(program));
    groups
}

/// One operation, eager and recorded.
fn forward(
    name: &str,
    (x, y): (&[f64], &[f64]),
    operation: fn(&Tensor, &Tensor) -> Tensor,
    function: impl Fn(f64, f64) -> f64 + 'static,
) -> Group<'static> {
    let (a, b) = (tensor(x), tensor(y));
    let (leaf, other) = (a.tracked(), b.clone());
    let (x, y) = (x.to_vec(), y.to_vec());
    Group::new(format!("op/{name}/{}", size_name(x.len())), "op", 1)
        .case("loop over vectors", move || {
            let (x, y) = (black_box(&x), black_box(&y));
            Ok(x.iter().zip(y).map(|(&x, &y)| function(x, y)).collect::<Vec<f64>>())
        })
        .case("eager", move || Ok(operation(&a, &b)))
        .case("eager, recorded", move || Ok(operation(&leaf, &other)))
}

/// The gradient of the sum of one operation, with the value known: the rules of the operation and of the sum. The loops
/// make vectors of the gradients from the operands and the value.
fn backward(
    name: &str,
    (x, y): (&[f64], &[f64]),
    operation: fn(&Tensor, &Tensor) -> Tensor,
    gradients: impl Fn(&[f64], &[f64], &[f64]) -> Vec<Vec<f64>> + 'static,
) -> Group<'static> {
    let (a, b) = (tensor(x).tracked(), tensor(y).tracked());
    let value = operation(&a, &b);
    let sum = value.sum_all();
    let values = value.detach().to_f64();
    let (x, y) = (x.to_vec(), y.to_vec());
    let count = values.as_ref().map_or(0, |values| gradients(&x, &y, values).len());
    Group::new(format!("backward/{name}/{}", size_name(x.len())), "op", 1)
        .case("loops over vectors", move || {
            let values = values.as_ref().map_err(Clone::clone)?;
            Ok(gradients(black_box(&x), black_box(&y), black_box(values)))
        })
        .case("grad", move || Ok(grad(&sum, &[&a, &b][..count])?))
}

/// A chain of additions: as a loop, eagerly, and as a program of the same operations.
fn program(size: usize) -> Group<'static> {
    let (a, b) = (ramp(size, 0.0), ramp(size, 0.5));
    let arguments = (tensor(&a), tensor(&b));
    let inputs = arguments.clone();
    let chain = |x: &Tensor, y: &Tensor| (0..CHAIN).fold(x.clone(), |sum, _| &sum + y);
    let compiled =
        trace(&Device::cpu(), |(x, y): &(Tensor, Tensor)| Ok(chain(x, y)), &arguments).and_then(compile);
    Group::new(format!("program/add/{}", size_name(size)), "op", CHAIN)
        .case("loops over vectors", move || {
            let mut sum = black_box(&a).clone();
            for _ in 0..CHAIN {
                sum = sum.iter().zip(black_box(&b)).map(|(x, y)| x + y).collect();
            }
            Ok(sum)
        })
        .case("eager", move || Ok(no_grad(|| chain(&arguments.0, &arguments.1))))
        .case("program", move || -> Result<Tensor> {
            Ok(compiled.as_ref().map_err(Clone::clone)?.run(&inputs)?)
        })
}
