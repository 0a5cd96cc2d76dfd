//! The loop around steps: batches, callbacks, validation, checkpoints.

use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use ppl_core::{Error, Model, ParamStore, Result};

use super::{Execute, Svi};
use crate::optim::Optimizer;

/// A run of many steps, being described; [`Fit::run`] or [`Fit::epochs`] starts it.
///
/// ```
/// # use std::ops::ControlFlow;
/// # use ppl_core::{Ctx, Result};
/// # use ppl_dist::Normal;
/// # use ppl_infer::{Adam, Stop, Svi, TraceElbo};
/// # use ppl_tensor::Tensor;
/// # fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
/// #     let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
/// #     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
/// # }
/// # fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
/// #     let loc = ctx.param("loc", 0.0)?;
/// #     ctx.sample("mean", Normal::new(loc, 0.5)).map(|_| ())
/// # }
/// # let path = std::env::temp_dir().join(format!("ppl-fit-example-{}", std::process::id()));
/// # let (training, held_out) = (Tensor::from([0.4, 1.2, 0.9]), Tensor::from([0.7, 1.0]));
/// let mut svi = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new());
/// let report = svi
///     .fit()
///     .every(100, |now| {
///         println!("step {}: loss {:.3}, loc {:?}", now.step, now.loss, now.params.get("loc")?);
///         Ok(ControlFlow::Continue(()))
///     })
///     .validate(50, &held_out)
///     .stop_early(10, 0.01)
///     .restore_best(true)
///     .checkpoint(&path, 500)
///     .run(2000, &training)?;
/// if report.stop == Stop::Validation {
///     println!("no better for 10 validations, after {} steps", report.losses.len());
/// }
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[must_use = "a fit does nothing until it is run"]
pub struct Fit<'a, M, G, O, J, A: ?Sized> {
    svi: &'a mut Svi<M, G, O, J>,
    callbacks: Vec<(usize, Callback<'a>)>,
    validation: Option<(usize, &'a A)>,
    early: Option<(usize, f64)>,
    restore_best: bool,
    checkpoint: Option<(usize, PathBuf)>,
}

type Callback<'a> = Box<dyn FnMut(&Progress<'_>) -> Result<ControlFlow<()>> + 'a>;

/// What a callback sees after a step.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Number of steps taken, of all runs.
    pub step: usize,
    /// The loss before the last update.
    pub loss: f64,
    /// The parameters.
    pub params: &'a ParamStore,
}

/// Steps between two refreshes of the progress bar.
const REFRESH: u64 = 100;

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All steps were taken.
    Finished,
    /// A callback asked for it.
    Callback,
    /// The validation loss was no longer falling.
    Validation,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FitReport {
    /// The losses of its steps.
    pub losses: Vec<f64>,
    /// Why it ended.
    pub stop: Stop,
}

impl<M, G, O: Optimizer, J> Svi<M, G, O, J> {
    /// A run of many steps, to be described and started.
    pub fn fit<A: ?Sized>(&mut self) -> Fit<'_, M, G, O, J, A> {
        Fit {
            svi: self,
            callbacks: Vec::new(),
            validation: None,
            early: None,
            restore_best: false,
            checkpoint: None,
        }
    }
}

impl<'a, M, G, O: Optimizer, J, A: ?Sized> Fit<'a, M, G, O, J, A> {
    /// Calls `callback` after every `steps` steps, counted over all runs; it may end the run
    /// ([`ControlFlow::Break`]), and its error does. Several callbacks are called in the order of their description.
    pub fn every(
        mut self,
        steps: usize,
        callback: impl FnMut(&Progress<'_>) -> Result<ControlFlow<()>> + 'a,
    ) -> Self {
        self.callbacks.push((steps, Box::new(callback)));
        self
    }

    /// Estimates the loss of these arguments after every `steps` steps, each time with the same draws, which differ
    /// from those of training ([`Svi::validation_losses`]).
    pub fn validate(mut self, steps: usize, args: &'a A) -> Self {
        self.validation = Some((steps, args));
        self
    }

    /// Ends the run when `patience` validations, at least 1, in a row were not more than `min_delta`, at least 0, below
    /// the lowest before them. They are counted over all runs, so that a resumed fit ends where the whole one does.
    pub fn stop_early(mut self, patience: usize, min_delta: f64) -> Self {
        self.early = Some((patience, min_delta));
        self
    }

    /// Whether the run ends with the parameters of the lowest validation loss instead of the last ones.
    pub fn restore_best(mut self, restore: bool) -> Self {
        self.restore_best = restore;
        self
    }

    /// Saves the fit ([`Svi::save`]) after every `steps` steps and at the end, always to the same file.
    pub fn checkpoint(mut self, path: impl AsRef<Path>, steps: usize) -> Self {
        self.checkpoint = Some((steps, path.as_ref().to_owned()));
        self
    }

    /// `steps` steps with the same arguments.
    ///
    /// # Errors
    /// If `steps` or an interval is zero, or the first of a step, a callback, a validation or a checkpoint; the steps
    /// before it are kept.
    pub fn run(self, steps: usize, args: &A) -> Result<FitReport>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let bar = bar(self.svi.progress, Some(steps));
        self.drive(bar, std::iter::once(Ok((args, steps))))
    }

    /// A step for each batch of each epoch: `batches` is given the epoch's number and makes its batches.
    ///
    /// A fit saved after whole epochs is resumed with those that are left: `epochs(12..20, …)`. Where the compiler
    /// cannot tell the arguments' type, `svi.fit::<Tensor>()` names it.
    ///
    /// # Errors
    /// If there are no epochs, an epoch has no batches, an interval is zero, or the first of a step, a callback, a
    /// validation or a checkpoint; the steps before it are kept.
    pub fn epochs<B>(
        self,
        epochs: impl IntoIterator<Item = usize>,
        mut batches: impl FnMut(usize) -> B,
    ) -> Result<FitReport>
    where
        B: IntoIterator<Item: Borrow<A>>,
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let bar = bar(self.svi.progress, None);
        let batches = epochs.into_iter().flat_map(|epoch| {
            let mut batches = batches(epoch).into_iter();
            let first = batches.next();
            let first = first.ok_or_else(|| Error::argument(format!("epoch {epoch} has no batches")));
            std::iter::once(first).chain(batches.map(Ok)).map(|batch| Ok((batch?, 1)))
        });
        self.drive(bar, batches)
    }

    fn drive<B: Borrow<A>>(
        mut self,
        bar: ProgressBar,
        batches: impl Iterator<Item = Result<(B, usize)>>,
    ) -> Result<FitReport>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        self.check()?;
        let first = self.svi.losses.len();
        let result = self.steps(&bar, batches);
        match &result {
            Ok(_) => bar.finish_and_clear(),
            Err(_) => bar.abandon(),
        }
        let stop = result?;
        if self.svi.losses.len() == first {
            return Err(Error::argument("zero steps were asked for"));
        }
        if let Some(best) = self.svi.validation.best().filter(|_| self.restore_best) {
            self.svi.params = best.clone();
        }
        if let Some((_, path)) = &self.checkpoint {
            self.svi.save(path)?;
        }
        Ok(FitReport { losses: self.svi.losses[first..].to_vec(), stop })
    }

    fn steps<B: Borrow<A>>(
        &mut self,
        bar: &ProgressBar,
        batches: impl Iterator<Item = Result<(B, usize)>>,
    ) -> Result<Stop>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        for batch in batches {
            let (args, mut left) = batch?;
            while left > 0 {
                let steps = left.min(self.unseen());
                left -= steps;
                let loss = self.advance(bar, args.borrow(), steps)?;
                if let Some(stop) = self.after(loss)? {
                    return Ok(stop);
                }
            }
        }
        Ok(Stop::Finished)
    }

    /// Number of steps until something is to be seen.
    fn unseen(&self) -> usize {
        let step = self.svi.losses.len();
        let intervals = [
            self.validation.as_ref().map(|(every, _)| *every),
            self.checkpoint.as_ref().map(|(every, _)| *every),
        ];
        let callbacks = self.callbacks.iter().map(|(every, _)| *every);
        let until = |every: usize| every - step % every;
        intervals.into_iter().flatten().chain(callbacks).map(until).min().unwrap_or(usize::MAX)
    }

    /// So many steps; returns the last loss.
    fn advance(&mut self, bar: &ProgressBar, args: &A, steps: usize) -> Result<f64>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let (mut last, mut taken) = (f64::NAN, 0);
        let tell = |loss: f64, taken: u64| {
            if (bar.position() % REFRESH) + taken >= REFRESH {
                bar.set_message(format!("loss {loss:.4}"));
            }
            bar.inc(taken);
        };
        let mut seen = |loss: f64| {
            (last, taken) = (loss, taken + 1);
            if taken == REFRESH {
                tell(loss, std::mem::take(&mut taken));
            }
        };
        let result = J::advance(self.svi, args, steps, &mut seen);
        tell(last, taken);
        result.map(|()| last)
    }

    /// What is due after a step, and whether it ends the run.
    fn after(&mut self, loss: f64) -> Result<Option<Stop>>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let mut stop = self.validated()?;
        let step = self.svi.losses.len();
        for (every, callback) in &mut self.callbacks {
            let progress = Progress { step, loss, params: &self.svi.params };
            if step.is_multiple_of(*every) && callback(&progress)?.is_break() {
                stop = Some(Stop::Callback);
            }
        }
        if let Some((_, path)) = self.checkpoint.as_ref().filter(|(every, _)| step.is_multiple_of(*every)) {
            self.svi.save(path)?;
        }
        Ok(stop)
    }

    /// The validation that is due, and whether it ends the run.
    fn validated(&mut self) -> Result<Option<Stop>>
    where
        M: Model<A>,
        G: Model<A>,
        J: Execute<A>,
    {
        let step = self.svi.losses.len();
        let Some((_, args)) = self.validation.filter(|(every, _)| step.is_multiple_of(*every)) else {
            return Ok(None);
        };
        let (loss, _) = self.svi.evaluated(self.svi.key.fold_in_name("validation"), args)?;
        let keep = self.restore_best.then_some(&self.svi.params);
        self.svi.validation.add(step, loss, keep);
        let ends = |(patience, min_delta)| self.svi.validation.waited(min_delta) >= patience;
        Ok(self.early.is_some_and(ends).then_some(Stop::Validation))
    }

    fn check(&self) -> Result<()> {
        let intervals = [
            self.validation.as_ref().map(|(every, _)| ("validate", *every)),
            self.checkpoint.as_ref().map(|(every, _)| ("checkpoint", *every)),
            self.early.as_ref().map(|(patience, _)| ("stop_early", *patience)),
        ];
        let callbacks = self.callbacks.iter().map(|(every, _)| ("every", *every));
        if let Some((what, _)) = intervals.into_iter().flatten().chain(callbacks).find(|(_, n)| *n == 0) {
            return Err(Error::argument(format!("{what}: 0 was given, at least 1 is needed")));
        }
        if let Some((_, min_delta)) = self.early.filter(|(_, delta)| !(*delta >= 0.0 && delta.is_finite())) {
            let reason = format!("stop_early: min_delta is {min_delta}, must be at least 0");
            return Err(Error::argument(reason));
        }
        match self.validation.is_none() && (self.early.is_some() || self.restore_best) {
            true => Err(Error::argument("stop_early and restore_best need validate")),
            false => Ok(()),
        }
    }
}

fn bar(shown: bool, steps: Option<usize>) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let (bar, template) = match steps {
        Some(steps) => (ProgressBar::new(steps as u64), "{bar:40} {pos}/{len}  {per_sec}  {msg}  {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {pos} steps  {per_sec}  {msg}  {elapsed}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
