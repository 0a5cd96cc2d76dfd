//! Reductions over positional dimensions.

use crate::op::Reduction;
use crate::shape::Dims;
use crate::{Error, ErrorKind, Op, Result, Tensor};

impl Tensor {
    #[track_caller]
    fn reduce(&self, kind: Reduction, dims: &[isize]) -> Tensor {
        let name = Op::Reduce { kind, axes: Dims::new() }.name();
        self.try_apply(|| Ok(Op::Reduce { kind, axes: self.dims(&name, dims)? }))
    }

    #[track_caller]
    fn reduce_all(&self, kind: Reduction) -> Tensor {
        if self.rank() == 0 && self.error().is_none() {
            return self.clone();
        }
        Tensor::apply(Op::Reduce { kind, axes: (0..self.rank()).collect() }, &[self])
    }

    /// Sum over one dimension, counted from the end if negative.
    #[track_caller]
    pub fn sum(&self, dim: isize) -> Tensor {
        self.reduce(Reduction::Sum, &[dim])
    }

    /// Sum over several dimensions.
    #[track_caller]
    pub fn sum_dims(&self, dims: &[isize]) -> Tensor {
        self.reduce(Reduction::Sum, dims)
    }

    /// Sum over all positional dimensions.
    #[track_caller]
    pub fn sum_all(&self) -> Tensor {
        self.reduce_all(Reduction::Sum)
    }

    /// Mean over one dimension; NaN of none. Of integers and truth values a float, of the device's default dtype.
    #[track_caller]
    pub fn mean(&self, dim: isize) -> Tensor {
        match self.dim("mean", dim) {
            Ok(at) => self.in_float().sum(dim) / self.shape()[at] as f64,
            Err(error) => Tensor::failure(error),
        }
    }

    /// Mean over all positional dimensions; NaN of none. Of integers and truth values a float, of the device's default
    /// dtype.
    #[track_caller]
    pub fn mean_all(&self) -> Tensor {
        self.in_float().sum_all() / self.shape().elements() as f64
    }

    /// The error of a method `op` that needs floats, unless the elements are.
    pub(super) fn require_float(&self, op: &str) -> Result<()> {
        if self.dtype().is_float() {
            return Ok(());
        }
        let (op, reason) = (op.into(), "needs floats: use `cast`".into());
        Err(ErrorKind::DType { op, dtypes: vec![self.dtype()], reason }.into())
    }

    #[track_caller]
    fn in_float(&self) -> Tensor {
        match self.dtype().is_float() {
            true => self.clone(),
            false => self.cast(self.device().default_float()),
        }
    }

    /// Largest along one dimension; NaN if any is. An error if the dimension is empty.
    #[track_caller]
    pub fn max(&self, dim: isize) -> Tensor {
        self.reduce(Reduction::Max, &[dim])
    }

    /// Smallest along one dimension; NaN if any is. An error if the dimension is empty.
    #[track_caller]
    pub fn min(&self, dim: isize) -> Tensor {
        self.reduce(Reduction::Min, &[dim])
    }

    /// Whether all truth values along one dimension hold.
    #[track_caller]
    pub fn all(&self, dim: isize) -> Tensor {
        self.reduce(Reduction::All, &[dim])
    }

    /// Whether all truth values hold.
    #[track_caller]
    pub fn all_all(&self) -> Tensor {
        self.reduce_all(Reduction::All)
    }

    /// Whether any truth value along one dimension holds.
    #[track_caller]
    pub fn any(&self, dim: isize) -> Tensor {
        self.reduce(Reduction::Any, &[dim])
    }

    /// `I64` index of the first largest entry along one dimension; NaN counts as largest.
    #[track_caller]
    pub fn argmax(&self, dim: isize) -> Tensor {
        self.try_apply(|| Ok(Op::ArgMax { axis: self.dim("argmax", dim)? }))
    }

    /// Running sum along one dimension, inclusive.
    #[track_caller]
    pub fn cumsum(&self, dim: isize) -> Tensor {
        self.try_apply(|| Ok(Op::CumulativeSum { axis: self.dim("cumsum", dim)?, reverse: false }))
    }

    /// Running product along one dimension, inclusive. Its gradient is right at zeros as well.
    #[track_caller]
    pub fn cumprod(&self, dim: isize) -> Tensor {
        match self.dim("cumprod", dim).map(|axis| (axis, self.shape()[axis])) {
            Ok((_, 0)) => self.clone(),
            // The first entry is the first term, and all others follow by products.
            Ok((axis, size)) => {
                let first = self.slice(axis as isize, 0..1).pad(axis as isize, 0, size - 1);
                Tensor::apply(Op::LinearRecurrence { axis, reverse: false }, &[self, &first])
            }
            Err(error) => Tensor::failure(error),
        }
    }

    /// `yᵢ = xᵢ · yᵢ₋₁ + termᵢ` along one dimension, from `y₀ = term₀` on: an autoregression of coefficients `x`. Both
    /// tensors broadcast.
    #[track_caller]
    pub fn linear_recurrence(&self, terms: impl Into<Tensor>, dim: isize) -> Tensor {
        let terms = terms.into();
        let Some(shape) = self.shape().broadcast(&terms.shape()) else {
            let reason = "shapes do not broadcast";
            return Tensor::failure(Error::shape(
                "linear_recurrence",
                [&self.shape(), &terms.shape()],
                reason,
            ));
        };
        let (factors, terms) = (self.broadcast_to(&shape), terms.broadcast_to(&shape));
        match factors.dim("linear_recurrence", dim) {
            Ok(axis) => Tensor::apply(Op::LinearRecurrence { axis, reverse: false }, &[&factors, &terms]),
            Err(error) => Tensor::failure(error),
        }
    }

    /// `ln Σ eˣ` along one dimension, without overflow; `-∞` of `-∞`s. Where it is infinite it has no slope: the gradient
    /// is 0.
    #[track_caller]
    pub fn logsumexp(&self, dim: isize) -> Tensor {
        self.logsumexp_dims(&[dim])
    }

    /// As [`Tensor::logsumexp`], along several dimensions.
    #[track_caller]
    pub fn logsumexp_dims(&self, dims: &[isize]) -> Tensor {
        let dims = match self.require_float("logsumexp").and_then(|()| self.dims("logsumexp", dims)) {
            Ok(dims) => dims,
            Err(error) => return Tensor::failure(error),
        };
        let dims: Vec<isize> = dims.iter().map(|&dim| dim as isize).collect();
        let largest = self.detach().reduce(Reduction::Max, &dims);
        // Entries where the result is infinite are replaced, so that no gradient of theirs becomes NaN.
        let infinite = largest.eq(f64::INFINITY).or(largest.eq(f64::NEG_INFINITY));
        let shift = infinite.select(0.0, &largest);
        let mut kept = [infinite.clone(), shift.clone()];
        for &dim in &dims {
            kept = kept.map(|tensor| tensor.unsqueeze(dim));
        }
        let [infinite_kept, shift_kept] = kept;
        let finite = infinite_kept.select(0.0, self - shift_kept);
        infinite.select(&largest, finite.exp().sum_dims(&dims).log() + shift)
    }

    /// `eˣ / Σ eˣ` along one dimension, without overflow; NaN if all entries are `-∞`.
    #[track_caller]
    pub fn softmax(&self, dim: isize) -> Tensor {
        let dim = match self.dim("softmax", dim) {
            Ok(dim) => dim as isize,
            Err(error) => return Tensor::failure(error),
        };
        let weights = (self - self.max(dim).detach().unsqueeze(dim)).exp();
        let total = weights.sum(dim).unsqueeze(dim);
        weights / total
    }

    /// `x - ln Σ eˣ` along one dimension.
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Tensor {
        let dim = match self.dim("log_softmax", dim) {
            Ok(dim) => dim as isize,
            Err(error) => return Tensor::failure(error),
        };
        // Differences to the largest first: a common offset would cost digits.
        let largest = self.detach().max(dim);
        let shift = largest.is_finite().select(&largest, 0.0).unsqueeze(dim);
        let centred = self - shift;
        &centred - centred.logsumexp(dim).unsqueeze(dim)
    }
}
