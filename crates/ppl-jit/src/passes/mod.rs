//! Rewrites that leave a program's results as they are, to rounding.

use ppl_tensor::Result;

use crate::ir::Ir;

/// The program in its simplest form.
pub(crate) fn simplify(ir: Ir) -> Result<Ir> {
    Ok(ir)
}
