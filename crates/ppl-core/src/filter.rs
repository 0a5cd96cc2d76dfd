//! Choosing statements by name, by kind or by a predicate.

use crate::{Message, Statement};

/// Chooses statements: a name, several names, a [`SiteKind`], or a predicate over the message.
pub trait SiteFilter: Clone + Send + Sync + 'static {
    /// Whether the statement is chosen.
    fn chooses(&self, message: &Message) -> bool;
}

impl<F: Fn(&Message) -> bool + Clone + Send + Sync + 'static> SiteFilter for F {
    fn chooses(&self, message: &Message) -> bool {
        self(message)
    }
}

impl SiteFilter for &'static str {
    fn chooses(&self, message: &Message) -> bool {
        message.name == *self
    }
}

impl SiteFilter for String {
    fn chooses(&self, message: &Message) -> bool {
        message.name == *self
    }
}

impl<N: SiteFilter, const LENGTH: usize> SiteFilter for [N; LENGTH] {
    fn chooses(&self, message: &Message) -> bool {
        self.iter().any(|one| one.chooses(message))
    }
}

impl<N: SiteFilter> SiteFilter for Vec<N> {
    fn chooses(&self, message: &Message) -> bool {
        self.iter().any(|one| one.chooses(message))
    }
}

/// Kinds of statements, for choosing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteKind {
    /// Sample statements whose value is not data.
    Latent,
    /// Sample statements whose value is data.
    Observed,
    /// Learnable values.
    Param,
    /// Computed values.
    Deterministic,
    /// Log weights.
    Factor,
    /// The choice of a plate's rows.
    Subsample,
}

impl SiteKind {
    /// The kind of a statement.
    pub fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Sample { observed: false, .. } => SiteKind::Latent,
            Statement::Sample { observed: true, .. } => SiteKind::Observed,
            Statement::Param { .. } => SiteKind::Param,
            Statement::Deterministic => SiteKind::Deterministic,
            Statement::Factor => SiteKind::Factor,
            Statement::Subsample { .. } => SiteKind::Subsample,
        }
    }
}

impl SiteFilter for SiteKind {
    fn chooses(&self, message: &Message) -> bool {
        SiteKind::of(&message.statement) == *self
    }
}

/// Chooses every statement that a filter does not, the choice of rows apart: a plate is the same for all who open it.
#[derive(Debug, Clone)]
pub struct AllBut<F>(pub F);

impl<F: SiteFilter> SiteFilter for AllBut<F> {
    fn chooses(&self, message: &Message) -> bool {
        !matches!(message.statement, Statement::Subsample { .. }) && !self.0.chooses(message)
    }
}
