//! The logarithm of the gamma function, for positive arguments.

use super::compensated::{fast_two_sum, product, step, two_product, two_sum};
use super::float::{Arch, Float, estrin, horner, mul_add, select};
use super::logarithm::{log_for, short_log_in_two};

/// From here on there is Stirling's formula (Abramowitz and Stegun 6.1.41), with a polynomial in `1/x²` for its series.
const LARGE: f64 = 2.5;

/// `(ln 2π - 1) / 2`, in two parts.
const STIRLING: (f64, f64) = (0.4189385332046727, 1.6728209650585413e-17);

/// `ln Γ(x)` for `x ≥ 0`; loops of [`unary`](super::unary) are right below it too.
///
/// In `[1, 2.5]` the roots are factors of a polynomial; below 1 the recurrence leads there.
#[inline(always)]
pub(crate) fn lgamma<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let (large, below) = (x >= LARGE, x < 1.0);
    // `ln Γ(y) = (y - 1) (y - 2) p(y - 1.75)`, with `y` exact where it matters.
    let (from_one, from_two) = (select(below, x, x - 1.0), select(below, x - 1.0, x - 2.0));
    let t = select(below, x - 0.75, x - 1.75);
    let reciprocal = 1.0 / x;
    let series = reciprocal * stirling_series::<A, T>(reciprocal * reciprocal);
    if T::IS_SINGLE {
        let log = log_for::<A, T>(x);
        // In this order it is no negative zero at 1.
        let moderate = select(below, -log, 0.0) + from_one * from_two * short_lgamma_middle::<A>(t);
        return T::narrow(select(
            large,
            mul_add::<A, f64>(x - 0.5, log - 1.0, STIRLING.0 + series),
            moderate,
        ));
    }
    let (log, log_low) = short_log_in_two::<A>(x);
    let (middle, middle_low) =
        product::<A, f64>(two_product::<A, f64>(from_one, from_two), lgamma_middle::<A>(t));
    let (factor, factor_low) = fast_two_sum(x, -0.5);
    let (less, lost) = fast_two_sum(log, -1.0);
    let (leading, leading_low) = product::<A, f64>((factor, factor_low), (less, lost + log_low));
    let (constant, constant_low) = STIRLING;
    let (sum, lost) =
        two_sum(select(large, leading, select(below, -log, 0.0)), select(large, constant, middle));
    let low = select(large, leading_low + (constant_low + series), middle_low - select(below, log_low, 0.0));
    let value = sum + (lost + low);
    // What an infinite sum lost is NaN.
    let value = select(sum < f64::INFINITY, value, sum);
    T::narrow(select(x == 0.0, f64::INFINITY, value))
}

/// `x` times the rest of Stirling's formula, of `z = 1/x²` for `x ≥ 2.5`: degree 14 for an error of `2⁻⁵⁷`, or 4 for
/// `2⁻³²`, by least squares at Chebyshev points, as all polynomials of gamma functions.
#[inline(always)]
fn stirling_series<A: Arch, T: Float>(z: f64) -> f64 {
    if T::IS_SINGLE {
        return horner!(A, z; 0.08333333319356859, -0.0027777323774072164, 0.0007912393823865691, -0.0005483399216086642, 0.000424466501717609);
    }
    horner!(A, z;
        0.08333333333333333,
        -0.0027777777777724627,
        estrin!(A, z;
            0.0007936507918524353,
            -0.0005952378111100053,
            0.0008417252150960348,
            -0.0019160491004618866,
            0.00635158546191165,
            -0.027856333964467725,
            0.1422921238000254,
            -0.7300848900147813,
            3.297147774202983,
            -11.785064483123755,
            30.16977766694238,
            -48.32609095280151,
            36.05316556348749,
        ),
    )
}

/// `ln Γ(1.75 + t) / ((t + ¾) (t - ¼))` for `|t| ≤ ¾`: degree 25 for an error of `2⁻⁵⁹`.
#[inline(always)]
fn lgamma_middle<A: Arch>(t: f64) -> (f64, f64) {
    const LOW: f64 = 1.4568371645611346e-17;
    let p = horner!(A, t;
        -0.11948158662524275,
        0.0445204471985094,
        estrin!(A, t;
            -0.01905395783024704,
            0.008776370425278212,
            -0.004226194125944341,
            0.0020955338792263026,
            -0.001060566074595715,
            0.0005448970027152534,
            -0.00028319063407960263,
            0.00014851663953266742,
            -7.846163839979824e-05,
            4.170625741540391e-05,
            -2.2282100151371386e-05,
            1.1945937424360274e-05,
            -6.434137460228592e-06,
            3.5165487907621377e-06,
            -1.908389498631788e-06,
            9.422873971906693e-07,
            -5.099521578547003e-07,
            4.348623091200783e-07,
            -2.417036156358581e-07,
            -3.3531276323555395e-08,
            2.0794017185047694e-08,
            9.117534665478844e-08,
            -5.0873448731841984e-08,
        ),
    );
    let (value, low) = step::<A, f64>(0.4501393121092563, t, (p, 0.0));
    (value, low + LOW)
}

/// The same for single precision: degree 13 for an error of `2⁻³²`.
#[inline(always)]
fn short_lgamma_middle<A: Arch>(t: f64) -> f64 {
    horner!(A, t; 0.45013931215756364, -0.11948158665540763, 0.044520438805230156, -0.019053953085099867, 0.008776606916818848, -0.004226324997024495, 0.002093056023366212, -0.001059207831058999, 0.0005571019693846859, -0.000289844035469073, 0.00011839109659665095, -6.210132816960952e-05, 7.643922618603115e-05, -4.108409939095748e-05)
}
