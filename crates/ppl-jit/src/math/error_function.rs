//! The error function and its complement.

use super::exponential::{exp, exp_of_sum};
use super::float::{Arch, at_most, horner, mul_add, select, two_product};

/// Error function: in `[0, 1]` a polynomial; beyond, 1 less the exponential of one.
#[inline(always)]
pub(crate) fn erf<A: Arch>(x: f64) -> f64 {
    let size = x.abs();
    let near = mul_add::<A, f64>(size, erf_near_zero::<A>(size * size), size);
    // At 6 the error function is 1 to all digits.
    let far = 1.0 - exp::<A, f64>(log_erfc::<A>(at_most(size, 6.0)));
    select(size < 1.0, near, far).copysign(x)
}

/// `erf(x) / x - 1` of `z = x²` in `[0, 1]`: degree 12 for an error of `2⁻⁶³`.
#[inline(always)]
fn erf_near_zero<A: Arch>(z: f64) -> f64 {
    horner!(A, z;
        0.1283791670955126,
        -0.3761263890318375,
        0.11283791670954885,
        -0.02686617064507787,
        0.005223977624828395,
        -0.0008548326981423788,
        0.00012055331132903609,
        -1.4925595771172962e-05,
        1.6461008464751155e-06,
        -1.6350396108648497e-07,
        1.4660328064339042e-08,
        -1.1374953447997308e-09,
        5.960681677686845e-11,
    )
}

/// `ln erfc(x)` for `x` in `[1, 6]`: degree 18 for an error of `2⁻⁵⁸ / erfc(x)`.
#[inline(always)]
fn log_erfc<A: Arch>(x: f64) -> f64 {
    horner!(A, x;
        -1.6559379277503746e-07,
        -1.1283774617198539,
        -0.6366279095275855,
        -0.10274880993724053,
        0.019081035467520765,
        0.0002766077230596912,
        -0.0017650601762943185,
        0.0006381012407939026,
        -4.2968661349823876e-05,
        -7.123280837277085e-05,
        4.5347461282801545e-05,
        -1.6596812603763373e-05,
        4.342613337388352e-06,
        -8.522919070300413e-07,
        1.2570880958594523e-07,
        -1.3592419054517997e-08,
        1.0198289955208272e-09,
        -4.749644646616167e-11,
        1.0344863383130576e-12,
    )
}

/// `1 - erf(x)`, to full relative accuracy also where it is small: `exp(-x²)` times the scaled function.
#[inline(always)]
pub(crate) fn erfc<A: Arch>(x: f64) -> f64 {
    // At 28 it has underflowed.
    let size = at_most(x.abs(), 28.0);
    let (square, rest) = two_product::<A>(size, size);
    let exponential = exp_of_sum::<A, f64>(-square, -rest);
    let w = 1.0 / (size + 4.0);
    let value = exponential * (w * scaled_erfc::<A>((size - 4.0) * w));
    select(x < 0.0, 2.0 - value, value)
}

/// `(x + 4) exp(x²) erfc(x)` of `t = (x - 4) / (x + 4)`, a mapping of Schonfelder (1978), for `x` in `[0, 28]`: degree 22
/// for an error of `2⁻⁵⁸`.
#[inline(always)]
fn scaled_erfc<A: Arch>(t: f64) -> f64 {
    horner!(A, t;
        1.095995661000491,
        -0.9765487290808821,
        0.7732087022652367,
        -0.5408538313132247,
        0.3308515878780294,
        -0.17401093724029554,
        0.07638151490901483,
        -0.02637005333457027,
        0.006112055658305677,
        -0.00028095891581228884,
        -0.0004550526989009859,
        0.0001768130830994443,
        -3.6351097869149958e-06,
        -1.886175942160672e-05,
        4.6942356443005536e-06,
        1.4260063941052001e-06,
        -8.458769910872125e-07,
        -7.781666908369053e-08,
        1.2385702393670994e-07,
        2.452224253329651e-09,
        -1.5396186029187214e-08,
        -3.195107381972672e-10,
        1.039450513965938e-09,
    )
}
