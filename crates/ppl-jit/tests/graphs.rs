//! Random programs: compiled, they give what the interpreter gives.

use ppl_suite::for_each;
use ppl_suite::graphs::{runs_as_interpreted, sketches};

#[test]
fn compiled_programs_give_what_interpreted_ones_give() {
    let law = |sketch: &_| {
        runs_as_interpreted(sketch, &|traced, args| ppl_jit::compile(traced)?.run(args)).map(|_| ())
    };
    if let Err(failure) = for_each(&sketches(), 600, law) {
        panic!("{failure}");
    }
}
