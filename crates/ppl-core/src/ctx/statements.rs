//! The statements of programs.

use std::sync::Arc;

use ppl_tensor::Tensor;

use super::{Ctx, Observation};
use crate::missing::Missing;
use crate::plate::enter_frames;
use crate::{Config, Constraint, Distribution, IntoDistribution, Message, Result, Statement};

impl Ctx {
    /// A random value from a distribution.
    ///
    /// # Errors
    /// If the distribution's parameters are invalid, or a handler refuses; the message names the site.
    pub fn sample(&mut self, name: &str, distribution: impl IntoDistribution) -> Result<Tensor> {
        self.sample_statement(name, distribution, None, false)
    }

    /// A random value of a guide's own, without a counterpart in the model: as a joint draw that is then cut into sites.
    ///
    /// # Errors
    /// As [`Ctx::sample`].
    pub fn sample_auxiliary(&mut self, name: &str, distribution: impl IntoDistribution) -> Result<Tensor> {
        self.sample_statement(name, distribution, None, true)
    }

    /// Data from a distribution; without data a random value, as in [`Ctx::sample`].
    ///
    /// With data of which some are missing ([`Observation::present`]) the missing entries are latent. The statement is
    /// then three: `NAME_missing`, latent, `NAME_observed`, the data, and the deterministic `NAME`, both together.
    ///
    /// # Errors
    /// As [`Ctx::sample`], and if the data do not have the distribution's shape or are outside its support.
    pub fn observe(
        &mut self,
        name: &str,
        distribution: impl IntoDistribution,
        value: impl Into<Observation>,
    ) -> Result<Tensor> {
        let observation = value.into();
        match (observation.value, observation.present) {
            (Some(value), Some(present)) => {
                let config = distribution.config();
                self.observe_present(name, distribution.into_distribution(), config, value, present)
            }
            (value, _) => self.sample_statement(name, distribution, value, false),
        }
    }

    fn sample_statement(
        &mut self,
        name: &str,
        distribution: impl IntoDistribution,
        value: Option<Tensor>,
        auxiliary: bool,
    ) -> Result<Tensor> {
        let config = distribution.config();
        let distribution = distribution.into_distribution();
        let observed = value.is_some();
        let mut message = self.message(name, Statement::Sample { distribution, observed, auxiliary }, value);
        message.config = config;
        self.send(message)
    }

    /// Data of which some entries are missing.
    fn observe_present(
        &mut self,
        name: &str,
        distribution: Arc<dyn Distribution>,
        config: Config,
        value: Tensor,
        present: Tensor,
    ) -> Result<Tensor> {
        let missing = Missing::new(distribution.clone(), present, self.frames())
            .map_err(|error| error.at_site(name))?;
        let rank = distribution.batch_shape().rank() + distribution.event_shape().rank();
        let value = enter_frames(&value, self.frames(), rank).map_err(|error| error.at_site(name))?;
        let (value, mask) = if missing.is_nowhere()? {
            (value, None)
        } else {
            let mask = missing.present().clone();
            let entries = missing.entries();
            let drawn = self.sample(&format!("{name}_missing"), missing)?;
            // Integers are data of counts as well, which are drawn as floats.
            let value = if drawn.dtype().is_float() { value.cast(drawn.dtype()) } else { value };
            (entries.select(value, drawn), Some(mask))
        };
        let statement = Statement::Sample { distribution, observed: true, auxiliary: false };
        let mut message = self.message(&format!("{name}_observed"), statement, Some(value));
        message.config = config;
        message.mask = mask;
        let value = self.send(message)?;
        self.deterministic(name, value)
    }

    /// A learnable real value, which starts at `init`; integers become floats.
    ///
    /// # Errors
    /// If a handler refuses, `init` is not finite, or the stored value has another shape.
    pub fn param(&mut self, name: &str, init: impl Into<Tensor>) -> Result<Tensor> {
        let statement = Statement::Param { init: init.into(), constraint: None, per_row: false };
        self.send(self.message(name, statement, None))
    }

    /// A learnable value of a constraint, which starts at `init`.
    ///
    /// # Errors
    /// As [`Ctx::param`], and if `init` does not satisfy the constraint.
    pub fn param_in(
        &mut self,
        name: &str,
        init: impl Into<Tensor>,
        constraint: impl Into<Arc<dyn Constraint>>,
    ) -> Result<Tensor> {
        let constraint = Some(constraint.into());
        let statement = Statement::Param { init: init.into(), constraint, per_row: false };
        self.send(self.message(name, statement, None))
    }

    /// A learnable value for each row of the plates around, all starting at `init`. The stored parameter has one leading
    /// dimension for each plate, of all its rows, whether or not they are subsampled.
    ///
    /// # Errors
    /// As [`Ctx::param_in`].
    pub fn param_per_row(
        &mut self,
        name: &str,
        init: impl Into<Tensor>,
        constraint: Option<Arc<dyn Constraint>>,
    ) -> Result<Tensor> {
        let statement = Statement::Param { init: init.into(), constraint, per_row: true };
        self.send(self.message(name, statement, None))
    }

    /// Records a computed value.
    ///
    /// # Errors
    /// If the value failed, or a handler refuses.
    pub fn deterministic(&mut self, name: &str, value: impl Into<Tensor>) -> Result<Tensor> {
        self.send(self.message(name, Statement::Deterministic, Some(value.into())))
    }

    /// Adds a log weight to the log density; its positional dimensions are summed.
    ///
    /// # Errors
    /// If the value failed, or a handler refuses.
    pub fn factor(&mut self, name: &str, log_weight: impl Into<Tensor>) -> Result<()> {
        self.send(self.message(name, Statement::Factor, Some(log_weight.into()))).map(|_| ())
    }

    /// A statement at this place of the program.
    pub(super) fn message(&self, name: &str, statement: Statement, value: Option<Tensor>) -> Message {
        Message::new(name, statement, value, &self.frames)
    }
}
