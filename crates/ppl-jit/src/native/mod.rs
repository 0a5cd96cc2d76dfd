//! Machine code for what is done with few elements.
//!
//! A step of inference spends most of its operations on scalars and vectors of a few numbers. Here runs of such steps become
//! [regions](Region): functions without loops, in which every element is a value in a register.

mod element;
mod emit;
mod functions;
mod region;

pub(crate) use functions::Functions;
pub(crate) use region::Region;

use std::sync::Arc;

use ppl_tensor::Result;

use crate::code::{Code, Step};
use crate::plan;

/// A program whose small steps are functions, with its memory planned.
///
/// # Errors
/// If functions cannot be made: on other processors, or where memory may not be made executable.
pub(crate) fn with_functions(mut code: Code) -> Result<Code> {
    let mut functions = Functions::new()?;
    region::form(&mut code);
    plan::place(&mut code);
    for step in &code.steps {
        if let Step::Native(region) = step {
            functions.add(|builder, arguments| emit::region(&code, region, builder, arguments))?;
        }
    }
    let carried = region::carried(&code);
    if !carried.is_empty() {
        functions.add(|builder, arguments| emit::carry(&code, &carried, builder, arguments))?;
        functions.carried = carried;
    }
    functions.finish()?;
    code.functions = Some(Arc::new(functions));
    Ok(code)
}
