//! What gives statements their meaning.

use std::any::Any;

use crate::{Message, Result};

/// Sees every statement of the program it wraps.
///
/// `process` runs on the way out, from the innermost handler to the outermost, before the value is decided by default;
/// `postprocess` on the way back in, when it is known.
pub trait Handler: Any + Send {
    /// Changes the statement before its value is known, or decides it.
    ///
    /// # Errors
    /// Whatever makes the statement impossible; the name of the site is added.
    fn process(&mut self, _message: &mut Message) -> Result<()> {
        Ok(())
    }

    /// Sees the statement when its value is known.
    ///
    /// # Errors
    /// Whatever makes the statement impossible; the name of the site is added.
    fn postprocess(&mut self, _message: &mut Message) -> Result<()> {
        Ok(())
    }
}
