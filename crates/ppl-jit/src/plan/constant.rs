//! Values that are known when a program is made.

use ppl_tensor::HostData::{Bool, F32, F64, I64};
use ppl_tensor::HostTensor;

use super::view::View;

/// The one element of a constant that is the same everywhere.
pub(super) fn uniform(value: &HostTensor) -> Option<HostTensor> {
    if value.data().len() < 2 {
        return None;
    }
    fn first<T: Copy, K: PartialEq>(values: &[T], bits: impl Fn(T) -> K) -> Option<T> {
        let one = *values.first()?;
        values.iter().all(|&x| bits(x) == bits(one)).then_some(one)
    }
    match value.data() {
        F64(values) => first(values, f64::to_bits).map(HostTensor::scalar),
        F32(values) => first(values, f32::to_bits).map(HostTensor::scalar),
        I64(values) => first(values, |x| x).map(HostTensor::scalar),
        Bool(values) => first(values, |x| x).map(HostTensor::scalar),
    }
}

pub(super) fn same_bits(a: &HostTensor, b: &HostTensor) -> bool {
    match (a.data(), b.data()) {
        (F64(a), F64(b)) => a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits()),
        (F32(a), F32(b)) => a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits()),
        (I64(a), I64(b)) => a == b,
        (Bool(a), Bool(b)) => a == b,
        _ => false,
    }
}

/// The elements of a view of a constant, in order.
pub(super) fn gathered(value: &HostTensor, view: &View) -> Option<HostTensor> {
    let places = view.places();
    fn chosen<T: Copy>(values: &[T], places: &[usize]) -> Option<Vec<T>> {
        places.iter().map(|&place| values.get(place).copied()).collect()
    }
    let shape = &view.shape;
    match value.data() {
        F64(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        F32(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        I64(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        Bool(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
    }
}
