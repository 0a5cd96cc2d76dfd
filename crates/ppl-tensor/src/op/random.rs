//! Random numbers as functions of a key. A key is one `I64`; see [`Key`](crate::Key).

use super::{Op, arity, broadcast_all, dtype_error, layout};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::op::Binary;
use crate::{DType, Error, Result, Shape, TensorType};

/// The distribution of random numbers. Keys of shape `K` give draws of shape `K + shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RandomKind {
    /// `(key)`: uniform on the open interval (0, 1), of the given float dtype.
    Uniform(DType),
    /// `(key)`: standard normal, of the given float dtype.
    Normal(DType),
    /// `(key, concentration)`: logarithm of a standard gamma variate for each concentration, which broadcasts to
    /// `K + shape`. The logarithm, because small concentrations underflow.
    LogGamma,
    /// `(key, rate)`: counts of a Poisson distribution, floats of the rate's dtype. NaN where the rate is negative, not
    /// finite or NaN.
    Poisson,
    /// `(key, count, probability)`: successes among `count` trials, floats of the dtype of both. NaN unless the count is
    /// an integer of `0..=2⁵³` and the probability is in `[0, 1]`.
    Binomial,
    /// `(key)`: as many distinct entries of `0..population` as `shape`, which has one dimension, says, in random
    /// order, `I64`.
    Subsample {
        /// Number of entries to choose from.
        population: usize,
    },
}

impl RandomKind {
    /// Element `element` of what is drawn with a key, as the host computes it: the definition of the operation in double
    /// precision, of one or two parameters. `None` for kinds without parameters.
    pub fn evaluate_f64(self, key: i64, element: i64, parameters: [f64; 2]) -> Option<f64> {
        crate::host::draw(self, key, element, parameters)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            RandomKind::Uniform(_) => "random_uniform",
            RandomKind::Normal(_) => "random_normal",
            RandomKind::LogGamma => "random_log_gamma",
            RandomKind::Poisson => "random_poisson",
            RandomKind::Binomial => "random_binomial",
            RandomKind::Subsample { .. } => "random_subsample",
        }
    }

    pub(super) fn gradient(self, of: &Differentiate<'_>) -> Contributions {
        match self {
            RandomKind::Uniform(_)
            | RandomKind::Normal(_)
            | RandomKind::Poisson
            | RandomKind::Binomial
            | RandomKind::Subsample { .. } => of.none(),
            RandomKind::LogGamma => {
                let slope = || of.input(1).binary(Binary::GammaQuantileSlope, &of.output());
                of.of_inputs([&|| None, &|| Some(of.grad().mul(&slope()))])
            }
        }
    }
}

pub(super) fn fold_in_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [key, data] = arity(op, inputs)?;
    if key.dtype != DType::I64 || data.dtype != DType::I64 {
        return Err(dtype_error(op, inputs, "needs a key and an i64"));
    }
    Ok(TensorType::new(DType::I64, broadcast_all(op, inputs)?))
}

pub(super) fn random_type(
    op: &Op,
    kind: &RandomKind,
    shape: &Shape,
    inputs: &[&TensorType],
) -> Result<TensorType> {
    let Some((&key, parameters)) = inputs.split_first() else {
        return Err(Error::argument(op.name(), "takes a key"));
    };
    if key.dtype != DType::I64 {
        return Err(dtype_error(op, inputs, "the key must be i64"));
    }
    let drawn = key.shape.concat(shape);
    let dtype = match *kind {
        RandomKind::Uniform(dtype) | RandomKind::Normal(dtype) => {
            arity::<1>(op, inputs)?;
            if !dtype.is_float() {
                return Err(dtype_error(op, inputs, "draws must be floats"));
            }
            dtype
        }
        RandomKind::LogGamma => {
            let [_, concentration] = arity(op, inputs)?;
            if !concentration.dtype.is_float() {
                return Err(dtype_error(op, inputs, "the concentration must be a float"));
            }
            concentration.dtype
        }
        RandomKind::Poisson => {
            let [_, rate] = arity(op, inputs)?;
            if !rate.dtype.is_float() {
                return Err(dtype_error(op, inputs, "the rate must be a float"));
            }
            rate.dtype
        }
        RandomKind::Binomial => {
            let [_, count, probability] = arity(op, inputs)?;
            if !count.dtype.is_float() || count.dtype != probability.dtype {
                return Err(dtype_error(op, inputs, "count and probability must be floats of one dtype"));
            }
            count.dtype
        }
        RandomKind::Subsample { population } => {
            arity::<1>(op, inputs)?;
            if shape.rank() != 1 || shape[0] > population || i64::try_from(population).is_err() {
                let reason = format!("{shape} distinct entries of {population} do not exist");
                return Err(Error::argument(op.name(), reason));
            }
            DType::I64
        }
    };
    if let Some(parameter) = parameters.iter().find(|p| !p.shape.broadcasts_to(&drawn)) {
        let reason = "the parameter does not broadcast to the draws";
        return Err(Error::shape(op.name(), [&parameter.shape, &drawn], reason));
    }
    Ok(TensorType::new(dtype, drawn))
}

pub(super) fn batch(kind: &RandomKind, shape: &Shape, inputs: &[Array], lead: usize) -> Array {
    let op = Op::Random { kind: *kind, shape: shape.clone() };
    let [key, parameters @ ..] = inputs else { return Array::apply(op, inputs) };
    let key = key.broadcast_batch(&layout::common_batch(inputs, lead));
    let rank = key.shape().rank() + shape.rank();
    let aligned = std::iter::once(key).chain(parameters.iter().map(|p| p.pad_rank(lead, rank)));
    Array::apply(op, &aligned.collect::<Vec<_>>())
}
