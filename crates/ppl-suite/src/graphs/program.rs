//! What the steps of a sketch do.

use ppl_tensor::op::{Binary, Logic, Pad, Unary};
use ppl_tensor::{
    DType, Device, Error, HostTensor, Key, Op, Result, Shape, Tensor, grad, grad_recorded, scan,
};

use super::sketch::{Sketch, Step, What};
use crate::cases::hypotenuse;
use crate::source::Source;

/// More elements than any value has.
const MOST: usize = 2000;

/// The latest values that are results.
const RESULTS: usize = 4;

/// Numbers that rules know, and others.
const NUMBERS: [f64; 12] = [0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0, 4.0, -2.0, 1.7, -0.3, 10.0];

impl Sketch {
    /// Runs it: the latest values, and gradients of a sum of some by the arguments.
    pub(super) fn run(&self, args: &[Tensor]) -> Result<Vec<Tensor>> {
        let (key, rest) = (&args[0], &args[1..]);
        let track = |x: &Tensor| if x.dtype().is_float() { x.tracked() } else { x.clone() };
        let leaves: Vec<Tensor> = rest.iter().map(track).collect();
        let mut values = [leaves.clone(), self.constants()?].concat();
        for &step in &self.steps {
            if let Some(value) = take_step(step, &values, key) {
                value.check()?;
                if value.shape().elements() <= MOST {
                    values.push(value);
                }
            }
        }
        let first_result = values.len().saturating_sub(RESULTS);
        let mut results = values[first_result..].to_vec();
        let leaves: Vec<&Tensor> = leaves.iter().filter(|x| x.is_tracked()).collect();
        let mut differentiated = results.clone();
        for order in 1..=self.derivatives {
            let Some(total) = weighted(&differentiated)?.filter(Tensor::is_tracked) else { break };
            let last = order == self.derivatives;
            // Some operations have no second derivative.
            let Ok(grads) = (if last { grad } else { grad_recorded })(&total, &leaves) else { break };
            results.extend(grads.iter().cloned());
            differentiated = grads;
        }
        Ok(results)
    }
}

/// A sum of all floats, with different weights.
fn weighted(values: &[Tensor]) -> Result<Option<Tensor>> {
    let mut total: Option<Tensor> = None;
    for value in values.iter().filter(|x| x.dtype().is_float()) {
        let shape = value.shape();
        let weights = (0..shape.elements()).map(|i| 0.5 + (i * 7 % 11) as f64 / 8.0).collect();
        let weights = Device::cpu().upload(HostTensor::new(&shape, weights)?)?;
        let sum = (value.cast(DType::F64) * weights).sum_all();
        total = Some(match total {
            Some(total) => total + sum,
            None => sum,
        });
    }
    Ok(total)
}

/// The value number `pick` from the end among those that fit.
fn pick(values: &[Tensor], pick: u8, fits: impl Fn(&Tensor) -> bool) -> Option<&Tensor> {
    let fitting: Vec<&Tensor> = values.iter().rev().filter(|x| fits(x)).collect();
    fitting.get(usize::from(pick) % fitting.len().max(1)).copied()
}

/// `y` in the dtype of `x`, and reduced to a scalar if it does not broadcast with it.
fn fitted(x: &Tensor, y: &Tensor) -> Tensor {
    let y = y.cast(x.dtype());
    match x.shape().broadcast(&y.shape()) {
        Some(both) if both.elements() <= MOST => y,
        _ if y.dtype() == DType::Bool => y.all_all(),
        _ => y.sum_all() * y.scalar_like(0.125).cast(y.dtype()),
    }
}

fn unary(kind: Unary, x: &Tensor) -> Tensor {
    Tensor::apply(Op::Unary(kind), &[x])
}

/// The argument moved to where the function is tame.
fn tame(kind: Unary, x: &Tensor) -> Tensor {
    match kind {
        Unary::Log | Unary::Sqrt | Unary::LnGamma | Unary::Reciprocal | Unary::Polygamma(_) => x.abs() + 0.5,
        Unary::Asin | Unary::Acos | Unary::Atanh | Unary::Erfinv | Unary::Log1p => x.tanh() * 0.9,
        Unary::Acosh => x.abs() + 1.5,
        Unary::Exp | Unary::Expm1 | Unary::Sinh | Unary::Cosh => x.tanh() * 3.0,
        _ => x.clone(),
    }
}

fn binary(kind: Binary, x: &Tensor, y: &Tensor, wild: bool) -> Tensor {
    let float = x.dtype().is_float();
    let (x, y) = match kind {
        Binary::Div if float && !wild => (x.clone(), y.abs() + 0.5),
        Binary::Pow if float && !wild => (x.abs() + 0.5, y.tanh() * 2.0),
        Binary::Pow if !float => (x.clone(), y.abs()),
        _ => (x.clone(), y.clone()),
    };
    Tensor::apply(Op::Binary(kind), &[&x, &y])
}

fn floats_only(kind: Binary) -> bool {
    matches!(kind, Binary::Atan2 | Binary::LogAddExp)
}

/// The value that a step adds; `None` if no values fit.
fn take_step(step: Step, values: &[Tensor], key: &Tensor) -> Option<Tensor> {
    let mut source = Source::new(u64::from(step.how));
    // A quarter of the functions meet whatever there is: infinities and NaN are values too.
    let wild = source.below(4) == 0;
    let float = |x: &Tensor| x.dtype().is_float();
    let number = |x: &Tensor| x.dtype() != DType::Bool;
    Some(match step.what {
        What::Unary(Unary::Not) => unary(Unary::Not, pick(values, step.x, |x| x.dtype() == DType::Bool)?),
        What::Unary(kind @ (Unary::Neg | Unary::Abs | Unary::Sign)) => {
            unary(kind, pick(values, step.x, number)?)
        }
        What::Unary(kind) => {
            let x = pick(values, step.x, float)?;
            unary(kind, &if wild { x.clone() } else { tame(kind, x) })
        }
        What::Binary(kind) => {
            let fits = |x: &Tensor| float(x) || number(x) && !floats_only(kind);
            let x = pick(values, step.x, fits)?;
            let y = fitted(x, pick(values, step.y, |_| true)?);
            let (x, y) = if source.below(2) == 0 { (x, &y) } else { (&y, x) };
            binary(kind, x, y, wild)
        }
        What::Number(kind) => {
            let x = pick(values, step.x, |x| float(x) || number(x) && !floats_only(kind))?;
            let c = x.scalar_like(NUMBERS[source.below(NUMBERS.len())]).cast(x.dtype());
            let turned = source.below(3) == 0 && kind != Binary::Pow;
            let (x, y) = if turned { (&c, x) } else { (x, &c) };
            Tensor::apply(Op::Binary(kind), &[x, y])
        }
        What::Compare(kind) => {
            let x = pick(values, step.x, |_| true)?;
            let y = match source.below(2) {
                0 => x.scalar_like(NUMBERS[source.below(NUMBERS.len())]).cast(x.dtype()),
                _ => fitted(x, pick(values, step.y, |_| true)?),
            };
            Tensor::apply(Op::Compare(kind), &[x, &y])
        }
        What::Logic(kind) => {
            let x = pick(values, step.x, |x| x.dtype() == DType::Bool)?;
            logic(kind, x, &fitted(x, pick(values, step.y, |_| true)?))
        }
        What::Select => {
            let x = pick(values, step.x, |_| true)?;
            let y = fitted(x, pick(values, step.y, |_| true)?);
            let condition = match pick(values, step.y, |x| x.dtype() == DType::Bool) {
                Some(condition) => fitted(&condition.cast(DType::Bool), condition),
                None => Tensor::apply(Op::Compare(ppl_tensor::op::Compare::Lt), &[x, &y]),
            };
            let whole = x.shape().broadcast(&y.shape())?;
            let condition = match condition.shape().broadcast(&whole) {
                Some(shape) if shape.elements() <= MOST => condition,
                _ => condition.all_all(),
            };
            condition.select(x, y)
        }
        What::Cast(dtype) => {
            // What is not finite is no integer, and large floats are not the same everywhere.
            let x = pick(values, step.x, |_| true)?;
            if dtype == DType::I64 && float(x) { (x.tanh() * 4.0).cast(dtype) } else { x.cast(dtype) }
        }
        What::Random => random(&mut source, values, step, key)?,
        What::Scan => repeat(&mut source, values, step)?,
        What::Custom => {
            let x = pick(values, step.x, float)?;
            Tensor::apply(hypotenuse(), &[x, &fitted(x, pick(values, step.y, |_| true)?)])
        }
        What::Matmul | What::Factor => matrices(step, &mut source, values)?,
        _ => moved(step, &mut source, values)?,
    })
}

fn logic(kind: Logic, x: &Tensor, y: &Tensor) -> Tensor {
    Tensor::apply(Op::Logic(kind), &[x, y])
}

/// Layout, indices, and what works along a dimension.
fn moved(step: Step, source: &mut Source, values: &[Tensor]) -> Option<Tensor> {
    let floats = |x: &Tensor| x.dtype().is_float();
    let fits = |x: &Tensor| match step.what {
        What::Softmax => floats(x) && x.rank() > 0,
        What::Extreme | What::Cumulative | What::Sort | What::Scatter => {
            x.dtype() != DType::Bool && x.rank() > 0
        }
        What::Sum => x.dtype() != DType::Bool,
        What::Truths => x.dtype() == DType::Bool && x.rank() > 0,
        What::Expand | What::Reshape => true,
        _ => x.rank() > 0,
    };
    let x = pick(values, step.x, fits)?;
    let (shape, rank) = (x.shape(), x.rank());
    let axis = source.below(rank);
    let (dim, size) = (axis as isize, shape.get(axis).copied().unwrap_or(1));
    Some(match step.what {
        What::Expand => {
            let grown = shape.iter().map(|&size| if size == 1 && source.below(2) == 0 { 3 } else { size });
            let grown: Shape = grown.collect();
            let lead: Vec<usize> =
                (0..source.below(3).min(5 - rank.min(5))).map(|_| 1 + source.below(4)).collect();
            let wanted = Shape::from(lead).concat(&grown);
            if wanted.elements() <= MOST { x.broadcast_to(wanted) } else { x.unsqueeze(0) }
        }
        What::Reshape => match source.below(4) {
            0 => x.flatten(),
            1 if rank < 5 => x.unsqueeze(source.below(rank + 1) as isize),
            2 if shape.contains(&1) => {
                x.reshape(shape.iter().copied().filter(|&size| size != 1).collect::<Shape>())
            }
            _ => x.reshape(shape.iter().rev().copied().collect::<Shape>()),
        },
        What::Permute => x.permute(&source.permutation(rank)),
        What::Slice => {
            let (start, step) = (source.below(size + 1), 1 + source.below(3) / 2);
            x.slice_by(dim, start..start + source.below(size - start + 1), step)
        }
        What::Pad => {
            let (before, after, interior) = (source.below(3), source.below(3), source.below(4) / 3);
            Tensor::apply(Op::Pad(Pad { axis, before, after, interior }), &[x])
        }
        What::Concat => {
            let other = match source.below(2) {
                0 => fitted(x, pick(values, step.y, |_| true)?),
                _ => x.clone(),
            };
            let other =
                if other.shape().broadcasts_to(&shape) { other.broadcast_to(&shape) } else { x.clone() };
            let part = other.slice(dim, 0..source.below(size + 1));
            Tensor::concat(&[x, &part], dim)
        }
        What::Gather if size > 0 => {
            let indices: Vec<i64> = match source.below(3) {
                0 => (0..size.div_ceil(2) as i64).map(|i| 2 * i).collect(),
                _ => (0..source.below(4)).map(|_| source.below(size) as i64).collect(),
            };
            x.take(Tensor::from(indices), dim)
        }
        What::Scatter => {
            let indices: Vec<i64> = (0..size).map(|_| source.below(size) as i64).collect();
            x.scatter_add_dim(Tensor::from(indices), size + source.below(2), dim)
        }
        What::Sum => {
            let dims: Vec<isize> = (0..rank).filter(|_| source.below(3) > 0).map(|d| d as isize).collect();
            if source.below(3) == 0 && x.dtype().is_float() { x.mean_all() } else { x.sum_dims(&dims) }
        }
        What::Extreme if size > 0 => match source.below(2) {
            0 => x.max(dim),
            _ => x.min(dim),
        },
        What::Softmax if size > 0 => match source.below(3) {
            0 => x.softmax(dim),
            1 => x.log_softmax(dim),
            _ => x.logsumexp(dim),
        },
        What::Truths => {
            if source.below(2) == 0 {
                x.all(dim)
            } else {
                x.any(dim)
            }
        }
        What::Cumulative => match source.below(3) {
            0 if x.dtype().is_float() => x.tanh().cumprod(dim),
            _ => Tensor::apply(Op::CumulativeSum { axis, reverse: source.below(2) == 0 }, &[x]),
        },
        What::Sort if size > 0 => match source.below(3) {
            0 => x.argsort(dim),
            1 => x.sort(dim),
            _ => x.argmax(dim),
        },
        _ => return None,
    })
}

fn matrices(step: Step, source: &mut Source, values: &[Tensor]) -> Option<Tensor> {
    let x = pick(values, step.x, |x| x.dtype().is_float() && x.rank() > 0)?;
    let rank = x.rank();
    if step.what == What::Factor {
        let row = x.flatten().slice(0, 0..x.shape().elements().min(4)).tanh().unsqueeze(1);
        let size = row.shape()[0];
        let matrix = row.matmul(row.t()) + Tensor::eye(size).cast(x.dtype());
        // Eigenvalues that are far from each other: the vectors of close ones are anything.
        let apart = Tensor::from((0..size).map(|i| 5.0 * i as f64).collect::<Vec<_>>());
        let apart = || (&matrix + (Tensor::eye(size) * &apart).cast(x.dtype())).eigh();
        return Some(match source.below(7) {
            0 => matrix.cholesky(),
            1 => matrix.logdet(),
            2 => apart().0,
            3 => apart().1,
            4 => matrix.cholesky().t().solve_upper(&row),
            5 => matrix.cholesky().solve_lower_transposed(&row),
            _ => matrix.cholesky().solve_lower(&row),
        });
    }
    let y = pick(values, step.y, |y| y.dtype() == x.dtype() && y.rank() > 0)?;
    let inner = *x.shape().last()?;
    let fits = |y: &Tensor| {
        let position = if y.rank() == 1 { 0 } else { y.rank() - 2 };
        y.shape()[position] == inner
    };
    let right = if fits(y) {
        y.clone()
    } else if y.rank() >= 2 && fits(&y.t()) {
        y.t()
    } else if rank >= 2 {
        x.t()
    } else {
        x.clone()
    };
    let product = x.matmul(&right);
    // Batch dimensions that do not broadcast.
    if product.error().is_some() || product.shape().elements() > MOST { None } else { Some(product) }
}

fn random(source: &mut Source, values: &[Tensor], step: Step, key: &Tensor) -> Option<Tensor> {
    let key = Key::from_tensor(key.clone()).fold_in(source.below(3) as i64);
    let x = pick(values, step.x, |x| x.dtype().is_float())?;
    // Below and above where samplers change their method.
    let many = source.below(2) == 0;
    Some(match source.below(8) {
        0 => key.uniform(x.shape(), x.dtype()),
        1 => key.log_gamma(x.shape(), &(x.tanh() + 1.5)),
        2 => key.poisson(x.shape(), &((x.tanh() + 1.5) * if many { 20.0 } else { 1.0 })),
        3 | 4 => {
            let trials = x.scalar_like(if many { 120.0 } else { 6.0 }).cast(x.dtype());
            key.binomial(x.shape(), &trials, &x.sigmoid())
        }
        5 => key.subsample(if many { 40 } else { 7 }, source.below(8)),
        _ => key.normal(x.shape(), x.dtype()),
    })
}

/// A loop over the first dimension of a value, or without rows.
fn repeat(source: &mut Source, values: &[Tensor], step: Step) -> Option<Tensor> {
    let x = pick(values, step.x, |x| x.rank() > 0 && x.shape()[0] <= 17)?;
    let y = pick(values, step.y, |y| y.dtype().is_float())?;
    let (length, row, float) = (x.shape()[0], Shape::from(&x.shape()[1..]), y.dtype());
    let start = fitted(&Tensor::zeros(&row).cast(float), y);
    let start = if start.shape().broadcasts_to(&row) { start } else { start.sum_all() };
    let start = start.broadcast_to(&row);
    // Something from outside, the same in each step.
    let level = fitted(&start, values.first()?);
    let level = if level.shape().broadcasts_to(&row) { level } else { level.sum_all() }.tanh();
    let what = source.below(6);
    let count = start.gt(0.5).cast(DType::I64);
    let next = |(carry, before, count): &(Tensor, Tensor, Tensor), row: &Tensor| {
        let x = &row.cast(float);
        let next = match what {
            0 => (carry * 0.5 + x).tanh(),
            // A linear function of itself.
            1 => x - (carry - &level) * x.tanh(),
            // The row before, and what is not carried on.
            2 => (before * 0.3 + x.exp().gt(1.0).select(x, &level)).cos(),
            3 => (carry.sum_all() * 0.1 + x * level.exp()).sin(),
            4 => carry.minimum(before) + x.sum_all() * 0.2,
            // A loop in the loop.
            _ => {
                let inner = |y: &Tensor, (): &()| Ok::<_, Error>(((y * &level + before).sin(), ()));
                scan(3, carry, &(), inner)?.0 * x.tanh()
            }
        };
        let output = (&next * x, &level + carry.tanh() * before, count + 1);
        let count = count * 3 + x.gt(0.0).cast(DType::I64);
        Ok::<_, Error>(((next, x.clone(), count), output))
    };
    let (last, path) = scan(length, &(start.clone(), start, count), x, next).ok()?;
    Some(match source.below(6) {
        0 => last.0,
        1 => path.0,
        2 => path.1,
        3 => path.2,
        4 => last.2,
        _ => last.0 + last.1,
    })
}
