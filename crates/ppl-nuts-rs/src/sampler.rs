//! The samplers.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nuts_rs::rand::SeedableRng;
use nuts_rs::rand::rngs::ChaCha8Rng;
use nuts_rs::{Chain, CpuMath, DiagNutsSettings, LowRankNutsSettings, SamplerStats, Settings};
use ppl_core::{Error, Result};
use ppl_mcmc::{ChainContext, Phase, Sampler, Transition};

use crate::density::{Density, Shared};

/// The No-U-Turn sampler of nuts-rs, with its warm-up: mass matrices from draws and gradients in running windows, diagonal
/// or with a low-rank correction (Seyboldt, Carlson and Carpenter 2024, "Preconditioning Hamiltonian Monte Carlo by
/// minimizing Fisher divergence"). Options that are not here are as nuts-rs has them.
///
/// [`Mcmc`](ppl_mcmc::Mcmc) runs its chains, with seeds, threads, failures, progress and results as of any kernel. They
/// cannot be stored and resumed: nuts-rs keeps its state to itself. For the same reason the step size that is told of a
/// chain's first transition is the one after it.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::{Exponential, Normal};
/// use ppl_mcmc::Mcmc;
/// use ppl_nuts_rs::NutsRs;
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
///     let sd = ctx.sample("sd", Exponential::new(1.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
/// }
/// let y = Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7]);
/// let chains = Mcmc::new(NutsRs::low_rank()).warmup(500).draws(500).seed(1).run(&model, &y)?;
/// println!("{}", chains.summary()?);
/// # assert!((chains.get("mean")?.mean_all().to_scalar()? - 1.27).abs() < 0.1);
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NutsRs {
    matrix: Matrix,
    target_acceptance: f64,
    max_tree_depth: u32,
    jitter: f64,
}

#[derive(Debug, Clone, Copy)]
enum Matrix {
    Diagonal,
    LowRank,
}

/// Trajectories of more points would take years.
const DEEPEST: u32 = 30;

impl NutsRs {
    /// With a diagonal mass matrix, a mean acceptance of 0.8, trajectories of up to 1023 steps, and step sizes that vary by
    /// a tenth.
    pub fn diagonal() -> Self {
        Self { matrix: Matrix::Diagonal, target_acceptance: 0.8, max_tree_depth: 10, jitter: 0.1 }
    }

    /// As [`NutsRs::diagonal`], with a mass matrix that also has the directions in which the scaled target is longer or
    /// shorter than 1 by a factor of more than 2 in variance, as far as the draws of a window show them: for strong
    /// correlations in more dimensions than a dense matrix is good for.
    pub fn low_rank() -> Self {
        Self { matrix: Matrix::LowRank, ..Self::diagonal() }
    }

    /// Another mean probability of acceptance, in (0, 1).
    #[must_use]
    pub fn target_acceptance(mut self, target: f64) -> Self {
        self.target_acceptance = target;
        self
    }

    /// Trajectories of up to `2^depth - 1` steps; from 1 to 30.
    #[must_use]
    pub fn max_tree_depth(mut self, depth: u32) -> Self {
        self.max_tree_depth = depth;
        self
    }

    /// Step sizes vary uniformly by this share, in [0, 1).
    #[must_use]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }
}

/// Makes a chain with settings of one type: those of both, and their statistics, have the same fields, and no trait.
macro_rules! make {
    ($settings:ty, $options:expr, $chain:expr) => {{
        let (options, chain): (&NutsRs, &mut ChainContext<'_>) = ($options, $chain);
        let mut settings = <$settings>::default();
        settings.num_tune = chain.warmup() as u64;
        // They may be more than are ever drawn; nuts-rs adds them up.
        settings.num_draws = (chain.draws() as u64).min(u64::MAX >> 1);
        settings.maxdepth = u64::from(options.max_tree_depth);
        let steps = &mut settings.adapt_options.step_size_settings;
        steps.target_accept = options.target_acceptance;
        steps.jitter = (options.jitter > 0.0).then_some(options.jitter);
        make(&settings, &Shared::new(chain), |stats| Transition {
            log_density: stats.point.logp,
            acceptance: stats.adapt.step_size.mean_tree_accept,
            step_size: stats.hamiltonian.step_size,
            tree_depth: stats.depth as u32,
            leapfrogs: stats.adapt.step_size.n_steps as u32,
            divergent: stats.divergence.diverging,
            saturated: stats.maxdepth_reached,
            // Theirs has the volume of the transformation as well, which is constant after the warm-up.
            energy: Some(stats.point.kinetic_energy - stats.point.logp),
        })
    }};
}

impl Sampler for NutsRs {
    fn in_words(&self) -> String {
        let Self { matrix, target_acceptance: target, max_tree_depth: depth, jitter } = self;
        let matrix = match matrix {
            Matrix::Diagonal => "diagonal",
            Matrix::LowRank => "low-rank",
        };
        let varied = if *jitter > 0.0 { format!(", jitter {jitter}") } else { String::new() };
        format!(
            "No-U-Turn sampler of nuts-rs: target acceptance {target}, {matrix} mass matrix{varied}, trees of depth up to {depth}"
        )
    }

    fn deepest_tree_of(&self) -> Option<u32> {
        Some(self.max_tree_depth)
    }

    fn check_options(&self) -> Result<()> {
        let Self { target_acceptance: target, max_tree_depth: depth, jitter, .. } = *self;
        let wrong = |reason: String| Err(Error::argument(reason));
        if !(target > 0.0 && target < 1.0) {
            return wrong(format!("the target acceptance is {target}, must be between 0 and 1"));
        }
        if !(1..=DEEPEST).contains(&depth) {
            return wrong(format!("the maximum tree depth is {depth}, must be 1 to {DEEPEST}"));
        }
        if !(0.0..1.0).contains(&jitter) {
            return wrong(format!("the jitter of the step size is {jitter}, must be at least 0 and below 1"));
        }
        Ok(())
    }

    fn sample(&mut self, chain: &mut ChainContext<'_>) -> Result<()> {
        self.check_options()?;
        match self.matrix {
            Matrix::Diagonal => make!(DiagNutsSettings, self, chain),
            Matrix::LowRank => make!(LowRankNutsSettings, self, chain),
        }
    }
}

/// What nuts-rs computes with.
type Numbers<'s, 'a, 'b> = CpuMath<Density<'s, 'a, 'b>>;

/// Its statistics of a transition.
type Stats<'s, 'a, 'b, S> =
    <<S as Settings>::Chain<Numbers<'s, 'a, 'b>> as SamplerStats<Numbers<'s, 'a, 'b>>>::Stats;

/// Makes one chain.
fn make<'s, 'a, 'b, S: Settings>(
    settings: &S,
    shared: &'s Shared<'a, 'b>,
    told: impl Fn(&Stats<'s, 'a, 'b, S>) -> Transition,
) -> Result<()> {
    let (start, stream) = shared.with(|chain| {
        let start = chain.start()?.to_vec();
        Phase::at_rest(chain.density(), &start)?;
        Ok::<_, Error>((start, chain.stream()))
    })?;
    let mut random = ChaCha8Rng::seed_from_u64(stream.state().0.cast_unsigned());
    let numbers = CpuMath::new(Density(shared));
    let mut sampler = guarded(shared, || settings.new_chain(0, numbers, &mut random))?;
    guarded(shared, || sampler.set_position(&start))?;
    let mut used = None;
    while shared.with(ChainContext::goes_on) {
        let (position, _, stats, _) = guarded(shared, || sampler.expanded_draw())?;
        let transition = told(&stats);
        // It tells the step size of the next one.
        let step_size = used.replace(transition.step_size).unwrap_or(transition.step_size);
        shared.with(|chain| chain.record(&position, Transition { step_size, ..transition }))?;
    }
    Ok(())
}

/// What nuts-rs does, with its errors, and what would be a panic in it, as ours.
fn guarded<T, E: Display>(
    shared: &Shared<'_, '_>,
    f: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    let reason = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref().copied()).unwrap_or("it panicked").to_owned()
        }
    };
    Err(shared.failure().unwrap_or_else(|| Error::argument(format!("nuts-rs cannot go on: {reason}"))))
}
