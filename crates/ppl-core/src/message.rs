//! A statement of a program on its way through the handlers.

use std::fmt;
use std::sync::Arc;

use ppl_tensor::{Key, Tensor};

use crate::{Config, Constraint, Ctx, Distribution, Frame, Result};

/// What kind of statement a message is, with what belongs to that kind alone.
#[derive(Debug, Clone)]
pub enum Statement {
    /// A random value: drawn from the distribution unless a handler decides it.
    Sample {
        /// Its distribution given what came before.
        distribution: Arc<dyn Distribution>,
        /// Whether the value is data.
        observed: bool,
        /// Whether the site belongs to a guide's own construction and has no counterpart in the model.
        auxiliary: bool,
    },
    /// A learnable value, kept unconstrained in the [`ParamStore`](crate::ParamStore).
    Param {
        /// Its first value, on the constrained scale; positional, without implicit axes.
        init: Tensor,
        /// What it must satisfy; `None`: any real number.
        constraint: Option<Arc<dyn Constraint>>,
        /// Whether each row of the enclosing plates has its own.
        per_row: bool,
    },
    /// A computed value worth recording.
    Deterministic,
    /// A log weight added to the log density; the weight is the message's value.
    Factor,
    /// The choice of a plate's rows: `I64` indices, positional, as many as `size`.
    Subsample {
        /// Number of all rows.
        population: usize,
        /// Number of rows chosen.
        size: usize,
    },
}

/// A program that computes a statement's value by statements of its own, which handlers further out see.
#[derive(Clone)]
pub(crate) struct Replacement(pub(crate) Arc<Compute>);

type Compute = dyn Fn(&mut Ctx) -> Result<Tensor> + Send + Sync;

impl fmt::Debug for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replacement")
    }
}

/// One statement of a run: built by [`Ctx`], passed through the handlers from the innermost outwards and back. A value
/// that is present means "decided"; `hidden` means that outer handlers do not see the statement.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// Name of the site, unique in a run.
    pub name: String,
    /// What kind of statement it is.
    pub statement: Statement,
    /// The value, once it is decided; with the implicit axes of the frames it depends on.
    pub value: Option<Tensor>,
    /// The plates around the statement, outermost first.
    pub frames: Vec<Frame>,
    /// Factor of the log density that makes up for rows left out of subsampled plates.
    pub scale: f64,
    /// Further factor of the log density, positive. Broadcasts with the distribution's batch shape.
    pub weight: Option<Tensor>,
    /// Truth values: where the log density counts. Broadcasts with the distribution's batch shape.
    pub mask: Option<Tensor>,
    /// Settings for those who know them.
    pub config: Config,
    /// Key from which a value is drawn; `None`: the context's.
    pub key: Option<Key>,
    /// Whether handlers further out do not see the statement.
    pub hidden: bool,
    pub(crate) replacement: Option<Replacement>,
}

impl Message {
    pub(crate) fn new(name: &str, statement: Statement, value: Option<Tensor>, frames: &[Frame]) -> Self {
        let scale = frames.iter().map(Frame::scale).product();
        Self {
            name: name.to_owned(),
            statement,
            value,
            frames: frames.to_vec(),
            scale,
            weight: None,
            mask: None,
            config: Config::new(),
            key: None,
            hidden: false,
            replacement: None,
        }
    }

    /// Whether this is a sample statement whose value is not data.
    pub fn is_latent(&self) -> bool {
        matches!(self.statement, Statement::Sample { observed: false, .. })
    }

    /// Computes the statement's value by a program, whose own statements are seen by the handlers further out alone. The
    /// statement goes on as [`Statement::Deterministic`], with what the program returns.
    pub fn replace_by(&mut self, program: impl Fn(&mut Ctx) -> Result<Tensor> + Send + Sync + 'static) {
        self.replacement = Some(Replacement(Arc::new(program)));
    }
}
