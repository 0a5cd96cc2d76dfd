//! Lengths around blocks and vectors, and results in the place of operands.

// Functions of one element are for one target, which the compiler cannot see.
use ppl_tensor::op::{Binary, Unary};

use super::super::dispatch::testing::{map, map_in_place, zip, zip_in_place};
use super::super::{Target, binary_for, one, two, unary_for};
use crate::runtime::kernels::tests::sizes;

/// Among the numbers of each block are some that the fast path of `sin`, `lgamma` and `pow` leaves to the definition.
fn numbers(n: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|i| if i % 37 == 5 { -1e7 * scale } else { scale * (0.37 + i as f64 / 16.0) }).collect()
}

#[test]
fn every_length_and_every_overlap() {
    for target in Target::available() {
        for &n in sizes(&[0, 1, 2, 3, 7, 31, 127, 128, 129, 300], &[0, 3, 129]) {
            let (a, b) = (numbers(n, 1.0), numbers(n, 0.125));
            for op in [Unary::Neg, Unary::Exp, Unary::Sin, Unary::LnGamma, Unary::Atan] {
                let f = unary_for::<f64>(target, op).unwrap();
                let found = map(f, &a);
                for (&x, &y) in a.iter().zip(&found) {
                    let wanted = op.evaluate_f64(x).unwrap();
                    let close = y == wanted || (y - wanted).abs() <= 1e-14 * wanted.abs();
                    assert!(close, "{op:?} of {x}: {y}, not {wanted}");
                }
                let mut in_place = a.clone();
                map_in_place(f, &mut in_place);
                assert_eq!(in_place, found, "{op:?} of {n}");
            }
            for op in [Binary::Sub, Binary::Pow, Binary::Atan2] {
                let f = binary_for::<f64>(target, op);
                let found = zip(f, &a, &b);
                for (i, &z) in found.iter().enumerate() {
                    let wanted = op.evaluate_f64(a[i], b[i]);
                    let close = z == wanted
                        || (z - wanted).abs() <= 1e-14 * wanted.abs()
                        || z.is_nan() && wanted.is_nan();
                    assert!(close, "{op:?} of {} and {}: {z}, not {wanted}", a[i], b[i]);
                }
                let same = |x: &[f64], y: &[f64]| x.iter().zip(y).all(|(x, y)| x.to_bits() == y.to_bits());
                let mut first = a.clone();
                zip_in_place(f, &mut first, Some(&b), false);
                assert!(same(&first, &found), "{op:?} of {n}");
                let mut second = b.clone();
                zip_in_place(f, &mut second, Some(&a), true);
                assert!(same(&second, &found), "{op:?} of {n}");
                let mut both = a.clone();
                zip_in_place(f, &mut both, None, false);
                assert!(same(&both, &zip(f, &a, &a)), "{op:?} of {n}");
            }
        }
    }
}

#[test]
fn operations_without_a_loop() {
    for op in [Unary::Not, Unary::IsFinite, Unary::Polygamma(200)] {
        assert!(unary_for::<f64>(Target::best(), op).is_none(), "{op:?}");
    }
}

/// Every operation, on numbers of its fast path and beyond it, NaN and infinities.
#[test]
fn one_element_is_as_many_are() {
    let mut numbers = numbers(80, 0.25);
    numbers.extend([0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.5, 5e-324]);
    let same = |x: f64, y: f64| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
    for (name, function, ..) in super::FUNCTIONS {
        match *function {
            super::Function::Unary(op) => {
                let (Some(f), Some(g)) = (one::<f64>(op), one::<f32>(op)) else { panic!("{name}") };
                let (all, all32) =
                    (unary_for(Target::best(), op).unwrap(), unary_for(Target::best(), op).unwrap());
                for &x in &numbers {
                    // SAFETY: functions of this processor.
                    let (found, found32) = unsafe { (f(x), g(x as f32)) };
                    assert!(same(found, map(all, &[x])[0]), "{name} of {x}");
                    assert!(same(f64::from(found32), f64::from(map(all32, &[x as f32])[0])), "{name} of {x}");
                }
            }
            super::Function::Binary(op) => {
                let f = two::<f64>(op);
                for (&x, &y) in numbers.iter().zip(numbers.iter().rev()) {
                    // SAFETY: as above.
                    let found = unsafe { f(x, y) };
                    assert!(
                        same(found, zip(binary_for(Target::best(), op), &[x], &[y])[0]),
                        "{name} of {x}, {y}"
                    );
                }
            }
        }
    }
}
