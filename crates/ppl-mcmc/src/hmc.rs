//! Hamiltonian Monte Carlo with trajectories whose lengths do not depend on where they lead.

use ppl_core::{Error, Result, TensorFile};
use ppl_tensor::KeyStream;

use crate::hamiltonian::{
    DIVERGENCE, HamiltonianOptions, HamiltonianState, MassMatrix, Phase, hamiltonian_options, jittered,
};
use crate::{Adapted, Kernel, LogDensity, Transition};

/// Hamiltonian Monte Carlo (Duane, Kennedy, Pendleton and Roweth 1987; Neal 2011): a trajectory of a random length in time,
/// whose end is accepted as Metropolis says.
///
/// Along an axis of a normal target a trajectory goes round, and one that ends after half its way round, or all of it, is where
/// it was, or opposite, whatever its momentum. Of trajectories of one length there is an axis for which it is such, sooner or
/// later, and chains do not move along it; lengths that differ have none (Mackenzie 1989, "An improved hybrid Monte Carlo
/// method"; Neal 2011, section 3.2).
#[derive(Debug, Clone)]
pub struct Hmc {
    options: HamiltonianOptions,
    length: f64,
    length_jitter: f64,
    max_steps: u32,
    end: Phase,
}

impl Default for Hmc {
    fn default() -> Self {
        Self::new()
    }
}

impl Hmc {
    /// With trajectories of a mean length of π, half the way round a normal target of known scales, and lengths uniform from
    /// 0 to twice that; of at most 1000 steps, and a mean acceptance of 0.8.
    pub fn new() -> Self {
        let length = std::f64::consts::PI;
        let options = HamiltonianOptions::default();
        Self { options, length, length_jitter: 1.0, max_steps: 1000, end: Phase::default() }
    }

    /// Trajectories of another mean length: the number of steps times the step size, positive. Scales are those of the mass
    /// matrix, so that one standard deviation takes a time of about 1.
    #[must_use]
    pub fn trajectory_length(mut self, length: f64) -> Self {
        self.length = length;
        self
    }

    /// Lengths vary uniformly by this share, in [0, 1]; 0 makes trajectories of one length.
    #[must_use]
    pub fn length_jitter(mut self, jitter: f64) -> Self {
        self.length_jitter = jitter;
        self
    }

    /// Trajectories of no more steps than this, at least 1.
    #[must_use]
    pub fn max_steps(mut self, steps: u32) -> Self {
        self.max_steps = steps;
        self
    }
}

hamiltonian_options!(Hmc);

impl Kernel for Hmc {
    type State = HamiltonianState;

    fn describe(&self) -> String {
        let Self { options, length, length_jitter: jitter, max_steps, .. } = self;
        let options = options.describe();
        let varied = if *jitter > 0.0 { format!(", jitter {jitter}") } else { String::new() };
        format!(
            "Hamiltonian Monte Carlo: {options}, trajectories of length {length}{varied}, up to {max_steps} steps"
        )
    }

    fn check(&self) -> Result<()> {
        if !(self.length > 0.0 && self.length.is_finite()) {
            let length = self.length;
            return Err(Error::argument(format!("the trajectory length is {length}, must be positive")));
        }
        if !(0.0..=1.0).contains(&self.length_jitter) {
            let jitter = self.length_jitter;
            return Err(Error::argument(format!(
                "the jitter of the trajectory length is {jitter}, must be 0 to 1"
            )));
        }
        if self.max_steps == 0 {
            return Err(Error::argument("the maximum number of steps is 0, must be at least 1"));
        }
        self.options.check()
    }

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<HamiltonianState> {
        self.check()?;
        HamiltonianState::begin(&self.options, density, position, warmup, stream)
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut HamiltonianState) -> Result<Transition> {
        state.refresh();
        let step_size = state.jittered(self.options.jitter);
        let (metric, stream, phase) = state.parts();
        let length = self.length * jittered(self.length_jitter, stream);
        // A cast of what is too large gives the largest number, which is then bounded.
        let wanted = (length / step_size) as u32;
        let steps = wanted.clamp(1, self.max_steps);
        if self.end.position.len() != phase.position.len() {
            self.end = Phase::zeros(phase.position.len());
        }
        self.end.copy_from(phase);
        let before = phase.energy();
        let (mut leapfrogs, mut divergent) = (0, false);
        while leapfrogs < steps && !divergent {
            self.end.leapfrog(density, metric, step_size)?;
            leapfrogs += 1;
            let advantage = before - self.end.energy();
            divergent = -advantage > DIVERGENCE || !advantage.is_finite();
        }
        let acceptance = if divergent { 0.0 } else { (before - self.end.energy()).exp().min(1.0) };
        if stream.uniform() < acceptance {
            std::mem::swap(phase, &mut self.end);
        }
        let (log_density, energy) = (phase.log_density, phase.energy());
        state.learn(density, acceptance)?;
        let saturated = wanted > self.max_steps;
        Ok(Transition {
            log_density,
            acceptance,
            step_size,
            tree_depth: 0,
            leapfrogs,
            divergent,
            saturated,
            energy: Some(energy),
        })
    }

    fn position(state: &HamiltonianState) -> &[f64] {
        &state.phase.position
    }

    fn adapted(state: &HamiltonianState) -> Option<Adapted> {
        Some(Adapted { step_size: state.step_size(), metric: state.metric().clone() })
    }

    fn write_state(state: &HamiltonianState, file: &mut TensorFile) -> Result<()> {
        state.write_to(file)
    }

    fn read_state(file: &TensorFile) -> Result<HamiltonianState> {
        HamiltonianState::read_from(file)
    }
}
