//! Random programs: compiled, they give what the interpreter gives.

// Helpers of tests end them as tests do.
#![allow(clippy::panic)]

use ppl_jit::Compiler;
use ppl_suite::for_each;
use ppl_suite::graphs::{runs_as_interpreted, sketches};

fn check(compiler: &Compiler) {
    let law = |sketch: &_| {
        runs_as_interpreted(sketch, &|traced, args| compiler.compile(traced)?.run(args)).map(|_| ())
    };
    if let Err(failure) = for_each(&sketches(), 600, law) {
        panic!("{failure}");
    }
}

#[test]
fn compiled_programs_give_what_interpreted_ones_give() {
    check(&Compiler::new());
}

#[test]
fn programs_without_machine_code_give_what_interpreted_ones_give() {
    check(&Compiler::new().machine_code(false));
}
