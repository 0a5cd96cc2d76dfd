//! Operations that users add.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Op, layout};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::{Error, HostTensor, Result, Tensor, TensorType};

/// An operation defined outside this crate. It takes part like a built-in: eagerly, in traces, in gradients, on every
/// device (evaluated on the host) and under implicit axes. It is used by [`Tensor::apply`] of an [`Op::Custom`].
///
/// An operation is a function of its inputs: programs may leave out a call whose result is not needed, or evaluate it
/// once for several equal ones. What else it depends on belongs into fields of the type that implements this trait.
///
/// # Example
///
/// Owen's function, by which skew normal distributions have their probabilities.
///
/// ```
/// use std::f64::consts::{FRAC_1_SQRT_2, TAU};
/// use std::sync::Arc;
///
/// use ppl_tensor::{CustomOp, Device, Error, HostTensor, Op, Result, Tensor, TensorType};
/// use ppl_tensor::{compile, grad, grad_recorded, trace, vmap};
///
/// /// `T(h, a) = 1/2π ∫₀ᵃ exp(-h² (1 + t²) / 2) / (1 + t²) dt` (Owen 1956) of tensors of one shape.
/// #[derive(Debug)]
/// struct OwensT;
///
/// impl CustomOp for OwensT {
///     fn name(&self) -> &str {
///         "owens_t"
///     }
///
///     fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType> {
///         match inputs {
///             [h, a] if h == a && h.dtype.is_float() => Ok((*h).clone()),
///             _ => Err(Error::argument(self.name(), "takes two tensors of floats, of one shape")),
///         }
///     }
///
///     fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor> {
///         let (h, a) = (inputs[0].to_f64(), inputs[1].to_f64());
///         let values = h.iter().zip(&a).map(|(h, a)| {
///             let integrand = |t: f64| (-0.5 * h * h * (1.0 + t * t)).exp() / (1.0 + t * t);
///             // Simpson's rule.
///             let step = a / 200.0;
///             let pair = |i: f64| 2.0 * integrand((2.0 * i + 1.0) * step) + integrand((2.0 * i + 2.0) * step);
///             let inner: f64 = (0..100).map(|i| pair(f64::from(i))).sum();
///             step / 3.0 * (integrand(0.0) + 2.0 * inner - integrand(*a)) / TAU
///         });
///         HostTensor::from_f64(inputs[0].dtype(), inputs[0].shape(), values.collect())
///     }
///
///     fn gradient(&self, inputs: &[Tensor], _output: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
///         let (h, a) = (&inputs[0], &inputs[1]);
///         let density = (-0.5 * h.square()).exp() / TAU.sqrt();
///         let by_h = -0.5 * density * (h * a * FRAC_1_SQRT_2).erf();
///         let spread = 1.0 + a.square();
///         let by_a = (-0.5 * h.square() * &spread).exp() / (TAU * spread);
///         Ok(vec![Some(grad * by_h), Some(grad * by_a)])
///     }
/// }
///
/// let owens_t = |h: &Tensor, a: &Tensor| Tensor::apply(Op::Custom(Arc::new(OwensT)), &[h, a]);
///
/// let (h, a) = (Tensor::from([0.5, 1.0]).tracked(), Tensor::from([1.0, -2.0]).tracked());
/// let values = owens_t(&h, &a);
/// let known = Tensor::from([0.10667106296144852, -0.07846818699308408]);
/// assert!((&values - &known).abs().max(0).to_scalar()? < 1e-10);
///
/// // Gradients of any order: the rule is made of operations.
/// let first = grad_recorded(&values.sum_all(), &[&h, &a])?;
/// let second = grad(&first[0].sum_all(), &[&a])?;
/// let mixed = -(&h * (-0.5 * h.square() * (1.0 + a.square())).exp() / TAU);
/// assert!((&second[0] - mixed).abs().max(0).to_scalar()? < 1e-15);
///
/// // In a program, and mapped over rows.
/// let both = |(h, a): &(Tensor, Tensor)| Ok(owens_t(h, a));
/// let program = compile(trace(&Device::cpu(), both, &(h.clone(), a.clone()))?)?;
/// assert_eq!(program.run(&(h.clone(), a.clone()))?.to_f64()?, values.to_f64()?);
/// assert_eq!(vmap(both, &(h, a))?.to_f64()?, values.to_f64()?);
/// # Ok::<(), Error>(())
/// ```
pub trait CustomOp: Debug + Send + Sync + 'static {
    /// Name for error messages and listings.
    fn name(&self) -> &str;

    /// Dtype and shape of the result. It is asked before anything is evaluated, also while a program is traced.
    ///
    /// # Errors
    /// If the inputs do not fit: their number, dtypes or shapes.
    fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType>;

    /// The result, of the type that [`CustomOp::output_type`] gives. The inputs are those that it accepted; a device of
    /// 32-bit floats sends `F32`.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor>;

    /// One contribution for each input (`None` where it has no derivative), from the gradient of the output. Written with
    /// operations on tensors, it can be differentiated again, traced and mapped. Under implicit axes it sees arrays with
    /// the batch in front, if [`CustomOp::broadcasts_leading`], and single rows otherwise. A contribution may have the
    /// broadcast shape; it is summed back to the input's.
    ///
    /// # Errors
    /// By default: that the operation has no gradient.
    fn gradient(&self, _inputs: &[Tensor], _output: &Tensor, _grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Err(Error::gradient(self.name(), "this custom operation defines no gradient"))
    }

    /// Whether the operation accepts any number of leading batch dimensions, broadcast between its inputs (an input that
    /// is the same in all rows has size 1 there). If not, it is evaluated once for each row of a batch, which is right
    /// for every operation, and slower.
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
