//! The error function and its complement.

use super::compensated::{product, product_and, remainder, step, step_at, two_product, two_sum};
use super::exponential::{exp, exp_of_sum, scale, short_exp};
use super::float::{Arch, Float, at_most, estrin, horner, mul_add, select};

/// Error function: in `[-1, 1]` a polynomial; beyond, 1 less the exponential of one.
#[inline(always)]
pub(crate) fn erf<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    if T::IS_SINGLE {
        let size = at_most(x.abs(), 4.0);
        return T::narrow((size * short_erf::<A>(size * size)).copysign(x));
    }
    let size = x.abs();
    let (p, p_low) = erf_near_zero::<A>(size);
    let near = size + mul_add::<A, f64>(size, p, size * p_low);
    // At 6 the error function is 1 to all digits.
    let far = 1.0 - exp::<A, f64>(log_erfc::<A>(at_most(size, 6.0) - 1.0));
    T::narrow(select(size < 1.0, near, far).copysign(x))
}

/// `erf(x) / x` of `z = x²` in `[0, 16]`, for single precision: degree 18 for an error of `2⁻³¹`.
#[inline(always)]
fn short_erf<A: Arch>(z: f64) -> f64 {
    horner!(A, z; 1.1283791667569247, -0.376126375177517, 0.11283781985562241, -0.026865896224494406, 0.005223559568528636, -0.0008544381411617519, 0.00012030231402579342, -1.481188474243829e-05, 1.6080365105766528e-06, -1.5390398768339844e-07, 1.2868228037649977e-08, -9.240194561305696e-10, 5.566878750449419e-11, -2.735000813045699e-12, 1.0585160857424688e-13, -3.0845473130011954e-15, 6.329017046199974e-17, -8.12040160224768e-19, 4.8872258359713044e-21)
}

/// `erf(x) / x - 1` for `x` in `[-1, 1]`, by a polynomial in `x²` of degree 12 for an error of `2⁻⁶²`.
#[inline(always)]
fn erf_near_zero<A: Arch>(x: f64) -> (f64, f64) {
    const LOW: f64 = -1.2548365217452167e-17;
    let (z, z_low) = two_product::<A, f64>(x, x);
    let p = estrin!(A, z;
        0.11283791670954887,
        -0.02686617064507831,
        0.005223977624831699,
        -0.0008548326981572067,
        0.00012055331137139566,
        -1.4925595850808566e-05,
        1.6461009457889559e-06,
        -1.6350404189815075e-07,
        1.4660368883388629e-08,
        -1.1375067747041544e-09,
        5.960813347994148e-11,
    );
    let (p, p_low) = product::<A, f64>((z, z_low), step::<A, f64>(-0.3761263890318375, z, (p, 0.0)));
    let (sum, lost) = two_sum(0.1283791670955126, p);
    (sum, lost + (p_low + LOW))
}

/// `ln erfc(1 + d)` for `d` in `[0, 5]`: degree 18 for an error of `2⁻⁵⁹ / erfc(1 + d)`.
#[inline(always)]
fn log_erfc<A: Arch>(d: f64) -> f64 {
    horner!(A, d;
        -1.8496055099332482,
        -2.638967514234788,
        -0.8431072563586833,
        estrin!(A, d;
            -0.04156109804165311,
            0.010033825372544733,
            -0.001977902554835956,
            0.00023732242278789293,
            2.627805346278181e-05,
            -2.7159494096803618e-05,
            9.609490903617045e-06,
            -2.060442425979759e-06,
            1.4343867920820167e-07,
            9.719655932217991e-08,
            -5.187697259748554e-08,
            1.4857976833312003e-08,
            -2.8515533299418383e-09,
            3.6631069130830435e-10,
            -2.8636703983877337e-11,
            1.0316831838332617e-12,
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
    let (p, p_low) = erf_near_zero::<A>(x);
    let near = difference - mul_add::<A, f64>(x, p, mul_add::<A, f64>(x, p_low, -error));
    // At 28 it has underflowed.
    let size = at_most(x.abs(), 28.0);
    let (square, rest) = two_product::<A, f64>(size, size);
    let (power, power_low, k) = exp_of_sum::<A, f64>(-square, -rest);
    // `1 / (x + 3)` in two parts.
    let (divisor, lost) = two_sum(size, 3.0);
    let w = 1.0 / divisor;
    let w_low = w * mul_add::<A, f64>(-w, lost, remainder::<A, f64>(1.0, w, divisor));
    let (s, lost) = two_sum(SCALED_ERFC_CENTRE, -w);
    let (scaled, scaled_low) = product::<A, f64>((w, w_low), scaled_erfc::<A>((s, lost - w_low)));
    let low = mul_add::<A, f64>(power_low, scaled, power * scaled_low);
    let value = scale(product_and::<A, f64>(power, scaled, low), k);
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

/// Of `1 / (x + 3)`, for [`scaled_erfc`].
const SCALED_ERFC_CENTRE: f64 = 0.15625;

/// `(x + 3) exp(x²) erfc(x)` of `s = 5/32 - 1 / (x + 3)`, a mapping of Schonfelder (1978), for `x` in `[¾, 28]`: degree 20
/// for an error of `2⁻⁵⁸`, by least squares at Chebyshev points; each coefficient in turn was rounded and the rest
/// fitted again.
#[inline(always)]
fn scaled_erfc<A: Arch>(parts: (f64, f64)) -> (f64, f64) {
    const LOW: f64 = 9.12548451903231e-17;
    let s = parts.0;
    let p = horner!(A, s;
        -60.83371958901277,
        143.9836802589023,
        estrin!(A, s;
            -210.27085397657234,
            2.3185740485252584,
            762.6229002921683,
            -1148.8619221690778,
            -2055.906909670376,
            7477.840857309873,
            5845.6042809321925,
            -44080.242144785196,
            -25883.74553355861,
            272807.23640914547,
            222187.1680100928,
            -1775146.4109684695,
            -2289946.886565619,
            11695753.435369035,
            15891663.78566545,
            -63977806.870378606,
        ),
    );
    let p = step_at::<A, f64>(19.251052687334887, parts, (p, 0.0));
    let p = step_at::<A, f64>(-4.87883713723174, parts, p);
    let (value, low) = step_at::<A, f64>(1.0210263338171548, parts, p);
    (value, low + LOW)
}
