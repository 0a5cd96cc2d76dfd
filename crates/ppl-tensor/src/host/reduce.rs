//! Dimensions removed by a sum, an extreme or a connective.

use std::borrow::Cow;
use std::sync::Arc;

use super::number::Number;
use super::{arity, refused};
use crate::data::Element;
use crate::op::Reduction;
use crate::shape::Dims;
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

/// Below this many terms a sum is taken directly; longer ones are halved, so that the rounding error grows with the
/// logarithm of their length.
const DIRECT: usize = 128;

/// Number of running results in a direct reduction, for the processor to work on at once.
const LANES: usize = 8;

pub(super) fn reduce(
    op: &Op,
    kind: Reduction,
    axes: &[usize],
    inputs: &[&HostTensor],
    target: &Shape,
) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    if axes.is_empty() {
        return Ok(x.clone());
    }
    let data = match x.data() {
        HostData::F64(values) => of_numbers(kind, x.shape(), axes, values),
        HostData::F32(values) => of_numbers(kind, x.shape(), axes, values),
        HostData::I64(values) => of_numbers(kind, x.shape(), axes, values),
        HostData::Bool(values) => of_flags(kind, x.shape(), axes, values),
    };
    let data = data.ok_or_else(|| match kind {
        Reduction::Max | Reduction::Min if x.data().is_empty() => {
            Error::shape(op.name(), [x.shape()], "there is no entry to choose from")
        }
        _ => refused(op, inputs),
    })?;
    HostTensor::from_data(target, data)
}

fn of_numbers<T: Number>(kind: Reduction, shape: &[usize], axes: &[usize], values: &[T]) -> Option<HostData> {
    let reduced = match kind {
        Reduction::Sum => over_axes(shape, axes, values, |block| Some(sums(block)))?,
        Reduction::Max => over_axes(shape, axes, values, |block| folds(block, None, T::larger))?,
        Reduction::Min => over_axes(shape, axes, values, |block| folds(block, None, T::smaller))?,
        Reduction::All | Reduction::Any => return None,
    };
    Some(T::wrap(Arc::new(reduced)))
}

fn of_flags(kind: Reduction, shape: &[usize], axes: &[usize], values: &[bool]) -> Option<HostData> {
    let reduced = match kind {
        Reduction::All => over_axes(shape, axes, values, |block| folds(block, Some(true), |x, y| x & y))?,
        Reduction::Any => over_axes(shape, axes, values, |block| folds(block, Some(false), |x, y| x | y))?,
        Reduction::Sum | Reduction::Max | Reduction::Min => return None,
    };
    Some(HostData::Bool(Arc::new(reduced)))
}

/// `outer` blocks of `size` rows of `inner` elements; the rows of each block are to become one.
struct Block<'a, T> {
    values: &'a [T],
    outer: usize,
    size: usize,
    inner: usize,
}

/// Reduces neighbouring dimensions at once, the last first.
#[inline]
fn over_axes<T: Element>(
    shape: &[usize],
    axes: &[usize],
    values: &[T],
    reduce: impl Fn(Block<'_, T>) -> Option<Vec<T>>,
) -> Option<Vec<T>> {
    let mut sizes = Dims::from_slice(shape);
    let mut values = Cow::Borrowed(values);
    let mut axes = axes;
    while let Some((&last, mut rest)) = axes.split_last() {
        let mut first = last;
        while let Some((&next, before)) = rest.split_last() {
            if next + 1 != first {
                break;
            }
            (first, rest) = (next, before);
        }
        axes = rest;
        let block = Block {
            values: &values,
            outer: sizes[..first].iter().product(),
            size: sizes[first..=last].iter().product(),
            inner: sizes[last + 1..].iter().product(),
        };
        values = Cow::Owned(reduce(block)?);
        sizes[first..=last].fill(1);
    }
    Some(values.into_owned())
}

fn sums<T: Number>(block: Block<'_, T>) -> Vec<T> {
    let Block { values, outer, size, inner } = block;
    if values.is_empty() {
        return vec![T::ZERO; outer * inner];
    }
    if inner == 1 {
        return values.chunks_exact(size).map(sum).collect();
    }
    let mut out = vec![T::ZERO; outer * inner];
    for (rows, sums) in values.chunks_exact(size * inner).zip(out.chunks_exact_mut(inner)) {
        add_rows(rows, sums);
    }
    out
}

fn sum<T: Number>(terms: &[T]) -> T {
    if terms.len() > DIRECT {
        let half = (terms.len() / 2).next_multiple_of(LANES);
        return sum(&terms[..half]).plus(sum(&terms[half..]));
    }
    let mut lanes = [T::ZERO; LANES];
    let (groups, rest) = terms.as_chunks::<LANES>();
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane = lane.plus(x);
        }
    }
    let rest = rest.iter().fold(T::ZERO, |sum, &x| sum.plus(x));
    let [a, b, c, d, e, f, g, h] = lanes;
    let (left, right) = (a.plus(b).plus(c.plus(d)), e.plus(f).plus(g.plus(h)));
    left.plus(right).plus(rest)
}

/// Adds rows of as many elements as `sums` has to `sums`, which are zero.
fn add_rows<T: Number>(rows: &[T], sums: &mut [T]) {
    let inner = sums.len();
    let count = rows.len() / inner;
    if count <= DIRECT {
        for row in rows.chunks_exact(inner) {
            add(sums, row);
        }
        return;
    }
    let (left, right) = rows.split_at(count / 2 * inner);
    let mut rest = vec![T::ZERO; inner];
    add_rows(left, sums);
    add_rows(right, &mut rest);
    add(sums, &rest);
}

fn add<T: Number>(sums: &mut [T], row: &[T]) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum = sum.plus(x);
    }
}

/// Reduces by an associative, commutative and idempotent function; `None` where nothing is to be reduced and there
/// is no `neutral` element.
#[inline]
fn folds<T: Element>(
    block: Block<'_, T>,
    neutral: Option<T>,
    f: impl Fn(T, T) -> T + Copy,
) -> Option<Vec<T>> {
    let Block { values, outer, size, inner } = block;
    if outer * inner == 0 {
        return Some(Vec::new());
    }
    if size == 0 {
        return neutral.map(|x| vec![x; outer * inner]);
    }
    if inner == 1 {
        return values.chunks_exact(size).map(|row| fold(row, f)).collect();
    }
    let mut out = Vec::with_capacity(outer * inner);
    for rows in values.chunks_exact(size * inner) {
        let start = out.len();
        out.extend_from_slice(&rows[..inner]);
        for row in rows[inner..].chunks_exact(inner) {
            for (best, &x) in out[start..].iter_mut().zip(row) {
                *best = f(*best, x);
            }
        }
    }
    Some(out)
}

#[inline]
fn fold<T: Element>(values: &[T], f: impl Fn(T, T) -> T + Copy) -> Option<T> {
    let (groups, rest) = values.as_chunks::<LANES>();
    let rest = rest.iter().copied().reduce(f);
    let Some((&first, groups)) = groups.split_first() else { return rest };
    let mut lanes = first;
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane = f(*lane, x);
        }
    }
    lanes.into_iter().chain(rest).reduce(f)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, attempt, bools, counting, f32s, f64s, i64s, run, scattered};
    use crate::op::Reduction;
    use crate::{HostTensor, Op};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    fn reduce(kind: Reduction, axes: &[usize], x: &HostTensor) -> HostTensor {
        run(Op::Reduce { kind, axes: axes.into() }, &[x])
    }

    #[test]
    fn any_set_of_dimensions() {
        let x = scattered([3, 2, 4, 1, 5], 3);
        let values = x.to_f64();
        let strides = x.shape().strides();
        for set in 0..32usize {
            let axes: Vec<usize> = (0..5).filter(|d| set >> d & 1 == 1).collect();
            let sum = reduce(Reduction::Sum, &axes, &x);
            let (max, min) = (reduce(Reduction::Max, &axes, &x), reduce(Reduction::Min, &axes, &x));
            let kept: Vec<usize> = (0..5).filter(|d| !axes.contains(d)).collect();
            let out = sum.shape().strides();
            let mut wanted = vec![(0.0, -INF, INF); sum.shape().elements()];
            for (i, &value) in values.iter().enumerate() {
                let at: usize =
                    kept.iter().zip(&out).map(|(&d, stride)| i / strides[d] % x.shape()[d] * stride).sum();
                let (sum, max, min) = &mut wanted[at];
                (*sum, *max, *min) = (*sum + value, max.max(value), min.min(value));
            }
            assert_close(&sum.to_f64(), &wanted.iter().map(|w| w.0).collect::<Vec<_>>(), 1e-14);
            assert_eq!(max.to_f64(), wanted.iter().map(|w| w.1).collect::<Vec<_>>());
            assert_eq!(min.to_f64(), wanted.iter().map(|w| w.2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn extremes_are_nan_if_any_is() {
        for n in [1, 3, 8, 9, 30] {
            for at in 0..n {
                let mut values: Vec<f64> = (0..n).map(|i| i as f64).collect();
                let largest = reduce(Reduction::Max, &[0], &f64s([n], &values)).to_f64();
                assert_eq!(largest, [n as f64 - 1.0]);
                assert_eq!(reduce(Reduction::Min, &[0], &f64s([n], &values)).to_f64(), [0.0]);
                values[at] = NAN;
                for kind in [Reduction::Max, Reduction::Min] {
                    assert!(reduce(kind, &[0], &f64s([n], &values)).to_f64()[0].is_nan());
                    let columns = reduce(kind, &[0], &f64s([n, 1], &values));
                    assert!(columns.to_f64()[0].is_nan());
                }
            }
        }
        let infinite = f64s([2], &[-INF, -INF]);
        assert_eq!(reduce(Reduction::Max, &[0], &infinite).to_f64(), [-INF]);
    }

    #[test]
    fn of_nothing() {
        let x = counting([2, 0, 3]);
        assert_eq!(reduce(Reduction::Sum, &[1], &x), f64s([2, 3], &[0.0; 6]));
        assert_eq!(reduce(Reduction::Sum, &[0, 2], &x), f64s([0], &[]));
        assert_eq!(reduce(Reduction::Sum, &[0, 1, 2], &x), f64s([], &[0.0]));
        assert_eq!(reduce(Reduction::Max, &[0], &x), f64s([0, 3], &[]));
        assert!(attempt(Op::Reduce { kind: Reduction::Max, axes: [1][..].into() }, &[&x]).is_err());
        let flags = bools([2, 0], &[]);
        assert_eq!(reduce(Reduction::All, &[1], &flags), bools([2], &[true, true]));
        assert_eq!(reduce(Reduction::Any, &[1], &flags), bools([2], &[false, false]));
    }

    #[test]
    fn connectives_and_integers() {
        let flags = bools([2, 3], &[true, true, true, false, false, true]);
        assert_eq!(reduce(Reduction::All, &[1], &flags), bools([2], &[true, false]));
        assert_eq!(reduce(Reduction::All, &[0], &flags), bools([3], &[false, false, true]));
        assert_eq!(reduce(Reduction::Any, &[0, 1], &flags), bools([], &[true]));
        let x = i64s([2, 2], &[1, 2, 3, i64::MAX]);
        assert_eq!(reduce(Reduction::Sum, &[0], &x), i64s([2], &[4, i64::MIN + 1]));
        assert_eq!(reduce(Reduction::Max, &[1], &x), i64s([2], &[2, i64::MAX]));
        assert!(attempt(Op::Reduce { kind: Reduction::Any, axes: [0][..].into() }, &[&x]).is_err());
    }

    #[test]
    fn rounding_errors_do_not_pile_up() {
        let n = 10_000_000;
        let x = HostTensor::full([n], 0.1);
        let relative = (reduce(Reduction::Sum, &[0], &x).to_f64()[0] / (0.1 * n as f64) - 1.0).abs();
        assert!(relative < 1e-14, "{relative}");
        let columns = x.reshaped([n / 2, 2]).unwrap();
        for sum in reduce(Reduction::Sum, &[0], &columns).to_f64() {
            let relative = (sum / (0.05 * n as f64) - 1.0).abs();
            assert!(relative < 1e-14, "{relative}");
        }
        let x = HostTensor::full([n], 0.1f32);
        let relative =
            (reduce(Reduction::Sum, &[0], &x).to_f64()[0] / (f64::from(0.1f32) * n as f64) - 1.0).abs();
        assert!(relative < 5e-6, "{relative}");
        assert_eq!(reduce(Reduction::Sum, &[0], &f32s([3], &[1.0, 2.0, f32::INFINITY])).to_f64(), [INF]);
    }
}
