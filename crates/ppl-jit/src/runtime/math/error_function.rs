//! The error function and its complement.

use super::exponential::{exp, exp_of_sum, scale, short_exp};
use super::float::{Arch, Float, at_most, estrin, horner, mul_add, select, two_product, two_sum};

/// Error function: in `[-1, 1]` a polynomial; beyond, 1 less the exponential of one.
#[inline(always)]
pub(crate) fn erf<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    if T::IS_SINGLE {
        let size = at_most(x.abs(), 4.0);
        return T::narrow((size * short_erf::<A>(size * size)).copysign(x));
    }
    let size = x.abs();
    let near = mul_add::<A, f64>(size, erf_near_zero::<A>(size * size), size);
    // At 6 the error function is 1 to all digits.
    let far = 1.0 - exp::<A, f64>(log_erfc::<A>(at_most(size, 6.0)));
    T::narrow(select(size < 1.0, near, far).copysign(x))
}

/// `erf(x) / x` of `z = x²` in `[0, 16]`, for single precision: degree 18 for an error of `2⁻³¹`.
#[inline(always)]
fn short_erf<A: Arch>(z: f64) -> f64 {
    horner!(A, z; 1.1283791667569247, -0.376126375177517, 0.11283781985562241, -0.026865896224494406, 0.005223559568528636, -0.0008544381411617519, 0.00012030231402579342, -1.481188474243829e-05, 1.6080365105766528e-06, -1.5390398768339844e-07, 1.2868228037649977e-08, -9.240194561305696e-10, 5.566878750449419e-11, -2.735000813045699e-12, 1.0585160857424688e-13, -3.0845473130011954e-15, 6.329017046199974e-17, -8.12040160224768e-19, 4.8872258359713044e-21)
}

/// `erf(x) / x - 1` of `z = x²` in `[0, 1]`: degree 12 for an error of `2⁻⁶³`.
#[inline(always)]
fn erf_near_zero<A: Arch>(z: f64) -> f64 {
    horner!(A, z;
        0.1283791670955126,
        -0.3761263890318375,
        estrin!(A, z;
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
        ),
    )
}

/// `ln erfc(x)` for `x` in `[1, 6]`: degree 18 for an error of `2⁻⁵⁸ / erfc(x)`.
#[inline(always)]
fn log_erfc<A: Arch>(x: f64) -> f64 {
    horner!(A, x;
        -1.6559379277503746e-07,
        -1.1283774617198539,
        -0.6366279095275855,
        estrin!(A, x;
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
        ),
    )
}

/// `1 - erf(x)`, to full relative accuracy also where it is small: beyond ¾, `exp(-x²)` times the scaled function.
#[inline(always)]
pub(crate) fn erfc<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    if T::IS_SINGLE {
        return T::narrow(short_erfc::<A>(x));
    }
    let (difference, error) = two_sum(1.0, -x);
    let near = difference - mul_add::<A, f64>(x, erf_near_zero::<A>(x * x), -error);
    // At 28 it has underflowed.
    let size = at_most(x.abs(), 28.0);
    let (square, rest) = two_product::<A>(size, size);
    let (power, power_low, k) = exp_of_sum::<A, f64>(-square, -rest);
    // `1 / (x + 3)` in two parts.
    let (divisor, lost) = two_sum(size, 3.0);
    let w = 1.0 / divisor;
    let (product, error) = two_product::<A>(w, divisor);
    let w_low = w * (((1.0 - product) - error) - w * lost);
    let q = scaled_erfc::<A>(mul_add::<A, f64>(w, -6.0, 1.0) - 6.0 * w_low);
    let (scaled, error) = two_product::<A>(w, q);
    let low = mul_add::<A, f64>(power_low, scaled, power * mul_add::<A, f64>(w_low, q, error));
    let value = scale(mul_add::<A, f64>(power, scaled, low), k);
    T::narrow(select(x.abs() < 0.75, near, select(x < 0.0, 2.0 - value, value)))
}

/// The same for single precision: degree 9 for an error of `2⁻³⁰`.
#[inline(always)]
fn short_erfc<A: Arch>(x: f64) -> f64 {
    // At 10.5 it has underflowed; squares of singles are exact.
    let size = at_most(x.abs(), 10.5);
    let square = size * size;
    let near = 1.0 - x * short_erf::<A>(square);
    let w = 1.0 / (size + 3.0);
    let scaled = w
        * horner!(A, (size - 3.0) * w; 1.0740069077536545, -0.8833944505152099, 0.5902282521024451, -0.3104673574611234, 0.1195303715491845, -0.026826164488149108, -0.00123506446798825, 0.003027892398119674, -0.00046719202976087265, -0.0002562544108569129);
    let value = short_exp::<A>(-square) * scaled;
    select(size < 0.75, near, select(x < 0.0, 2.0 - value, value))
}

/// `(x + 3) exp(x²) erfc(x)` of `t = (x - 3) / (x + 3)`, a mapping of Schonfelder (1978), for `x` in `[¾, 28]`: degree 20
/// for an error of `2⁻⁵⁷`, by least squares at Chebyshev points; each coefficient in turn was rounded and the rest
/// fitted again, and the constant is a sum of two.
#[inline(always)]
fn scaled_erfc<A: Arch>(t: f64) -> f64 {
    const LOW: f64 = -8.726970582552123e-17;
    let p = horner!(A, t;
        -0.8833944531698837,
        0.5902283571041013,
        -0.3104672619005492,
        estrin!(A, t;
            0.11952776128732442,
            -0.02682723462531131,
            -0.0012124166278195015,
            0.0030340620182628996,
            -0.0005483096905391066,
            -0.0002767780348752806,
            0.00010756156345269883,
            3.0399376856736597e-05,
            -1.7471538324641634e-05,
            -4.753844042796378e-06,
            2.7708205354747318e-06,
            1.0087074932707712e-06,
            -4.2412771807893273e-07,
            -2.4247280362013456e-07,
            7.117764143890766e-08,
            4.791403571710303e-08,
            -1.747714570500696e-08,
        ),
    );
    1.0740069070883398 + mul_add::<A, f64>(t, p, LOW)
}
