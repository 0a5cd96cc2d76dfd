//! Sums, extremes and connectives.

use ppl_tensor::op::Reduction;
use ppl_tensor::{DType, HostTensor};

use super::{Immediate, Kernel, destination, instances, source};

/// A way to make one element of many.
pub(crate) trait Fold {
    type T: Copy;
    const IDENTITY: Self::T;
    fn join(x: Self::T, y: Self::T) -> Self::T;
}

macro_rules! folds {
    ($($name:ident: $type:ty, $identity:expr, ($x:ident, $y:ident) $body:expr;)*) => {$(
        struct $name;
        impl Fold for $name {
            type T = $type;
            const IDENTITY: $type = $identity;
            #[inline(always)]
            fn join($x: $type, $y: $type) -> $type {
                $body
            }
        }
    )*};
}

folds! {
    Sum64: f64, 0.0, (x, y) x + y;
    Sum32: f32, 0.0, (x, y) x + y;
    SumInteger: i64, 0, (x, y) x.wrapping_add(y);
    Max64: f64, f64::NEG_INFINITY, (x, y) if x > y || x.is_nan() { x } else { y };
    Max32: f32, f32::NEG_INFINITY, (x, y) if x > y || x.is_nan() { x } else { y };
    MaxInteger: i64, i64::MIN, (x, y) if x > y { x } else { y };
    Min64: f64, f64::INFINITY, (x, y) if x < y || x.is_nan() { x } else { y };
    Min32: f32, f32::INFINITY, (x, y) if x < y || x.is_nan() { x } else { y };
    MinInteger: i64, i64::MAX, (x, y) if x < y { x } else { y };
    All: bool, true, (x, y) x & y;
    Any: bool, false, (x, y) x | y;
}

/// Below this many terms they are joined directly; more are halved, so that rounding errors of a sum grow with the
/// logarithm of their number.
const DIRECT: usize = 512;

/// Results that are joined at once.
const LANES: usize = 16;

#[inline(always)]
fn fold_direct<F: Fold>(terms: &[F::T]) -> F::T {
    if terms.len() < LANES {
        return terms.iter().fold(F::IDENTITY, |all, &x| F::join(all, x));
    }
    let mut lanes = [F::IDENTITY; LANES];
    let (groups, rest) = terms.as_chunks::<LANES>();
    for group in groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane = F::join(*lane, x);
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] = F::join(lanes[i], lanes[i + width]);
        }
    }
    rest.iter().fold(lanes[0], |all, &x| F::join(all, x))
}

/// All terms joined.
#[inline(always)]
fn fold<F: Fold>(terms: &[F::T]) -> F::T {
    if terms.len() <= DIRECT {
        return fold_direct::<F>(terms);
    }
    let [all] = halved::<F, 1>(terms.len(), |from, to| [fold_direct::<F>(&terms[from..to])]);
    all
}

/// `size` terms joined, of `W` results at once: pieces of [`DIRECT`] in pairs, pairs of pairs, and so on.
#[inline(always)]
fn halved<F: Fold, const W: usize>(size: usize, piece: impl Fn(usize, usize) -> [F::T; W]) -> [F::T; W] {
    let joined = |mut x: [F::T; W], y: [F::T; W]| {
        x.iter_mut().zip(y).for_each(|(x, y)| *x = F::join(*x, y));
        x
    };
    // The results of 2ⁱ pieces, for each bit of the number of pieces so far.
    let mut partial = [[F::IDENTITY; W]; 48];
    let mut count = 0_usize;
    for start in (0..size).step_by(DIRECT) {
        let mut sum = piece(start, size.min(start + DIRECT));
        let mut level = 0;
        while count >> level & 1 == 1 {
            sum = joined(partial[level], sum);
            level += 1;
        }
        partial[level] = sum;
        count += 1;
    }
    let levels = (0..48).filter(|level| count >> level & 1 == 1);
    levels.fold([F::IDENTITY; W], |all, level| joined(partial[level], all))
}

/// `W` neighbouring columns of a matrix, from number `column` on, with its rows at a distance of `n`.
#[inline(always)]
fn fold_columns<F: Fold, const W: usize>(a: &[F::T], n: usize, size: usize, column: usize) -> [F::T; W] {
    let piece = |from: usize, to: usize| {
        let mut lanes = [F::IDENTITY; W];
        for row in from..to {
            for (lane, &x) in lanes.iter_mut().zip(&a[row * n + column..][..W]) {
                *lane = F::join(*lane, x);
            }
        }
        lanes
    };
    if size <= DIRECT { piece(0, size) } else { halved::<F, W>(size, piece) }
}

/// `n` results, each of `immediate[0]` neighbours.
#[inline(always)]
unsafe fn rows<F: Fold>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let size = immediate[0];
    // SAFETY: as the module says; the source has `size` elements for each of the destination.
    let (dst, a) = unsafe { (destination::<F::T>(dst, n), source::<F::T>(a, n * size)) };
    for (row, d) in dst.iter_mut().enumerate() {
        *d = fold::<F>(&a[row * size..][..size]);
    }
}
instances!(rows as choose_rows<F: Fold;>);

/// `n` results, each of `immediate[0]` elements at a distance of `n`.
#[inline(always)]
unsafe fn columns<F: Fold>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let size = immediate[0];
    // SAFETY: as the module says; the source has `size` elements for each of the destination.
    let (dst, a) = unsafe { (destination::<F::T>(dst, n), source::<F::T>(a, n * size)) };
    let (tiles, rest) = dst.as_chunks_mut::<LANES>();
    let mut column = 0;
    for tile in tiles {
        *tile = fold_columns::<F, LANES>(a, n, size, column);
        column += LANES;
    }
    let (tiles, rest) = rest.as_chunks_mut::<4>();
    for tile in tiles {
        *tile = fold_columns::<F, 4>(a, n, size, column);
        column += 4;
    }
    for d in rest {
        [*d] = fold_columns::<F, 1>(a, n, size, column);
        column += 1;
    }
}
instances!(columns as choose_columns<F: Fold;>);

/// The destination's one element joined with all of the source.
#[inline(always)]
unsafe fn onto_one<F: Fold>(dst: *mut u8, a: *const u8, _: *const u8, _: *const u8, n: usize, _: &Immediate) {
    // SAFETY: as the module says; the destination has one element.
    let (dst, a) = unsafe { (destination::<F::T>(dst, 1), source::<F::T>(a, n)) };
    dst[0] = F::join(dst[0], fold_direct::<F>(a));
}
instances!(onto_one as choose_onto_one<F: Fold;>);

/// Each element of the destination joined with that of the source.
#[inline(always)]
unsafe fn onto_each<F: Fold>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    _: &Immediate,
) {
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<F::T>(dst, n), source::<F::T>(a, n)) };
    for (d, &x) in dst.iter_mut().zip(a) {
        *d = F::join(*d, x);
    }
}
instances!(onto_each as choose_onto_each<F: Fold;>);

macro_rules! by_kind {
    ($kind:expr, $dtype:expr, $choose:ident) => {
        Some(match ($kind, $dtype) {
            (Reduction::Sum, DType::F64) => $choose::<Sum64>(),
            (Reduction::Sum, DType::F32) => $choose::<Sum32>(),
            (Reduction::Sum, DType::I64) => $choose::<SumInteger>(),
            (Reduction::Max, DType::F64) => $choose::<Max64>(),
            (Reduction::Max, DType::F32) => $choose::<Max32>(),
            (Reduction::Max, DType::I64) => $choose::<MaxInteger>(),
            (Reduction::Min, DType::F64) => $choose::<Min64>(),
            (Reduction::Min, DType::F32) => $choose::<Min32>(),
            (Reduction::Min, DType::I64) => $choose::<MinInteger>(),
            (Reduction::All, DType::Bool) => $choose::<All>(),
            (Reduction::Any, DType::Bool) => $choose::<Any>(),
            _ => return None,
        })
    };
}

/// Results of neighbouring elements: `n` of them, each of `immediate[0]`.
pub(crate) fn reduce_rows(kind: Reduction, dtype: DType) -> Option<Kernel> {
    by_kind!(kind, dtype, choose_rows)
}

/// Results of elements at a distance of `n`, each of `immediate[0]`.
pub(crate) fn reduce_columns(kind: Reduction, dtype: DType) -> Option<Kernel> {
    by_kind!(kind, dtype, choose_columns)
}

/// The source joined onto the destination: all onto its one element, or each onto its own.
pub(crate) fn accumulate(kind: Reduction, dtype: DType, onto_one: bool) -> Option<Kernel> {
    if onto_one { by_kind!(kind, dtype, choose_onto_one) } else { by_kind!(kind, dtype, choose_onto_each) }
}

/// What an accumulation starts with.
pub(crate) fn identity(kind: Reduction, dtype: DType) -> HostTensor {
    let value = match kind {
        Reduction::Sum | Reduction::Any => 0.0,
        Reduction::All => 1.0,
        Reduction::Max if dtype == DType::I64 => return HostTensor::scalar(i64::MIN),
        Reduction::Min if dtype == DType::I64 => return HostTensor::scalar(i64::MAX),
        Reduction::Max => f64::NEG_INFINITY,
        Reduction::Min => f64::INFINITY,
    };
    HostTensor::full_as(dtype, [], value)
}
