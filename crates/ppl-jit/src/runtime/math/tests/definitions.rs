//! Against the host's functions, at many more arguments.

use ppl_suite::cases::{all_binary, all_unary};
use ppl_tensor::op::{Binary, Unary};

use super::super::dispatch::testing::{map, zip};
use super::super::{Avx2, Float, Portable, Target, binary_for, box_muller, unary_for};
use super::{FUNCTIONS, Unit};

/// Words without pattern (Steele, Lea and Flood 2014, SplitMix64).
fn words(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |i| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9e3779b97f4a7c15));
        let z = (z ^ z >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d049bb133111eb);
        z ^ z >> 31
    })
}

/// Where functions have roots or change from one form to another.
const BREAKPOINTS: [f64; 20] = [
    1e-8,
    0.25,
    0.34657359027997264,
    0.5,
    std::f64::consts::FRAC_1_SQRT_2,
    0.75,
    1.0,
    std::f64::consts::SQRT_2,
    1.4616321449683622,
    1.5,
    2.0,
    2.5,
    3.0,
    5.0,
    6.0,
    7.5,
    8.0,
    709.782712893384,
    745.1332191019411,
    268435456.0,
];

/// `count` numbers: floats of every exponent, evenly spread ones of several sizes, and neighbours of breakpoints.
fn arguments(seed: u64, count: usize) -> Vec<f64> {
    let number = |(i, word): (usize, u64)| {
        let unit = (word >> 11) as f64 / (1u64 << 53) as f64;
        match i % 7 {
            0 => f64::from_bits(word),
            1 => 2.0 * unit - 1.0,
            2 => 20.0 * unit - 10.0,
            3 => 1600.0 * unit - 800.0,
            4 => (60.0 * unit - 40.0).exp2(),
            5 => {
                let near =
                    BREAKPOINTS[(word % BREAKPOINTS.len() as u64) as usize].to_bits() + (word >> 20) % 9 - 4;
                f64::from_bits(near | word & 1 << 63)
            }
            _ => 12.0 * unit,
        }
    };
    words(seed).take(count).enumerate().map(number).collect()
}

const ENDS: [f64; 22] = [
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    5e-324,
    -5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    1e-45,
    -1e-45,
    f32::MAX as f64,
    1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.5,
    1.5,
    1e6,
];

/// Every function from floats to floats.
fn float_functions() -> impl Iterator<Item = Unary> {
    all_unary().iter().copied().filter(|op| !matches!(op, Unary::IsFinite | Unary::Not))
}

/// Of a sample of all patterns of bits, the value is that of double precision, rounded; and exactly so at ends.
#[test]
fn singles_are_the_definition_in_double_precision() {
    /// Prime, so that all bits vary.
    const STEP: usize = 40009;
    let xs: Vec<f32> = (0..=u32::MAX).step_by(STEP).map(f32::from_bits).collect();
    let mut shuffled: Vec<(u64, f32)> = words(1).zip(xs.iter().copied()).collect();
    shuffled.sort_by_key(|&(word, _)| word);
    let ys: Vec<f32> = shuffled.into_iter().map(|(_, y)| y).collect();
    let mut report = Vec::new();
    for &(name, function, unit, _, bound, _) in FUNCTIONS {
        let columns = [xs.clone(), ys.clone()];
        let row = |i: usize| [f64::from(xs[i]), f64::from(ys[i])];
        let wanted: Vec<f64> = (0..xs.len()).map(|i| function.definition(&row(i))).collect();
        for target in Target::available() {
            let found = function.values(target, &columns);
            report.extend(worst(name, target, unit, bound, &xs, &ys, &found, &wanted));
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}

/// The line of a report on the worst value, if it is beyond the bound.
#[allow(clippy::too_many_arguments)]
fn worst<T: Float>(
    name: &str,
    target: Target,
    unit: Unit,
    bound: f64,
    xs: &[T],
    ys: &[T],
    found: &[T],
    wanted: &[f64],
) -> Option<String> {
    let errors = (0..xs.len()).map(|i| (unit.error(xs[i], found[i], wanted[i]), i));
    let (error, i) = errors.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let (x, y, is) = (xs[i], ys[i], found[i]);
    let line = || format!("{name} {target:?}: {error:.2} units at {x:?}, {y:?}: {is:?}, not {}", wanted[i]);
    (error > bound).then(line)
}

/// Apart by the errors of both at most.
#[test]
fn doubles_are_near_the_definitions() {
    let xs = arguments(2, 12_000);
    let ys = arguments(3, 12_000);
    let mut report = Vec::new();
    for &(name, function, unit, bound, _, definition) in FUNCTIONS {
        let wanted: Vec<f64> = (0..xs.len()).map(|i| function.definition(&[xs[i], ys[i]])).collect();
        for target in Target::available() {
            let found = function.values(target, &[xs.clone(), ys.clone()]);
            report.extend(worst(name, target, unit, bound + definition, &xs, &ys, &found, &wanted));
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}

/// The doubles nearest to multiples of π/2, up to a million: there the reduction cancels all but its last digits.
#[test]
fn sines_near_their_roots() {
    let nearest = |word: u64| (word % 636_000) as f64 * std::f64::consts::FRAC_PI_2;
    let xs: Vec<f64> = (0..200).chain(words(8).take(4000)).map(nearest).collect();
    for op in [Unary::Sin, Unary::Cos] {
        let wanted: Vec<f64> = xs.iter().map(|&x| op.evaluate_f64(x).unwrap()).collect();
        for target in Target::available() {
            let found = map(unary_for::<f64>(target, op).unwrap(), &xs);
            let report = worst(&format!("{op:?}"), target, Unit::Ulp, 1.0, &xs, &xs, &found, &wanted);
            assert_eq!(report, None);
        }
    }
}

/// NaN, infinities and signed zeros are those of the definition.
#[track_caller]
fn same_ends<T: Float>(what: &str, found: T, wanted: T) {
    let (found, wanted) = (found.wide(), wanted.wide());
    if wanted.is_nan() || found.is_nan() {
        assert!(wanted.is_nan() && found.is_nan(), "{what}: {found}, not {wanted}");
    } else if wanted == 0.0 || found == 0.0 || wanted.is_infinite() || found.is_infinite() {
        assert_eq!(found.to_bits(), wanted.to_bits(), "{what}: {found}, not {wanted}");
    }
}

fn check_ends<T: Float>() {
    let xs: Vec<T> = ENDS.iter().map(|&x| T::narrow(x)).collect();
    let pairs: Vec<(T, T)> = xs.iter().flat_map(|&x| xs.iter().map(move |&y| (x, y))).collect();
    let (left, right): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
    for target in Target::available() {
        for op in float_functions() {
            for (&x, &y) in xs.iter().zip(&map(unary_for::<T>(target, op).unwrap(), &xs)) {
                same_ends(&format!("{op:?} {target:?} of {x:?}"), y, T::host_unary(op, x));
            }
        }
        for &op in all_binary() {
            let found = zip(binary_for::<T>(target, op), &left, &right);
            for (&(x, y), &z) in pairs.iter().zip(&found) {
                same_ends(&format!("{op:?} {target:?} of {x:?} and {y:?}"), z, T::host_binary(op, x, y));
            }
        }
    }
}

#[test]
fn ends_of_domains_are_those_of_the_definitions() {
    check_ends::<f64>();
    check_ends::<f32>();
}

/// Arithmetic, roundings and roots are exact.
#[test]
fn instructions_are_the_definition() {
    fn check<T: Float>(xs: &[T], ys: &[T]) {
        for target in Target::available() {
            for op in [Unary::Neg, Unary::Abs, Unary::Sign, Unary::Floor, Unary::Reciprocal, Unary::Sqrt] {
                for (&x, &y) in xs.iter().zip(&map(unary_for::<T>(target, op).unwrap(), xs)) {
                    assert_eq!(bits(y), bits(T::host_unary(op, x)), "{op:?} of {x:?}");
                }
            }
            for op in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max, Binary::Min] {
                let found = zip(binary_for::<T>(target, op), xs, ys);
                for (i, &z) in found.iter().enumerate() {
                    let (x, y) = (xs[i], ys[i]);
                    assert_eq!(bits(z), bits(T::host_binary(op, x, y)), "{op:?} of {x:?}, {y:?}");
                }
            }
        }
    }
    fn bits<T: Float>(x: T) -> Option<u64> {
        (x == x).then(|| x.wide().to_bits())
    }
    let (xs, ys) = (arguments(4, 6000), arguments(5, 6000));
    check::<f64>(&xs, &ys);
    let narrow = |xs: &[f64]| -> Vec<f32> { xs.iter().map(|&x| x as f32).collect() };
    check::<f32>(&narrow(&xs), &narrow(&ys));
}

/// Two normal numbers: to a few units of their radius what the formula gives in double precision.
#[test]
fn normal_pairs() {
    let unit = |word: u64| ((word >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
    let us: Vec<f64> = words(6).take(4000).map(unit).collect();
    let vs: Vec<f64> = words(7).take(4000).map(unit).chain([0.25, 0.5, 0.75, 1e-16]).collect();
    for (&u, &v) in us.iter().zip(&vs) {
        let radius = (-2.0 * u.ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * v).sin_cos();
        let wanted = (radius * cosine, radius * sine);
        for found in [box_muller::<Portable, f64>(u, v), box_muller::<Avx2, f64>(u, v)] {
            let error = (found.0 - wanted.0).abs().max((found.1 - wanted.1).abs());
            // The angle of the formula, of up to 2π, has half a unit of 4, and so have the two results one each.
            assert!(error < 2e-15 * radius, "{u}, {v}: {found:?}, not {wanted:?}");
        }
        let (u, v) = (u as f32, v as f32);
        let radius = (-2.0 * f64::from(u).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * f64::from(v)).sin_cos();
        for found in [box_muller::<Portable, f32>(u, v), box_muller::<Avx2, f32>(u, v)] {
            let x = (f64::from(found.0) - radius * cosine).abs();
            let y = (f64::from(found.1) - radius * sine).abs();
            assert!(x.max(y) < 3e-7 * radius, "{u}, {v}: {found:?}");
        }
    }
}
