//! Sorted entries and what is read off them.

use crate::array::Array;
use crate::{Error, ErrorKind, HostTensor, Op, Result, Shape, Tensor};

impl Tensor {
    /// `I64` indices that sort along one dimension, ascending and stable; NaN counts as largest.
    #[track_caller]
    pub fn argsort(&self, dim: isize) -> Tensor {
        self.try_apply(|| Ok(Op::ArgSort { axis: self.dim("argsort", dim)? }))
    }

    /// The entries along one dimension in ascending order, NaN last.
    #[track_caller]
    pub fn sort(&self, dim: isize) -> Tensor {
        match self.dim("sort", dim) {
            Ok(dim) => self.take_along_dim(self.argsort(dim as isize), dim as isize),
            Err(error) => Tensor::failure(error),
        }
    }

    /// The median along one dimension, the mean of both middle entries if their number is even; NaN if any entry is.
    #[track_caller]
    pub fn median(&self, dim: isize) -> Tensor {
        self.quantile(0.5, dim)
    }

    /// The quantile of a probability along one dimension, which is removed: interpolated between the entries at
    /// `probability · (n - 1)` (number 7 of Hyndman and Fan 1996, NumPy's default); NaN if any entry is.
    #[track_caller]
    pub fn quantile(&self, probability: f64, dim: isize) -> Tensor {
        match self.dim("quantile", dim) {
            Ok(dim) => self.quantiles(&[probability], dim as isize).squeeze(dim as isize),
            Err(error) => Tensor::failure(error),
        }
    }

    /// As [`Tensor::quantile`], of several probabilities, which take the place of the dimension's entries.
    #[track_caller]
    pub fn quantiles(&self, probabilities: &[f64], dim: isize) -> Tensor {
        let (axis, size) = match self.check_quantiles(probabilities, dim) {
            Ok(found) => found,
            Err(error) => return Tensor::failure(error),
        };
        let positions = || probabilities.iter().map(|probability| probability * (size - 1) as f64);
        // Weak, so that they go to whatever device the entries are on.
        let indices = |round: fn(f64) -> f64| {
            let indices: Vec<i64> = positions().map(|position| round(position) as i64).collect();
            Tensor::from_array(Array::weak(HostTensor::from(indices)))
        };
        let weights: Vec<f64> = positions().map(f64::fract).collect();
        let along: Shape = std::iter::once(weights.len()).chain(vec![1; self.rank() - axis - 1]).collect();
        let weights = Tensor::from_array(Array::weak(HostTensor::from(weights))).reshape(along);

        let dim = axis as isize;
        let sorted = self.sort(dim);
        let (below, above) = (sorted.take(indices(f64::floor), dim), sorted.take(indices(f64::ceil), dim));
        // The difference of equal infinities is NaN.
        let between = below.eq(&above).select(&below, &below + weights * (&above - &below));
        let last = sorted.slice(dim, size - 1..size);
        last.eq(&last).select(between, f64::NAN)
    }

    /// The dimension and its size.
    fn check_quantiles(&self, probabilities: &[f64], dim: isize) -> Result<(usize, usize)> {
        let axis = self.dim("quantile", dim)?;
        if let Some(wrong) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(Error::argument("quantile", format!("{wrong} is not a probability")));
        }
        if !self.dtype().is_float() {
            let reason = "needs floats: use `cast`".into();
            let kind = ErrorKind::DType { op: "quantile".into(), dtypes: vec![self.dtype()], reason };
            return Err(kind.into());
        }
        match self.shape()[axis] {
            0 => Err(Error::shape("quantile", [&self.shape()], "there is no entry to choose from")),
            size => Ok((axis, size)),
        }
    }
}
