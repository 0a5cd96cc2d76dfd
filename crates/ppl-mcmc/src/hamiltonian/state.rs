//! The state of a chain that moves by a Hamiltonian, and its adaptation.

use ppl_core::{Error, Result, TensorFile};
use ppl_tensor::KeyStream;

use super::{HamiltonianOptions, Metric, Phase, jittered};
use crate::LogDensity;
use crate::adaptation::{DualAveraging, Estimator, Settling};
use crate::record::{self, plain};

/// All that such a chain remembers: its last draw, its step size and mass matrix, what it has learned, and its stream.
#[derive(Debug, Clone, PartialEq)]
pub struct HamiltonianState {
    pub(crate) phase: Phase,
    pub(crate) stream: KeyStream,
    metric: Metric,
    step_size: f64,
    taken: usize,
    warmup: usize,
    averaging: DualAveraging,
    settling: Settling,
    estimator: Estimator,
}

plain!(HamiltonianState { phase, stream, metric, step_size, taken, warmup, averaging, settling, estimator });

/// The first step is halved or doubled until the acceptance of one step crosses this.
const FIRST_ACCEPTANCE: f64 = 0.8;

/// A log density that does not change over such steps has no finite integral.
const LONGEST_STEP: f64 = 1e7;

impl HamiltonianState {
    /// The state at a position where the log density and its gradient are finite.
    pub(crate) fn begin(
        options: &HamiltonianOptions,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<Self> {
        let phase = Phase::at_rest(density, position)?;
        let (estimator, metric) = Estimator::new(options.mass_matrix, warmup, &phase)?;
        let step_size = options.step_size.unwrap_or(1.0);
        let target = options.target_acceptance;
        let (averaging, settling) = (DualAveraging::new(step_size, target), Settling::new(step_size, target));
        let mut state =
            Self { phase, stream, metric, step_size, taken: 0, warmup, averaging, settling, estimator };
        if options.step_size.is_none() {
            state.find_step_size(density)?;
        }
        Ok(state)
    }

    /// Reads what [`HamiltonianState::write_to`] wrote.
    pub(crate) fn read_from(file: &TensorFile) -> Result<Self> {
        let state: Self = record::read(file)?;
        let d = state.phase.position.len();
        let Phase { momentum, gradient, force, .. } = &state.phase;
        let vectors = [momentum, gradient, force].iter().all(|vector| vector.len() == d);
        match vectors && state.metric.dimension() == d && state.estimator.is_of(d) {
            true => Ok(state),
            false => Err(file.damaged("its state has vectors of different lengths")),
        }
    }

    pub(crate) fn write_to(&self, file: &mut TensorFile) -> Result<()> {
        record::write(self, file)
    }

    /// The mass matrix.
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// The step size, without jitter.
    pub fn step_size(&self) -> f64 {
        self.step_size
    }

    /// The number of transitions so far.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Whether the next transition is one of the warm-up.
    pub fn is_warming_up(&self) -> bool {
        self.taken < self.warmup
    }

    /// A new momentum for the last draw.
    pub(crate) fn refresh(&mut self) {
        let Self { phase, stream, metric, .. } = self;
        phase.momentum.iter_mut().for_each(|p| *p = stream.normal());
        metric.force(&phase.gradient, &mut phase.force);
    }

    /// What a trajectory reads and changes.
    pub(crate) fn parts(&mut self) -> (&Metric, &mut KeyStream, &mut Phase) {
        (&self.metric, &mut self.stream, &mut self.phase)
    }

    /// The step size of the next transition.
    pub(crate) fn jittered(&mut self, jitter: f64) -> f64 {
        self.step_size * jittered(jitter, &mut self.stream)
    }

    /// Counts a transition to the present point, and learns from it if it is one of the warm-up.
    pub(crate) fn learn(&mut self, density: &mut dyn LogDensity, acceptance: f64) -> Result<()> {
        let taken = self.taken;
        self.taken += 1;
        if taken >= self.warmup {
            return Ok(());
        }
        let settles = self.estimator.settles(taken, self.warmup);
        self.step_size =
            if settles { self.settling.update(acceptance) } else { self.averaging.update(acceptance) };
        if self.estimator.learn(taken, self.warmup, &self.phase, &mut self.metric)? {
            self.find_step_size(density)?;
        }
        let average = || self.averaging.average().unwrap_or(self.step_size);
        if self.taken == self.warmup {
            self.step_size = if settles { self.settling.average() } else { average() };
        } else if !settles && self.estimator.settles(self.taken, self.warmup) {
            self.step_size = average();
            self.settling.restart(self.step_size);
        }
        Ok(())
    }

    /// Doubles or halves the step size until the acceptance of one step crosses [`FIRST_ACCEPTANCE`], and begins its
    /// averaging there.
    fn find_step_size(&mut self, density: &mut dyn LogDensity) -> Result<()> {
        // A step that went to nothing in a place of infinite slope is no place to begin from.
        if !(self.step_size > f64::MIN_POSITIVE && self.step_size <= LONGEST_STEP) {
            self.step_size = 1.0;
        }
        let (start, mut grows) = (self.phase.clone(), None);
        loop {
            self.refresh();
            let before = self.phase.energy();
            self.phase.leapfrog(density, &self.metric, self.step_size)?;
            let accepted = before - self.phase.energy() > FIRST_ACCEPTANCE.ln();
            self.phase.copy_from(&start);
            match grows {
                None => grows = Some(accepted),
                Some(grows) if grows != accepted => break,
                Some(_) => {}
            }
            self.step_size *= if accepted { 2.0 } else { 0.5 };
            if self.step_size > LONGEST_STEP {
                let reason = format!(
                    "the log density hardly changes over a step of {LONGEST_STEP:e}: it has no finite integral, \
                     the posterior is improper"
                );
                return Err(Error::argument(reason));
            }
            if self.step_size < f64::MIN_POSITIVE {
                let reason = "no step is small enough to be accepted: is the log density continuous, and its gradient right?";
                return Err(Error::argument(reason));
            }
        }
        self.averaging.restart(self.step_size);
        Ok(())
    }
}
