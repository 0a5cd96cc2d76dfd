//! In which order a pass goes through two dimensions.

use ppl_tensor::Op;

use super::lower::Lower;
use super::view::Strides;
use crate::ir::{Id, Kind};

/// Rows of fewer entries are not worth a turn of a loop each, if columns are.
const SHORT: usize = 64;

/// How many times as long columns must be.
const LONGER: usize = 4;

/// Whether a pass should go through columns, not rows: short rows, of which nothing in memory has its entries next to each other.
/// Values between a vector of one entry a row and a few numbers are of this kind: a mixture's densities, say.
pub(super) fn goes_by_columns(lower: &Lower<'_>, members: &[Id], space: &Strides) -> bool {
    let &[rows, columns] = &space[..] else { return false };
    if columns >= SHORT || rows < SHORT || rows < LONGER * columns {
        return false;
    }
    let mut is_one_row = true;
    for &id in members {
        let node = &lower.ir.nodes[id.0];
        let Kind::Op(op, inputs) = &node.kind else { continue };
        for &input in inputs {
            let own = &lower.ir.ty(input).shape;
            let shape = match op {
                Op::Matmul => return false,
                Op::Reduce { .. } | Op::Reshape(_) | Op::Broadcast(_) => own,
                _ => &node.ty.shape,
            };
            if members.contains(&input) {
                continue;
            }
            match lower.view(input).broadcast(shape).significant_strides()[..] {
                [row, column] => {
                    is_one_row &= row == column * columns;
                    if row > 1 {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
    !is_one_row
}
