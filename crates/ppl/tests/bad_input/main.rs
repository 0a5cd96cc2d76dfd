//! Wrong calls, one entry point of the library after the other: what a user reads, and that nothing is lost.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod constraints;
mod distributions;
mod draws;
mod files;
mod guides;
mod handlers;
mod objectives;
mod optimizers;
mod plates;
mod sampling;
mod statements;
mod training;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ppl::prelude::*;

/// A table of wrong calls, which tells all faults at its end.
#[derive(Default)]
struct Refusals {
    faults: Vec<String>,
}

impl Refusals {
    /// The call fails with this message, or, if the text ends with an ellipsis, with one that begins like it.
    fn of<O, E: Display>(
        &mut self,
        expected: &str,
        call: impl FnOnce() -> std::result::Result<O, E>,
    ) -> &mut Self {
        let found = match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(_)) => "(no error)".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "(a panic)".to_owned(),
        };
        let holds = match expected.strip_suffix('…') {
            Some(beginning) => found.starts_with(beginning),
            None => found == expected,
        };
        if !holds {
            self.faults.push(format!("expected: {expected}\n   found: {found}"));
        }
        self
    }

    /// As [`Refusals::of`], of a program.
    fn of_program<O>(&mut self, expected: &str, program: impl Fn(&mut Ctx, &()) -> Result<O>) -> &mut Self {
        self.of(expected, || trace(&mut Ctx::new(0), &program, &()))
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        if !self.faults.is_empty() && !std::thread::panicking() {
            panic!("{} of the calls:\n{}", self.faults.len(), self.faults.join("\n"));
        }
    }
}

/// Parameters by name, bit for bit.
fn bits(params: &ParamStore) -> Vec<(String, Vec<u64>)> {
    let bits = |name: &String| {
        let values = params.unconstrained(name).unwrap().to_f64().unwrap();
        (name.clone(), values.iter().map(|x| x.to_bits()).collect())
    };
    params.names().map(bits).collect()
}
