//! Optimisers that update each parameter by itself, with options by name.

use std::fmt;
use std::sync::Arc;

use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

use super::{Clock, Optimizer, Schedule};

/// The next value of a parameter, and what is remembered of it.
pub type Updated = (Tensor, Vec<Tensor>);

/// The options of an optimiser that updates each parameter by itself, and how it does so. [`PerParameter`] makes an
/// [`Optimizer`] of it.
pub trait UpdateRule: Clone + PartialEq + 'static {
    /// The optimiser's name in messages and files.
    const NAME: &'static str;

    /// What all parameters with these options share in a step: scalars that depend on options and counts alone.
    type Scalars: Clone + 'static;

    /// The options with this learning rate, and the others at their defaults.
    fn with_learning_rate(learning_rate: f64) -> Self;

    /// The learning rate, before a schedule's factor.
    fn learning_rate(&self) -> f64;

    /// Which option is out of range, as "epsilon is 0, must be positive".
    ///
    /// # Errors
    /// That text.
    fn check(&self) -> std::result::Result<(), String>;

    /// The state before the first update of a parameter.
    fn init(&self, value: &Tensor) -> Vec<Tensor>;

    /// What is computed once a step, from the learning rate of this step and the number of updates, this one included;
    /// both scalars.
    fn scalars(&self, rate: Tensor, updates: &Tensor) -> Self::Scalars;

    /// The next value and state; none if the state is not of [`UpdateRule::init`].
    fn update(
        &self,
        scalars: &Self::Scalars,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Option<Updated>;
}

/// An optimiser with one setting or one for each parameter's name, and with a schedule of its learning rate.
///
/// ```
/// use ppl_infer::{Adam, AdamOptions, Schedule};
///
/// // One parameter at its own rate; all rates fall to a tenth over 10 000 steps.
/// let adam = Adam::by_name(|name| AdamOptions {
///     learning_rate: if name == "my_special_parameter" { 0.010 } else { 0.001 },
///     ..AdamOptions::default()
/// })
/// .schedule(Schedule::cosine(10_000, 0.1));
/// ```
#[derive(Clone)]
pub struct PerParameter<R> {
    options: Arc<dyn Fn(&str) -> R + Send + Sync>,
    schedule: Schedule,
}

impl<R: UpdateRule> PerParameter<R> {
    /// The optimiser with a learning rate, and the other options at their defaults.
    pub fn new(learning_rate: f64) -> Self
    where
        R: Send + Sync,
    {
        Self::with(R::with_learning_rate(learning_rate))
    }

    /// The optimiser with these options.
    pub fn with(options: R) -> Self
    where
        R: Send + Sync,
    {
        Self::by_name(move |_| options.clone())
    }

    /// The optimiser with options that are a function of the parameter's name.
    pub fn by_name(options: impl Fn(&str) -> R + Send + Sync + 'static) -> Self {
        Self { options: Arc::new(options), schedule: Schedule::constant() }
    }

    /// The same optimiser with all learning rates multiplied by a schedule's factor.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    fn scalars(&self, rule: &R, clock: &Clock) -> Result<R::Scalars> {
        clock.once((rule.clone(), self.schedule.clone()), || {
            let rate = match self.schedule.is_constant() {
                true => Tensor::from(rule.learning_rate()),
                false => {
                    let factor = || self.schedule.factor(clock.steps());
                    clock.once(self.schedule.clone(), factor)? * rule.learning_rate()
                }
            };
            Ok(rule.scalars(rate, clock.updates()))
        })
    }
}

impl<R: UpdateRule> fmt::Debug for PerParameter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", R::NAME, self.schedule)
    }
}

impl<R: UpdateRule> Optimizer for PerParameter<R> {
    fn name(&self) -> &str {
        R::NAME
    }

    fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor> {
        (self.options)(name).init(value)
    }

    fn update(
        &self,
        clock: &Clock,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<Updated> {
        let fault = |reason: String| Error::argument(format!("{} for parameter `{name}`: {reason}", R::NAME));
        let rule = (self.options)(name);
        rule.check().map_err(fault)?;
        let scalars = self.scalars(&rule, clock).map_err(|error| fault(error.to_string()))?;
        let updated = rule.update(&scalars, value, grad, state);
        let (next, state) = updated.ok_or_else(|| fault("the state is of other options".into()))?;
        next.check().map_err(|error| fault(error.to_string()))?;
        Ok((next, state))
    }
}

/// A positive, finite option.
pub(super) fn positive(what: &str, value: f64) -> std::result::Result<(), String> {
    rule(what, value, value > 0.0 && value.is_finite(), "positive")
}

/// An option in [0, 1), such as the decay rate of a running mean.
pub(super) fn decay(what: &str, value: f64) -> std::result::Result<(), String> {
    rule(what, value, (0.0..1.0).contains(&value), "in [0, 1)")
}

/// A finite option that is not negative.
pub(super) fn not_negative(what: &str, value: f64) -> std::result::Result<(), String> {
    rule(what, value, value >= 0.0 && value.is_finite(), "at least 0")
}

/// The text for an option that breaks a rule.
pub(super) fn rule(what: &str, value: f64, holds: bool, rule: &str) -> std::result::Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what} is {value}, must be {rule}")) }
}
