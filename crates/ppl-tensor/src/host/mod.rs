//! The host backend: every operation on arrays in host memory, the definition that other backends are tested
//! against.

mod binary;
mod counts;
mod eigen;
mod erf_inverse;
mod factor;
mod gamma_slope;
mod index;
mod layout;
mod matmul;
mod nest;
mod number;
mod permute;
mod philox;
mod random;
mod recurrence;
mod reduce;
mod scan;
mod sort;
mod special;
mod subsample;
#[cfg(test)]
mod testing;
mod unary;

pub(crate) use binary::{evaluate as evaluate_binary, evaluate_integers};
pub use eigen::symmetric_eigen_f64;
pub use matmul::{matmul_f32, matmul_f64};
pub use philox::KeyStream;
pub(crate) use philox::fold_in;
pub(crate) use random::draw;
pub use scan::{arg_max_f64, arg_max_i64};
pub use sort::{arg_sort_f64, arg_sort_i64};
pub use subsample::{subsample_scratch, subsamples};
pub(crate) use unary::evaluate as evaluate_unary;

use std::sync::Arc;

use crate::graph::LoopPlan;
use crate::{Backend, Error, ErrorKind, HostTensor, Op, Result, Shape, TensorType};

/// Runs operations on [`HostTensor`]s, on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostBackend;

impl Backend for HostBackend {
    type Buffer = HostTensor;

    fn name(&self) -> &str {
        "host"
    }

    fn upload(&self, data: HostTensor) -> Result<HostTensor> {
        Ok(data)
    }

    fn download(&self, buffer: &HostTensor) -> Result<HostTensor> {
        Ok(buffer.clone())
    }

    fn run(&self, op: &Op, inputs: &[&HostTensor], output: &TensorType) -> Result<HostTensor> {
        let shape = &output.shape;
        if !has_memory(shape) {
            return Err(Error::memory(op.name(), shape));
        }
        match op {
            Op::Unary(kind) => unary::unary(op, *kind, inputs),
            Op::Cast(dtype) => unary::cast(op, *dtype, inputs),
            Op::Binary(kind) => binary::binary(op, *kind, inputs, shape),
            Op::Compare(kind) => binary::compare(op, *kind, inputs, shape),
            Op::Logic(kind) => binary::logic(op, *kind, inputs, shape),
            Op::Select => binary::select(op, inputs, shape),
            Op::FoldIn => binary::fold_keys(op, inputs, shape),
            Op::Broadcast(_) => layout::broadcast(op, inputs, shape),
            Op::Reshape(_) => layout::reshape(op, inputs, shape),
            Op::Permute(permutation) => permute::permute(op, permutation, inputs, shape),
            Op::Slice(slice) => layout::slice(op, slice, inputs, shape),
            Op::Pad(pad) => layout::pad(op, pad, inputs, shape),
            Op::Concat { axis } => layout::concat(op, *axis, inputs, shape),
            Op::Gather(gather) => index::gather(op, gather, inputs, shape),
            Op::ScatterAdd(scatter) => index::scatter_add(op, scatter, inputs, shape),
            Op::Reduce { kind, axes } => reduce::reduce(op, *kind, axes, inputs, shape),
            Op::CumulativeSum { axis, reverse } => scan::cumulative_sum(op, *axis, *reverse, inputs),
            Op::LinearRecurrence { axis, reverse } => {
                recurrence::linear_recurrence(op, *axis, *reverse, inputs)
            }
            Op::ArgSort { axis } => sort::arg_sort(op, *axis, inputs),
            Op::ArgMax { axis } => scan::arg_max(op, *axis, inputs, shape),
            Op::Matmul => matmul::matmul(op, inputs, shape),
            Op::Cholesky => factor::cholesky(op, inputs),
            Op::SymmetricEigen => eigen::symmetric_eigen(op, inputs, shape),
            Op::TriangularSolve(solve) => factor::triangular_solve(op, *solve, inputs, shape),
            Op::Random { kind, shape: drawn } => random::random(op, *kind, drawn, inputs, shape),
            Op::Scan(scan) => LoopPlan::new(&Arc::new(*self), scan)?.run(inputs),
            Op::Custom(custom) => {
                let result = custom.evaluate(inputs)?;
                if result.dtype() == output.dtype && result.shape() == shape {
                    return Ok(result);
                }
                let reason = format!(
                    "returned {} {} where its `output_type` promises {} {}",
                    result.dtype(),
                    result.shape(),
                    output.dtype,
                    shape
                );
                Err(Error::backend("host", op.name(), reason))
            }
        }
    }
}

/// Whether there is memory for the elements of a shape: an allocation that fails ends the program.
#[inline]
pub(crate) fn has_memory(shape: &Shape) -> bool {
    /// Numbers of bytes that are tried before they are used; smaller ones are taken to be there.
    const GREAT: usize = 1 << 28;
    let bytes = shape.elements().saturating_mul(8);
    bytes < GREAT || Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// The inputs of an operation that takes `N`.
fn arity<'a, const N: usize>(op: &Op, inputs: &[&'a HostTensor]) -> Result<[&'a HostTensor; N]> {
    inputs
        .try_into()
        .map_err(|_| Error::argument(op.name(), format!("takes {N} inputs, {} were given", inputs.len())))
}

/// Why a function on slices refuses them.
const MISFIT: &str = "the sizes do not fit the elements";

/// Whether so many elements are whole blocks of a size.
fn is_divided(elements: usize, block: usize) -> bool {
    elements == 0 || block > 0 && elements.is_multiple_of(block)
}

/// The error for dtypes that [`Op::output_type`] would have refused.
#[cold]
fn refused(op: &Op, inputs: &[&HostTensor]) -> Error {
    let dtypes = inputs.iter().map(|x| x.dtype()).collect();
    let reason = "not inputs of this operation".into();
    ErrorKind::DType { op: op.name().into_owned(), dtypes, reason }.into()
}

/// Evaluates an expression with the elements of a tensor bound to a name, whatever their dtype.
macro_rules! each_dtype {
    ($tensor:expr, $values:ident => $body:expr) => {
        match $tensor.data() {
            $crate::HostData::F64($values) => $body,
            $crate::HostData::F32($values) => $body,
            $crate::HostData::I64($values) => $body,
            $crate::HostData::Bool($values) => $body,
        }
    };
}
use each_dtype;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::testing::{attempt, f64s, run};
    use crate::op::CustomOp;
    use crate::{Backend, DType, HostBackend, HostTensor, Op, Result, TensorType};

    /// Doubles its input, or breaks its promise.
    #[derive(Debug)]
    struct Double {
        honest: bool,
    }

    impl CustomOp for Double {
        fn name(&self) -> &str {
            "double"
        }

        fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType> {
            Ok(inputs[0].clone())
        }

        fn evaluate(&self, inputs: &[&HostTensor]) -> Result<HostTensor> {
            let doubled = inputs[0].to_f64().iter().map(|x| 2.0 * x).collect();
            if self.honest {
                HostTensor::new(inputs[0].shape(), doubled)
            } else {
                Ok(HostTensor::scalar(true))
            }
        }
    }

    #[test]
    fn custom_operations_run_and_are_held_to_their_type() {
        let x = f64s([3], &[1.0, 2.0, 3.0]);
        assert_eq!(run(Op::Custom(Arc::new(Double { honest: true })), &[&x]), f64s([3], &[2.0, 4.0, 6.0]));
        let error = attempt(Op::Custom(Arc::new(Double { honest: false })), &[&x]).unwrap_err();
        let expected =
            "double: backend `host` failed: returned bool [] where its `output_type` promises f64 [3]";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn wrong_inputs_are_errors() {
        let x = f64s([1], &[1.0]);
        let output = TensorType::new(DType::F64, [1]);
        let error = HostBackend.run(&Op::Select, &[&x], &output).unwrap_err();
        assert_eq!(error.to_string(), "where: takes 3 inputs, 1 were given");
        let logic = Op::Logic(crate::op::Logic::And);
        let error = HostBackend.run(&logic, &[&x, &x], &output).unwrap_err();
        assert_eq!(error.to_string(), "and: not inputs of this operation (dtypes f64, f64)");
    }

    #[test]
    fn functions_on_slices_refuse_sizes_that_do_not_fit() {
        use crate::slices::*;
        let (x, n) = ([1.0, 0.0, 0.0, 2.0], [3, 1, 2, 1]);
        let refused = [
            arg_max_f64(&mut [0; 2], &x, [3, 1]),
            arg_max_f64(&mut [0; 2], &x, [2, 0]),
            arg_max_i64(&mut [0; 3], &[], [0, 1]),
            arg_sort_f64(&mut [0; 3], &x, [2, 1], &mut [(0.0, 0); 2]),
            arg_sort_f64(&mut [0; 4], &x, [2, 1], &mut [(0.0, 0); 3]),
            arg_sort_i64(&mut [0; 4], &n, [3, 1], &mut [(0, 0); 3]),
            symmetric_eigen_f64(&mut [0.0; 5], &x, 2, &mut [0.0; 8]),
            symmetric_eigen_f64(&mut [0.0; 6], &x, 2, &mut [0.0; 7]),
            symmetric_eigen_f64(&mut [0.0; 6], &x, 0, &mut []),
            subsamples(&mut [0; 4], &[1], 3, &mut [0; 3]),
            subsamples(&mut [0; 4], &[1, 2, 3], 9, &mut [0; 9]),
            subsamples(&mut [0; 4], &[], 9, &mut [0; 9]),
            subsamples(&mut [0; 4], &[1], 9, &mut [0; 8]),
        ];
        for (number, result) in refused.into_iter().enumerate() {
            let error = result.expect_err(&format!("call {number}"));
            assert!(error.to_string().ends_with("the sizes do not fit the elements"), "{error}");
        }
        let mut sorted = [0; 4];
        arg_sort_i64(&mut sorted, &n, [2, 2], &mut [(7, 7); 2]).unwrap();
        assert_eq!(sorted, [1, 0, 0, 1]);
    }

    #[test]
    fn buffers_are_the_arrays_themselves() {
        let x = f64s([2], &[1.0, 2.0]);
        let buffer = HostBackend.upload(x.clone()).unwrap();
        assert_eq!(HostBackend.download(&buffer).unwrap(), x);
        assert_eq!(HostBackend.name(), "host");
    }
}
