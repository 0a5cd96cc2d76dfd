//! Against the values of mpmath that the host's functions are held to.

use super::super::{Arch, Avx2, Float, Portable, Target, softplus_and_sigmoid};
use super::{FUNCTIONS, Unit, ulp};

/// The rows of a function: its arguments, and the value.
fn table(name: &str, arity: usize) -> Vec<Vec<f64>> {
    let lines = include_str!("../../../../../ppl-tensor/tests/special_functions.txt").lines();
    let mut words =
        lines.map(|line| line.split(' ')).find_map(|mut words| (words.next() == Some(name)).then_some(words));
    let numbers: Vec<f64> = words.as_mut().unwrap().map(|word| word.parse().unwrap()).collect();
    numbers.chunks_exact(arity + 1).map(<[f64]>::to_vec).collect()
}

/// The bounds are of the three of [`FUNCTIONS`] that for a value of the loop's own, and that for one of the definition.
fn check<T: Float>(bounds: impl Fn(f64, f64, f64) -> (f64, f64)) {
    let mut report = Vec::new();
    for target in Target::available() {
        for &(name, function, unit, double, single, definition) in FUNCTIONS {
            let (own, defined) = bounds(double, single, definition);
            let arity = function.arity();
            let mut rows = table(name, arity);
            assert!(rows.len() > 25, "{name}");
            rows.retain(|row| row[..arity].iter().all(|&x| T::narrow(x).wide() == x));
            assert!(rows.len() > 10, "{name}");
            let columns: Vec<Vec<T>> =
                (0..arity).map(|i| rows.iter().map(|row| T::narrow(row[i])).collect()).collect();
            let found = function.values(target, &columns);
            for (row, &y) in rows.iter().zip(&found) {
                let error = unit.error(T::narrow(row[0]), y, row[arity]);
                let bound = if function.is_definition_at(row[0]) { defined } else { own };
                if error > bound {
                    report.push(format!("{name} {target:?}: {error:.2} units at {row:?}: {y:?}"));
                }
            }
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}

#[test]
fn doubles_are_right_to_the_last_place() {
    check::<f64>(|double, _, definition| (double, definition));
}

#[test]
fn singles_are_right_to_the_last_place() {
    check::<f32>(|_, single, _| (single, single));
}

/// Every value is within its bound of what the function is, not of that rounded. A line has a name and then arguments, each
/// with the value there, rounded, and what the rounding left, in units: by mpmath at 60 digits. The arguments are those where
/// the loops, the definitions and forms tried before erred most, of hundreds of thousands spread over the range and around the
/// ends of the intervals of each form; neighbours of these ends and of roots; and some at random.
#[test]
fn hard_arguments_are_right_to_a_unit() {
    let mut report = Vec::new();
    for line in include_str!("hard_arguments.txt").lines() {
        let (name, rows) = line.split_once(' ').unwrap();
        let &(_, function, _, bound, ..) = FUNCTIONS.iter().find(|row| row.0 == name).unwrap();
        let numbers: Vec<f64> = rows.split(' ').map(|word| word.parse().unwrap()).collect();
        let rows = || numbers.chunks_exact(3);
        assert!(rows().len() > 30, "{name}");
        for target in Target::available() {
            let found = function.values(target, &[rows().map(|row| row[0]).collect()]);
            for (row, y) in rows().zip(found) {
                let error = ((y - row[1]) / ulp(row[1], 53, -1022) - row[2]).abs();
                if error.is_nan() || error > bound {
                    report.push(format!("{name} {target:?}: {error:.2} units at {}: {y}", row[0]));
                }
            }
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}

#[test]
fn softplus_and_sigmoid_together_err_by_two_units() {
    fn check<A: Arch, T: Float>() {
        for (name, second) in [("softplus", false), ("sigmoid", true)] {
            for row in table(name, 1) {
                let x = T::narrow(row[0]);
                if x.wide() == row[0] {
                    let both = softplus_and_sigmoid::<A, T>(x);
                    let found = if second { both.1 } else { both.0 };
                    let error = Unit::Ulp.error(x, found, row[1]);
                    assert!(error <= 2.0, "{name}: {error:.2} units at {row:?}: {found:?}");
                }
            }
        }
    }
    check::<Portable, f64>();
    check::<Portable, f32>();
    check::<Avx2, f64>();
    check::<Avx2, f32>();
}
