//! The posteriors of [posteriordb](https://github.com/stan-dev/posteriordb) that tests and benchmarks use, written as a user
//! would write them, with their data and reference draws.
//!
//! Latent sites come in the order of the parameters of the Stan programs, so that one list of numbers is the same point
//! everywhere. Bijections are Stan's.

mod autoregression;
mod comparison;
mod diamonds;
mod eight_schools;
mod flat;
mod garch;
mod gaussian_process;
mod hidden_markov;
mod mixture;
mod population;
mod reference;
mod regressions;
mod source;

pub use comparison::Comparison;
pub use flat::Flat;
pub use reference::Reference;
pub use source::{Data, unless_missing};

use ppl::core::{Ctx, Model, Result};
use ppl::infer::{Compiler, Potential};
use ppl::mcmc::{Chains, MassMatrix, Mcmc, Nuts};

/// A posterior: a model with its arguments.
pub struct Posterior {
    /// The data, for other systems.
    pub data: Data,
    program: Box<dyn Program>,
}

/// A model with its arguments, of whatever type.
trait Program {
    fn potential(&self, compiler: &Compiler) -> Result<Potential>;
    fn sample(&self, mcmc: &Mcmc<Nuts>) -> Result<Chains>;
    fn sample_compiled(&self, mcmc: &Mcmc<Nuts>, potential: &Potential) -> Result<Chains>;
}

struct Given<M, A> {
    model: M,
    args: A,
}

impl<A, M: Model<A>> Program for Given<M, A> {
    fn potential(&self, compiler: &Compiler) -> Result<Potential> {
        Potential::compile_by(compiler, &self.model, &Ctx::new(0), &self.args)
    }

    fn sample(&self, mcmc: &Mcmc<Nuts>) -> Result<Chains> {
        mcmc.run(&self.model, &self.args)
    }

    fn sample_compiled(&self, mcmc: &Mcmc<Nuts>, potential: &Potential) -> Result<Chains> {
        mcmc.run_compiled(potential, &self.model, &self.args)
    }
}

impl Posterior {
    /// A model with its arguments, made of these data.
    pub fn new<A: 'static, M: Model<A> + 'static>(data: Data, model: M, args: A) -> Self {
        Self { data, program: Box::new(Given { model, args }) }
    }

    /// Its compiled log density.
    ///
    /// # Errors
    /// As [`Potential::compile`].
    pub fn potential(&self) -> Result<Potential> {
        self.potential_by(&Compiler::new())
    }

    /// Its log density, compiled by a compiler with options.
    ///
    /// # Errors
    /// As [`Potential::compile`].
    pub fn potential_by(&self, compiler: &Compiler) -> Result<Potential> {
        self.program.potential(compiler)
    }

    /// Draws from it.
    ///
    /// # Errors
    /// As [`Mcmc::run`].
    pub fn sample(&self, mcmc: &Mcmc<Nuts>) -> Result<Chains> {
        self.program.sample(mcmc)
    }

    /// Draws from it, with its [`Posterior::potential`].
    ///
    /// # Errors
    /// As [`Mcmc::run_compiled`].
    pub fn sample_compiled(&self, mcmc: &Mcmc<Nuts>, potential: &Potential) -> Result<Chains> {
        self.program.sample_compiled(mcmc, potential)
    }

    /// What posteriordb's reference draws say of each number.
    ///
    /// # Errors
    /// If the file `reference.json` beside the data cannot be read.
    pub fn reference(&self) -> Result<Vec<Reference>> {
        reference::read(&self.data.beside("reference.json")?)
    }
}

/// A posterior's folder, and how it is made.
pub struct Entry {
    /// The folder of posteriordb.
    pub folder: &'static str,
    /// Makes it.
    pub load: fn() -> Result<Posterior>,
    /// Describes chains that sample it well.
    pub mcmc: fn() -> Mcmc<Nuts>,
}

impl Entry {
    const fn new(folder: &'static str, load: fn() -> Result<Posterior>) -> Self {
        Self { folder, load, mcmc: || Mcmc::new(Nuts::new()) }
    }

    const fn sampled(self, mcmc: fn() -> Mcmc<Nuts>) -> Self {
        Self { folder: self.folder, load: self.load, mcmc }
    }
}

/// For posteriors whose numbers are strongly correlated.
fn dense() -> Mcmc<Nuts> {
    Mcmc::new(Nuts::new().mass_matrix(MassMatrix::Dense))
}

/// All posteriors.
pub const POSTERIORS: [Entry; 15] = [
    Entry::new(autoregression::FOLDER, autoregression::load),
    Entry::new(hidden_markov::FOLDER, hidden_markov::load).sampled(hidden_markov::mcmc),
    Entry::new(diamonds::FOLDER, diamonds::load).sampled(dense),
    Entry::new(regressions::EARNINGS, regressions::earnings).sampled(dense),
    Entry::new(eight_schools::FOLDER, eight_schools::load).sampled(eight_schools::mcmc),
    Entry::new(garch::FOLDER, garch::load),
    Entry::new(gaussian_process::FOLDER, gaussian_process::load),
    Entry::new(population::FOLDER, population::load).sampled(population::mcmc),
    Entry::new(regressions::KIDS_IQ, regressions::kids_iq),
    Entry::new(regressions::KIDS_WORK, regressions::kids_work),
    Entry::new(mixture::FOLDER, mixture::load),
    Entry::new(regressions::LOG_MESQUITE, regressions::log_mesquite),
    Entry::new(regressions::MESQUITE, regressions::mesquite),
    Entry::new(regressions::PARTISANS, regressions::partisans),
    Entry::new(regressions::SIMULATED, regressions::simulated),
];

/// A posterior by its folder, or by what comes after the dash in it.
pub fn find(name: &str) -> Option<&'static Entry> {
    let model = |entry: &&Entry| entry.folder.rsplit('-').next() == Some(name);
    POSTERIORS.iter().find(|entry| entry.folder == name).or_else(|| POSTERIORS.iter().find(model))
}
