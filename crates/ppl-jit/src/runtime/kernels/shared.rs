//! Operations by the functions on slices that the host backend has for them: the same to the bit.
//!
//! Where one needs memory beside its result, that is the second source: the instruction's other destination.

use ppl_tensor::op::{RandomKind, Unary};
use ppl_tensor::slices::{self, subsample_scratch};
use ppl_tensor::{DType, Result};

use super::{Form, Immediate, Kernel, destination, source};

/// Defines kernels by their bodies, in which names stand for the destination, the three sources, the number of elements, and
/// the immediate.
macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident($dst:ident, $a:ident, $b:ident, $c:ident, $n:ident, $immediate:pat) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the module of kernels says.
        unsafe fn $name(
            $dst: *mut u8,
            $a: *const u8,
            $b: *const u8,
            $c: *const u8,
            $n: usize,
            &$immediate: &Immediate,
        ) $body
    )*};
}

/// What a result is where sizes do not fit, which they do.
fn unless_misfit<T: Copy>(done: Result<()>, out: &mut [T], value: T) {
    if done.is_err() {
        out.fill(value);
    }
}

kernels! {
    /// Indices of the first largest of `size` entries at a distance of `inner`.
    arg_max_float(dst, a, _b, _c, n, [size, inner, ..]) {
        // SAFETY: the source has `size` elements for each of the destination.
        let (out, values) = unsafe { (destination::<i64>(dst, n), source::<f64>(a, n * size)) };
        unless_misfit(slices::arg_max_f64(out, values, [size, inner]), out, 0);
    }

    /// The same of integers.
    arg_max_integer(dst, a, _b, _c, n, [size, inner, ..]) {
        // SAFETY: as above.
        let (out, values) = unsafe { (destination::<i64>(dst, n), source::<i64>(a, n * size)) };
        unless_misfit(slices::arg_max_i64(out, values, [size, inner]), out, 0);
    }

    /// Indices that sort `size` entries at a distance of `inner`.
    arg_sort_float(dst, a, b, _c, n, [size, inner, ..]) {
        // SAFETY: the other destination has two elements of 8 bytes for each entry, of which any bits make a pair.
        let (out, values, scratch) = unsafe {
            (destination::<i64>(dst, n), source(a, n), destination::<(f64, i64)>(b.cast_mut(), size))
        };
        unless_misfit(slices::arg_sort_f64(out, values, [size, inner], scratch), out, 0);
    }

    /// The same of integers.
    arg_sort_integer(dst, a, b, _c, n, [size, inner, ..]) {
        // SAFETY: as above.
        let (out, values, scratch) = unsafe {
            (destination::<i64>(dst, n), source(a, n), destination::<(i64, i64)>(b.cast_mut(), size))
        };
        unless_misfit(slices::arg_sort_i64(out, values, [size, inner], scratch), out, 0);
    }

    /// Eigenvalues above eigenvectors, of matrices of `order` rows.
    eigen(dst, a, b, _c, n, [order, ..]) {
        let count = n / (order * (order + 1));
        // SAFETY: there are so many matrices, and the other destination has the elements of two.
        let (out, matrices, scratch) = unsafe {
            let two = destination::<f64>(b.cast_mut(), 2 * order * order);
            (destination::<f64>(dst, n), source(a, count * order * order), two)
        };
        unless_misfit(slices::symmetric_eigen_f64(out, matrices, order, scratch), out, f64::NAN);
    }

    /// `count` distinct numbers of `0..population` for each key.
    subsamples(dst, a, b, _c, n, [count, population, ..]) {
        // SAFETY: there is a key for each `count` elements, and the other destination has what the function asks for.
        let (out, keys, scratch) = unsafe {
            let scratch = destination::<i64>(b.cast_mut(), subsample_scratch(count, population));
            (destination::<i64>(dst, n), source(a, n / count), scratch)
        };
        unless_misfit(slices::subsamples(out, keys, population, scratch), out, 0);
    }

    /// A polygamma function of any order.
    polygamma(dst, a, _b, _c, n, [order, ..]) {
        // SAFETY: as the module of kernels says.
        let (out, values) = unsafe { (destination::<f64>(dst, n), source::<f64>(a, n)) };
        let function = Unary::Polygamma(order as u8);
        for (y, &x) in out.iter_mut().zip(values) {
            *y = function.evaluate_f64(x).unwrap_or(f64::NAN);
        }
    }

    /// See [`draws_with_parameters`].
    log_gamma(dst, a, b, c, n, immediate) {
        // SAFETY: the caller's.
        unsafe { draw(RandomKind::LogGamma, dst, [a, b, c], n, immediate) }
    }

    /// See [`draws_with_parameters`].
    poisson(dst, a, b, c, n, immediate) {
        // SAFETY: the caller's.
        unsafe { draw(RandomKind::Poisson, dst, [a, b, c], n, immediate) }
    }

    /// See [`draws_with_parameters`].
    binomial(dst, a, b, c, n, immediate) {
        // SAFETY: the caller's.
        unsafe { draw(RandomKind::Binomial, dst, [a, b, c], n, immediate) }
    }
}

/// # Safety
/// The sources are a key for each `count` elements of the destination, and two parameters with an element for each or for all.
unsafe fn draw(
    kind: RandomKind,
    dst: *mut u8,
    [keys, first, second]: [*const u8; 3],
    n: usize,
    [count, first_step, second_step, _]: Immediate,
) {
    let elements = |step: usize| if step == 0 { 1 } else { n };
    // SAFETY: the caller's.
    let (out, keys, first, second) = unsafe {
        let parameters =
            (source::<f64>(first, elements(first_step)), source::<f64>(second, elements(second_step)));
        (destination::<f64>(dst, n), source::<i64>(keys, n / count), parameters.0, parameters.1)
    };
    for (i, x) in out.iter_mut().enumerate() {
        let (key, element) = (keys[i / count], i % count);
        let parameters = [first[i * first_step], second[i * second_step]];
        *x = kind.evaluate_f64(key, element as i64, parameters).unwrap_or(f64::NAN);
    }
}

/// Indices of the first largest entries: `n` of them, each of `immediate[0]` at a distance of `immediate[1]`.
pub(crate) fn arg_max(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F64 => Some(arg_max_float),
        DType::I64 => Some(arg_max_integer),
        DType::F32 | DType::Bool => None,
    }
}

/// Indices that sort `immediate[0]` entries at a distance of `immediate[1]`; with two elements of 8 bytes for each entry.
pub(crate) fn arg_sort(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F64 => Some(arg_sort_float),
        DType::I64 => Some(arg_sort_integer),
        DType::F32 | DType::Bool => None,
    }
}

/// Eigenvalues above eigenvectors of symmetric matrices of `immediate[0]` rows; with the elements of two matrices.
pub(crate) fn symmetric_eigen(dtype: DType) -> Option<Kernel> {
    (dtype == DType::F64).then_some(eigen)
}

/// Distinct numbers below `immediate[1]`, `immediate[0]` for each key; with [`subsample_scratch`] elements.
pub(crate) fn subsample() -> Kernel {
    subsamples
}

/// The polygamma function of order `immediate[0]`.
pub(crate) fn polygamma_of_any_order(dtype: DType) -> Option<Kernel> {
    (dtype == DType::F64).then_some(polygamma)
}

/// Draws, `immediate[0]` for each key, of one or two parameters, see [`parameter_steps`]; none for kinds without.
pub(crate) fn draws_with_parameters(kind: RandomKind, dtype: DType) -> Option<Kernel> {
    match (kind, dtype) {
        (RandomKind::LogGamma, DType::F64) => Some(log_gamma),
        (RandomKind::Poisson, DType::F64) => Some(poisson),
        (RandomKind::Binomial, DType::F64) => Some(binomial),
        _ => None,
    }
}

/// For [`draws_with_parameters`], of so many draws for each key.
pub(crate) fn draw_immediate(count: usize, parameters: [Form; 2]) -> Immediate {
    let step = |form: Form| usize::from(form == Form::Each);
    [count, step(parameters[0]), step(parameters[1]), 0]
}
