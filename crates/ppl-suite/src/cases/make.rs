//! Shapes, and inputs of given shapes.

use ppl_tensor::HostTensor;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::source::Source;

/// Makes one input of a case.
pub type Make = Box<dyn Fn(&mut Source) -> HostTensor>;

/// Sizes of dimensions: mostly small, sometimes 1, seldom 0.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => Just(2_usize), 8 => Just(3), 8 => Just(1), 1 => Just(0)]
}

/// Shapes of a range of ranks.
pub fn dims(ranks: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<usize>> {
    vec(size(), ranks)
}

/// `count` shapes of rank 0 to 4 that broadcast with each other.
pub fn broadcasting(count: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
    let inputs = vec((0..=4_usize, vec(prop_oneof![3 => Just(false), 1 => Just(true)], 4)), count);
    (dims(0..=4), inputs).prop_map(|(whole, inputs)| {
        let shape = |(dropped, ones): (usize, Vec<bool>)| {
            // Half of the inputs keep all dimensions.
            let dropped = dropped.saturating_sub(2).min(whole.len());
            whole[dropped..].iter().zip(ones).map(|(&size, one)| if one { 1 } else { size }).collect()
        };
        inputs.into_iter().map(shape).collect()
    })
}

fn filled<T: ppl_tensor::Element>(shape: &[usize], element: impl FnMut() -> T) -> HostTensor {
    let count = shape.iter().product();
    let values: Vec<T> = std::iter::repeat_with(element).take(count).collect();
    HostTensor::new(shape, values).expect("as many values as the shape has")
}

/// Floats, each from `value`.
pub fn float(shape: &[usize], value: fn(&mut Source) -> f64) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || value(source)))
}

/// 32-bit floats, each from `value`.
pub(super) fn narrow_float(shape: &[usize], value: fn(&mut Source) -> f64) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || value(source) as f32))
}

/// Integers from -4 to 4.
pub fn integer(shape: &[usize]) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || source.below(9) as i64 - 4))
}

/// Truth values.
pub fn truth(shape: &[usize]) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || source.below(2) == 1))
}

/// Indices into a dimension of a size.
pub fn index(shape: &[usize], size: usize) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || source.below(size) as i64))
}

/// Random keys.
pub fn key(shape: &[usize]) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| filled(&shape, || source.bits().cast_signed()))
}

/// Floats that are far from each other, compared with a step of central differences, and both signs.
pub(super) fn distinct(shape: &[usize]) -> Make {
    let shape = shape.to_vec();
    Box::new(move |source| {
        let count = shape.iter().product();
        let mut order = source.permutation(count).into_iter();
        let middle = count as f64 / 2.0;
        filled(&shape, || {
            let place = order.next().unwrap_or(0) as f64 - middle;
            0.4 * place + source.between(0.0, 0.1)
        })
    })
}

/// An input of the element types that operations which only move elements admit.
pub fn any_of(kind: usize, shape: &[usize]) -> Make {
    match kind % 4 {
        0 => integer(shape),
        1 => truth(shape),
        _ => float(shape, |source| source.signed(0.1, 2.0)),
    }
}
