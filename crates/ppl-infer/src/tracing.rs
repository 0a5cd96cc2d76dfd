//! Records of programs for the compiler, and what to say of those that cannot be recorded.

use std::sync::{Arc, Mutex, PoisonError};

use ppl_core::{Error, Result};
use ppl_tensor::{Device, ErrorKind, TensorTree, Traced, trace};

/// The last statement that a program came to, which is known also where the program then failed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Last(Arc<Mutex<Option<String>>>);

impl Last {
    /// Takes down the statement of this name.
    pub(crate) fn set(&self, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }

    /// An error of a program that was being recorded: where it read a value, with `what` and the statement after which it
    /// did; any other as it is.
    pub(crate) fn explain(&self, what: &str, error: Error) -> Error {
        if reads(&error) { self.locate(what, &error) } else { error }
    }

    /// An error of a program with `what` before it, and the statement after which it came.
    pub(crate) fn locate(&self, what: &str, error: &Error) -> Error {
        let name = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Error::argument(match (error, name.as_ref()) {
            (Error::Site { .. }, _) => format!("{what}: {error}"),
            (_, Some(name)) => format!("{what}: after statement `{name}`, {error}"),
            (_, None) => format!("{what}: before any statement, {error}"),
        })
    }
}

/// Whether a value was read that is not known while a program is recorded.
fn reads(error: &Error) -> bool {
    match error {
        Error::Tensor(error) => matches!(error.kind(), ErrorKind::TracedRead { .. }),
        Error::Site { source, .. } => reads(source),
        _ => false,
    }
}

/// As [`trace`], with errors of programs.
pub(crate) fn record<A: TensorTree, O: TensorTree>(
    device: &Device,
    f: impl FnOnce(&A) -> Result<O>,
    args: &A,
) -> Result<Traced<O>> {
    let mut failure = None;
    let traced = trace(
        device,
        |args| {
            f(args).map_err(|error| {
                failure = Some(error);
                ppl_tensor::Error::argument("trace", "the program failed")
            })
        },
        args,
    );
    match failure {
        Some(error) => Err(error),
        None => Ok(traced?),
    }
}
