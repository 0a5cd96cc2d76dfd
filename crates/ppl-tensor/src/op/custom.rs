//! Operations that users add.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Op, layout};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::{Error, HostTensor, Result, Tensor, TensorType};

/// An operation defined outside this crate. It takes part like a built-in: eagerly, in traces, in gradients, on every
/// device (evaluated on the host) and under implicit axes.
pub trait CustomOp: Debug + Send + Sync + 'static {
    /// Name for error messages and listings.
    fn name(&self) -> &str;

    /// Dtype and shape of the result.
    ///
    /// # Errors
    /// If the inputs do not fit.
    fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType>;

    /// The result, of the type that [`CustomOp::output_type`] gives.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor>;

    /// One contribution for each input (`None` where it has no derivative), from the gradient of the output.
    /// A contribution may have the broadcast shape; it is summed back to the input's.
    ///
    /// # Errors
    /// By default: that the operation has no gradient.
    fn gradient(&self, _inputs: &[Tensor], _output: &Tensor, _grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Err(Error::gradient(self.name(), "this custom operation defines no gradient"))
    }

    /// Whether the operation accepts any number of leading batch dimensions, broadcast between its inputs. If not,
    /// it is evaluated once for each row of a batch.
    fn broadcasts_leading(&self) -> bool {
        false
    }
}

pub(super) fn gradient(custom: &dyn CustomOp, of: &Differentiate<'_>) -> Result<Contributions> {
    let inputs: Vec<Tensor> = (0..of.inputs()).map(|i| Tensor::from_array(of.input(i))).collect();
    let (output, grad) = (Tensor::from_array(of.output()), Tensor::from_array(of.grad()));
    let contributions = custom.gradient(&inputs, &output, &grad)?;
    if contributions.len() != inputs.len() {
        let reason = format!("{} contributions for {} inputs", contributions.len(), inputs.len());
        return Err(Error::gradient(custom.name(), reason));
    }
    Ok(contributions.into_iter().map(|c| c.map(Tensor::into_array)).collect())
}

pub(super) fn batch(custom: &Arc<dyn CustomOp>, inputs: &[Array], lead: usize) -> Array {
    let op = Op::Custom(custom.clone());
    if custom.broadcasts_leading() {
        return super::elementwise::batch(&op, inputs, lead);
    }
    let Some(first) = inputs.first() else { return Array::apply(op, inputs) };
    let batch = layout::common_batch(inputs, lead);
    let rows: usize = batch.iter().product();
    if rows == 0 {
        return Array::failure(
            first.device(),
            Error::argument(custom.name(), "an empty batch cannot be evaluated"),
        );
    }
    let folded: Vec<Array> = inputs
        .iter()
        .map(|x| {
            let shape = std::iter::once(rows).chain(x.shape()[lead..].iter().copied()).collect();
            x.broadcast_batch(&batch).reshape(shape)
        })
        .collect();
    let results: Vec<Array> = (0..rows)
        .map(|row| {
            let inputs: Vec<Array> = folded.iter().map(|x| x.row(row)).collect();
            let result = Array::apply(op.clone(), &inputs);
            let shape = std::iter::once(1).chain(result.shape().iter().copied()).collect();
            result.reshape(shape)
        })
        .collect();
    let joined = Array::apply(Op::Concat { axis: 0 }, &results);
    if joined.failed() {
        return joined;
    }
    let shape = batch.iter().chain(&joined.shape()[1..]).copied().collect();
    joined.reshape(shape)
}
