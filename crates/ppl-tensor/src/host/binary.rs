//! Functions of two or three elements, broadcasting.

use std::sync::Arc;

use super::gamma_slope::gamma_quantile_slope;
use super::nest::Nest;
use super::number::{Float, Number};
use super::philox::fold_in;
use super::{arity, each_dtype, refused};
use crate::data::Element;
use crate::op::{Binary, Compare, Logic};
use crate::{HostData, HostTensor, Op, Result, Shape};

/// The elements of an operand and its shape.
#[derive(Clone, Copy)]
struct Operand<'a, T> {
    values: &'a [T],
    shape: &'a Shape,
}

/// `f` of each pair of elements.
#[inline]
fn zip<A: Element, B: Element, U: Element>(
    target: &Shape,
    a: Operand<'_, A>,
    b: Operand<'_, B>,
    f: impl Fn(A, B) -> U,
) -> HostData {
    let nest = if a.shape == b.shape {
        Nest::single(a.values.len(), [1, 1])
    } else if b.values.len() == 1 {
        Nest::single(a.values.len(), [1, 0])
    } else if a.values.len() == 1 {
        Nest::single(b.values.len(), [0, 1])
    } else {
        Nest::new(target, [a.shape, b.shape])
    };
    let (turns, steps) = nest.inner();
    let mut out: Vec<U> = Vec::with_capacity(target.elements());
    nest.rows(|[i, j]| match steps {
        [0, _] => {
            let x = a.values[i];
            out.extend(b.values[j..j + turns].iter().map(|&y| f(x, y)));
        }
        [_, 0] => {
            let y = b.values[j];
            out.extend(a.values[i..i + turns].iter().map(|&x| f(x, y)));
        }
        _ => {
            let pairs = a.values[i..i + turns].iter().zip(&b.values[j..j + turns]);
            out.extend(pairs.map(|(&x, &y)| f(x, y)));
        }
    });
    U::wrap(Arc::new(out))
}

pub(super) fn binary(op: &Op, kind: Binary, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, y] = arity(op, inputs)?;
    let (left, right) = (x.shape(), y.shape());
    let data = match (x.data(), y.data()) {
        (HostData::F64(a), HostData::F64(b)) => {
            let (a, b) = (Operand { values: a, shape: left }, Operand { values: b, shape: right });
            of_floats(kind, Each { target, a, b })
        }
        (HostData::F32(a), HostData::F32(b)) => {
            let (a, b) = (Operand { values: a, shape: left }, Operand { values: b, shape: right });
            of_floats(kind, Each { target, a, b })
        }
        (HostData::I64(a), HostData::I64(b)) => {
            let (a, b) = (Operand { values: a, shape: left }, Operand { values: b, shape: right });
            of_numbers(kind, Each { target, a, b })
        }
        _ => None,
    };
    HostTensor::from_data(target, data.ok_or_else(|| refused(op, inputs))?)
}

/// Something to do with the function of an operation.
trait Visitor<T> {
    type Output;
    fn visit(self, f: impl Fn(T, T) -> T) -> Self::Output;
}

/// The function of each pair of elements.
struct Each<'a, T> {
    target: &'a Shape,
    a: Operand<'a, T>,
    b: Operand<'a, T>,
}

impl<T: Element> Visitor<T> for Each<'_, T> {
    type Output = HostData;
    #[inline]
    fn visit(self, f: impl Fn(T, T) -> T) -> HostData {
        zip(self.target, self.a, self.b, f)
    }
}

/// The function of one pair.
struct At<T>(T, T);

impl<T> Visitor<T> for At<T> {
    type Output = T;
    #[inline]
    fn visit(self, f: impl Fn(T, T) -> T) -> T {
        f(self.0, self.1)
    }
}

/// The value of a function of two floats.
pub(crate) fn evaluate<T: Float>(kind: Binary, x: T, y: T) -> Option<T> {
    of_floats(kind, At(x, y))
}

/// The value of a function of two integers.
pub(crate) fn evaluate_integers(kind: Binary, x: i64, y: i64) -> Option<i64> {
    of_numbers(kind, At(x, y))
}

fn of_floats<T: Float, V: Visitor<T>>(kind: Binary, visitor: V) -> Option<V::Output> {
    match kind {
        Binary::GammaQuantileSlope => {
            Some(visitor.visit(|a: T, ln_z: T| T::narrow(gamma_quantile_slope(a.wide(), ln_z.wide()))))
        }
        Binary::Atan2 => Some(visitor.visit(T::atan2)),
        Binary::LogAddExp => Some(visitor.visit(T::log_add_exp)),
        _ => of_numbers(kind, visitor),
    }
}

fn of_numbers<T: Number, V: Visitor<T>>(kind: Binary, visitor: V) -> Option<V::Output> {
    Some(match kind {
        Binary::Add => visitor.visit(T::plus),
        Binary::Sub => visitor.visit(T::minus),
        Binary::Mul => visitor.visit(T::times),
        Binary::Div => visitor.visit(T::over),
        Binary::Rem => visitor.visit(T::modulo),
        Binary::Pow => visitor.visit(T::power),
        Binary::Max => visitor.visit(T::larger),
        Binary::Min => visitor.visit(T::smaller),
        Binary::Atan2 | Binary::LogAddExp | Binary::GammaQuantileSlope => return None,
    })
}

pub(super) fn compare(op: &Op, kind: Compare, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, y] = arity(op, inputs)?;
    let data = each_dtype!(x, a => {
        let b = Element::unwrap(y.data()).ok_or_else(|| refused(op, inputs))?;
        let (a, b) = (Operand { values: a, shape: x.shape() }, Operand { values: b, shape: y.shape() });
        compare_pairs(kind, target, a, b)
    });
    HostTensor::from_data(target, data)
}

fn compare_pairs<T: Element>(
    kind: Compare,
    target: &Shape,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
) -> HostData {
    match kind {
        Compare::Eq => zip(target, a, b, |x, y| x == y),
        Compare::Ne => zip(target, a, b, |x, y| x != y),
        Compare::Lt => zip(target, a, b, |x, y| x < y),
        Compare::Le => zip(target, a, b, |x, y| x <= y),
        Compare::Gt => zip(target, a, b, |x, y| x > y),
        Compare::Ge => zip(target, a, b, |x, y| x >= y),
    }
}

pub(super) fn logic(op: &Op, kind: Logic, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, y] = arity(op, inputs)?;
    let (HostData::Bool(a), HostData::Bool(b)) = (x.data(), y.data()) else {
        return Err(refused(op, inputs));
    };
    let (a, b) = (Operand { values: &a[..], shape: x.shape() }, Operand { values: &b[..], shape: y.shape() });
    let data = match kind {
        Logic::And => zip(target, a, b, |x, y| x & y),
        Logic::Or => zip(target, a, b, |x, y| x | y),
    };
    HostTensor::from_data(target, data)
}

pub(super) fn fold_keys(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, y] = arity(op, inputs)?;
    let (HostData::I64(a), HostData::I64(b)) = (x.data(), y.data()) else {
        return Err(refused(op, inputs));
    };
    let (a, b) = (Operand { values: &a[..], shape: x.shape() }, Operand { values: &b[..], shape: y.shape() });
    HostTensor::from_data(target, zip(target, a, b, fold_in))
}

pub(super) fn select(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [condition, x, y] = arity(op, inputs)?;
    let HostData::Bool(c) = condition.data() else {
        return Err(refused(op, inputs));
    };
    let c = Operand { values: &c[..], shape: condition.shape() };
    let data = each_dtype!(x, a => {
        let b = Element::unwrap(y.data()).ok_or_else(|| refused(op, inputs))?;
        let (a, b) = (Operand { values: a, shape: x.shape() }, Operand { values: b, shape: y.shape() });
        select_values(target, c, a, b)
    });
    HostTensor::from_data(target, data)
}

/// One run of an operand in the innermost loop: its elements, or the one that stands for all.
enum Run<'a, T> {
    Each(&'a [T]),
    Same(T),
}

impl<'a, T: Element> Operand<'a, T> {
    fn run(&self, at: usize, turns: usize, step: usize) -> Run<'a, T> {
        if step == 0 { Run::Same(self.values[at]) } else { Run::Each(&self.values[at..at + turns]) }
    }
}

fn select_values<T: Element>(
    target: &Shape,
    c: Operand<'_, bool>,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
) -> HostData {
    let nest = if c.shape == a.shape && a.shape == b.shape {
        Nest::single(a.values.len(), [1; 3])
    } else {
        Nest::new(target, [c.shape, a.shape, b.shape])
    };
    let (turns, steps) = nest.inner();
    let mut out: Vec<T> = Vec::with_capacity(target.elements());
    nest.rows(|[i, j, k]| {
        let (x, y) = (a.run(j, turns, steps[1]), b.run(k, turns, steps[2]));
        match (c.run(i, turns, steps[0]), x, y) {
            (Run::Each(c), Run::Each(x), Run::Each(y)) => {
                out.extend(c.iter().zip(x).zip(y).map(|((&c, &x), &y)| if c { x } else { y }));
            }
            (Run::Each(c), Run::Each(x), Run::Same(y)) => {
                out.extend(c.iter().zip(x).map(|(&c, &x)| if c { x } else { y }));
            }
            (Run::Each(c), Run::Same(x), Run::Each(y)) => {
                out.extend(c.iter().zip(y).map(|(&c, &y)| if c { x } else { y }));
            }
            (Run::Each(c), Run::Same(x), Run::Same(y)) => {
                out.extend(c.iter().map(|&c| if c { x } else { y }));
            }
            (Run::Same(c), x, y) => match if c { x } else { y } {
                Run::Each(chosen) => out.extend_from_slice(chosen),
                Run::Same(chosen) => out.resize(out.len() + turns, chosen),
            },
        }
    });
    T::wrap(Arc::new(out))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, attempt, bools, counting, f32s, f64s, i64s, run};
    use crate::op::{Binary, Compare, Logic};
    use crate::{HostTensor, Op, Shape};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[track_caller]
    fn check(kind: Binary, x: &[f64], y: &[f64], wanted: &[f64]) {
        let n = [x.len()];
        assert_close(&run(Op::Binary(kind), &[&f64s(n, x), &f64s(n, y)]).to_f64(), wanted, 1e-15);
        let narrow = |v: &[f64]| f32s(n, &v.iter().map(|&x| x as f32).collect::<Vec<_>>());
        assert_close(&run(Op::Binary(kind), &[&narrow(x), &narrow(y)]).to_f64(), wanted, 1e-6);
    }

    #[track_caller]
    fn check_integers(kind: Binary, x: &[i64], y: &[i64], wanted: &[i64]) {
        let n = [x.len()];
        assert_eq!(run(Op::Binary(kind), &[&i64s(n, x), &i64s(n, y)]), i64s(n, wanted));
    }

    #[test]
    fn float_arithmetic() {
        check(Binary::Add, &[1.0, INF], &[2.0, -INF], &[3.0, NAN]);
        check(Binary::Sub, &[1.0], &[2.0], &[-1.0]);
        check(Binary::Mul, &[3.0, 0.0], &[2.0, INF], &[6.0, NAN]);
        check(Binary::Div, &[3.0, 1.0, 0.0], &[2.0, 0.0, 0.0], &[1.5, INF, NAN]);
        check(
            Binary::Pow,
            &[3.0, 2.0, 0.0, -1.0, 0.0],
            &[2.0, -1.0, 0.0, 0.5, -1.0],
            &[9.0, 0.5, 1.0, NAN, INF],
        );
    }

    #[test]
    fn remainders_have_the_sign_of_the_divisor() {
        check(Binary::Rem, &[5.5, -5.5, 5.5, -5.5], &[2.0, 2.0, -2.0, -2.0], &[1.5, 0.5, -0.5, -1.5]);
        check(
            Binary::Rem,
            &[1.0, -1.0, 1.0, NAN, INF],
            &[0.0, INF, -INF, 1.0, 1.0],
            &[NAN, INF, -INF, NAN, NAN],
        );
        let zero = run(Op::Binary(Binary::Rem), &[&f64s([2], &[4.0, -4.0]), &f64s([2], &[-2.0, 2.0])]);
        assert_eq!(zero.to_f64().map_signs(), [true, false]);
        check_integers(
            Binary::Rem,
            &[7, -7, 7, -7, 5, i64::MIN],
            &[3, 3, -3, -3, 0, -1],
            &[1, 2, -2, -1, 0, 0],
        );
    }

    trait MapSigns {
        fn map_signs(&self) -> Vec<bool>;
    }

    impl MapSigns for Vec<f64> {
        fn map_signs(&self) -> Vec<bool> {
            self.iter().map(|x| x.is_sign_negative()).collect()
        }
    }

    #[test]
    fn extremes_pass_nan_on() {
        check(Binary::Max, &[1.0, NAN, 1.0, -INF], &[2.0, 1.0, NAN, INF], &[2.0, NAN, NAN, INF]);
        check(Binary::Min, &[1.0, NAN, 1.0, -INF], &[2.0, 1.0, NAN, INF], &[1.0, NAN, NAN, -INF]);
        check_integers(Binary::Max, &[1, -2], &[3, -4], &[3, -2]);
        check_integers(Binary::Min, &[1, -2], &[3, -4], &[1, -4]);
    }

    #[test]
    fn integer_arithmetic() {
        check_integers(Binary::Add, &[i64::MAX, 1], &[1, 2], &[i64::MIN, 3]);
        check_integers(Binary::Div, &[7, -7, 5, i64::MIN], &[2, 2, 0, -1], &[3, -3, 0, i64::MIN]);
        check_integers(Binary::Pow, &[2, -3, 0, 1, 2, 0], &[10, 3, 0, -5, -1, -1], &[1024, -27, 1, 1, 0, 0]);
        check_integers(
            Binary::Pow,
            &[-1, -1, 3, 2],
            &[-4, -5, 1 << 40, 64],
            &[1, -1, three_to_a_power_of_two(), 0],
        );
    }

    fn three_to_a_power_of_two() -> i64 {
        (0..40).fold(3i64, |x, _| x.wrapping_mul(x))
    }

    #[test]
    fn comparisons() {
        let (x, y) = (f64s([4], &[1.0, 2.0, NAN, 3.0]), f64s([4], &[2.0, 2.0, NAN, 1.0]));
        let compare = |kind| run(Op::Compare(kind), &[&x, &y]);
        assert_eq!(compare(Compare::Eq), bools([4], &[false, true, false, false]));
        assert_eq!(compare(Compare::Ne), bools([4], &[true, false, true, true]));
        assert_eq!(compare(Compare::Lt), bools([4], &[true, false, false, false]));
        assert_eq!(compare(Compare::Le), bools([4], &[true, true, false, false]));
        assert_eq!(compare(Compare::Gt), bools([4], &[false, false, false, true]));
        assert_eq!(compare(Compare::Ge), bools([4], &[false, true, false, true]));
        let flags = bools([2], &[true, false]);
        assert_eq!(run(Op::Compare(Compare::Eq), &[&flags, &bools([], &[true])]), flags);
        let large = i64s([2], &[i64::MAX, i64::MAX - 1]);
        assert_eq!(run(Op::Compare(Compare::Eq), &[&large, &i64s([], &[i64::MAX])]), flags);
        assert!(attempt(Op::Compare(Compare::Eq), &[&large, &flags]).is_err());
    }

    #[test]
    fn connectives() {
        let (x, y) = (bools([4], &[true, true, false, false]), bools([4], &[true, false, true, false]));
        assert_eq!(run(Op::Logic(Logic::And), &[&x, &y]), bools([4], &[true, false, false, false]));
        assert_eq!(run(Op::Logic(Logic::Or), &[&x, &y]), bools([4], &[true, true, true, false]));
    }

    /// The element of `x` that stands at a position of a result it is broadcast to.
    fn broadcast_element(x: &HostTensor, target: &Shape, position: usize) -> f64 {
        let (strides, own) = (target.strides(), x.shape().strides());
        let missing = target.rank() - x.shape().rank();
        let at: usize = (0..x.shape().rank())
            .map(|d| position / strides[d + missing] % target[d + missing] % x.shape()[d] * own[d])
            .sum();
        x.to_f64()[at]
    }

    #[test]
    fn every_pattern_of_broadcasting() {
        let shapes: &[&[usize]] = &[
            &[],
            &[1],
            &[4],
            &[3, 4],
            &[3, 1],
            &[1, 4],
            &[2, 3, 4],
            &[2, 1, 4],
            &[2, 3, 1],
            &[2, 1, 1],
            &[0, 1, 1],
        ];
        for &left in shapes {
            for &right in shapes {
                let (x, y) = (counting(left), counting(right));
                let Some(common) = x.shape().broadcast(y.shape()) else { continue };
                let difference = run(Op::Binary(Binary::Sub), &[&x, &y]);
                let target = difference.shape().clone();
                let element = |x, i| broadcast_element(x, &target, i);
                let wanted: Vec<f64> =
                    (0..target.elements()).map(|i| element(&x, i) - element(&y, i)).collect();
                assert_eq!(difference.to_f64(), wanted, "{left:?} {right:?}");
                for &third in shapes {
                    let c = counting(third);
                    if common.broadcast(c.shape()).is_none() {
                        continue;
                    }
                    let even = bools(third, &c.to_f64().iter().map(|c| c % 2.0 == 0.0).collect::<Vec<_>>());
                    let chosen = run(Op::Select, &[&even, &x, &y]);
                    let target = chosen.shape().clone();
                    let element = |x, i| broadcast_element(x, &target, i);
                    let choose =
                        |i| if element(&c, i) % 2.0 == 0.0 { element(&x, i) } else { element(&y, i) };
                    let wanted: Vec<f64> = (0..target.elements()).map(choose).collect();
                    assert_eq!(chosen.to_f64(), wanted, "{third:?} {left:?} {right:?}");
                }
            }
        }
    }

    #[test]
    fn select_does_not_mix_its_branches() {
        let condition = bools([2], &[true, false]);
        let chosen = run(Op::Select, &[&condition, &f64s([2], &[1.0, NAN]), &f64s([2], &[NAN, 2.0])]);
        assert_eq!(chosen, f64s([2], &[1.0, 2.0]));
        let chosen = run(Op::Select, &[&condition, &bools([], &[true]), &bools([], &[false])]);
        assert_eq!(chosen, condition);
    }
}
