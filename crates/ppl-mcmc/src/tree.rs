//! The trajectory of a No-U-Turn transition: a binary tree of leapfrog steps, in memory that is used again.

use ppl_core::Result;
use ppl_tensor::KeyStream;

use crate::hamiltonian::{DIVERGENCE, HamiltonianState, Metric, Phase, both_along};
use crate::{LogDensity, Transition};

/// Memory for trees up to a depth.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    dimension: usize,
    /// Both ends of the trajectory, in the direction of time.
    ends: [Phase; 2],
    /// Two subtrees for each depth: those that make one of the next depth.
    levels: Vec<[Subtree; 2]>,
    whole: Subtree,
}

/// A piece of a trajectory. All vectors have `d` numbers; first and last are in the order in which it was made.
#[derive(Debug, Clone, Default)]
struct Subtree {
    first_momentum: Vec<f64>,
    first_velocity: Vec<f64>,
    last_momentum: Vec<f64>,
    last_velocity: Vec<f64>,
    /// Sum of the momenta of all its points.
    momentum: Vec<f64>,
    /// Logarithm of the sum of the weights of its points: `exp(H₀ - H)`.
    log_weight: f64,
    /// The point drawn from it.
    drawn: Drawn,
}

#[derive(Debug, Clone, Default)]
struct Drawn {
    position: Vec<f64>,
    gradient: Vec<f64>,
    log_density: f64,
    energy: f64,
}

/// What a transition needs at every leaf.
struct Walk<'a> {
    density: &'a mut dyn LogDensity,
    metric: &'a Metric,
    stream: &'a mut KeyStream,
    /// Signed.
    time: f64,
    /// `H₀`.
    energy: f64,
    leapfrogs: u32,
    acceptance: f64,
    divergent: bool,
}

impl Tree {
    /// Room for vectors of `d` numbers and trees of a depth.
    pub(crate) fn resize(&mut self, dimension: usize, depth: u32) {
        if self.dimension == dimension && self.levels.len() == depth as usize {
            return;
        }
        let new = || Subtree::new(dimension);
        *self = Self {
            dimension,
            ends: [Phase::zeros(dimension), Phase::zeros(dimension)],
            levels: (0..depth).map(|_| [new(), new()]).collect(),
            whole: new(),
        };
    }

    /// Moves a state, whose momentum is fresh, to a draw from a trajectory through it.
    pub(crate) fn transition(
        &mut self,
        density: &mut dyn LogDensity,
        state: &mut HamiltonianState,
        step_size: f64,
        max_depth: u32,
    ) -> Result<Transition> {
        let energy = state.phase.energy();
        self.ends.iter_mut().for_each(|end| end.copy_from(&state.phase));
        self.whole.set(&state.phase, energy, energy);
        let (metric, stream, phase) = state.parts();
        let mut walk = Walk {
            density,
            metric,
            stream,
            time: step_size,
            energy,
            leapfrogs: 0,
            acceptance: 0.0,
            divergent: false,
        };
        let (mut depth, mut saturated) = (0, true);
        while depth < max_depth {
            let forward = walk.stream.uniform() > 0.5;
            walk.time = if forward { step_size } else { -step_size };
            let complete = build(
                &mut self.levels[..=depth as usize],
                0,
                &mut self.ends[usize::from(forward)],
                &mut walk,
            )?;
            if !complete {
                saturated = false;
                break;
            }
            depth += 1;
            let whole = &mut self.whole;
            let new = &mut self.levels[depth as usize - 1][0];
            // Biased towards what is new: away from the start.
            if accepted(new.log_weight - whole.log_weight, walk.stream) {
                std::mem::swap(&mut whole.drawn, &mut new.drawn);
            }
            if !forward {
                new.reverse();
            }
            let (left, right) = if forward { (&*whole, &*new) } else { (&*new, &*whole) };
            let goes_on = goes_on(left, right, depth > 1);
            if forward {
                std::mem::swap(&mut whole.last_momentum, &mut new.last_momentum);
                std::mem::swap(&mut whole.last_velocity, &mut new.last_velocity);
            } else {
                std::mem::swap(&mut whole.first_momentum, &mut new.first_momentum);
                std::mem::swap(&mut whole.first_velocity, &mut new.first_velocity);
            }
            whole.absorb(new);
            if !goes_on {
                saturated = false;
                break;
            }
        }
        let drawn = &mut self.whole.drawn;
        std::mem::swap(&mut phase.position, &mut drawn.position);
        std::mem::swap(&mut phase.gradient, &mut drawn.gradient);
        phase.log_density = drawn.log_density;
        Ok(Transition {
            log_density: drawn.log_density,
            acceptance: walk.acceptance / f64::from(walk.leapfrogs.max(1)),
            step_size,
            tree_depth: depth,
            leapfrogs: walk.leapfrogs,
            divergent: walk.divergent,
            saturated,
            energy: drawn.energy,
        })
    }
}

/// Makes the subtree of the deepest of these levels, `2^depth` steps on from `end`, in its slot. False if it diverged, or
/// turned before it was complete; nothing in the slot counts then.
fn build(levels: &mut [[Subtree; 2]], slot: usize, end: &mut Phase, walk: &mut Walk<'_>) -> Result<bool> {
    let Some((level, below)) = levels.split_last_mut() else { return Ok(false) };
    let made = &mut level[slot];
    let depth = below.len();
    if depth == 0 {
        end.leapfrog(walk.density, walk.metric, walk.time)?;
        walk.leapfrogs += 1;
        let energy = end.energy();
        let log_weight = walk.energy - energy;
        walk.acceptance += if log_weight >= 0.0 { 1.0 } else { log_weight.exp() };
        walk.divergent = -log_weight > DIVERGENCE || !log_weight.is_finite();
        made.set(end, energy, walk.energy);
        return Ok(!walk.divergent);
    }
    if !build(below, 0, end, walk)? || !build(below, 1, end, walk)? {
        return Ok(false);
    }
    let [near, far] = &mut below[depth - 1];
    let goes_on = goes_on(near, far, depth > 1);
    made.join(near, far, walk.stream);
    Ok(goes_on)
}

/// Whether a point of a piece with this advantage in log weight is taken.
#[inline]
fn accepted(advantage: f64, stream: &mut KeyStream) -> bool {
    // The draw is made in any case, so that the stream does not depend on rounding.
    let uniform = stream.uniform();
    advantage >= 0.0 || uniform < advantage.exp()
}

/// Whether neither two adjacent pieces together, nor each with the nearest point of the other, turn back: both ends still
/// move along the summed momentum. Of two single points the three questions are one.
#[inline]
fn goes_on(left: &Subtree, right: &Subtree, several: bool) -> bool {
    both_along(&left.first_velocity, &right.last_velocity, &left.momentum, &right.momentum)
        && (!several
            || both_along(&left.first_velocity, &right.first_velocity, &left.momentum, &right.first_momentum)
                && both_along(
                    &left.last_velocity,
                    &right.last_velocity,
                    &left.last_momentum,
                    &right.momentum,
                ))
}

/// `ln(eᵃ + eᵇ)`, and the share of `eᵇ`.
#[inline]
fn log_add_exp(a: f64, b: f64) -> (f64, f64) {
    let (larger, smaller) = if a > b { (a, b) } else { (b, a) };
    let ratio = (smaller - larger).exp();
    let share = if a > b { ratio / (1.0 + ratio) } else { 1.0 / (1.0 + ratio) };
    (larger + ratio.ln_1p(), share)
}

impl Subtree {
    fn new(dimension: usize) -> Self {
        let zeros = || vec![0.0; dimension];
        let drawn = Drawn { position: zeros(), gradient: zeros(), log_density: 0.0, energy: 0.0 };
        Self {
            first_momentum: zeros(),
            first_velocity: zeros(),
            last_momentum: zeros(),
            last_velocity: zeros(),
            momentum: zeros(),
            log_weight: 0.0,
            drawn,
        }
    }

    /// The piece of one point.
    #[inline]
    fn set(&mut self, point: &Phase, energy: f64, reference: f64) {
        self.first_momentum.copy_from_slice(&point.momentum);
        self.last_momentum.copy_from_slice(&point.momentum);
        self.momentum.copy_from_slice(&point.momentum);
        self.first_velocity.copy_from_slice(&point.velocity);
        self.last_velocity.copy_from_slice(&point.velocity);
        self.log_weight = reference - energy;
        self.drawn.position.copy_from_slice(&point.position);
        self.drawn.gradient.copy_from_slice(&point.gradient);
        self.drawn.log_density = point.log_density;
        self.drawn.energy = energy;
    }

    /// The piece of two that follow each other, whose vectors are lost to them.
    #[inline]
    fn join(&mut self, near: &mut Subtree, far: &mut Subtree, stream: &mut KeyStream) {
        std::mem::swap(&mut self.first_momentum, &mut near.first_momentum);
        std::mem::swap(&mut self.first_velocity, &mut near.first_velocity);
        std::mem::swap(&mut self.last_momentum, &mut far.last_momentum);
        std::mem::swap(&mut self.last_velocity, &mut far.last_velocity);
        std::mem::swap(&mut self.momentum, &mut near.momentum);
        self.log_weight = near.log_weight;
        let share = self.absorb(far);
        let from = if stream.uniform() < share { far } else { near };
        std::mem::swap(&mut self.drawn, &mut from.drawn);
    }

    /// Adds momenta and weights of another piece, whose share of the weight it returns.
    #[inline]
    fn absorb(&mut self, other: &Subtree) -> f64 {
        self.momentum.iter_mut().zip(&other.momentum).for_each(|(sum, p)| *sum += p);
        let share;
        (self.log_weight, share) = log_add_exp(self.log_weight, other.log_weight);
        share
    }

    /// The same piece, made from the other end.
    fn reverse(&mut self) {
        std::mem::swap(&mut self.first_momentum, &mut self.last_momentum);
        std::mem::swap(&mut self.first_velocity, &mut self.last_velocity);
    }
}
