//! The one error type of this crate: what went wrong, in which operation, with which shapes, at which line.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::{DType, Shape};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and the line of the caller's program where it did.
///
/// Cheap to clone: a tensor that results from a failed operation carries it through further operations until a
/// place that can return it (see [`Tensor`](crate::Tensor)).
#[derive(Clone)]
pub struct Error(Arc<Details>);

struct Details {
    kind: ErrorKind,
    location: Option<&'static Location<'static>>,
}

/// The cases of [`Error`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The shapes of the inputs do not fit the operation.
    #[error("{op}: {reason} (shapes {})", list(.shapes))]
    Shape {
        /// Name of the operation.
        op: String,
        /// Positional shapes of its inputs.
        shapes: Vec<Shape>,
        /// Which rule is broken.
        reason: String,
    },
    /// The dtypes of the inputs do not fit the operation.
    #[error("{op}: {reason} (dtypes {})", list(.dtypes))]
    DType {
        /// Name of the operation.
        op: String,
        /// The dtypes of its inputs.
        dtypes: Vec<DType>,
        /// Which rule is broken.
        reason: String,
    },
    /// A dimension, an index or a count is out of range.
    #[error("{op}: {reason}")]
    Argument {
        /// Name of the operation.
        op: String,
        /// Which rule is broken.
        reason: String,
    },
    /// Tensors of two devices met in one operation.
    #[error("{op}: tensors on different devices ({left} and {right}); move one with `to_device`")]
    Device {
        /// Name of the operation.
        op: String,
        /// Name of the first device.
        left: String,
        /// Name of the other device.
        right: String,
    },
    /// The program asked for the value of a tensor while it was being traced.
    #[error(
        "{op}: this program's structure depends on a value; run it without the compiler, or choose by `select` instead \
         of reading"
    )]
    TracedRead {
        /// The method that needed the value.
        op: String,
    },
    /// The body of a scan asked for the value of a tensor.
    #[error("{op}: a scan's body cannot depend on values: it is recorded once for all steps; use `select`")]
    ScanRead {
        /// The method that needed the value.
        op: String,
    },
    /// A tensor of one trace was used in another, or after its trace ended.
    #[error("{op}: {reason}")]
    Trace {
        /// Name of the operation.
        op: String,
        /// What was mixed.
        reason: String,
    },
    /// Implicit axes (of a plate, of particles) do not fit, or are present where they must not be.
    #[error("{op}: {reason}")]
    Axis {
        /// Name of the operation.
        op: String,
        /// Which rule is broken.
        reason: String,
    },
    /// A gradient was asked for that does not exist.
    #[error("{op}: {reason}")]
    Gradient {
        /// Name of the operation.
        op: String,
        /// Why there is none.
        reason: String,
    },
    /// A backend could not do its work.
    #[error("{op}: backend `{backend}` failed: {reason}")]
    Backend {
        /// Name of the backend.
        backend: String,
        /// Name of the operation.
        op: String,
        /// The backend's own words.
        reason: String,
    },
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The caller's line, where it is known.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.0.location
    }

    /// The same error with a line, unless it already has one.
    pub fn at(self, location: &'static Location<'static>) -> Self {
        if self.0.location.is_some() {
            return self;
        }
        Self(Arc::new(Details { kind: self.0.kind.clone(), location: Some(location) }))
    }

    /// An argument error: `op` was given something out of range.
    pub fn argument(op: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::Argument { op: op.into(), reason: reason.into() }.into()
    }

    pub(crate) fn memory(op: impl Into<String>, shape: &Shape) -> Self {
        Self::argument(op, format!("there is no memory for shape {shape}"))
    }

    pub(crate) fn shape<'a>(
        op: impl Into<String>,
        shapes: impl IntoIterator<Item = &'a Shape>,
        reason: impl Into<String>,
    ) -> Self {
        let shapes = shapes.into_iter().cloned().collect();
        ErrorKind::Shape { op: op.into(), shapes, reason: reason.into() }.into()
    }

    pub(crate) fn axis(op: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::Axis { op: op.into(), reason: reason.into() }.into()
    }

    pub(crate) fn gradient(op: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::Gradient { op: op.into(), reason: reason.into() }.into()
    }

    /// A backend's failure, for implementations of [`Backend`](crate::Backend).
    pub fn backend(backend: impl Into<String>, op: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::Backend { backend: backend.into(), op: op.into(), reason: reason.into() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Arc::new(Details { kind, location: None }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind)?;
        match self.0.location {
            Some(location) => write!(f, ", at {}:{}", location.file(), location.line()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
