//! The inverse of the error function.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// `x` of `erf(x) = p`: the normal quantile of Wichura (1988, algorithm AS 241) at `(1 + p) / 2`, divided by √2, and one
/// step of Newton's method, which takes three units in the last place to one.
pub(super) fn erfinv(p: f64) -> f64 {
    if p.abs() >= 1.0 || p.is_nan() {
        return if p.abs() == 1.0 { p * f64::INFINITY } else { f64::NAN };
    }
    let (size, beyond) = (p.abs(), 1.0 - p.abs());
    let x = FRAC_1_SQRT_2 * quantile(0.5 * size, 0.5 * beyond);
    // The residual in the tail is that of the complement, which has all its digits there.
    let residual = if size < 0.85 { libm::erf(x) - size } else { beyond - libm::erfc(x) };
    let refined = x - residual / (FRAC_2_SQRT_PI * (-x * x).exp());
    refined.copysign(p)
}

/// The normal quantile of `1/2 + centre = 1 - tail`, for a `centre` of at least 0.
fn quantile(centre: f64, tail: f64) -> f64 {
    if centre <= 0.425 {
        let r = 0.180625 - centre * centre;
        return centre * ratio(&CENTRE, r);
    }
    let r = (-tail.ln()).sqrt();
    if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&TAIL, r - 5.0) }
}

/// Numerator and denominator of a rational function, the coefficients of the constants first.
type Ratio = [[f64; 8]; 2];

fn ratio([numerator, denominator]: &Ratio, x: f64) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

const CENTRE: Ratio = [
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065514,
        13731.693765509461,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
];

const MIDDLE: Ratio = [
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
];

const TAIL: Ratio = [
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
];
