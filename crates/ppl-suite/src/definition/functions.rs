//! Functions of elements: the standard library's where it has them, series of positive terms where not.

use std::f64::consts::PI;

use ppl_tensor::op::{Binary, Unary};

use super::Scalar::{self, Float, Integer, Truth};

/// A function of one element.
pub(super) fn unary(unary: Unary, x: Scalar) -> Scalar {
    let float = |f: fn(f64) -> f64| Float(f(x.float()));
    match (unary, x) {
        (Unary::Neg, Integer(x)) => Integer(x.wrapping_neg()),
        (Unary::Abs, Integer(x)) => Integer(x.wrapping_abs()),
        (Unary::Sign, Integer(x)) => Integer(x.signum()),
        (Unary::Neg, _) => float(|x| -x),
        (Unary::Abs, _) => float(f64::abs),
        (Unary::Sign, _) => float(|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        (Unary::Floor, _) => float(f64::floor),
        (Unary::Reciprocal, _) => float(f64::recip),
        (Unary::Sqrt, _) => float(f64::sqrt),
        (Unary::Exp, _) => float(f64::exp),
        (Unary::Expm1, _) => float(f64::exp_m1),
        (Unary::Log, _) => float(f64::ln),
        (Unary::Log1p, _) => float(f64::ln_1p),
        (Unary::Sin, _) => float(f64::sin),
        (Unary::Cos, _) => float(f64::cos),
        (Unary::Asin, _) => float(f64::asin),
        (Unary::Acos, _) => float(f64::acos),
        (Unary::Atan, _) => float(f64::atan),
        (Unary::Sinh, _) => float(f64::sinh),
        (Unary::Cosh, _) => float(f64::cosh),
        (Unary::Tanh, _) => float(f64::tanh),
        (Unary::Asinh, _) => float(f64::asinh),
        (Unary::Acosh, _) => float(acosh),
        (Unary::Atanh, _) => float(f64::atanh),
        (Unary::Sigmoid, _) => float(|x| 1.0 / (1.0 + (-x).exp())),
        (Unary::Softplus, _) => float(|x| if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }),
        (Unary::Erf, _) => float(erf),
        (Unary::Erfc, _) => float(erfc),
        (Unary::Erfinv, _) => float(erfinv),
        (Unary::LnGamma, _) => float(ln_gamma),
        (Unary::Polygamma(n), _) => Float(polygamma(n, x.float())),
        (Unary::IsFinite, _) => Truth(x.float().is_finite()),
        (Unary::Not, _) => Truth(!x.truth()),
    }
}

/// A function of two elements.
pub(super) fn binary(binary: Binary, x: Scalar, y: Scalar) -> Scalar {
    if let (Integer(x), Integer(y)) = (x, y) {
        return Integer(integers(binary, x, y));
    }
    let (x, y) = (x.float(), y.float());
    let either_nan = x.is_nan() || y.is_nan();
    Float(match binary {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::Rem => {
            let rest = x % y;
            if rest != 0.0 && (rest < 0.0) != (y < 0.0) { rest + y } else { rest }
        }
        Binary::Pow => x.powf(y),
        Binary::Max => {
            if either_nan {
                f64::NAN
            } else {
                x.max(y)
            }
        }
        Binary::Min => {
            if either_nan {
                f64::NAN
            } else {
                x.min(y)
            }
        }
        Binary::Atan2 => x.atan2(y),
        Binary::LogAddExp => match (either_nan, x == y) {
            (true, _) => f64::NAN,
            (_, true) => x + std::f64::consts::LN_2,
            _ => x.max(y) + (x.min(y) - x.max(y)).exp().ln_1p(),
        },
        Binary::GammaQuantileSlope => gamma_quantile_slope(x, y),
    })
}

/// Integers wrap around.
fn integers(binary: Binary, x: i64, y: i64) -> i64 {
    match binary {
        Binary::Add => x.wrapping_add(y),
        Binary::Sub => x.wrapping_sub(y),
        Binary::Mul => x.wrapping_mul(y),
        Binary::Div => {
            if y == 0 {
                0
            } else {
                x.wrapping_div(y)
            }
        }
        Binary::Rem => match (y, x.wrapping_rem(if y == 0 { 1 } else { y })) {
            (0, _) => 0,
            (y, rest) => {
                if rest != 0 && (rest < 0) != (y < 0) {
                    rest + y
                } else {
                    rest
                }
            }
        },
        Binary::Pow => match (x, u32::try_from(y)) {
            (1, _) => 1,
            (-1, _) => {
                if y % 2 == 0 {
                    1
                } else {
                    -1
                }
            }
            (_, _) if y < 0 => 0,
            (0, _) => i64::from(y == 0),
            (x, Ok(y)) => x.wrapping_pow(y),
            // All higher powers of even numbers are 0 modulo 2⁶⁴; of odd numbers, by squaring.
            (x, Err(_)) => (0..64).rev().fold(1_i64, |power, bit| {
                let square = power.wrapping_mul(power);
                if y >> bit & 1 == 1 { square.wrapping_mul(x) } else { square }
            }),
        },
        Binary::Max => x.max(y),
        Binary::Min => x.min(y),
        Binary::Atan2 | Binary::LogAddExp | Binary::GammaQuantileSlope => unreachable!("floats only"),
    }
}

/// `2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!` (Abramowitz and Stegun 7.1.6).
pub(crate) fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum) = (x, 0.0);
    for n in 1..300 {
        sum += term;
        term *= 2.0 * x * x / f64::from(2 * n + 1);
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// Lentz's continued fraction (Abramowitz and Stegun 7.1.14), from its end.
fn erfc(x: f64) -> f64 {
    if x.is_nan() || x < 2.0 {
        return 1.0 - erf(x);
    }
    let fraction = (1..200).rev().fold(x, |rest, n| x + 0.5 * f64::from(n) / rest);
    if x > 30.0 { 0.0 } else { (-x * x).exp() / PI.sqrt() / fraction }
}

/// By bisection of the function, or of its complement where that is smaller.
fn erfinv(p: f64) -> f64 {
    if p.is_nan() || p.abs() >= 1.0 {
        return if p.abs() == 1.0 { p * f64::INFINITY } else { f64::NAN };
    }
    if p.abs() < 1e-4 {
        return PI.sqrt() / 2.0 * p * (1.0 + PI / 12.0 * p * p);
    }
    let below = |x: f64| if p.abs() < 0.5 { erf(x) < p.abs() } else { erfc(x) > 1.0 - p.abs() };
    let (mut low, mut high) = (0.0, 7.0);
    for _ in 0..60 {
        let middle: f64 = 0.5 * (low + high);
        if below(middle) { low = middle } else { high = middle }
    }
    low.copysign(p)
}

/// By the logarithm, with the excess over 1 apart.
fn acosh(x: f64) -> f64 {
    match x {
        x if x < 1.0 => f64::NAN,
        x if x > 1e100 => x.ln() + std::f64::consts::LN_2,
        _ => (x - 1.0 + ((x - 1.0) * (x + 1.0)).sqrt()).ln_1p(),
    }
}

/// Stirling's series after 15 steps of the recurrence, and the reflection formula (A. and S. 6.1.15, 17, 40).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    if x.is_infinite() || x <= 0.0 && x.floor() == x {
        return f64::INFINITY;
    }
    if x.abs() < 1e-20 {
        return -x.abs().ln();
    }
    if x < 0.5 {
        // By the distance from the next integer, which is exact.
        return (PI / (PI * (x - x.round())).sin().abs()).ln() - ln_gamma(1.0 - x);
    }
    let steps = if x < 15.0 { 15 } else { 0 };
    let product: f64 = (0..steps).map(|i| x + f64::from(i)).product();
    let y = x + f64::from(steps);
    let series = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    let series: f64 = series.iter().rev().fold(0.0, |sum, term| sum / (y * y) + term) / y;
    (y - 0.5) * y.ln() - y + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// The asymptotic series after 20 steps of the recurrence (A. and S. 6.3.18, 6.4.11), with reflection for digamma; not
/// for higher orders at negative numbers of more than a hundred steps.
pub(crate) fn polygamma(n: u8, x: f64) -> f64 {
    if n == 0 && x < 0.0 {
        if x.floor() == x {
            return f64::NAN;
        }
        return polygamma(0, 1.0 - x) - PI / (PI * (x - x.round())).tan();
    }
    let factorial = |k: i32| (1..=k).map(f64::from).product::<f64>();
    let order = i32::from(n);
    let sign = if n.is_multiple_of(2) { -1.0 } else { 1.0 };
    // The pole of digamma has the sign of the side on which a zero lies, as in SciPy; the others that of the right side.
    let (mut y, mut sum) = (if n == 0 { x } else { x + 0.0 }, 0.0);
    while y < 20.0 {
        sum += sign * factorial(order) / y.powi(order + 1);
        y += 1.0;
    }
    let bernoulli = [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];
    let term = |(k, b): (i32, &f64)| match n {
        0 => -b / f64::from(2 * k) / y.powi(2 * k),
        _ => sign * b * factorial(2 * k + order - 1) / factorial(2 * k) / y.powi(2 * k + order),
    };
    let tail: f64 = (1..).zip(&bernoulli).map(term).sum();
    let head = match n {
        0 => y.ln() - 0.5 / y,
        _ => sign * (factorial(order - 1) / y.powi(order) + factorial(order) / (2.0 * y.powi(order + 1))),
    };
    sum + head + tail
}

/// The series of the incomplete gamma function, `P(a, z) = Σ z^(a+n) e^-z / Γ(a+n+1)`, differentiated by `a` term by
/// term.
fn gamma_quantile_slope(a: f64, ln_z: f64) -> f64 {
    let term = |n: u32| {
        let n = f64::from(n);
        (n * ln_z + ln_gamma(a) - ln_gamma(a + n + 1.0)).exp() * (polygamma(0, a + n + 1.0) - ln_z)
    };
    (0..150).map(term).sum()
}
