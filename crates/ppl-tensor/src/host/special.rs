//! Digamma and its derivatives.

use std::f64::consts::PI;

/// `ψ⁽ⁿ⁾(x)`. At its poles, 0 and the negative integers, it is what SciPy's is: for `n` of 0, `∓∞` at `±0` and NaN
/// at the others; for other `n`, infinite.
pub(super) fn polygamma(order: u8, x: f64) -> f64 {
    if order == 0 { digamma(x) } else { higher_polygamma(order, x) }
}

/// `ψ(x) = Γ'(x) / Γ(x)`.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        // The distance from the nearest integer is exact, and a period of the tangent is 1.
        let from_integer = x - x.round();
        return if from_integer == 0.0 {
            f64::NAN
        } else {
            digamma(1.0 - x) - PI / (PI * from_integer).tan()
        };
    }
    if x >= 10.0 {
        return digamma_of_large(x);
    }
    if x < 1.0 {
        return digamma_near_root(x + 1.0) - 1.0 / x;
    }
    let (mut x, mut steps) = (x, 0.0);
    while x > 2.0 {
        x -= 1.0;
        steps += 1.0 / x;
    }
    digamma_near_root(x) + steps
}

/// The asymptotic series (Abramowitz and Stegun 6.3.18).
fn digamma_of_large(x: f64) -> f64 {
    const TERMS: [f64; 7] =
        [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];
    let square = 1.0 / (x * x);
    x.ln() - 0.5 / x - square * horner(&TERMS, square)
}

/// Digamma on `[1, 2]`, to full relative accuracy also at its root: the approximation of the C++ library Boost, with
/// a relative error below `2e-17`.
fn digamma_near_root(x: f64) -> f64 {
    const SCALE: f64 = 0.9955816268920898;
    const ROOT: [f64; 3] =
        [1569415565.0 / 1073741824.0, 381566830.0 / 1073741824.0 / 1073741824.0, 9.016312093258695e-20];
    const ABOVE: [f64; 6] = [
        0.25479851061131553,
        -0.3146285545329165,
        -0.6658363415598763,
        -0.31476765714737576,
        -0.05411562661535053,
        -0.002892683683339188,
    ];
    const BELOW: [f64; 8] = [
        1.0,
        2.119575992705535,
        1.5435055466496113,
        0.486986018231043,
        0.06604814871735698,
        0.00298999662592324,
        -1.650797940126049e-06,
        3.179402431059522e-08,
    ];
    let from_root = ROOT.iter().fold(x, |difference, part| difference - part);
    let ratio = horner(&ABOVE, x - 1.0) / horner(&BELOW, x - 1.0);
    from_root * SCALE + from_root * ratio
}

/// A polynomial, from its coefficients, that of the constant first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// `ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ Σ n! / (x + k)ⁿ⁺¹`, for `n ≥ 1`.
fn higher_polygamma(order: u8, x: f64) -> f64 {
    let odd = order % 2 == 1;
    let sign = if odd { 1.0 } else { -1.0 };
    if x > 0.0 {
        return sign * series(order, x);
    }
    if x.is_nan() {
        return x;
    }
    let from_integer = x - x.round();
    if from_integer == 0.0 || x.is_infinite() {
        return sign * f64::INFINITY;
    }
    // The terms on both sides of 0 are series of their own; without rounding, because parts of one are taken from
    // the side where they are exact.
    let (above, below) = if from_integer > 0.0 {
        (from_integer, 1.0 - from_integer)
    } else {
        (1.0 + from_integer, -from_integer)
    };
    let negative_terms = series(order, below) - series(order, 1.0 - x);
    sign * (series(order, above) + sign * negative_terms)
}

/// `Σ n! / (x + k)ⁿ⁺¹` over all `k ≥ 0`, for positive `x`: the first terms, and the Euler–Maclaurin formula.
fn series(order: u8, x: f64) -> f64 {
    /// Bernoulli numbers `B₂ⱼ / (2j)!`.
    const BERNOULLI: [f64; 9] = [
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30240.0,
        -1.0 / 1209600.0,
        1.0 / 47900160.0,
        -691.0 / 1307674368000.0,
        1.0 / 74724249600.0,
        -3617.0 / 1.067062284288e+16,
        43867.0 / 5.109094217170944e+18,
    ];
    let n = f64::from(order);
    // `(n-1)! / xⁿ`, factor by factor, so that neither the factorial nor the power overflows on its own.
    let integral = |x: f64| {
        let reciprocal = 1.0 / x;
        (1..order).fold(reciprocal, |product, i| product * (f64::from(i) * reciprocal))
    };
    let (mut x, mut sum) = (x, 0.0);
    while x < 11.0 + n {
        sum += integral(x) * (n / x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let mut rising = (n + 1.0) / x;
    let mut correction = 0.0;
    for (j, coefficient) in (1..).zip(BERNOULLI) {
        correction += coefficient * rising;
        let i = n + 2.0 * f64::from(j);
        rising *= i * (i + 1.0) * square;
    }
    sum + integral(x) * (1.0 + n / x * (0.5 + correction))
}

#[cfg(test)]
mod tests {
    use super::super::number::Float;
    use super::polygamma;

    const INF: f64 = f64::INFINITY;

    #[track_caller]
    fn check(order: u8, x: f64, wanted: f64, tolerance: f64) {
        let error = (polygamma(order, x) / wanted - 1.0).abs();
        assert!(error <= tolerance, "order {order} at {x}: {}, relative error {error}", polygamma(order, x));
    }

    /// Values of mpmath at 40 digits.
    #[test]
    fn reference_values() {
        let references = [
            (0, 1e-05, -100000.57719921567),
            (0, 0.3, -3.502524222200133),
            (0, 1.0, -0.5772156649015329),
            (0, 1.4616, -3.110625123034165e-05),
            (0, 1.4616321449683622, -9.241265521729427e-17),
            (0, 1.5, 0.03648997397857652),
            (0, 2.0, 0.42278433509846713),
            (0, 3.7, 1.1671535393615113),
            (0, 9.99, 2.250700372831201),
            (0, 10.01, 2.2528037003181356),
            (0, 1000.0, 6.907255195648812),
            (0, 10000000000.0, 23.025850929890456),
            (0, -0.3, 2.113309779635399),
            (0, -1.5, 0.7031566406452432),
            (0, -100.25, 7.754238959208646),
            (0, -1e-08, 99999999.42278431),
            (1, 1e-05, 10000000001.644909),
            (1, 0.3, 12.245364546107732),
            (1, 1.0, 1.6449340668482264),
            (1, 2.5, 0.49035775610023485),
            (1, 20.0, 0.05127082293520312),
            (1, 1000000.0, 1.0000005000001667e-06),
            (1, -0.3, 13.945160267805722),
            (1, -3.5, 9.620879298050347),
            (1, -1000.75, 19.73821005070119),
            (1, -0.001, 1000001.6473414317),
            (2, 0.3, -75.27253658872604),
            (2, 1.0, -2.4041138063191885),
            (2, 7.5, -0.020305252536644666),
            (2, 100.0, -0.00010100499983335),
            (2, -0.3, 67.63908119988317),
            (2, -3.25, 123.95521103942203),
            (2, -0.001, 1999999997.5893798),
            (3, 0.3, 743.1417646550498),
            (3, 12.5, 0.0011534128049134052),
            (3, -0.4, 281.78204104534575),
            (10, 0.7, -183531159.5257871),
            (10, 3.0, -21.43660662871299),
            (10, 50.0, -4.101091112731268e-12),
            (10, -2.3, 2048284893010.9443),
            (100, 0.5, -2.366100660490897e+188),
            (100, 30.0, -626546063.6686132),
            (100, 200.0, -9.356913302040697e-75),
        ];
        for (order, x, wanted) in references {
            check(order, x, wanted, 1e-14);
        }
    }

    #[test]
    fn poles_are_those_of_scipy() {
        assert_eq!(polygamma(0, 0.0), -INF);
        assert_eq!(polygamma(0, -0.0), INF);
        assert!(polygamma(0, -3.0).is_nan());
        assert!(polygamma(0, f64::NAN).is_nan());
        assert_eq!(polygamma(0, INF), INF);
        assert_eq!(polygamma(1, 0.0), INF);
        assert_eq!(polygamma(1, -2.0), INF);
        assert_eq!(polygamma(2, -0.0), -INF);
        assert_eq!(polygamma(1, INF), 0.0);
        assert_eq!(polygamma(1, 1e200), 1e-200);
        assert!(polygamma(1, f64::NAN).is_nan());
    }

    #[test]
    fn recurrence_holds() {
        for order in 0..6 {
            for i in 1..400 {
                let x = 0.0731 * f64::from(i) - 10.0;
                let factorial: f64 = (1..=order).map(f64::from).product();
                let sign = if order % 2 == 0 { 1.0 } else { -1.0 };
                let step = sign * factorial * x.powi(-1 - i32::from(order));
                let (here, next) = (polygamma(order, x), polygamma(order, x + 1.0));
                let scale = here.abs().max(next.abs()).max(step.abs());
                assert!((next - here - step).abs() < 2e-14 * scale, "order {order} at {x}");
            }
        }
    }

    #[test]
    fn logistic_functions() {
        for (x, sigmoid, softplus) in [
            (-40.0f64, 4.248354255291589e-18, 4.248354255291589e-18),
            (-1.0, 0.2689414213699951, 0.31326168751822286),
            (0.0, 0.5, std::f64::consts::LN_2),
            (1.0, 0.7310585786300049, 1.3132616875182228),
            (40.0, 1.0, 40.0),
        ] {
            assert!((Float::sigmoid(x) / sigmoid - 1.0).abs() < 1e-15);
            assert!((Float::softplus(x) / softplus - 1.0).abs() < 1e-15);
        }
    }
}
