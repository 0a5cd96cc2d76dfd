//! Kernels against plain loops: at sizes around those of registers and tiles, at addresses that are no multiples of a
//! register, with numbers that are none.

// Tests end as tests do.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use ppl_tensor::DType;
use ppl_tensor::op::Reduction;

use super::*;

thread_local! {
    static PORTABLE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is to do as if its processor had no wide registers.
pub(crate) fn is_portable() -> bool {
    PORTABLE.get()
}

/// What `f` comes to where processors have no wide registers.
pub(crate) fn as_portable<R>(f: impl FnOnce() -> R) -> R {
    PORTABLE.set(true);
    let result = f();
    PORTABLE.set(false);
    result
}

/// What a test is to go through: less where each instruction is checked by Miri, some hundred times as slow.
pub(crate) fn sizes<T>(all: &'static [T], under_miri: &'static [T]) -> &'static [T] {
    if cfg!(miri) { under_miri } else { all }
}

fn everywhere(test: impl Fn()) {
    test();
    as_portable(test);
}

/// Numbers between -2 and 2, none of them 0, which begin at no multiple of a register's bytes.
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut bits = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        (bits >> 11) as f64 / (1_u64 << 53) as f64 * 4.0 - 2.0 + 1e-3
    };
    (0..n).map(|_| next()).collect()
}

fn lengths() -> impl Iterator<Item = usize> {
    let all = &[0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 32, 33, 64, 65, 131];
    sizes(all, &[0, 3, 33]).iter().copied()
}

fn counts(all: &'static [usize]) -> impl Iterator<Item = usize> {
    all.iter().copied().filter(|count| !cfg!(miri) || [3, 8, 33].contains(count))
}

/// Floats of either precision, tested as doubles.
trait Tested: Copy + 'static {
    const DTYPE: DType;
    const EPSILON: f64;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Tested for f64 {
    const DTYPE: DType = DType::F64;
    const EPSILON: f64 = f64::EPSILON;
    fn of(x: f64) -> f64 {
        x
    }
    fn wide(self) -> f64 {
        self
    }
}

impl Tested for f32 {
    const DTYPE: DType = DType::F32;
    const EPSILON: f64 = f32::EPSILON as f64;
    fn of(x: f64) -> f32 {
        x as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

fn given<T: Tested>(values: &[f64]) -> Vec<T> {
    // One before, so that the rest is not at the start of a register.
    std::iter::once(0.5).chain(values.iter().copied()).map(T::of).collect()
}

/// Runs a kernel; all sources and the destination lack their first element, which is there to move the others.
fn run<T: Tested>(kernel: Kernel, dst: &mut [T], sources: [&[T]; 3], n: usize, immediate: Immediate) {
    let at = |x: &[T]| x.as_ptr().wrapping_add(1).cast::<u8>();
    let [a, b, c] = sources.map(at);
    // SAFETY: callers give as many elements as the kernel asks for, in vectors of their own.
    unsafe { kernel(dst.as_mut_ptr().wrapping_add(1).cast(), a, b, c, n, &immediate) }
}

/// The same of a kernel whose first two sources are addresses, those of every `step`-th coefficient and of rows at a distance of
/// `row`.
fn run_scattered<T: Tested>(
    kernel: Kernel,
    dst: &mut [T],
    [a, b, c]: [&[T]; 3],
    (coefficients, step): (usize, usize),
    (rows, row): (usize, usize),
    n: usize,
    flags: usize,
) {
    let entries = |x: &[T], count: usize, step: usize| -> Vec<*const T> {
        (0..count).map(|k| x.as_ptr().wrapping_add(1 + k * step)).collect()
    };
    let (first, second) = (entries(a, coefficients, step), entries(b, rows, row));
    let immediate = [rows, coefficients, rows, flags];
    // SAFETY: as above; there is an address for each coefficient and row.
    unsafe {
        let c = c.as_ptr().wrapping_add(1).cast();
        let dst = dst.as_mut_ptr().wrapping_add(1).cast();
        kernel(dst, first.as_ptr().cast(), second.as_ptr().cast(), c, n, &immediate);
    }
}

/// Whether all numbers are the same, bit by bit but for NaN.
fn are_same<T: Tested>(x: &[T], y: &[T]) -> bool {
    let same = |(x, y): (&T, &T)| {
        let (x, y) = (x.wide(), y.wide());
        x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan()
    };
    x.len() == y.len() && x.iter().zip(y).all(same)
}

/// A sum and the sum of its absolute terms, which bounds its rounding errors.
fn dot(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + f64::abs(term)))
}

/// Within the error of any order of summation of so many terms, each rounded as well.
fn assert_near<T: Tested>(found: T, (expected, size): (f64, f64), terms: usize, what: &str) {
    let allowed = (terms + 3) as f64 * T::EPSILON * size;
    let found = found.wide();
    let same = expected.is_nan() && found.is_nan() || expected == found;
    assert!(same || (found - expected).abs() <= allowed, "{what}: {found} instead of {expected}");
}

/// As read back in the precision of `T`.
fn rounded<T: Tested>(values: &[f64]) -> Vec<f64> {
    values.iter().map(|&x| T::of(x).wide()).collect()
}

fn combinations<T: Tested>() {
    let (kernel, scattered) = (combine(T::DTYPE, false).unwrap(), combine_scattered(T::DTYPE).unwrap());
    for n in lengths() {
        for count in counts(&[0, 1, 2, 3, 5, 8]) {
            for (start, form, shifted) in [
                (Start::Zero, Form::Each, false),
                (Start::Plus, Form::Same, false),
                (Start::Minus, Form::Each, false),
                (Start::From, Form::Each, true),
                (Start::Minus, Form::Same, true),
            ] {
                let (step, row) = (if shifted { 1 } else { 2 }, n + 3);
                let a = rounded::<T>(&numbers(count * step + 1, 1));
                let b = rounded::<T>(&numbers(count * row + 1, 2));
                let mut c = rounded::<T>(&numbers(n.max(1), 3));
                if n > 4 {
                    (c[1], c[3]) = (f64::NAN, f64::INFINITY);
                }
                let mut dst = vec![T::of(-7.0); n + 2];
                let immediate = [count, step, row, start.encoded(form, shifted)];
                let sources = [&given(&a)[..], &given(&b), &given(&c)];
                run(kernel, &mut dst, sources, n, immediate);
                let mut again = vec![T::of(-7.0); n + 2];
                let coefficients = (count + usize::from(shifted), step);
                run_scattered(scattered, &mut again, sources, coefficients, (count, row), n, immediate[3]);
                assert!(are_same(&dst, &again), "rows anywhere: {start:?} {n} {count}");
                for i in 0..n {
                    let term = if form == Form::Same { c[0] } else { c[i] };
                    let sign = if start == Start::Minus { -1.0 } else { 1.0 };
                    let products = (0..count).map(|k| sign * a[k * step] * b[k * row + i]);
                    let shift = sign * if shifted { a[count] } else { 0.0 };
                    let term = match start {
                        Start::Zero => 0.0,
                        Start::From => -term,
                        Start::Plus | Start::Minus => term,
                    };
                    let expected = dot(products.chain([shift, term]));
                    assert_near(dst[i + 1], expected, count, &format!("{start:?} {n} {count} at {i}"));
                }
                assert!(dst[0].wide() == -7.0 && dst[n + 1].wide() == -7.0, "nothing else is written");
            }
        }
    }
}

fn contractions<T: Tested>() {
    let (kernel, scattered) = (contract(T::DTYPE, false).unwrap(), contract_scattered(T::DTYPE).unwrap());
    for n in lengths() {
        for count in counts(&[1, 2, 3, 4, 5, 8, 9]) {
            for (replaces, moments) in [(false, false), (true, false), (false, true), (true, true)] {
                let row = n + 1;
                let step = if moments || count % 2 == 1 { 1 } else { 2 };
                let mut a = rounded::<T>(&numbers(n, 4));
                if n == 33 {
                    a[32] = f64::NEG_INFINITY;
                }
                let b = rounded::<T>(&numbers(count * row, 5));
                let before = rounded::<T>(&numbers(count * step + 2, 6));
                let mut dst = given::<T>(&before);
                let flags = contraction_flags(replaces, moments);
                let sources = [&given(&a)[..], &given(&b), &given(&a)];
                run(kernel, &mut dst, sources, n, [count, step, row, flags]);
                if step == 1 {
                    let mut again = given::<T>(&before);
                    run_scattered(scattered, &mut again, sources, (0, 1), (count, row), n, flags);
                    assert!(are_same(&dst, &again), "rows anywhere: {n} {count}");
                }
                let start = |at: usize| if replaces { 0.0 } else { before[at] };
                let check = |at: usize, terms: &mut dyn Iterator<Item = f64>, what: &str| {
                    let expected = dot(terms.chain([start(at)]));
                    assert_near(dst[at + 1], expected, n, &format!("{what} {n} {count} at {at}"));
                };
                for k in 0..count {
                    check(k * step, &mut (0..n).map(|i| a[i] * b[k * row + i]), "product");
                }
                if moments {
                    check(count, &mut a.iter().copied(), "sum");
                    check(count + 1, &mut a.iter().map(|x| x * x), "squares");
                }
            }
        }
    }
}

/// Matrices as they are stored, of any number of columns.
fn across<T: Tested>() {
    let (combine, contract) = (combine(T::DTYPE, true).unwrap(), contract(T::DTYPE, true).unwrap());
    for n in lengths().filter(|n| *n < 64) {
        for count in counts(&[1, 2, 7, 8, 31, 33, 64, 67, 100]) {
            let row = count + n % 3;
            let b = rounded::<T>(&numbers(n * row + 1, 11));
            let coefficients = rounded::<T>(&numbers(count + 1, 12));
            let term = rounded::<T>(&numbers(n.max(1), 13));
            for (start, form, shifted) in [
                (Start::Zero, Form::Same, true),
                (Start::Plus, Form::Each, false),
                (Start::Minus, Form::Each, true),
                (Start::From, Form::Same, false),
            ] {
                let mut dst = vec![T::of(-7.0); n + 2];
                let sources = [&given(&coefficients)[..], &given(&b), &given(&term)];
                run(combine, &mut dst, sources, n, [count, 1, row, start.encoded(form, shifted)]);
                let sign = if start == Start::Minus { -1.0 } else { 1.0 };
                for i in 0..n {
                    let products = (0..count).map(|k| sign * coefficients[k] * b[i * row + k]);
                    let shift = if shifted { sign * coefficients[count] } else { 0.0 };
                    let own = term[if form == Form::Same { 0 } else { i }];
                    let own = match start {
                        Start::Zero => 0.0,
                        Start::From => -own,
                        Start::Plus | Start::Minus => own,
                    };
                    let expected = dot(products.chain([shift, own]));
                    assert_near(dst[i + 1], expected, count, &format!("{start:?} {n} {count} at {i}"));
                }
                assert!(dst[0].wide() == -7.0 && dst[n + 1].wide() == -7.0, "nothing else is written");
            }
            for (replaces, moments) in [(false, true), (true, false), (true, true), (false, false)] {
                let before = rounded::<T>(&numbers(count + 3, 14));
                let mut dst = given::<T>(&before);
                let flags = contraction_flags(replaces, moments);
                let sources = [&given(&term)[..], &given(&b), &given(&term)];
                run(contract, &mut dst, sources, n, [count, 1, row, flags]);
                let own = &term[..n];
                for k in 0..count + 3 {
                    let value = |i: usize| match k.checked_sub(count) {
                        None => own[i] * b[i * row + k],
                        Some(0) => own[i],
                        Some(_) => own[i] * own[i],
                    };
                    let is_result = k < count || moments && k < count + 2;
                    let first = if replaces && is_result { 0.0 } else { before[k] };
                    let terms = (0..if is_result { n } else { 0 }).map(value);
                    let what = format!("across {n} {count} at {k}");
                    assert_near(dst[k + 1], dot(terms.chain([first])), n, &what);
                }
            }
        }
    }
}

fn products_and_terms<T: Tested>() {
    for n in lengths() {
        for kind in [MulAdd::Plus, MulAdd::Minus, MulAdd::From] {
            for (second, third) in
                [(Form::Each, Form::Each), (Form::Each, Form::Same), (Form::Same, Form::Each)]
            {
                let kernel = mul_add_of(kind, T::DTYPE, second, third).unwrap();
                let [mut a, b, c] = [7, 8, 9].map(|seed| rounded::<T>(&numbers(n.max(1), seed)));
                a[0] = f64::NAN;
                let mut dst = vec![T::of(-7.0); n + 2];
                run(kernel, &mut dst, [&given(&a), &given(&b), &given(&c)], n, [0; 4]);
                for i in 0..n {
                    let at = |x: &[f64], form| if form == Form::Same { x[0] } else { x[i] };
                    let (product, term) = (a[i] * at(&b, second), at(&c, third));
                    let terms = match kind {
                        MulAdd::Plus => [product, term],
                        MulAdd::Minus => [product, -term],
                        MulAdd::From => [-product, term],
                    };
                    assert_near(dst[i + 1], dot(terms.into_iter()), 1, &format!("{kind:?} {n} at {i}"));
                }
                assert!(dst[0].wide() == -7.0 && dst[n + 1].wide() == -7.0, "nothing else is written");
            }
        }
    }
}

#[test]
fn linear_combinations_are_sums_of_products() {
    everywhere(|| {
        combinations::<f64>();
        combinations::<f32>();
    });
}

#[test]
fn contractions_are_sums_of_products_with_rows() {
    everywhere(|| {
        contractions::<f64>();
        contractions::<f32>();
    });
}

#[test]
fn wide_matrices_are_read_as_they_are_stored() {
    everywhere(|| {
        across::<f64>();
        across::<f32>();
    });
}

#[test]
fn products_meet_a_third_operand() {
    everywhere(|| {
        products_and_terms::<f64>();
        products_and_terms::<f32>();
    });
}

#[test]
fn sums_of_rows_and_columns_keep_their_digits() {
    // Of 10⁶ equal terms one after the other the error would be some thousand units of single precision.
    everywhere(|| {
        let rows = reduce_rows(Reduction::Sum, DType::F32).unwrap();
        let columns = reduce_columns(Reduction::Sum, DType::F32).unwrap();
        for width in [1, 2, 5, 17] {
            let size = if cfg!(miri) { 1100 } else { 200_000 };
            let terms = vec![0.1_f32; size * width + 1];
            let exact = f64::from(0.1_f32) * size as f64;
            for kernel in [rows, columns] {
                let mut dst = vec![0.0_f32; width + 1];
                run(kernel, &mut dst, [&terms, &terms, &terms], width, [size, 0, 0, 0]);
                for &sum in &dst[1..] {
                    // A piece of 512 terms, and 18 halvings.
                    assert!((f64::from(sum) - exact).abs() < 64.0 * f64::from(f32::EPSILON) * exact, "{sum}");
                }
            }
        }
    });
}

#[test]
fn reductions_are_those_of_plain_loops() {
    everywhere(|| {
        for &n in sizes(&[1, 2, 5, 16, 17, 40], &[5]) {
            for &size in sizes(&[0, 1, 2, 3, 7, 8, 15, 16, 17, 33, 513, 1100], &[0, 3, 17, 513]) {
                let x = numbers(n * size, 10);
                let source = given::<f64>(&x);
                for (by_rows, kernels) in
                    [(true, [Reduction::Sum, Reduction::Max]), (false, [Reduction::Sum, Reduction::Max])]
                {
                    for kind in kernels {
                        let kernel = if by_rows {
                            reduce_rows(kind, DType::F64)
                        } else {
                            reduce_columns(kind, DType::F64)
                        };
                        let mut dst = vec![0.0; n + 1];
                        run(kernel.unwrap(), &mut dst, [&source, &source, &source], n, [size, 0, 0, 0]);
                        for i in 0..n {
                            let terms =
                                (0..size).map(|k| if by_rows { x[i * size + k] } else { x[k * n + i] });
                            let expected = match kind {
                                Reduction::Max => (terms.fold(f64::NEG_INFINITY, f64::max), 0.0),
                                _ => dot(terms),
                            };
                            assert_near(
                                dst[i + 1],
                                expected,
                                size,
                                &format!("{kind:?} {n} {size} {by_rows}"),
                            );
                        }
                    }
                }
            }
        }
    });
}
