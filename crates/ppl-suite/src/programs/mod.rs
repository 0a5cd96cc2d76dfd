//! The laws of programs and handlers, for any system that has these statements and handlers.
//!
//! A system tells how it runs one program inside handlers ([`System`]); [`program_tests`](crate::program_tests) holds it
//! to all [`laws`].

pub mod laws;

use ppl_tensor::Tensor;

/// A distribution that the laws use.
#[derive(Debug, Clone)]
pub enum Law {
    /// By location and scale.
    Normal(Tensor, Tensor),
    /// By shape and rate.
    Gamma(f64, f64),
    /// By the probability of one.
    Bernoulli(f64),
}

/// What a body of a plate's row, or a whole program, ends with.
pub type Drawn = Result<Tensor, String>;

/// Where a program's statements go.
pub trait Statements {
    /// A random value.
    fn sample(&mut self, name: &str, law: Law) -> Drawn;

    /// Data.
    fn observe(&mut self, name: &str, law: Law, value: &Tensor) -> Drawn;

    /// Runs a body once for all rows of some data, and gives what it returns with the rows in front.
    fn plate(
        &mut self,
        name: &str,
        rows: &Tensor,
        body: &mut dyn FnMut(&mut dyn Statements, &Tensor) -> Drawn,
    ) -> Drawn;
}

/// A program.
pub type Program = fn(&mut dyn Statements) -> Drawn;

/// A handler around a program.
#[derive(Debug, Clone)]
pub enum Around<T> {
    /// Latent values come from a recorded run.
    Replay(T),
    /// A site is data.
    Condition(&'static str, Tensor),
    /// A site has a value, but is no data.
    Substitute(&'static str, Tensor),
    /// Sites are hidden from handlers further out.
    Block(&'static [&'static str]),
    /// Draws are a function of this seed.
    Seed(u64),
}

/// A recorded statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Whether it is data.
    pub observed: bool,
    /// Its value, with one leading dimension for each plate around.
    pub value: Vec<f64>,
    /// Its log density, summed over rows.
    pub log_prob: f64,
}

/// A probabilistic language, as far as the laws need it.
pub trait System {
    /// A recorded run.
    type Trace: Clone + 'static;

    /// Runs a program inside handlers, the first one innermost, and inside all of them a record of what they let through.
    /// Where none of them says otherwise, draws are a function of `seed`.
    ///
    /// # Errors
    /// If a statement fails.
    fn run(
        program: Program,
        around: &[Around<Self::Trace>],
        seed: u64,
    ) -> Result<(Self::Trace, Tensor), String>;

    /// The sites of a run, in their order.
    ///
    /// # Errors
    /// If a value or density cannot be read.
    fn sites(trace: &Self::Trace) -> Result<Vec<Site>, String>;
}

/// Declares a test for each law of programs, of a [`System`](crate::programs::System).
#[macro_export]
macro_rules! program_tests {
    ($system:ty) => {
        $crate::program_tests! { @each $system;
            a_run_is_a_function_of_its_seed
            sites_are_recorded_in_order
            densities_are_those_of_the_sites
            a_replayed_run_is_the_recorded_run
            the_innermost_replay_decides
            conditioning_keeps_the_joint_density
            substituted_sites_stay_latent
            conditions_on_different_sites_commute
            values_reach_rows_of_plates
            the_innermost_seed_decides
            a_site_draws_the_same_whether_others_are_decided
            hidden_sites_are_drawn_but_not_seen
        }
    };
    (@each $system:ty; $($law:ident)+) => {
        $(
            #[test]
            fn $law() {
                let outcome = $crate::programs::laws::$law::<$system>();
                assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
            }
        )+
    };
}
