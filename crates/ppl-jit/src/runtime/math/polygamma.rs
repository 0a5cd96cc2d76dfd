//! Derivatives of the logarithm of the gamma function, for positive arguments.

use super::compensated::{fast_two_sum, product, reciprocal, remainder, step};
use super::float::{Arch, Float, at_least, at_most, estrin, horner, mul_add, select};
use super::logarithm::{log_for, short_log_in_two};

/// From here on there are the asymptotic series (Abramowitz and Stegun 6.3.18, 6.4.12), as polynomials in `1/x²`.
const LARGE: f64 = 2.0;

/// Below this the pole of digamma is all, and beyond the other the first terms of the series are.
const TINY: f64 = 1e-18;
const HUGE: f64 = 1e200;

/// The positive root of digamma in two parts.
const ROOT: (f64, f64) = (1.4616321449683622, 9.549995429965697e-17);

/// Digamma `ψ(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// In `[1, 2]` the root is a factor of a polynomial; below 1 the recurrence leads there.
#[inline(always)]
pub(crate) fn digamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let (large, below) = (x >= LARGE, x < 1.0);
    // `ψ(y) = (y - root) p(y - 1.5)`, with `y` exact where it matters.
    let from_root = select(below, x - (ROOT.0 - 1.0), x - ROOT.0);
    let t = select(below, x - 0.5, x - 1.5);
    if T::IS_SINGLE {
        let q = 1.0 / x;
        let square = q * q;
        let tail = mul_add::<A, f64>(square, digamma_series::<A, T>(square), 0.5 * q);
        let middle = (from_root - ROOT.1) * short_digamma_middle::<A>(t) - select(below, q, 0.0);
        return T::narrow(select(large, log_for::<A, T>(x) - tail, middle));
    }
    let (q, q_low) = reciprocal::<A, f64>(at_most(x, HUGE));
    let (log, log_low) = short_log_in_two::<A>(x);
    let (middle, middle_low) = product::<A, f64>(fast_two_sum(from_root, -ROOT.1), digamma_middle::<A>(t));
    let square = q * q;
    let series = square * digamma_series::<A, T>(square);
    let (sum, lost) =
        fast_two_sum(select(large, log, select(below, -q, 0.0)), select(large, -0.5 * q, middle));
    let low = select(large, (log_low - 0.5 * q_low) - series, middle_low - select(below, q_low, 0.0));
    let value = select(x < TINY, -q, sum + (lost + low));
    T::narrow(select(x == f64::INFINITY, x, value))
}

/// `x² (ln x - ψ(x)) - x/2` of `z = 1/x²` for `x ≥ 2`: degree 18 for an error of `2⁻⁵⁷`, or 6 for `2⁻³²`.
#[inline(always)]
fn digamma_series<A: Arch, T: Float>(z: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, z; 0.08333333320261635, -0.008333278920753322, 0.003964463147007604, -0.004063309509040174, 0.006121562722541899, -0.00867970986722716, 0.0067283261843994946);
    }
    horner!(A, z;
        0.08333333333333333,
        -0.008333333333319167,
        estrin!(A, z;
            0.003968253961014309,
            -0.004166665183155856,
            0.007575594624062777,
            -0.02108166148732657,
            0.08281410475612111,
            -0.4256035579501365,
            2.5915131456886167,
            -16.618468179206086,
            100.98484546959476,
            -538.7010154825354,
            2395.0341550287767,
            -8536.220152933403,
            23520.932004067676,
            -47973.642837837324,
            67918.21858439945,
            -59429.774375425324,
            24165.027860654285,
        ),
    )
}

/// `ψ(1.5 + t)` divided by the distance from the root, for `|t| ≤ ½`: degree 22 for an error of `2⁻⁵⁸`.
#[inline(always)]
fn digamma_middle<A: Arch>(t: f64) -> (f64, f64) {
    const LOW: f64 = 4.343503951698568e-17;
    let p = horner!(A, t;
        -0.4236274212814606,
        0.24054248424078684,
        estrin!(A, t;
            -0.1484049230538847,
            0.09498872445291456,
            -0.06192213327522459,
            0.04076083393931914,
            -0.026975796668854,
            0.017907248366563905,
            -0.011908219927579265,
            0.007927020871837968,
            -0.005279939418375339,
            0.0035181173832264253,
            -0.002345478026924102,
            0.001563288424111707,
            -0.001036540987250542,
            0.0006913168911994958,
            -0.0004856985256705001,
            0.0003227891332729307,
            -0.00014523954164338753,
            9.851367420856925e-05,
            -0.00017789806869577588,
            0.00011737030222133712,
        ),
    );
    let (value, low) = step::<A, f64>(0.9510558760318328, t, (p, 0.0));
    (value, low + LOW)
}

/// The same for single precision: degree 11 for an error of `2⁻³⁰`.
#[inline(always)]
fn short_digamma_middle<A: Arch>(t: f64) -> f64 {
    horner!(A, t; 0.9510558754482125, -0.4236274216363766, 0.24054265293077678, -0.14840497564851396, 0.0949808857803173, -0.061918254448474444, 0.040892789565019266, -0.027051405190025885, 0.016918772768134197, -0.011298876385635937, 0.011217447772440589, -0.007400942160766617)
}

/// Where higher derivatives begin: below 1 the recurrence leads from `x` to `y = x + 1`, and elsewhere `y = x`.
struct Shifted {
    /// 1 below 1, and 0 elsewhere.
    shift: f64,
    /// `1/x` in two parts where the shift is 1.
    r: (f64, f64),
    /// `1/y` in two parts.
    q: (f64, f64),
    /// `1 / (y + 2)`.
    w: f64,
}

impl Shifted {
    #[inline(always)]
    fn new<A: Arch>(x: f64) -> Self {
        let below = x < 1.0;
        // Powers of the reciprocal of the least are infinite, and finite numbers of it are left.
        let (shift, pole) = (select(below, 1.0, 0.0), select(below, at_least(x, 1e-200), 1.0));
        let y = x + shift;
        let y_low = x - (y - shift);
        // Two reciprocals of one division.
        let inverse = 1.0 / (y * pole);
        let (r, q) = (inverse * at_most(y, 2.0), inverse * pole);
        let q_low = mul_add::<A, f64>(-q, y_low, remainder::<A, f64>(1.0, q, y)) * q;
        let r_low = remainder::<A, f64>(1.0, r, pole) * r;
        Self { shift, r: (r, r_low), q: (q, q_low), w: 1.0 / (y + 2.0) }
    }
}

/// `a + b + c + low` of positive numbers, each at least as large as the next, or `a = 0`.
#[inline(always)]
fn sum_of_series(x: f64, a: f64, b: f64, c: f64, low: f64) -> f64 {
    let (sum, lost) = fast_two_sum(a, b);
    let (sum, lost_again) = fast_two_sum(sum, c);
    // Beyond either end what is lost is NaN, and the sum is the value.
    select(x < HUGE && sum < f64::INFINITY, sum + (low + (lost + lost_again)), sum)
}

/// Trigamma `ψ⁽¹⁾(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// From 1 on it is `1/x + 1/2x² + g/x³`; below, the recurrence leads there.
#[inline(always)]
pub(crate) fn trigamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let Shifted { shift, r, q, w } = Shifted::new::<A>(x);
    let rest = trigamma_rest::<A, T>(w);
    if T::IS_SINGLE {
        let (r, q) = (r.0, q.0);
        let square = q * q;
        let series = mul_add::<A, f64>(square, mul_add::<A, f64>(q, rest, 0.5), q);
        return T::narrow(mul_add::<A, f64>(r, r * shift, series));
    }
    let (square, square_low) = product::<A, f64>(q, q);
    let (pole, pole_low) = product::<A, f64>(r, (r.0 * shift, r.1 * shift));
    let low = mul_add::<A, f64>(square * q.0, rest, mul_add::<A, f64>(0.5, square_low, q.1)) + pole_low;
    T::narrow(sum_of_series(x, pole, q.0, 0.5 * square, low))
}

/// Tetragamma `ψ⁽²⁾(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// From 1 on it is `-1/x² - 1/x³ - g/x⁴`; below, the recurrence leads there.
#[inline(always)]
pub(crate) fn tetragamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let Shifted { shift, r, q, w } = Shifted::new::<A>(x);
    let rest = tetragamma_rest::<A, T>(w);
    if T::IS_SINGLE {
        let (r, q) = (r.0, q.0);
        let square = q * q;
        let series = square * mul_add::<A, f64>(square, rest, 1.0 + q);
        return T::narrow(-mul_add::<A, f64>(r * r, 2.0 * r * shift, series));
    }
    let square = product::<A, f64>(q, q);
    let (cube, cube_low) = product::<A, f64>(square, q);
    let (pole, pole_low) = product::<A, f64>(product::<A, f64>(r, r), (2.0 * r.0 * shift, 2.0 * r.1 * shift));
    let (fourth, fourth_low) = product::<A, f64>(square, square);
    let low = mul_add::<A, f64>(fourth, rest, mul_add::<A, f64>(fourth_low, rest, cube_low + square.1));
    let low = low + pole_low;
    T::narrow(-sum_of_series(x, pole, square.0, cube, low))
}

/// `x³ (ψ⁽¹⁾(x) - 1/x - 1/2x²)` of `w = 1 / (x + 2)` for `x ≥ 1`: degree 18 for an error of `2⁻⁵⁷`, or 11 for `2⁻³¹`.
#[inline(always)]
fn trigamma_rest<A: Arch, T: Float>(w: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, w; 0.1666666666936637, -2.2915212381127105e-08, -0.033330123467218045, -0.13350875644501128, -0.37126192584063145, -0.9573516077982301, -0.9080461658071427, -8.632634519204162, 20.460362104487345, -74.67557818048694, 110.24457638379012, -99.20126855501486);
    }
    horner!(A, w;
        0.16666666666666666,
        1.4035290987995877e-14,
        estrin!(A, w;
            -0.03333333333790655,
            -0.13333333271520598,
            -0.3761905209682404,
            -0.8761884874787539,
            -1.7476777674765056,
            -2.989261437251749,
            -4.3424779646943215,
            -4.984552151936115,
            -7.052410418980254,
            4.8059513882790315,
            -62.59857984472831,
            178.5678802037027,
            -527.4539201481904,
            1075.7510263375716,
            -1613.7576403889984,
            1465.8342731629673,
            -677.4375192062026,
        ),
    )
}

/// `-x⁴ (ψ⁽²⁾(x) + 1/x² + 1/x³)` of `w = 1 / (x + 2)` for `x ≥ 1`: degree 20 for an error of `2⁻⁵⁷`, or 12 for `2⁻³¹`.
#[inline(always)]
fn tetragamma_rest<A: Arch, T: Float>(w: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, w; 0.5000000000267273, -2.6610069272935774e-08, -0.16666228906786834, -0.6669486370590857, -1.8239383282556145, -4.185236042450209, -4.639994656221945, -28.315925625985123, 103.21932833543761, -404.1821749665053, 1034.7230127113194, -1475.8396323141146, 1061.4030952450396);
    }
    horner!(A, w;
        0.5,
        -2.9510586845813923e-15,
        estrin!(A, w;
            -0.16666666666511065,
            -0.6666666669576388,
            -1.833333305449285,
            -4.0000016125982265,
            -6.966604906358622,
            -8.934995086336341,
            -5.667312196115755,
            6.45020168958079,
            29.375154180695706,
            -26.209534412852577,
            311.9103870488243,
            -1709.616983987271,
            7288.993826304818,
            -20616.790128482713,
            43931.66739731417,
            -69103.8441369984,
            78649.81138713277,
            -57531.04177950086,
            21293.37207084419,
        ),
    )
}
