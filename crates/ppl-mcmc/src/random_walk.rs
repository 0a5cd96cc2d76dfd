//! Random-walk Metropolis.

use ppl_core::{Error, Result, TensorFile};
use ppl_tensor::KeyStream;

use crate::adaptation::{Schedule, Welford};
use crate::record::{self, plain};
use crate::{Kernel, LogDensity, Transition};

/// Random-walk Metropolis: a normal step from the last draw, accepted as Metropolis says. It needs no gradient, and many
/// more draws than [`Nuts`](crate::Nuts). While it warms up the scales of its steps become those of the draws (in Stan's
/// windows), times a factor at which steps are accepted as often as wanted.
#[derive(Debug, Clone)]
pub struct RandomWalk {
    target: f64,
    proposal: Vec<f64>,
    gradient: Vec<f64>,
}

/// The state of a chain of [`RandomWalk`].
#[derive(Debug, Clone, PartialEq)]
pub struct RandomWalkState {
    position: Vec<f64>,
    log_density: f64,
    log_factor: f64,
    scale: Vec<f64>,
    taken: usize,
    warmup: usize,
    schedule: Schedule,
    next: usize,
    moments: Welford,
    stream: KeyStream,
}

plain!(RandomWalkState {
    position,
    log_density,
    log_factor,
    scale,
    taken,
    warmup,
    schedule,
    next,
    moments,
    stream,
});

/// The steps of the stochastic approximation fall as this power of their number, between ½ and 1 (Andrieu and Thoms 2008,
/// "A tutorial on adaptive MCMC", section 4.2).
const DECAY: f64 = 0.6;

impl Default for RandomWalk {
    fn default() -> Self {
        Self::new()
    }
}

impl RandomWalk {
    /// With a mean acceptance of 0.234, which is best in many dimensions (Roberts, Gelman and Gilks 1997).
    pub fn new() -> Self {
        Self { target: 0.234, proposal: Vec::new(), gradient: Vec::new() }
    }

    /// Another mean probability of acceptance, in (0, 1).
    #[must_use]
    pub fn target_acceptance(mut self, target: f64) -> Self {
        self.target = target;
        self
    }
}

impl Kernel for RandomWalk {
    type State = RandomWalkState;

    fn describe(&self) -> String {
        format!("Random-walk Metropolis: target acceptance {}", self.target)
    }

    fn check(&self) -> Result<()> {
        match self.target > 0.0 && self.target < 1.0 {
            true => Ok(()),
            false => {
                let reason = format!("the target acceptance is {}, must be between 0 and 1", self.target);
                Err(Error::argument(reason))
            }
        }
    }

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<RandomWalkState> {
        self.check()?;
        let d = density.dimension();
        if position.len() != d {
            let found = position.len();
            return Err(Error::Shape(format!("the start has {found} numbers, the log density {d}")));
        }
        let log_density = density.value_and_gradient(position, &mut vec![0.0; d])?;
        if !log_density.is_finite() {
            return Err(Error::argument(format!("the log density at the start is {log_density}")));
        }
        Ok(RandomWalkState {
            position: position.to_vec(),
            log_density,
            // The best factor for a normal target (Roberts, Gelman and Gilks 1997).
            log_factor: (2.38 / (d.max(1) as f64).sqrt()).ln(),
            scale: vec![1.0; d],
            taken: 0,
            warmup,
            schedule: Schedule::stan(warmup),
            next: 0,
            moments: Welford::new(d, false),
            stream,
        })
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut RandomWalkState) -> Result<Transition> {
        self.proposal.clone_from(&state.position);
        self.gradient.resize(state.position.len(), 0.0);
        let factor = state.log_factor.exp();
        for (x, scale) in self.proposal.iter_mut().zip(&state.scale) {
            *x += factor * scale * state.stream.normal();
        }
        let proposed = density.value_and_gradient(&self.proposal, &mut self.gradient)?;
        let acceptance = (proposed - state.log_density).exp().min(1.0);
        // An infinite log density, as NaN, is the integrator's failure of other kernels.
        let divergent = proposed.is_nan() || proposed == f64::INFINITY;
        let acceptance = if divergent { 0.0 } else { acceptance };
        if state.stream.uniform() < acceptance {
            std::mem::swap(&mut state.position, &mut self.proposal);
            state.log_density = proposed;
        }
        state.learn(acceptance, self.target);
        let log_density = state.log_density;
        Ok(Transition {
            log_density,
            acceptance,
            step_size: factor,
            tree_depth: 0,
            leapfrogs: 1,
            divergent,
            saturated: false,
            energy: None,
        })
    }

    fn position(state: &RandomWalkState) -> &[f64] {
        &state.position
    }

    fn write_state(state: &RandomWalkState, file: &mut TensorFile) -> Result<()> {
        record::write(state, file)
    }

    fn read_state(file: &TensorFile) -> Result<RandomWalkState> {
        let state: RandomWalkState = record::read(file)?;
        let d = state.position.len();
        match state.scale.len() == d && state.moments.is_of(d) && state.next <= state.schedule.ends.len() {
            true => Ok(state),
            false => Err(file.damaged("its state has vectors of different lengths")),
        }
    }
}

impl RandomWalkState {
    fn learn(&mut self, acceptance: f64, target: f64) {
        let taken = self.taken;
        self.taken += 1;
        if taken >= self.warmup {
            return;
        }
        let since = taken - self.next.checked_sub(1).map_or(0, |last| self.schedule.ends[last]);
        self.log_factor += (acceptance - target) / ((since + 1) as f64).powf(DECAY);
        let Some(&end) = self.schedule.ends.get(self.next).filter(|_| taken >= self.schedule.begin) else {
            return;
        };
        self.moments.add(&self.position);
        if taken == end {
            self.next += 1;
            self.scale = self.moments.regularised().into_iter().map(f64::sqrt).collect();
            self.moments.clear();
            self.log_factor = (2.38 / (self.scale.len() as f64).sqrt()).ln();
        }
    }
}
