//! The estimates of work in what a program tells of itself, where they can be counted by hand.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_jit::Compiler;
use ppl_suite::cases::hypotenuse;
use ppl_tensor::{Device, Error, Result, Tensor, scan, trace};

/// Operations and bytes of a run, and the plan.
fn estimates(
    machine_code: bool,
    f: impl Fn(&Vec<Tensor>) -> Result<Tensor>,
    args: &[Tensor],
) -> ([usize; 2], String) {
    let compiler = Compiler::new().machine_code(machine_code);
    let plan = compiler.compile(trace(&Device::cpu(), f, &args.to_vec()).unwrap()).unwrap().explain();
    let (_, tail) = plan.split_once("a run: about ").unwrap();
    let words: Vec<&str> = tail.split_whitespace().collect();
    let [operations, "operations", "on", bytes, "bytes", ..] = words[..] else { panic!("{plan}") };
    ([operations, bytes].map(|word| word.parse().unwrap()), plan)
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape) + 0.0
}

/// Two arguments and a result of seven numbers.
#[test]
fn what_users_define() {
    let f = |args: &Vec<Tensor>| Ok(Tensor::apply(hypotenuse(), &[&args[0], &args[1]]));
    let (found, plan) = estimates(true, f, &[zeros(&[7]), zeros(&[7])]);
    assert!(plan.contains("by the host backend"), "{plan}");
    assert_eq!(found, [7, 3 * 7 * 8], "{plan}");
}

/// A sine and a product for each of four; two arguments are read, the result is written, the sines stay where they are.
#[test]
fn machine_code() {
    let f = |args: &Vec<Tensor>| Ok(args[0].sin() * &args[1]);
    let (found, plan) = estimates(true, f, &[zeros(&[4]), zeros(&[4])]);
    assert!(plan.contains("machine code"), "{plan}");
    assert_eq!(found, [2 * 4, 3 * 4 * 8], "{plan}");
}

/// The same, one instruction after the other: the sines are written, and read again.
#[test]
fn instructions() {
    let f = |args: &Vec<Tensor>| Ok(args[0].sin() * &args[1]);
    let (found, plan) = estimates(false, f, &[zeros(&[4]), zeros(&[4])]);
    assert!(!plan.contains("machine code"), "{plan}");
    assert_eq!(found, [2 * 4, 5 * 4 * 8], "{plan}");
}

/// Exponentials and their sum, of few numbers one after the other; of many in one pass, which keeps the exponentials in its
/// block, to a total that a zero is written to before.
#[test]
fn sums() {
    let f = |args: &Vec<Tensor>| Ok(args[0].exp().sum_all());
    let (found, plan) = estimates(true, f, &[zeros(&[1000])]);
    assert_eq!(found, [2 * 1000, 3 * 8 * 1000 + 8], "{plan}");
    let (found, plan) = estimates(true, f, &[zeros(&[20_000])]);
    assert!(plan.contains("loop"), "{plan}");
    assert_eq!(found, [2 * 20_000, 8 * 20_000 + 8 + 2 * 8], "{plan}");
}

/// Products of matrices have an addition for each multiplication.
#[test]
fn a_product_of_matrices() {
    let (found, plan) =
        estimates(true, |args| Ok(args[0].matmul(&args[1])), &[zeros(&[40, 50]), zeros(&[50, 60])]);
    assert_eq!(found, [2 * 40 * 50 * 60, 8 * (40 * 50 + 50 * 60 + 40 * 60)], "{plan}");
}

/// A sine and a sum in each turn. Machine code reads the level and a row, and writes the level; without it the sine is
/// written and read besides. Before, the level is copied.
#[test]
fn a_loop_over_time() {
    let f = |args: &Vec<Tensor>| {
        let next = |level: &Tensor, x: &Tensor| Ok::<_, Error>((level.sin() + x, ()));
        Ok(scan(50, &args[0], &args[1], next)?.0)
    };
    for machine_code in [true, false] {
        let (found, plan) = estimates(machine_code, f, &[zeros(&[]), zeros(&[50])]);
        let each = if machine_code { 3 } else { 5 };
        assert_eq!(found, [2 * 50, 8 * (50 * each + 2)], "{plan}");
    }
}
