//! Stochastic variational inference: estimates and updates, and the loop around them.

mod checkpoint;
mod compiled;
mod execute;
mod fit;
mod met;
mod validation;

pub use execute::Execute;
pub use fit::{Fit, FitReport, Progress, Stop};

use std::time::Duration;

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_tensor::{Device, Key, Tensor, grad, no_grad};

use crate::objective::{Estimate, ObjectiveState, estimate_from};
use crate::optim::{Lbfgs, Minimum, Optimizer, OptimizerState, not_finite};
use compiled::Programs;
use met::Met;
use validation::Validation;

/// Fits a guide to a model: owns the parameters, the optimiser's state and the key of draws.
///
/// Steps run one operation after the other, or, with [`Objective::jit`](crate::Objective::jit), as compiled programs.
pub struct Svi<M, G, O, J> {
    model: M,
    guide: G,
    optimizer: O,
    objective: J,
    device: Device,
    key: Key,
    params: ParamStore,
    state: OptimizerState,
    objective_state: ObjectiveState,
    losses: Vec<f64>,
    skipped: usize,
    evaluations: usize,
    validation: Validation,
    stable: bool,
    progress: bool,
    /// Whether a step has run in this process: parameters and data are checked when they are new.
    checked: bool,
    programs: Programs,
}

/// What an [`Svi`] is made of, and what it has found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SviParts<M, G, O, J> {
    /// The model.
    pub model: M,
    /// The guide.
    pub guide: G,
    /// The optimiser.
    pub optimizer: O,
    /// The objective.
    pub objective: J,
    /// The parameters.
    pub params: ParamStore,
    /// The losses of all steps.
    pub losses: Vec<f64>,
}

impl<M, G, O: Optimizer, J> Svi<M, G, O, J> {
    /// Inference on the CPU with seed 0 and no parameters yet.
    pub fn new(model: M, guide: G, optimizer: O, objective: J) -> Self {
        let device = Device::cpu();
        Self {
            model,
            guide,
            optimizer,
            objective,
            key: Key::on(&device, 0),
            device,
            params: ParamStore::new(),
            state: OptimizerState::new(),
            objective_state: ObjectiveState::new(),
            losses: Vec::new(),
            skipped: 0,
            evaluations: 0,
            validation: Validation::default(),
            stable: false,
            progress: true,
            checked: false,
            programs: Programs::default(),
        }
    }

    /// The same inference with the draws of another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.key = Key::on(&self.device, seed);
        self
    }

    /// The same inference on another device, with the draws of a seed.
    #[must_use]
    pub fn on(mut self, device: &Device, seed: u64) -> Self {
        self.device = device.clone();
        self.seed(seed)
    }

    /// The same inference starting from these parameters.
    #[must_use]
    pub fn with_params(mut self, params: ParamStore) -> Self {
        self.params = params;
        self
    }

    /// The same inference with or without a progress bar in [`Svi::run`] and [`Svi::fit`].
    #[must_use]
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    /// The same inference with or without stable updates, off by default. With them a step whose loss, gradient or
    /// update is not finite changes neither parameters nor optimiser, and is counted ([`Svi::skipped`]) instead of
    /// ending the run; its loss stands in [`Svi::losses`], as NaN where it was not finite.
    #[must_use]
    pub fn stable(mut self, stable: bool) -> Self {
        self.stable = stable;
        self
    }

    /// The parameters.
    pub fn params(&self) -> &ParamStore {
        &self.params
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The guide.
    pub fn guide(&self) -> &G {
        &self.guide
    }

    /// The losses of all steps so far: estimates of the negative evidence lower bound, in nats.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Number of steps that changed nothing, under [`Svi::stable`].
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Time spent on tracing and compiling steps, of all programs so far; none without [`Jit`](crate::Jit).
    pub fn compile_time(&self) -> Duration {
        self.programs.time
    }

    /// Validation losses so far, each with the number of steps before it ([`Fit::validate`]).
    pub fn validation_losses(&self) -> &[(usize, f64)] {
        self.validation.losses()
    }

    /// Everything, taken apart.
    pub fn into_parts(self) -> SviParts<M, G, O, J> {
        let Self { model, guide, optimizer, objective, params, losses, .. } = self;
        SviParts { model, guide, optimizer, objective, params, losses }
    }

    /// One estimate and one update of every parameter that model or guide met in it. A parameter that they do not meet,
    /// or that a handler hides from them, stays as it is. Returns the loss before the update.
    ///
    /// # Errors
    /// If a program fails, the two do not fit each other, an option of the optimiser is out of range, or the loss or an
    /// update is not finite (unless [`Svi::stable`]); parameters and optimiser then stay as they were.
    pub fn step<A: ?Sized>(&mut self, args: &A) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let mut last = f64::NAN;
        J::advance(self, args, 1, &mut |loss| last = loss)?;
        Ok(last)
    }

    /// A step, one operation after the other.
    fn step_eagerly<A: ?Sized>(&mut self, args: &A) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let (key, params, validates) = (self.next_key(), tracked(&self.params), !self.checked);
        let result = self.estimated(key, validates, params, &self.objective_state, Met::default(), args);
        let (mut params, met, estimate) = match result {
            Err(Error::NonFinite { .. }) if self.stable => return Ok(self.skip(f64::NAN)),
            result => result?,
        };
        if params.is_empty() {
            return Err(Error::argument("neither model nor guide has a parameter: there is nothing to fit"));
        }
        let loss = estimate.loss.detach().to_scalar()?;
        let grads = gradients(&params, &met, &estimate.surrogate)?;
        let proposal = self.state.propose(&self.optimizer, &params, &grads)?;
        if let Some(name) = proposal.offender() {
            return if self.stable { Ok(self.skip(loss)) } else { Err(not_finite(name, &grads)) };
        }
        params.track(false);
        proposal.commit(&mut params, &mut self.state)?;
        self.params = params;
        self.objective_state = estimate.state;
        self.checked = true;
        self.losses.push(loss);
        Ok(loss)
    }

    fn skip(&mut self, loss: f64) -> f64 {
        self.skipped += 1;
        self.losses.push(loss);
        loss
    }

    /// The key of the next step's draws.
    fn next_key(&self) -> Key {
        self.key.fold_in(self.losses.len())
    }

    /// An estimate after steps that left the objective this state, the parameters after it, and which of them the programs
    /// met.
    fn estimated<A: ?Sized>(
        &self,
        key: Key,
        validates: bool,
        params: ParamStore,
        before: &ObjectiveState,
        met: Met,
        args: &A,
    ) -> Result<(ParamStore, Met, Estimate)>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let mut ctx = self.context(key, validates).with_params(params);
        let objective = self.objective.estimator();
        let run = |ctx: &mut Ctx| estimate_from(objective, before, ctx, &self.model, &self.guide, args);
        let (met, estimate) = ctx.with(met, run)?;
        Ok((ctx.into_params(), met, estimate))
    }

    /// An estimate of the loss without an update. Every call uses fresh draws.
    ///
    /// # Errors
    /// As [`Svi::step`]. Nothing is changed then.
    pub fn evaluate_loss<A: ?Sized>(&mut self, args: &A) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let key = self.key.fold_in_name("evaluate_loss").fold_in(self.evaluations);
        let (loss, params) = self.evaluated(key, args)?;
        self.evaluations += 1;
        self.params = params;
        Ok(loss)
    }

    /// An estimate without gradients, and the parameters after it.
    fn evaluated<A: ?Sized>(&self, key: Key, args: &A) -> Result<(f64, ParamStore)>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let mut ctx = self.context(key, true).with_params(self.params.clone());
        let (objective, before) = (self.objective.estimator(), &self.objective_state);
        let estimate =
            no_grad(|| estimate_from(objective, before, &mut ctx, &self.model, &self.guide, args))?;
        Ok((estimate.loss.to_scalar()?, ctx.into_params()))
    }

    /// `steps` steps, with a progress bar on a terminal. Returns their losses. [`Svi::fit`] has callbacks, batches,
    /// validation and checkpoints as well.
    ///
    /// # Errors
    /// If `steps` is zero, or the first of [`Svi::step`]; the steps before it are kept ([`Svi::params`],
    /// [`Svi::losses`]).
    pub fn run<A: ?Sized>(&mut self, steps: usize, args: &A) -> Result<Vec<f64>>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        Ok(self.fit().run(steps, args)?.losses)
    }

    /// Moves all parameters that model and guide meet to a minimum of the loss with fixed draws. For guides that draw
    /// nothing, as of the most probable point, that is the loss; else it is the loss of one sample of draws, of which
    /// there should be many particles. Steps of the optimiser, its state and [`Svi::losses`] are left alone.
    ///
    /// # Errors
    /// As [`Svi::step`] at the start, and if an option is out of range; parameters then stay as they were. Elsewhere a
    /// loss that is not finite shortens a step.
    pub fn minimize<A: ?Sized>(&mut self, lbfgs: &Lbfgs, args: &A) -> Result<Minimum>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let key = || self.key.fold_in_name("minimize");
        // The first run creates the parameters and names a site of which the density is not finite.
        let run = |params: &ParamStore, validates| {
            self.estimated(key(), validates, params.clone(), &self.objective_state, Met::default(), args)
        };
        let (mut params, met, _) = run(&self.params, true)?;
        let names: Vec<String> = met.names(&params).map(str::to_owned).collect();
        let minimum = lbfgs.descend(&mut params, &names, |params| match run(params, false) {
            Ok((_, _, Estimate { loss, surrogate, .. })) => Ok(Some((loss, surrogate))),
            Err(Error::NonFinite { .. }) => Ok(None),
            Err(error) => Err(error),
        })?;
        self.params = params;
        Ok(minimum)
    }

    fn context(&self, key: Key, validates: bool) -> Ctx {
        Ctx::with_key(&self.device, key).validating(validates)
    }
}

/// The gradients of a surrogate with respect to the parameters that the programs met, by name.
fn gradients<'a>(params: &'a ParamStore, met: &Met, surrogate: &Tensor) -> Result<Vec<(&'a str, Tensor)>> {
    let names: Vec<&str> = met.names(params).collect();
    let leaves = names.iter().map(|name| params.unconstrained(name)).collect::<Result<Vec<_>>>()?;
    Ok(names.into_iter().zip(grad(surrogate, &leaves)?).collect())
}

/// The same parameters as leaves of which gradients can be asked.
fn tracked(params: &ParamStore) -> ParamStore {
    let mut params = params.clone();
    params.track(true);
    params
}
