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

use ppl_tensor::Result;

use crate::code::{Code, Step};

/// Makes regions of a program's small steps, before its memory is planned. On processors that machine code is not made for,
/// programs stay as they are.
pub(crate) fn form_regions(code: &mut Code) {
    if functions::isa().is_some() {
        region::form(code);
    }
}

/// Makes the functions of a program's regions, once its memory is planned.
///
/// # Errors
/// If the compiler of functions fails.
pub(crate) fn make_functions(code: &mut Code) -> Result<()> {
    let regions = || code.steps.iter().filter_map(|step| match step {
        Step::Native(region) => Some(&**region),
        _ => None,
    });
    if regions().next().is_none() {
        return Ok(());
    }
    let mut functions = Functions::new()?;
    for region in regions() {
        functions.add(|builder, arguments| emit::region(code, region, builder, arguments))?;
    }
    functions.finish()?;
    code.functions = Some(std::sync::Arc::new(functions));
    Ok(())
}
