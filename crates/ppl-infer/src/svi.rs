//! Stochastic variational inference: the loop of estimates and updates.

use indexmap::IndexMap;
use indicatif::{ProgressBar, ProgressStyle};
use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_tensor::{Device, Key, Tensor, grad, no_grad};

use crate::objective::{Objective, estimate};
use crate::optim::Optimizer;

/// Fits a guide to a model: owns the parameters, the optimiser's state and the key of draws.
pub struct Svi<M, G, O, J> {
    model: M,
    guide: G,
    optimizer: O,
    objective: J,
    device: Device,
    key: Key,
    params: ParamStore,
    states: IndexMap<String, Vec<Tensor>>,
    losses: Vec<f64>,
    evaluations: u64,
    progress: bool,
}

impl<M, G, O: Optimizer, J: Objective> Svi<M, G, O, J> {
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
            states: IndexMap::new(),
            losses: Vec::new(),
            evaluations: 0,
            progress: true,
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

    /// The same inference with or without a progress bar in [`Svi::run`].
    #[must_use]
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
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

    /// One estimate and one update of every parameter that it depends on. Returns the loss before the update.
    ///
    /// # Errors
    /// If a program fails, the two do not fit each other, or the loss or a gradient is not finite; parameters and
    /// optimiser then stay as they were.
    pub fn step<A: ?Sized>(&mut self, args: &A) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let step = self.losses.len();
        let key = self.key.fold_in(step);
        // Parameters and data are checked when they are new; later a bad value shows as a loss that is not finite.
        let mut ctx = self.context(key, step == 0);
        ctx = ctx.with_params({
            let mut params = self.params.clone();
            params.track(true);
            params
        });
        let result = estimate(&self.objective, &mut ctx, &self.model, &self.guide, args);
        let tracked = ctx.into_params();
        let estimate = result?;
        let loss = estimate.loss.detach().to_scalar()?;
        let (params, states) = self.updated(&tracked, &estimate.surrogate)?;
        self.params = params;
        self.states = states;
        self.losses.push(loss);
        Ok(loss)
    }

    /// The parameters and optimiser states after an update by the gradient of `surrogate`.
    fn updated(
        &self,
        tracked: &ParamStore,
        surrogate: &Tensor,
    ) -> Result<(ParamStore, IndexMap<String, Vec<Tensor>>)> {
        let names: Vec<&String> = tracked.names().collect();
        let leaves = names.iter().map(|name| tracked.unconstrained(name)).collect::<Result<Vec<_>>>()?;
        if leaves.is_empty() {
            return Err(Error::argument("neither model nor guide has a parameter: there is nothing to fit"));
        }
        let grads = grad(surrogate, &leaves)?;
        no_grad(|| {
            let mut params = tracked.clone();
            params.track(false);
            let mut states = self.states.clone();
            for ((name, leaf), grad) in names.into_iter().zip(leaves).zip(grads) {
                let value = leaf.detach();
                let state = match states.get(name) {
                    Some(state) => state.clone(),
                    None => self.optimizer.init(name, &value),
                };
                let (next, state) = self.optimizer.update(name, &value, &grad, &state)?;
                if !next.is_finite().all_all().to_scalar().is_ok_and(|finite| finite != 0.0) {
                    return Err(Error::argument(format!(
                        "the update of parameter `{name}` is not finite: its gradient is {grad:?}"
                    )));
                }
                params.set_unconstrained(name, next)?;
                states.insert(name.clone(), state);
            }
            Ok((params, states))
        })
    }

    /// An estimate of the loss without an update. Every call uses fresh draws.
    ///
    /// # Errors
    /// As [`Svi::step`].
    pub fn evaluate_loss<A: ?Sized>(&mut self, args: &A) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let key = self.key.fold_in_name("evaluate_loss").fold_in(self.evaluations as usize);
        self.evaluations += 1;
        let mut ctx = self.context(key, true).with_params(self.params.clone());
        let estimate = no_grad(|| estimate(&self.objective, &mut ctx, &self.model, &self.guide, args))?;
        self.params = ctx.into_params();
        Ok(estimate.loss.to_scalar()?)
    }

    /// `steps` steps, with a progress bar on a terminal. Returns their losses.
    ///
    /// # Errors
    /// The first of [`Svi::step`]; the steps before it are kept ([`Svi::params`], [`Svi::losses`]).
    pub fn run<A: ?Sized>(&mut self, steps: usize, args: &A) -> Result<Vec<f64>>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let bar = if self.progress { bar(steps) } else { ProgressBar::hidden() };
        let first = self.losses.len();
        for _ in 0..steps {
            match self.step(args) {
                Ok(loss) => {
                    if bar.position().is_multiple_of(100) {
                        bar.set_message(format!("loss {loss:.4}"));
                    }
                    bar.inc(1);
                }
                Err(error) => {
                    bar.abandon();
                    return Err(error);
                }
            }
        }
        bar.finish_and_clear();
        Ok(self.losses[first..].to_vec())
    }

    fn context(&self, key: Key, validates: bool) -> Ctx {
        Ctx::with_key(&self.device, key).validating(validates)
    }
}

fn bar(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {msg}  {eta}");
    let bar = ProgressBar::new(steps as u64);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
