//! The logarithm of the gamma function and its first two derivatives, for positive arguments.

use super::float::{Arch, Float, estrin, horner, mul_add, select};
use super::logarithm::log_for;

/// From here on, the asymptotic series (Abramowitz and Stegun 6.1.41, 6.3.18, 6.4.12) are right to all digits, as
/// minimax polynomials in `1/x²`.
const LARGE: f64 = 8.0;

/// `ln Γ(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// In `[1, 1.5]` and `[1.5, 2.5]` the roots at 1 and 2 are factors of polynomials; below 1, and up to 8, the recurrence
/// leads to the latter interval.
#[inline(always)]
pub(crate) fn lgamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let large = x >= LARGE;
    // In single precision also up to 1.5: cancellation of doubles does no harm.
    let (below_half, below) = (x < 0.5, x < select(T::IS_SINGLE, 1.5, 1.0));
    let up = select(below_half, x + 1.0, 1.0);
    let mut product = select(below, x, 1.0) * up;
    let mut from_two = select(below_half, x, select(below, x - 1.0, x - 2.0));
    for (shift, least) in [(1.0, 2.5), (2.0, 3.5), (3.0, 4.5), (4.0, 5.5), (5.0, 6.5), (6.0, 7.5)] {
        product = select(x >= least, product * (x - shift), product);
        from_two = select(x >= least, x - (shift + 2.0), from_two);
    }
    let log = log_for::<A, T>(select(large, x, product));
    let near_two = from_two * (from_two + 1.0) * lgamma_near_two::<A, T>(from_two);
    // Subtracted, so that it is not a negative zero at 1.
    let above_one = 0.0 - (x - 1.0) * (2.0 - x) * lgamma_above_one::<A>(x - 1.0);
    let near = near_two + select(below, -log, log);
    let direct = !T::IS_SINGLE && (1.0..1.5).contains(&x);
    let moderate = select(direct, above_one, near);
    let reciprocal = 1.0 / x;
    let series = stirling::<A, T>(reciprocal * reciprocal);
    // `(ln 2π - 1) / 2`.
    let rest = mul_add::<A, f64>(series, reciprocal, 0.4189385332046727);
    T::narrow(select(large, mul_add::<A, f64>(x - 0.5, log - 1.0, rest), moderate))
}

/// `x` times the rest of Stirling's formula, of `z = 1/x²`: degree 5 for an error of `2⁻⁵⁴`, or 2 for `2⁻³³`.
#[inline(always)]
fn stirling<A: Arch, T: Float>(z: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, z; 0.08333333326538568, -0.00277769876742423, 0.0007800437407352646);
    }
    horner!(A, z;
        0.0833333333333333,
        -0.0027777777776091953,
        0.0007936506663797671,
        -0.0005952028377912144,
        0.0008373002099336009,
        -0.0016530046240927447,
    )
}

/// `ln Γ(2 + g) / (g (1 + g))` for `|g| ≤ ½`: degree 18 for an error of `2⁻⁶⁰`, or 9 for `2⁻³²`.
#[inline(always)]
fn lgamma_near_two<A: Arch, T: Float>(g: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, g; 0.42278433518318426, -0.10031730188868052, 0.03296498377057181, -0.01238417505891173, 0.0049991755119522885, -0.002108512810970982, 0.0009094819192190401, -0.0004022590170884898, 0.0002087036050938793, -9.648340487593998e-05);
    }
    horner!(A, g;
        0.42278433509846713,
        -0.10031730167435393,
        estrin!(A, g;
            0.032965000621155864,
            -0.012384192193367423,
            0.004998641164691843,
            -0.0021081308342258604,
            0.0009153769225298094,
            -0.0004057073889164889,
            0.0001825526318986748,
            -8.309527408293868e-05,
            3.8168995451139004e-05,
            -1.7660187728734617e-05,
            8.221237144956802e-06,
            -3.856340810466542e-06,
            1.8133663142336772e-06,
            -8.208363434394506e-07,
            3.863300762329112e-07,
            -2.5260745219205694e-07,
            1.2216826460227615e-07,
        ),
    )
}

/// `ln Γ(1 + h) / (h (h - 1))` for `h` in `[0, ½]`: degree 16 for an error of `2⁻⁵⁹`.
#[inline(always)]
fn lgamma_above_one<A: Arch>(h: f64) -> f64 {
    horner!(A, h;
        0.5772156649015329,
        -0.24525136852257953,
        estrin!(A, h;
            0.15543426586379278,
            -0.11514654255158836,
            0.09223900796505825,
            -0.07731815611715297,
            0.06673152402750163,
            -0.05877559383509291,
            0.05253676898437238,
            -0.04742212759294605,
            0.04284543619313184,
            -0.037925982480477086,
            0.031460070244683225,
            -0.022730736047733183,
            0.01289740284480693,
            -0.004932021681049667,
            0.0009288188028878169,
        ),
    )
}

/// Digamma `ψ(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// Below 8 the recurrence leads to `[1, 2]`, where the root is a factor; its terms are collected in one fraction.
#[inline(always)]
pub(crate) fn digamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let large = x >= LARGE;
    let below = x < 1.0;
    let term = |shift: f64| {
        let inside = x >= shift + 1.0;
        (select(inside, 1.0, 0.0), select(inside, x - shift, 1.0))
    };
    let low = sum_of_fractions::<A>(term(1.0), term(2.0));
    let middle = sum_of_fractions::<A>(term(3.0), term(4.0));
    let high = sum_of_fractions::<A>(term(5.0), term(6.0));
    let first = (select(below, -1.0, 0.0), select(below, x, 1.0));
    let (numerator, denominator) =
        sum_of_fractions::<A>(sum_of_fractions::<A>(low, middle), sum_of_fractions::<A>(high, first));
    let y = select(
        below,
        x + 1.0,
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].iter().fold(x, |y, shift| select(x >= shift + 1.0, x - shift, y)),
    );
    let quotient = select(large, 1.0, numerator) / select(large, x, denominator);
    let from_root = (y - 1.4616321449683622) - 9.549995429965697e-17;
    let moderate = mul_add::<A, f64>(from_root, digamma_near_root::<A, T>(y - 1.5), quotient);
    let square = quotient * quotient;
    let series = horner!(A, square;
        0.0833333333333258,
        -0.008333333323855401,
        0.0039682499916888,
        -0.0041658958154320415,
        0.007499395334882598,
        -0.017267464166939427,
    );
    let tail = mul_add::<A, f64>(square, series, 0.5 * quotient);
    T::narrow(select(large, log_for::<A, T>(x) - tail, moderate))
}

/// `a/b + c/d`, as a fraction: one division for many.
#[inline(always)]
fn sum_of_fractions<A: Arch>((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    (mul_add::<A, f64>(a, d, c * b), b * d)
}

/// `ψ(1.5 + t)` divided by the distance from the root, for `|t| ≤ ½`: degree 22 for an error of `2⁻⁵⁸`, or 11 for `2⁻³⁰`.
#[inline(always)]
fn digamma_near_root<A: Arch, T: Float>(t: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, t; 0.9510558754249532, -0.42362741936963755, 0.24054265764796737, -0.14840515925785808, 0.09498073327405046, -0.06191410467785933, 0.04089451159745828, -0.027089602214899464, 0.016910847359046417, -0.011145282630361963, 0.011230200194285101, -0.007625297210794539);
    }
    horner!(A, t;
        0.9510558760318328,
        -0.4236274212814606,
        estrin!(A, t;
            0.24054248424078722,
            -0.14840492305388028,
            0.09498872445285002,
            -0.06192213327554354,
            0.040760833943377435,
            -0.026975796657590687,
            0.017907248235953206,
            -0.011908220153952678,
            0.007927023321384749,
            -0.005279936625370222,
            0.0035180887648284735,
            -0.0023454999243656266,
            0.0015635030250753812,
            -0.0010364315538368227,
            0.0006902836206506615,
            -0.00048603612244709524,
            0.00032587717103473626,
            -0.0001446537043940247,
            9.329990687467524e-05,
            -0.000178335446520592,
            0.00012117059812727207,
        ),
    )
}

/// Trigamma `ψ⁽¹⁾(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// Below 8 the recurrence leads to `[8, 16]`: all its terms are positive.
#[inline(always)]
pub(crate) fn trigamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let large = x >= LARGE;
    // Of large arguments these would overflow, and the sum is not used.
    let small = select(large, 1.0, x);
    let term = |shift: f64| (1.0, (small + shift) * (small + shift));
    let low = sum_of_fractions::<A>(term(1.0), term(2.0));
    let middle = sum_of_fractions::<A>(term(3.0), term(4.0));
    let high = sum_of_fractions::<A>(sum_of_fractions::<A>(term(5.0), term(6.0)), term(7.0));
    let (numerator, denominator) = sum_of_fractions::<A>(sum_of_fractions::<A>(low, middle), high);
    let first = 1.0 / small;
    let sum = mul_add::<A, f64>(first, first, numerator / denominator);
    let r = 1.0 / select(large, x, x + 8.0);
    let square = r * r;
    let series = horner!(A, square;
        0.16666666666666397,
        -0.03333333332884905,
        0.023809521294997714,
        -0.03333266193501844,
        0.07566089022224678,
        -0.24532553091655085,
        0.8267060376895187,
    );
    let tail = square * mul_add::<A, f64>(r, series, 0.5);
    T::narrow(select(large, 0.0, sum) + (r + tail))
}
