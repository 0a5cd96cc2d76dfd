//! The bijection onto vectors of probabilities.

use std::sync::Arc;

use ppl_core::{Constraint, Error, Result, Transform};
use ppl_tensor::{DType, Op, Shape, Tensor};

use super::split;
use crate::constraints::simplex;
use crate::special::above_zero;

/// From vectors of `n - 1` numbers onto vectors of `n` probabilities: each number says which part of what is left of a
/// stick of length 1 breaks off, 0 being a `k`-th of it when `k` pieces are still to come (Stan reference manual,
/// "Unit simplex").
#[derive(Debug, Clone, Copy)]
pub struct StickBreaking;

/// `ln k` for the `k = count, …, 1` pieces that come after each of the first.
fn log_pieces_after(count: usize) -> Tensor {
    (count as f64 - Tensor::arange(count).cast(DType::F64)).log()
}

/// Logarithms of what breaking off pieces gives.
struct Pieces {
    /// The pieces broken off, `n - 1` of them.
    log_pieces: Tensor,
    /// What is left in the end: the last piece.
    log_rest: Tensor,
    /// The part of what was left before that each piece leaves.
    log_kept: Tensor,
}

impl Pieces {
    fn of(x: &Tensor) -> ppl_tensor::Result<Self> {
        let count = x.size(-1)?;
        let shifted = x - log_pieces_after(count);
        let (log_part, log_kept) = (-(-&shifted).softplus(), -shifted.softplus());
        // What is left before each piece, and after the last.
        let log_left = log_kept.cumsum(-1).pad(-1, 1, 0);
        let log_pieces = log_part + log_left.slice(-1, 0..count);
        Ok(Self { log_pieces, log_rest: log_left.slice(-1, count..count + 1), log_kept })
    }
}

impl Transform for StickBreaking {
    fn name(&self) -> String {
        "StickBreaking".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match Pieces::of(x) {
            Ok(Pieces { log_pieces, log_rest, .. }) => {
                above_zero(&Tensor::concat(&[&log_pieces, &log_rest], -1).exp())
            }
            Err(error) => Tensor::failure(error),
        }
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let count = match y.size(-1) {
            Ok(size) if size > 0 => size - 1,
            Ok(_) => return Tensor::failure(ppl_tensor::Error::argument("StickBreaking", "an empty vector")),
            Err(error) => return Tensor::failure(error),
        };
        // What is left after each piece: the sum of those behind it, which loses less than 1 minus those before it.
        let axis = y.rank() - 1;
        let left = Tensor::apply(Op::CumulativeSum { axis, reverse: true }, &[y]).slice(-1, 1..count + 1);
        y.slice(-1, 0..count).log() - left.log() + log_pieces_after(count)
    }

    /// Of each piece `yₖ = zₖ rₖ` with part `zₖ` of the rest `rₖ`, whose slope is `rₖ zₖ (1 - zₖ) = yₖ (1 - zₖ)`; the
    /// matrix is triangular.
    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        match Pieces::of(x) {
            Ok(Pieces { log_pieces, log_kept, .. }) => (log_pieces + log_kept).sum(-1),
            Err(error) => Tensor::failure(error),
        }
    }

    fn domain_event_dim(&self) -> usize {
        1
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        simplex()
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, sizes) = split("StickBreaking", shape, 1)?;
        Ok(batch.concat(&[sizes[0].saturating_add(1)]))
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, sizes) = split("StickBreaking", shape, 1)?;
        let empty = || Error::Shape("StickBreaking: vectors of probabilities have an entry".into());
        Ok(batch.concat(&[sizes[0].checked_sub(1).ok_or_else(empty)?]))
    }
}
