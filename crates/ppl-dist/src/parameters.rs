//! What constructors do with parameters: bring them to floats, find their common shape, carry what does not fit.

use ppl_core::{Error, Result};
use ppl_tensor::{DType, Device, ErrorKind, Key, Shape, Tensor};

/// The value as a float: integers and truth values in the default float of their device.
#[track_caller]
pub(crate) fn float(value: impl Into<Tensor>) -> Tensor {
    let value = value.into();
    match value.dtype() {
        DType::F64 | DType::F32 => value,
        // The cast of a number stays weak.
        DType::I64 | DType::Bool if value.is_weak() => value.cast(DType::F64),
        DType::I64 | DType::Bool => {
            let dtype = value.device().default_float();
            value.cast(dtype)
        }
    }
}

/// A value as a float of the dtype that the parameters have.
pub(crate) fn float_like(value: &Tensor, parameters: &[&Tensor]) -> Tensor {
    match strong_float(parameters) {
        Some(dtype) if !value.dtype().is_float() && !value.is_weak() => value.cast(dtype),
        _ => float(value),
    }
}

/// The dtype of the first float that is not weak.
fn strong_float(parameters: &[&Tensor]) -> Option<DType> {
    parameters.iter().find(|p| p.dtype().is_float() && !p.is_weak() && p.error().is_none()).map(|p| p.dtype())
}

/// The dtype of draws: that of the parameters, or of the key's device if they are numbers.
pub(crate) fn draw_dtype(key: &Key, parameters: &[&Tensor]) -> DType {
    strong_float(parameters).unwrap_or(key.tensor().device().default_float())
}

/// A weak tensor on a device, as a float of a dtype; any other as it is.
#[track_caller]
pub(crate) fn strong(value: &Tensor, device: &Device, dtype: DType) -> Tensor {
    if value.is_weak() { value.to_device(&device.float(dtype)) } else { value.clone() }
}

/// The common shape of parameters. If they have none, all of them carry the error, with the caller's line.
#[track_caller]
pub(crate) fn broadcast<const N: usize>(
    distribution: &str,
    names: [&str; N],
    parameters: [Tensor; N],
) -> (Shape, [Tensor; N]) {
    let shapes: Vec<Shape> = parameters.iter().map(Tensor::shape).collect();
    match common_shape(&shapes) {
        Some(shape) => (shape, parameters),
        None => {
            let reason = format!("the shapes of `{}` do not broadcast", names.join("` and `"));
            let failure = misfit(distribution, &shapes, reason);
            (Shape::scalar(), std::array::from_fn(|_| failure.clone()))
        }
    }
}

fn common_shape(shapes: &[Shape]) -> Option<Shape> {
    shapes.iter().try_fold(Shape::scalar(), |common, shape| common.broadcast(shape))
}

/// A tensor that carries the error of parameters whose shapes do not fit.
#[track_caller]
pub(crate) fn misfit(distribution: &str, shapes: &[Shape], reason: impl Into<String>) -> Tensor {
    let kind =
        ErrorKind::Shape { op: distribution.to_owned(), shapes: shapes.to_vec(), reason: reason.into() };
    Tensor::failure(kind.into())
}

/// The first parameter that failed: its error goes before any that a value would cause.
pub(crate) fn failed(parameters: &[&Tensor]) -> Option<Tensor> {
    parameters.iter().find(|p| p.error().is_some()).map(|p| (*p).clone())
}

/// A parameter broadcast so that a distribution of batch shape `from` becomes one of batch shape `to`. One of the
/// parameters is enough.
pub(crate) fn expand(
    name: &str,
    from: &Shape,
    to: &Shape,
    event: &[usize],
    parameter: &Tensor,
) -> Result<Tensor> {
    if !from.broadcasts_to(to) {
        return Err(Error::Shape(format!("{name} of batch shape {from} does not expand to {to}")));
    }
    parameter.check()?;
    Ok(parameter.broadcast_to(to.concat(event)))
}

/// The sum over the last `n` dimensions.
#[track_caller]
pub(crate) fn sum_last(value: &Tensor, n: usize) -> Tensor {
    if n == 0 {
        return value.clone();
    }
    let dims: Vec<isize> = (1..=n.cast_signed()).map(|dim| -dim).collect();
    value.sum_dims(&dims)
}

/// Whether all of the last `n` dimensions hold.
#[track_caller]
pub(crate) fn all_last(value: &Tensor, n: usize) -> Tensor {
    (0..n).fold(value.clone(), |value, _| value.all(-1))
}

/// A shape without its last `n` dimensions, and those; `None` if there are fewer.
pub(crate) fn split_last(shape: &Shape, n: usize) -> Option<(Shape, Shape)> {
    let (batch, event) = shape.split_at_checked(shape.rank().checked_sub(n)?)?;
    Some((batch.into(), event.into()))
}
