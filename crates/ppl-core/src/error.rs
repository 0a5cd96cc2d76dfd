//! What can go wrong in a program, by site.

use std::sync::Arc;

/// A result of this crate and of those that build on it.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] ppl_tensor::Error),
    /// Something failed at a site.
    #[error("site `{site}`: {source}")]
    Site {
        /// Name of the site.
        site: String,
        /// What failed there.
        source: Box<Error>,
    },
    /// Two statements of one run share a name.
    #[error("two statements are named `{0}`: names are unique in a run of a program")]
    DuplicateSite(String),
    /// A name is asked for that a trace or store does not have.
    #[error("there is no {what} named `{name}`; there are: {known}")]
    Unknown {
        /// "site", "parameter", …
        what: &'static str,
        /// The name asked for.
        name: String,
        /// Names that exist.
        known: String,
    },
    /// A parameter of a distribution is outside its constraint.
    #[error("parameter `{parameter}` of {distribution} must be {constraint}, but has {value}")]
    InvalidParameter {
        /// Name of the distribution.
        distribution: String,
        /// Name of the parameter.
        parameter: String,
        /// Name of the constraint.
        constraint: String,
        /// An offending value.
        value: f64,
    },
    /// A value is outside its support, or a parameter's value outside its constraint.
    #[error("{what} must be in the support {constraint}, but has {value}")]
    OutsideSupport {
        /// What has the value.
        what: String,
        /// Name of the constraint.
        constraint: String,
        /// An offending value.
        value: f64,
    },
    /// Shapes of a value and of the statement it is for do not fit.
    #[error("{0}")]
    Shape(String),
    /// A plate is used wrongly.
    #[error("plate `{plate}`: {reason}")]
    Plate {
        /// Name of the plate.
        plate: String,
        /// Which rule is broken.
        reason: String,
    },
    /// Model and guide do not fit each other.
    #[error("{reason}\n{table}")]
    Mismatch {
        /// Which sites are missing where.
        reason: String,
        /// Table of trace shapes.
        table: String,
    },
    /// A log probability is not finite.
    #[error("the log probability of site `{site}` is {value}\n{table}")]
    NonFinite {
        /// Name of the site.
        site: String,
        /// The value.
        value: f64,
        /// Table of trace shapes.
        table: String,
    },
    /// An option or argument is out of range.
    #[error("{0}")]
    Argument(String),
    /// Something is asked for that does not exist for this object.
    #[error("{what} is not available for {of}")]
    Unsupported {
        /// The operation.
        what: String,
        /// The object.
        of: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
    /// A file is damaged or of another kind.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// The same error with the name of the site where it happened, unless it has one.
    #[must_use]
    pub fn at_site(self, site: &str) -> Self {
        match self {
            Error::Site { .. } | Error::DuplicateSite(_) | Error::NonFinite { .. } => self,
            source => Error::Site { site: site.to_owned(), source: Box::new(source) },
        }
    }

    /// The same error with the name of the plate where it happened, unless it has one or that of a site.
    #[must_use]
    pub(crate) fn at_plate(self, plate: &str) -> Self {
        match self {
            Error::Tensor(_) | Error::Shape(_) | Error::Argument(_) => {
                Error::Plate { plate: plate.to_owned(), reason: self.to_string() }
            }
            other => other,
        }
    }

    /// An argument error.
    pub fn argument(reason: impl Into<String>) -> Self {
        Error::Argument(reason.into())
    }

    /// A file error.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::File { path: path.display().to_string(), source: Arc::new(source) }
    }

    /// The error for a name that does not exist among those known; `what` says of what.
    pub fn unknown<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a String>) -> Self {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::Unknown { what, name: name.to_owned(), known }
    }
}
