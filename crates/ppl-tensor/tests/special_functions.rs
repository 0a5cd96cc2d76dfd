//! Functions of elements against values of high precision, over their whole range and in both floats.
//!
//! `special_functions.txt` has a line for each function: its name, and then an argument (two of a function of two) and the
//! value there, again and again. The values are mpmath's at 60 digits, of the arguments as the 64-bit floats they are,
//! rounded to the nearest. Arguments are spread over the range and its orders of magnitude, with neighbours of roots,
//! poles and ends, subnormal numbers, and every second one a 32-bit float: these are the cases in single precision.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_tensor::{HostTensor, Tensor};

type Function = fn(&Tensor, &Tensor) -> Tensor;

/// What the error of a value is counted in.
#[derive(Clone, Copy)]
enum Unit {
    /// Units in the last place of the value.
    Ulp,
    /// Units in the last place of the value, or of 1 if that is larger: there is a root that is no float, near which
    /// the value has as many digits as the argument leaves it.
    UlpOfOne,
    /// The former for positive arguments, the latter for negative ones.
    UlpOfOneBelowZero,
}

use Unit::{Ulp, UlpOfOne, UlpOfOneBelowZero};

/// Name, number of arguments, function, and the largest error in `F64` and in `F32`. Among it is the half unit by
/// which the written value was rounded.
const FUNCTIONS: &[(&str, usize, Function, Unit, f64, f64)] = &[
    ("exp", 1, |x, _| x.exp(), Ulp, 1.0, 1.0),
    ("expm1", 1, |x, _| x.expm1(), Ulp, 1.5, 1.5),
    ("log", 1, |x, _| x.log(), Ulp, 1.0, 1.0),
    ("log1p", 1, |x, _| x.log1p(), Ulp, 1.5, 1.5),
    ("sin", 1, |x, _| x.sin(), Ulp, 1.0, 1.0),
    ("cos", 1, |x, _| x.cos(), Ulp, 1.0, 1.0),
    ("tan", 1, |x, _| x.tan(), Ulp, 2.0, 2.0),
    ("asin", 1, |x, _| x.asin(), Ulp, 1.0, 1.0),
    ("acos", 1, |x, _| x.acos(), Ulp, 1.0, 1.0),
    ("atan", 1, |x, _| x.atan(), Ulp, 1.0, 1.0),
    ("sinh", 1, |x, _| x.sinh(), Ulp, 2.0, 1.0),
    ("cosh", 1, |x, _| x.cosh(), Ulp, 2.0, 1.0),
    ("tanh", 1, |x, _| x.tanh(), Ulp, 2.0, 2.0),
    ("asinh", 1, |x, _| x.asinh(), Ulp, 2.0, 1.0),
    ("acosh", 1, |x, _| x.acosh(), Ulp, 2.0, 1.0),
    ("atanh", 1, |x, _| x.atanh(), Ulp, 2.0, 1.0),
    ("sigmoid", 1, |x, _| x.sigmoid(), Ulp, 2.0, 2.0),
    ("softplus", 1, |x, _| x.softplus(), Ulp, 2.0, 2.0),
    ("log_sigmoid", 1, |x, _| x.log_sigmoid(), Ulp, 2.0, 2.0),
    ("erf", 1, |x, _| x.erf(), Ulp, 1.0, 1.0),
    ("erfc", 1, |x, _| x.erfc(), Ulp, 3.0, 1.0),
    ("erfinv", 1, |x, _| x.erfinv(), Ulp, 2.0, 1.0),
    ("lgamma", 1, |x, _| x.lgamma(), UlpOfOneBelowZero, 4.0, 1.0),
    ("digamma", 1, |x, _| x.digamma(), UlpOfOneBelowZero, 4.0, 1.0),
    ("polygamma_1", 1, |x, _| x.polygamma(1), Ulp, 6.0, 1.0),
    ("polygamma_2", 1, |x, _| x.polygamma(2), UlpOfOneBelowZero, 8.0, 1.0),
    ("polygamma_5", 1, |x, _| x.polygamma(5), Ulp, 8.0, 1.0),
    ("pow", 2, |x, y| x.pow(y), Ulp, 1.0, 1.0),
    ("atan2", 2, |y, x| y.atan2(x), Ulp, 1.0, 1.0),
    ("logaddexp", 2, |x, y| x.logaddexp(y), UlpOfOne, 2.0, 1.0),
];

/// The numbers of a function's line.
fn table(name: &str) -> Vec<f64> {
    let lines = include_str!("special_functions.txt").lines();
    let mut words =
        lines.map(|line| line.split(' ')).find_map(|mut words| (words.next() == Some(name)).then_some(words));
    words.as_mut().unwrap().map(|word| word.parse().unwrap()).collect()
}

/// The distance of neighbouring floats at `x`, with `digits` binary digits and the least exponent `least`.
fn ulp(x: f64, digits: i32, least: i32) -> f64 {
    let exponent = if x == 0.0 { least } else { (x.abs().log2().floor() as i32).max(least) };
    // In two factors: the last subnormal number is below the range of one.
    f64::powi(2.0, exponent) * f64::powi(2.0, 1 - digits)
}

#[test]
fn values_are_right_to_the_last_place() {
    let mut report = Vec::new();
    for &(name, arity, function, unit, double, single) in FUNCTIONS {
        let rows: Vec<Vec<f64>> = table(name).chunks_exact(arity + 1).map(<[f64]>::to_vec).collect();
        assert!(rows.len() > 25, "{name}");
        for (is_single, bound) in [(false, double), (true, single)] {
            let (digits, least) = if is_single { (24, -126) } else { (53, -1022) };
            let representable =
                |row: &&Vec<f64>| !is_single || row[..arity].iter().all(|&x| f64::from(x as f32) == x);
            let rows: Vec<&Vec<f64>> = rows.iter().filter(representable).collect();
            let column = |i: usize| -> Tensor {
                let values: Vec<f64> = rows.iter().map(|row| row[i.min(arity - 1)]).collect();
                match is_single {
                    true => values.iter().map(|&x| x as f32).collect::<Vec<f32>>().into(),
                    false => values.into(),
                }
            };
            let found: HostTensor = function(&column(0), &column(1)).to_host().unwrap();
            let (mut worst, mut at) = (0.0, 0);
            for (i, (row, &y)) in rows.iter().zip(&found.to_f64()).enumerate() {
                let wanted = row[arity];
                let rounded = if is_single { f64::from(wanted as f32) } else { wanted };
                let of_one = match unit {
                    Ulp => false,
                    UlpOfOne => true,
                    UlpOfOneBelowZero => row[0] < 0.0,
                };
                let scale = if of_one { wanted.abs().max(1.0) } else { wanted };
                let error = match (y == rounded, y.is_finite()) {
                    (true, _) => 0.0,
                    (_, true) => (y - wanted).abs() / ulp(scale, digits, least),
                    _ => f64::INFINITY,
                };
                if error > worst {
                    (worst, at) = (error, i);
                }
            }
            if worst > bound {
                let bits = if is_single { 32 } else { 64 };
                report.push(format!("{name} in {bits} bits: {worst:.2} units at {:?}", &rows[at]));
            }
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}
