//! Runs a law on the fixed and random cases of a table, the same ones every time.

use std::fmt::Debug;

use ppl_tensor::Error;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::cases::{Case, Family, rows};

/// Whether a law holds, and if not, why.
pub type Outcome = Result<(), String>;

/// A law's failure unless `holds`.
///
/// # Errors
/// The explanation, if it does not hold.
pub fn require(holds: bool, explain: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(explain()) }
}

/// Turns an error of the tensor layer into a law's failure.
pub(crate) fn describe(what: &str) -> impl Fn(Error) -> String + '_ {
    move |error| format!("{what}: {error}")
}

/// Runs `law` on `count` values of a strategy, and shrinks a value for which it fails.
///
/// # Errors
/// The law's words and the smallest value found.
pub fn for_each<S: Strategy>(strategy: &S, count: u32, law: impl Fn(&S::Value) -> Outcome) -> Outcome
where
    S::Value: Debug,
{
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    match runner.run(strategy, |value| law(&value).map_err(TestCaseError::fail)) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, value)) => Err(format!("{reason}\n{value:#?}")),
        Err(TestError::Abort(reason)) => Err(format!("no cases: {reason}")),
    }
}

/// Runs `law` on the fixed cases of every operation of a family, and on `count` random ones.
///
/// # Panics
/// If the law fails: with the operations for which it does, and a smallest case of each.
pub fn for_each_case(family: Family, count: u32, law: impl Fn(&Case) -> Outcome) {
    let mut failures = Vec::new();
    // Each case of a loop records and runs programs.
    let count = if family == Family::Loop { count.div_ceil(8) } else { count };
    for row in rows(family) {
        let fixed =
            row.fixed.iter().find_map(|case| law(case).err().map(|reason| format!("{reason}\n{case:#?}")));
        let failure = fixed.map_or_else(|| for_each(&row.random, count, &law), Err);
        if let Err(failure) = failure {
            failures.push(format!("{}: {failure}", row.name));
        }
    }
    assert!(failures.is_empty(), "{} operations fail\n{}", failures.len(), failures.join("\n\n"));
}
