//! Machine code for what is done with few elements.
//!
//! A step of inference spends most of its operations on scalars and vectors of a few numbers. Here runs of such steps become
//! [regions](Region): functions in which every element is a value in a register. A region has no loops, or it is a loop over
//! time, whose turns have none.

mod element;
mod emit;
mod functions;
mod region;

pub(crate) use functions::{Entry, Functions};
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
    add_regions(&code, &code.steps, &mut functions)?;
    let carried = region::carried(&code);
    if !carried.is_empty() {
        functions.add(|builder, arguments| emit::carry(&code, &carried, builder, arguments))?;
        functions.carried = carried;
    }
    functions.finish()?;
    code.functions = Some(Arc::new(functions));
    Ok(code)
}

/// Adds the functions of steps, in the order of their numbers.
fn add_regions(code: &Code, steps: &[Step], functions: &mut Functions) -> Result<()> {
    for step in steps {
        match step {
            Step::Native(region) => {
                functions.add(|builder, arguments| emit::region(code, region, builder, arguments))?;
            }
            Step::Repeat(repeat) => add_regions(code, &repeat.body, functions)?,
            _ => {}
        }
    }
    Ok(())
}
