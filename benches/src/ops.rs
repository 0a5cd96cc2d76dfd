//! What an operation costs beside the loop that does its arithmetic: run eagerly, recorded for a gradient, walked
//! backwards, and inside a program.

use ppl::core::Result;
use ppl::tensor::{Device, Tensor, compile, grad, no_grad, trace};

use crate::harness::Group;

/// A function of pairs that exists as a loop and as an operation. The exponential ignores the second operand.
#[derive(Clone, Copy)]
struct Pairwise {
    name: &'static str,
    number: fn(f64, f64) -> f64,
    tensor: fn(&Tensor, &Tensor) -> Tensor,
    /// Derivatives with respect to both operands, given the operands and the value.
    slopes: fn(f64, f64, f64) -> [f64; 2],
}

const FUNCTIONS: [Pairwise; 3] = [
    Pairwise { name: "add", number: |x, y| x + y, tensor: |x, y| x + y, slopes: |_, _, _| [1.0, 1.0] },
    Pairwise { name: "mul", number: |x, y| x * y, tensor: |x, y| x * y, slopes: |x, y, _| [y, x] },
    Pairwise { name: "exp", number: |x, _| x.exp(), tensor: |x, _| x.exp(), slopes: |_, _, exp| [exp, 0.0] },
];

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
    for function in FUNCTIONS {
        for size in SIZES {
            groups.push(forward(function, size));
            groups.push(backward(function, size));
        }
    }
    groups.extend([1, 8, 200].map(program));
    groups
}

/// One operation, eager and recorded.
fn forward(function: Pairwise, size: usize) -> Group<'static> {
    let (a, b) = (ramp(size, 0.0), ramp(size, 0.5));
    let (x, y) = (tensor(&a), tensor(&b));
    let (leaf, other) = (x.tracked(), y.clone());
    Group::new(format!("op/{}/{}", function.name, size_name(size)), "op", 1)
        .case("loop over a vector", move || {
            let (a, b) = (std::hint::black_box(&a), std::hint::black_box(&b));
            Ok(a.iter().zip(b).map(|(&x, &y)| (function.number)(x, y)).collect::<Vec<f64>>())
        })
        .case("eager", move || Ok((function.tensor)(&x, &y)))
        .case("eager, recorded", move || Ok((function.tensor)(&leaf, &other)))
}

/// The gradient of the sum of one operation, with the value known: the rules of the operation and of the sum.
fn backward(function: Pairwise, size: usize) -> Group<'static> {
    let (a, b) = (ramp(size, 0.0), ramp(size, 0.5));
    let (x, y) = (tensor(&a).tracked(), tensor(&b).tracked());
    let value = (function.tensor)(&x, &y);
    let values: Vec<f64> = a.iter().zip(&b).map(|(&x, &y)| (function.number)(x, y)).collect();
    let sum = value.sum_all();
    Group::new(format!("backward/{}/{}", function.name, size_name(size)), "op", 1)
        .case("loop over vectors", move || {
            let (a, b) = (std::hint::black_box(&a), std::hint::black_box(&b));
            let slopes = |(i, value): (usize, &f64)| (function.slopes)(a[i], b[i], *value);
            let gradients = std::hint::black_box(&values).iter().enumerate().map(slopes);
            Ok(gradients.map(|[x, y]| (x, y)).unzip::<f64, f64, Vec<f64>, Vec<f64>>())
        })
        .case("grad", move || {
            let leaves: &[&Tensor] = if function.name == "exp" { &[&x] } else { &[&x, &y] };
            Ok(grad(&sum, leaves)?)
        })
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
            let mut sum = std::hint::black_box(&a).clone();
            for _ in 0..CHAIN {
                sum = sum.iter().zip(std::hint::black_box(&b)).map(|(x, y)| x + y).collect();
            }
            Ok(sum)
        })
        .case("eager", move || Ok(no_grad(|| chain(&arguments.0, &arguments.1))))
        .case("program", move || -> Result<Tensor> {
            Ok(compiled.as_ref().map_err(Clone::clone)?.run(&inputs)?)
        })
}
