//! The slope of a gamma variate in its concentration.

use super::special::digamma;

/// Largest concentration for which the power series is cheaper than the integral.
const SERIES_UP_TO: f64 = 30.0;

/// Where integrands are cut off: at `e⁻³⁰` of their value at 0.
const CUT: f64 = 30.0;

/// `d ln z / d a` of a standard gamma variate `z` of concentration `a` at a fixed quantile.
///
/// With `D = zᵃ e⁻ᶻ / Γ(a)`, which is `z` times the density, this is `-∂P(a, z)/∂a / D = ∂Q(a, z)/∂a / D`, and `D`
/// cancels in each of the three forms below. Each is used where its terms are positive, but for a few small ones, so
/// that nothing is lost to cancellation:
///
/// - `P = D Σ tₙ` with `tₙ = zⁿ / (a (a+1) … (a+n))` gives `Σ tₙ (ψ(a+n+1) - ln z)`;
/// - `Q = Γ(a)⁻¹ ∫ tᵃ⁻¹ e⁻ᵗ dt` from `z` on, with `t = z eᵛ`, gives
///   `∫ (ln z - ψ(a) + v) exp(a v - z (eᵛ - 1)) dv` over `v > 0`;
/// - `P`, an integral over smaller `t`, gives with `t = z e⁻ᵛ`
///   `∫ (ψ(a) - ln z + v) exp(-a v - z (e⁻ᵛ - 1)) dv` over `v > 0`.
pub(super) fn gamma_quantile_slope(a: f64, ln_z: f64) -> f64 {
    let z = ln_z.exp();
    if !(a > 0.0 && a.is_finite()) || ln_z.is_nan() {
        return f64::NAN;
    }
    if z == f64::INFINITY {
        return 0.0;
    }
    if a <= SERIES_UP_TO && z < a + 1.0 {
        return series(a, z, ln_z);
    }
    if z < a { integral(a, z, ln_z, -1.0) } else { integral(a, z, ln_z, 1.0) }
}

/// The first form.
fn series(a: f64, z: f64, ln_z: f64) -> f64 {
    let (mut term, mut psi, mut divisor) = (1.0 / a, digamma(a + 1.0), a);
    let mut sum = term * (psi - ln_z);
    if z == 0.0 {
        return sum;
    }
    let mut difference = psi - ln_z;
    // Terms shrink by `z / (a + n) < 1`; the difference may pass through zero on its way up.
    while term * (1.0 + difference.abs()) > 1e-17 * sum.abs() {
        divisor += 1.0;
        let reciprocal = 1.0 / divisor;
        term *= z * reciprocal;
        psi += reciprocal;
        difference = psi - ln_z;
        sum += term * difference;
    }
    sum
}

/// The second form for a `side` of 1 and the third for -1, by Gauss–Legendre quadrature up to where the integrand has
/// vanished. With `g(x) = eˣ - 1 - x` both exponents are `-z g(side v) - side (z - a) v`, whose terms cancel least.
fn integral(a: f64, z: f64, ln_z: f64, side: f64) -> f64 {
    let drift = side * (z - a);
    let offset = side * (ln_z - digamma(a));
    let end = cut_off(z, drift, side);
    let half = 0.5 * end;
    let integrand = |v: f64| {
        let x = side * v;
        (offset + v) * (-z * (x.exp_m1() - x) - drift * v).exp()
    };
    let sum: f64 = NODES
        .iter()
        .map(|&(node, weight)| weight * (integrand(half * (1.0 - node)) + integrand(half * (1.0 + node))))
        .sum();
    half * sum
}

/// Where the exponent is about `-CUT`: Newton's method, from where it would be for a `g` of `x²/2`. The exponent is
/// concave, so that steps from beyond the root do not pass it, and a step from before it lands beyond.
fn cut_off(z: f64, drift: f64, side: f64) -> f64 {
    let mut v = 2.0 * CUT / (drift + (drift * drift + 2.0 * z * CUT).sqrt());
    for _ in 0..4 {
        let x = side * v;
        let growth = x.exp_m1();
        let excess = CUT - z * (growth - x) - drift * v;
        v += excess / (side * z * growth + drift);
    }
    v
}

/// Positive nodes and weights of Gauss–Legendre quadrature with 20 nodes (computed with mpmath).
const NODES: [(f64, f64); 10] = [
    (0.07652652113349734, 0.15275338713072584),
    (0.22778585114164507, 0.14917298647260374),
    (0.37370608871541955, 0.14209610931838204),
    (0.5108670019508271, 0.13168863844917664),
    (0.636053680726515, 0.11819453196151841),
    (0.7463319064601508, 0.10193011981724044),
    (0.8391169718222188, 0.08327674157670475),
    (0.912234428251326, 0.06267204833410907),
    (0.9639719272779138, 0.04060142980038694),
    (0.9931285991850949, 0.017614007139152118),
];

#[cfg(test)]
mod tests {
    use super::gamma_quantile_slope;

    /// Central differences of the regularised incomplete gamma function at 50 digits, by mpmath.
    #[test]
    fn reference_values() {
        let references = [
            (0.001, -20000.0, 19999424.42806819),
            (0.001, -1000.0, 999424.4280681896),
            (0.001, 0.0, 597.2229774959449),
            (0.001, 3.5, 29.457350086893186),
            (0.1, -30.0, 295.76245059591514),
            (0.1, -1.0, 12.055022619334892),
            (0.1, 0.01, 6.7470520284217),
            (0.1, 3.0, 0.6430538549530371),
            (0.5, -40.0, 80.07297994795715),
            (0.5, -0.2, 2.090422994138261),
            (0.5, 1.0, 1.0351659134229032),
            (1.0, -30.0, 30.422784335099912),
            (1.0, 0.0, 1.1735630272247268),
            (1.0, 1.0, 0.6846576398963767),
            (1.0, 3.6, 0.11486429994741867),
            (3.0, -3.5201898648488967, 1.6045748221359226),
            (3.0, 1.0986122886681098, 0.3523423218960948),
            (3.0, 3.696688500021426, 0.07296834228393029),
            (20.0, 1.2068778915541591, 0.10820269345568159),
            (20.0, 2.995732273553991, 0.0504186894181703),
            (20.0, 4.001962863428896, 0.029228834687891413),
            (31.0, 1.997144788270947, 0.061106756545553684),
            (31.0, 3.4339872044851463, 0.03243204399049374),
            (31.0, 3.442967469586485, 0.032286639836422555),
            (31.0, 4.242211063605634, 0.021070114520179234),
            (1000.0, 6.654773066168667, 0.001132007010791259),
            (1000.0, 6.891943890681295, 0.0010080945304074419),
            (1000.0, 6.907755278982137, 0.001000166683323806),
            (1000.0, 7.050057773689714, 0.0009306906846257424),
            (1000000.0, 13.807510557964275, 1.0040055006615263e-06),
            (1000000.0, 13.814010557964274, 1.0007503542916954e-06),
            (1000000.0, 13.815510557964274, 1.0000001666666837e-06),
            (1000000.0, 13.816510557964273, 9.99500249916691e-07),
            (1000000.0, 13.820010557964274, 9.977518537912829e-07),
        ];
        for (a, ln_z, wanted) in references {
            let error = (gamma_quantile_slope(a, ln_z) / wanted - 1.0).abs();
            assert!(error < 1e-11, "a = {a}, ln z = {ln_z}: relative error {error}");
        }
    }

    #[test]
    fn limits() {
        let (a, ln_z) = (1e-3, -2e4);
        let wanted = (-ln_z + super::digamma(a + 1.0)) / a;
        assert!((gamma_quantile_slope(a, ln_z) / wanted - 1.0).abs() < 1e-15);
        assert_eq!(gamma_quantile_slope(1.0, f64::NEG_INFINITY), f64::INFINITY);
        assert_eq!(gamma_quantile_slope(1.0, f64::INFINITY), 0.0);
        // Beyond the range of floats, but no endless sum.
        assert!(!gamma_quantile_slope(1e-310, -0.1).is_finite());
        assert!(gamma_quantile_slope(0.0, 0.0).is_nan());
        assert!(gamma_quantile_slope(-1.0, 0.0).is_nan());
        assert!(gamma_quantile_slope(f64::NAN, 0.0).is_nan());
        assert!(gamma_quantile_slope(1.0, f64::NAN).is_nan());
    }
}
