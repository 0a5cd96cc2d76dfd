//! Reductions of what is broadcast, moved or scaled: less is reduced, and sums are of single factors.

use ppl_tensor::op::{Binary, Reduction, Unary};
use ppl_tensor::{DType, Dims, Op, Result, Shape};
use smallvec::SmallVec;

use super::algebra::under_minus;
use super::builder::{Builder, Call};
use super::layout::{padded, same_but_units};
use crate::ir::Id;

/// Logarithms for each sum from which on it is a single one.
const MANY_LOGS: usize = 32;

/// A reduction asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: Reduction,
    axes: &'a [usize],
    x: Id,
    /// The result's.
    shape: &'a Shape,
}

fn reduced(b: &mut Builder, kind: Reduction, x: Id, axes: Dims) -> Result<Id> {
    b.apply(Op::Reduce { kind, axes }, &[x])
}

pub(super) fn reductions(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Reduce { kind, axes }, &[x]) = (call.op, call.inputs) else { return Ok(None) };
    let asked = Asked { kind: *kind, axes, x, shape: &call.ty.shape };
    let size = |axis: &usize| b.shape(x)[*axis];
    if axes.is_empty() {
        return Ok(Some(x));
    }
    if axes.iter().any(|axis| size(axis) == 0) {
        return Ok(None);
    }
    if axes.iter().any(|axis| size(axis) == 1) {
        return without_unit_axes(b, asked).map(Some);
    }
    match b.op(x) {
        Some((Op::Reduce { kind: inner, axes: first }, &[source])) if inner == kind => {
            let (first, source) = (first.clone(), source);
            return twice(b, asked, &first, source).map(Some);
        }
        Some((Op::Broadcast(_), &[source])) => return of_broadcast(b, asked, source),
        Some((Op::Reshape(_), &[source])) => return of_reshaped(b, asked, source),
        Some((Op::Permute(order), &[source])) => {
            let order = order.clone();
            return of_permuted(b, asked, &order, source).map(Some);
        }
        Some((Op::Pad(pad), &[source])) if *kind == Reduction::Sum && axes.contains(&pad.axis) => {
            return of_padded(b, asked, pad.axis, source).map(Some);
        }
        _ => {}
    }
    if *kind == Reduction::Sum { sum(b, asked) } else { Ok(None) }
}

/// A dimension of size 1 is dropped afterwards.
fn without_unit_axes(b: &mut Builder, asked: Asked<'_>) -> Result<Id> {
    let axes = asked.axes.iter().copied().filter(|&axis| b.shape(asked.x)[axis] != 1).collect();
    let result = reduced(b, asked.kind, asked.x, axes)?;
    b.reshape(result, asked.shape)
}

fn twice(b: &mut Builder, asked: Asked<'_>, first: &[usize], source: Id) -> Result<Id> {
    let rest: Dims = (0..b.shape(source).rank()).filter(|d| !first.contains(d)).collect();
    let second = asked.axes.iter().map(|&axis| rest[axis]);
    let mut all: Dims = first.iter().copied().chain(second).collect();
    all.sort_unstable();
    reduced(b, asked.kind, source, all)
}

/// Equal entries: their number times one of them, or one of them.
fn of_broadcast(b: &mut Builder, asked: Asked<'_>, source: Id) -> Result<Option<Id>> {
    let whole = b.shape(asked.x).clone();
    let added = whole.rank() - b.shape(source).rank();
    let inner = b.shape(source).clone();
    let is_equal = |axis: usize| axis < added || inner[axis - added] == 1;
    let equal: usize = asked.axes.iter().filter(|&&axis| is_equal(axis)).map(|&axis| whole[axis]).product();
    if !asked.axes.iter().any(|&axis| is_equal(axis)) {
        // Dimensions that the reduction keeps are broadcast after it.
        let own = asked.axes.iter().map(|axis| axis - added).collect();
        let result = reduced(b, asked.kind, source, own)?;
        return b.broadcast(result, asked.shape).map(Some);
    }
    let own: Dims = asked.axes.iter().filter_map(|axis| axis.checked_sub(added)).collect();
    let mut result = reduced(b, asked.kind, source, own)?;
    if asked.kind == Reduction::Sum {
        let count = b.scalar(b.ty(source).dtype, equal as f64)?;
        result = b.binary(Binary::Mul, result, count)?;
    }
    b.broadcast(result, asked.shape).map(Some)
}

/// Before a reshape, if it keeps the dimensions apart or all are reduced.
fn of_reshaped(b: &mut Builder, asked: Asked<'_>, source: Id) -> Result<Option<Id>> {
    let (before, after) = (b.shape(source).clone(), b.shape(asked.x).clone());
    let own: Dims = (0..before.rank()).filter(|&d| before[d] != 1).collect();
    let places: Dims = (0..after.rank()).filter(|&d| after[d] != 1).collect();
    let axes = if places.iter().all(|place| asked.axes.contains(place)) {
        own
    } else if same_but_units(&before, &after) {
        let pairs = own.iter().zip(&places);
        pairs.filter(|(_, place)| asked.axes.contains(place)).map(|(&d, _)| d).collect()
    } else {
        return Ok(None);
    };
    let result = reduced(b, asked.kind, source, axes)?;
    b.reshape(result, asked.shape).map(Some)
}

fn of_permuted(b: &mut Builder, asked: Asked<'_>, order: &[usize], source: Id) -> Result<Id> {
    let mut axes: Dims = asked.axes.iter().map(|&axis| order[axis]).collect();
    axes.sort_unstable();
    let kept: Dims = (0..order.len()).filter(|d| !axes.contains(d)).collect();
    let result = reduced(b, asked.kind, source, axes)?;
    let place = |d: &usize| kept.iter().position(|kept| kept == d);
    b.apply(Op::Permute(order.iter().filter_map(place).collect()), &[result])
}

/// The added zeros are not summed.
fn of_padded(b: &mut Builder, asked: Asked<'_>, padded: usize, source: Id) -> Result<Id> {
    let x = reduced(b, asked.kind, source, Dims::from_slice(&[padded]))?;
    let place = |axis: usize| axis - usize::from(axis > padded);
    let rest = asked.axes.iter().filter(|&&axis| axis != padded).map(|&axis| place(axis)).collect();
    reduced(b, asked.kind, x, rest)
}

/// Sums of sums, products and quotients.
fn sum(b: &mut Builder, asked: Asked<'_>) -> Result<Option<Id>> {
    if let Some(x) = under_minus(b, asked.x) {
        let sum = reduced(b, asked.kind, x, asked.axes.into())?;
        return b.unary(Unary::Neg, sum).map(Some);
    }
    if let Some((Op::Matmul, &[x, y])) = b.op(asked.x) {
        return of_matrix_product(b, asked, x, y);
    }
    let Some((&Op::Binary(kind), &[x, y])) = b.op(asked.x) else { return Ok(None) };
    match kind {
        Binary::Add | Binary::Sub => of_sum(b, asked, kind, x, y),
        Binary::Mul => of_product(b, asked, x, y),
        // A number whose reciprocal is no ordinary float stays where it makes infinities.
        Binary::Div
            if b.ty(x).dtype.is_float()
                && !b.is_number(y)
                && equal_axes(b, asked, y).len() == asked.axes.len() =>
        {
            // The numerator alone changes along the axes, so it has all of them.
            let missing = b.shape(asked.x).rank() - b.shape(x).rank();
            let x = keeping(b, x, &asked.axes.iter().map(|axis| axis - missing).collect::<Dims>())?;
            let quotient = b.binary(Binary::Div, x, y)?;
            b.reshape(quotient, asked.shape).map(Some)
        }
        _ => Ok(None),
    }
}

/// The sum of the rows of a product is a product of the sum of rows; of its columns likewise.
fn of_matrix_product(b: &mut Builder, asked: Asked<'_>, mut x: Id, mut y: Id) -> Result<Option<Id>> {
    let columns = b.shape(asked.x).rank() - 1;
    let mut rest = Dims::from_slice(asked.axes);
    for (axis, factor) in [(columns - 1, &mut x), (columns, &mut y)] {
        // Not what would cost more than it saves: a sum of a matrix for that of a vector.
        let known = b.is_constant(*factor) || b.elements(*factor) <= b.elements(asked.x);
        if asked.axes.contains(&axis) && known {
            let own = b.shape(*factor).rank() + axis - columns - 1;
            *factor = keeping(b, *factor, &[own])?;
            rest.retain(|other| *other != axis);
        }
    }
    if rest.len() == asked.axes.len() {
        return Ok(None);
    }
    let product = b.apply(Op::Matmul, &[x, y])?;
    reduced(b, Reduction::Sum, product, asked.axes.into()).map(Some)
}

/// The axes along which an operand is the same.
fn equal_axes(b: &Builder, asked: Asked<'_>, operand: Id) -> Dims {
    let whole = padded(b.shape(operand), b.shape(asked.x).rank());
    asked.axes.iter().copied().filter(|&axis| whole[axis] == 1).collect()
}

/// The sum along axes of the operand, each kept with size 1.
fn keeping(b: &mut Builder, x: Id, axes: &[usize]) -> Result<Id> {
    let kept = b.shape(x).iter().enumerate().map(|(d, &size)| if axes.contains(&d) { 1 } else { size });
    let kept: Shape = kept.collect();
    let sum = reduced(b, Reduction::Sum, x, axes.into())?;
    b.reshape(sum, &kept)
}

/// Whether an operand is a multiple, the same along all axes, of a known array: then so is its sum.
fn is_multiple_of_known(b: &Builder, asked: Asked<'_>, x: Id) -> bool {
    let is_equal = |b: &Builder, x: Id| equal_axes(b, asked, x).len() == asked.axes.len();
    let Some((u, v)) = b.pair(Binary::Mul, x) else { return false };
    [(u, v), (v, u)].into_iter().any(|(known, factor)| b.is_constant(known) && is_equal(b, factor))
}

/// Whether an operand has logarithms that nothing else needs, and many for each sum: that is cheaper than they are.
fn is_of_logs(b: &Builder, asked: Asked<'_>, x: Id) -> bool {
    let is_log = matches!(b.op(x), Some((Op::Unary(Unary::Log), _)));
    is_log && b.is_used_once(x) && b.elements(x) >= MANY_LOGS * asked.shape.elements().max(1)
}

/// Each term by itself, where one is the same along an axis, or known, or a multiple of what is known.
fn of_sum(b: &mut Builder, asked: Asked<'_>, kind: Binary, x: Id, y: Id) -> Result<Option<Id>> {
    let is_apart = |&x: &Id| {
        b.is_constant(x)
            || !equal_axes(b, asked, x).is_empty()
            || is_multiple_of_known(b, asked, x)
            || is_of_logs(b, asked, x)
    };
    let apart = [x, y].iter().any(is_apart);
    if !apart {
        return Ok(None);
    }
    let whole = b.shape(asked.x).clone();
    let mut term = |x: Id| {
        let x = b.broadcast(x, &whole)?;
        reduced(b, Reduction::Sum, x, asked.axes.into())
    };
    let (x, y) = (term(x)?, term(y)?);
    b.binary(kind, x, y).map(Some)
}

/// A factor that is the same along an axis is taken out of the sum over it.
fn of_product(b: &mut Builder, asked: Asked<'_>, x: Id, y: Id) -> Result<Option<Id>> {
    let rank = b.shape(asked.x).rank();
    let stripped = strip(b, asked, asked.x)?;
    if stripped.rest != asked.x {
        let missing = rank - b.shape(stripped.rest).rank();
        let own: Dims = asked.axes.iter().map(|axis| axis - missing).collect();
        let mut sum = keeping(b, stripped.rest, &own)?;
        for factor in stripped.factors {
            sum = b.binary(Binary::Mul, sum, factor)?;
        }
        if stripped.minus {
            sum = b.unary(Unary::Neg, sum)?;
        }
        return b.reshape(sum, asked.shape).map(Some);
    }
    let (along_x, along_y) = (equal_axes(b, asked, y), equal_axes(b, asked, x));
    let is_infinite = |x: Id| b.number(x).is_some_and(|x| !x.is_finite());
    if is_infinite(x) || is_infinite(y) {
        return Ok(None);
    }
    if along_x.is_empty() && along_y.is_empty() {
        return Ok(None);
    }
    let mut smaller = |x: Id, axes: &[usize]| {
        let missing = rank - b.shape(x).rank();
        let own: Dims = axes.iter().filter_map(|axis| axis.checked_sub(missing)).collect();
        if own.is_empty() { Ok(x) } else { keeping(b, x, &own) }
    };
    let (x, y) = (smaller(x, &along_x)?, smaller(y, &along_y)?);
    let product = b.binary(Binary::Mul, x, y)?;
    reduced(b, Reduction::Sum, product, asked.axes.into()).map(Some)
}

/// A product without the factors that are the same along all axes, and its sign.
struct Stripped {
    rest: Id,
    factors: SmallVec<[Id; 2]>,
    minus: bool,
}

fn strip(b: &mut Builder, asked: Asked<'_>, x: Id) -> Result<Stripped> {
    if let Some(inner) = under_minus(b, x) {
        let inner = strip(b, asked, inner)?;
        return Ok(Stripped { minus: !inner.minus, ..inner });
    }
    let whole = Stripped { rest: x, factors: SmallVec::new(), minus: false };
    let Some((u, v)) = b.pair(Binary::Mul, x) else { return Ok(whole) };
    let is_equal = |b: &Builder, x: Id| {
        let is_finite = b.number(x).is_none_or(f64::is_finite);
        is_finite && equal_axes(b, asked, x).len() == asked.axes.len()
    };
    for (factor, other) in [(u, v), (v, u)] {
        if is_equal(b, factor) {
            let mut inner = strip(b, asked, other)?;
            inner.factors.push(factor);
            return Ok(inner);
        }
    }
    // Squares of numbers far from 1 leave the range of 32 bits.
    if u == v && b.ty(x).dtype == DType::F32 {
        return Ok(whole);
    }
    let (left, right) = (strip(b, asked, u)?, strip(b, asked, v)?);
    if (left.rest, right.rest) == (u, v) {
        return Ok(whole);
    }
    let rest = b.binary(Binary::Mul, left.rest, right.rest)?;
    // The product of what is left must still have all axes.
    let same = (b.shape(rest).rank(), b.shape(x).rank());
    if same.0 != same.1
        || asked.axes.iter().any(|&axis| axis_size(b, asked, rest, axis) != axis_size(b, asked, x, axis))
    {
        return Ok(whole);
    }
    let factors = left.factors.into_iter().chain(right.factors).collect();
    Ok(Stripped { rest, factors, minus: left.minus != right.minus })
}

/// The size of an operand along one of the axes; 1 if it lacks it.
fn axis_size(b: &Builder, asked: Asked<'_>, operand: Id, axis: usize) -> usize {
    padded(b.shape(operand), b.shape(asked.x).rank())[axis]
}
