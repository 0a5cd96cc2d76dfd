//! What is left of loops over time, and what is done outside of them.

use ppl_tensor::{DType, Error, Key, Tensor, grad, scan};

use super::testing::{listing, simplified};

const STEPS: usize = 6;

/// What is left of a loop of some steps over the rows of the second argument, which returns the last carry and what `f` stacks.
/// The third argument is the same in each step.
#[track_caller]
fn left_of(
    carry: &[usize],
    row: &[usize],
    f: fn(&Tensor, &Tensor, &Tensor) -> (Tensor, Tensor),
) -> Vec<String> {
    let rows = [&[STEPS], row].concat();
    let program = |args: &[Tensor]| {
        let step = |c: &Tensor, x: &Tensor| Ok::<_, Error>(f(c, x, &args[2]));
        let (last, path) = scan(STEPS, &args[0], &args[1], step).unwrap();
        vec![last, path]
    };
    listing(&simplified(&[carry, &rows, &[]], program))
}

/// The operations in loops.
fn loops(listing: &[String]) -> Vec<&str> {
    listing.iter().filter_map(|line| line.strip_prefix("loop of ")).collect()
}

fn has(listing: &[String], operation: &str) -> bool {
    listing.iter().any(|line| line == operation)
}

#[test]
fn linear_functions_are_recurrences() {
    let left = left_of(&[], &[], |c, x, k| (c * k.exp() + x.sin(), c.clone()));
    assert!(loops(&left).is_empty(), "{left:?}");
    for outside in ["exp []", "sin [6]", "linear_recurrence [7]"] {
        assert!(has(&left, outside), "{left:?}");
    }
    let left = left_of(&[2], &[2], |c, x, _| (c + x, c.exp()));
    assert!(loops(&left).is_empty() && has(&left, "cumsum [7, 2]") && has(&left, "exp [6, 2]"), "{left:?}");
    // Coefficients that differ from step to step, on both sides.
    let left = left_of(&[], &[], |c, x, k| ((x - c) / k * 2.0 + (c - x * c), x * c));
    assert!(loops(&left).is_empty() && has(&left, "linear_recurrence [7]"), "{left:?}");
    // A square is none.
    let left = left_of(&[], &[], |c, x, _| (c.square() + x, c.clone()));
    assert_eq!(loops(&left), ["mul [], add []"]);
}

#[test]
fn what_no_step_waits_for_is_done_at_once() {
    let left = left_of(&[], &[], |c, x, k| {
        let next = (c * k.exp() + x.sqrt()).tanh();
        (next.clone(), next.cos() * x.exp() - c.sin())
    });
    assert_eq!(loops(&left), ["mul [], add [], tanh []"]);
    for outside in ["exp []", "sqrt [6]", "cos [6]", "exp [6]", "sin [6]"] {
        assert!(has(&left, outside), "{left:?}");
    }
    // Reductions, layouts and products with one matrix too.
    let left = left_of(&[3], &[3], |c, x, k| {
        let next = (c * k).tanh() + x.softmax(0);
        (next.clone(), Tensor::eye(3).exp().matmul(&next).logsumexp(0))
    });
    assert_eq!(loops(&left), ["mul [3], tanh [3], add [3]"]);
    assert!(has(&left, "matmul [6, 3]") && left.iter().any(|line| line.starts_with("max [6]")), "{left:?}");
}

#[test]
fn values_of_the_step_before_are_rows() {
    let left = left_of(&[], &[], |c, x, k| (x * k, (c * x).sin()));
    assert!(loops(&left).is_empty() && has(&left, "sin [6]"), "{left:?}");
}

#[test]
fn large_values_stay_where_they_are_near() {
    let left = left_of(&[600], &[600], |c, x, _| ((c * x).tanh(), x.exp() + c));
    assert_eq!(loops(&left).len(), 1);
    assert!(!has(&left, "exp [6, 600]"), "{left:?}");
}

#[test]
fn draws_leave_loops_and_loops_that_do_not_change_too() {
    let left = left_of(&[], &[], |c, x, k| {
        let noise = Key::new(3).fold_in((x * 4.0).cast(DType::I64)).normal([2], DType::F64).sum(0);
        let (same, ()) = scan(3, k, &(), |k, ()| Ok::<_, Error>((k.sin(), ()))).unwrap();
        ((c * &same).cos() + noise, same)
    });
    assert!(has(&left, "random_normal [6, 2]"), "{left:?}");
    assert_eq!(loops(&left), ["sin []", "mul [], cos [], add []"]);
}

#[test]
fn the_gradient_of_a_variance_that_follows_its_past_has_no_loop() {
    let program = |args: &[Tensor]| {
        let k = args[0].tracked();
        let part = |i: usize| k.select_index(0, i);
        let (a, b, c) = (part(0).exp(), part(1), part(2));
        let (_, path) = scan(200, &a, &args[1], |variance, x| {
            let variance = &a + &b * x.square() + &c * variance;
            Ok::<_, Error>((variance.clone(), x.square() / &variance + variance.log()))
        })
        .unwrap();
        let value = path.sum_all();
        vec![grad(&value, &[&k]).unwrap().swap_remove(0), value]
    };
    let left = listing(&simplified(&[&[3], &[200]], program));
    assert!(loops(&left).is_empty(), "{left:?}");
    assert_eq!(left.iter().filter(|line| line.starts_with("linear_recurrence")).count(), 2);
}
