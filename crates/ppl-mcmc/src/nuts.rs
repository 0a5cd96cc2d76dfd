//! The No-U-Turn sampler.

use ppl_core::{Error, Result, TensorFile};
use ppl_tensor::KeyStream;

use crate::hamiltonian::{HamiltonianOptions, HamiltonianState, MassMatrix, hamiltonian_options};
use crate::tree::Tree;
use crate::{Adapted, Kernel, LogDensity, Transition};

/// The No-U-Turn sampler (Hoffman and Gelman 2014) as Stan has it now: multinomial draws from a trajectory, biased towards
/// its later halves, which ends where it turns by the generalised criterion (Betancourt 2017, "A conceptual introduction
/// to Hamiltonian Monte Carlo", appendix A), within and across the halves.
#[derive(Debug, Clone)]
pub struct Nuts {
    options: HamiltonianOptions,
    max_tree_depth: u32,
    tree: Tree,
}

/// Trajectories of more points would take years.
const DEEPEST: u32 = 30;

impl Default for Nuts {
    fn default() -> Self {
        Self::new()
    }
}

impl Nuts {
    /// With a mean acceptance of 0.8, trajectories of up to 1023 steps, and the default mass matrix.
    pub fn new() -> Self {
        Self { options: HamiltonianOptions::default(), max_tree_depth: 10, tree: Tree::default() }
    }

    /// Trajectories of up to `2^depth - 1` steps; from 1 to 30.
    #[must_use]
    pub fn max_tree_depth(mut self, depth: u32) -> Self {
        self.max_tree_depth = depth;
        self
    }
}

hamiltonian_options!(Nuts);

impl Kernel for Nuts {
    type State = HamiltonianState;

    fn describe(&self) -> String {
        format!(
            "No-U-Turn sampler: {}, trees of depth up to {}",
            self.options.describe(),
            self.max_tree_depth
        )
    }

    fn check(&self) -> Result<()> {
        if !(1..=DEEPEST).contains(&self.max_tree_depth) {
            let depth = self.max_tree_depth;
            return Err(Error::argument(format!(
                "the maximum tree depth is {depth}, must be 1 to {DEEPEST}"
            )));
        }
        self.options.check()
    }

    fn deepest_tree(&self) -> Option<u32> {
        Some(self.max_tree_depth)
    }

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<HamiltonianState> {
        self.check()?;
        self.tree.resize(density.dimension(), self.max_tree_depth);
        HamiltonianState::begin(&self.options, density, position, warmup, stream)
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut HamiltonianState) -> Result<Transition> {
        self.tree.resize(density.dimension(), self.max_tree_depth);
        state.refresh();
        let step_size = state.jittered(self.options.jitter);
        let transition = self.tree.transition(density, state, step_size, self.max_tree_depth)?;
        state.learn(density, transition.acceptance)?;
        Ok(transition)
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
