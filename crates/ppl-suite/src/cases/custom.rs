//! Operations as users add them: one that accepts batch dimensions, one that is evaluated row by row.

use std::sync::Arc;

use ppl_tensor::{CustomOp, DType, Error, HostTensor, Op, Result, Shape, Tensor, TensorType};
use proptest::prelude::*;

use super::make::{broadcasting, float};
use super::{Case, Row};
use crate::source::Source;

fn result(dtype: DType, shape: &Shape, values: Vec<f64>) -> Result<HostTensor> {
    match dtype {
        DType::F32 => HostTensor::new(shape, values.into_iter().map(|x| x as f32).collect::<Vec<_>>()),
        _ => HostTensor::new(shape, values),
    }
}

/// `√(x² + y²)`, broadcasting.
#[derive(Debug)]
struct Hypotenuse;

impl CustomOp for Hypotenuse {
    fn name(&self) -> &str {
        "hypotenuse"
    }

    fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType> {
        let [x, y] = inputs else { return Err(Error::argument(self.name(), "takes two inputs")) };
        if x.dtype != y.dtype || !x.dtype.is_float() {
            return Err(Error::argument(self.name(), "takes floats of one dtype"));
        }
        let shape = x
            .shape
            .broadcast(&y.shape)
            .ok_or_else(|| Error::argument(self.name(), "shapes do not broadcast"))?;
        Ok(TensorType::new(x.dtype, shape))
    }

    fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor> {
        let shape = self.output_type(&[&inputs[0].tensor_type(), &inputs[1].tensor_type()])?.shape;
        let (x, y) = (spread(inputs[0], &shape), spread(inputs[1], &shape));
        result(inputs[0].dtype(), &shape, x.iter().zip(&y).map(|(x, y)| (x * x + y * y).sqrt()).collect())
    }

    fn gradient(&self, inputs: &[Tensor], output: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Ok(inputs.iter().map(|x| Some(grad * x / output)).collect())
    }

    fn broadcasts_leading(&self) -> bool {
        true
    }
}

/// The elements of `x` broadcast to a shape, by index arithmetic.
pub(crate) fn spread(x: &HostTensor, shape: &Shape) -> Vec<f64> {
    let (values, strides) = (x.to_f64(), x.shape().strides());
    let offset = shape.rank() - x.shape().rank();
    let place = |mut linear: usize| {
        let mut index = 0;
        for d in (0..shape.rank()).rev() {
            let coordinate = linear % shape[d];
            linear /= shape[d];
            if d >= offset && x.shape()[d - offset] != 1 {
                index += coordinate * strides[d - offset];
            }
        }
        index
    };
    (0..shape.elements()).map(|linear| values[place(linear)]).collect()
}

/// The inner product of two vectors; knows nothing of batches.
#[derive(Debug)]
struct Inner;

impl CustomOp for Inner {
    fn name(&self) -> &str {
        "inner"
    }

    fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType> {
        match inputs {
            [x, y] if x == y && x.shape.rank() == 1 && x.dtype.is_float() => {
                Ok(TensorType::new(x.dtype, Shape::scalar()))
            }
            _ => Err(Error::argument(self.name(), "takes two vectors of floats, of one size")),
        }
    }

    fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor> {
        let sum = inputs[0].to_f64().iter().zip(inputs[1].to_f64()).map(|(x, y)| x * y).sum();
        result(inputs[0].dtype(), &Shape::scalar(), vec![sum])
    }

    fn gradient(&self, inputs: &[Tensor], _output: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(grad * &inputs[1]), Some(grad * &inputs[0])])
    }
}

fn positive(source: &mut Source) -> f64 {
    source.between(0.5, 2.0)
}

/// An operation as users add them: `√(x² + y²)`, broadcasting.
pub fn hypotenuse() -> Op {
    Op::Custom(Arc::new(Hypotenuse))
}

pub(super) fn custom() -> Vec<Row> {
    let pairs = (broadcasting(2), any::<u64>()).prop_map(move |(shapes, seed)| {
        Case::drawn(hypotenuse(), seed, &[float(&shapes[0], positive), float(&shapes[1], positive)])
    });
    let inner = || Op::Custom(Arc::new(Inner));
    let product = move |n: usize, seed: u64| {
        Case::drawn(inner(), seed, &[float(&[n], positive), float(&[n], positive)])
    };
    let vectors = (0..5_usize, any::<u64>()).prop_map(move |(n, seed)| product(n, seed));
    let fixed = vec![Case::drawn(hypotenuse(), 1, &[float(&[2, 1], positive), float(&[3], positive)])];
    vec![
        Row::new(&hypotenuse(), pairs, fixed),
        Row::new(&inner(), vectors, vec![product(1, 2), product(0, 3)]),
    ]
}
