//! Compiled functions on slices give what the program gives on tensors, wherever the slices are.

// A test ends where something is wrong.
#![allow(clippy::unwrap_used)]

use ppl_jit::Compiler;
use ppl_tensor::{DType, Device, Result, Tensor, trace};

type Args = (Tensor, Tensor, Tensor);

/// Of a vector of 3 and a matrix of 2 × 3: results that are one function of machine code or not, of all layouts.
fn results((x, y, _): &Args) -> Result<Vec<Tensor>> {
    let sum = (x * y).exp();
    Ok(vec![
        sum.sum_all(),
        sum.permute(&[1, 0]),
        x.clone(),
        y.slice(1, 1..3),
        x.unsqueeze(0).broadcast_to([2, 3]),
    ])
}

/// The same, by a product too large for machine code.
fn by_kernels(args: &Args) -> Result<Vec<Tensor>> {
    let large = args.0.unsqueeze(-1).broadcast_to([3, 500]).cos().sum(1);
    let mut all = results(args)?;
    all.push(large);
    Ok(all)
}

fn check(dtype: DType, f: fn(&Args) -> Result<Vec<Tensor>>, machine_code: bool) {
    // Numbers that are the same in both floats; the third argument is not used.
    let tensors = |shift: f64| {
        let x = Tensor::from([0.25, -0.5, 1.0]) + shift;
        let y = Tensor::from([0.0, 0.125, 0.5, -1.0, 2.0, 0.75]).reshape([2, 3]) - shift;
        (x.cast(dtype), y.cast(dtype), Tensor::from([7.0]).cast(dtype))
    };
    let traced = trace(&Device::cpu(), f, &tensors(0.0)).unwrap();
    let compiler = Compiler::new().machine_code(machine_code);
    let (function, program) = compiler.compile_function(traced).unwrap();
    let mut functions = [function.clone(), function];
    for round in 0..4 {
        let args = tensors(0.125 * f64::from(round));
        let expected: Vec<Vec<f64>> =
            program.run(&args).unwrap().iter().map(|t| t.to_f64().unwrap()).collect();
        // New slices in each round, and two functions in turns.
        let [x, y, z] = [&args.0, &args.1, &args.2].map(|t| t.to_f64().unwrap());
        let mut found: Vec<Vec<f64>> = expected.iter().map(|values| vec![f64::NAN; values.len()]).collect();
        let mut slices: Vec<&mut [f64]> = found.iter_mut().map(|values| &mut values[..]).collect();
        functions[round as usize % 2].call(&[&x, &y, &z], &mut slices).unwrap();
        assert_eq!(found, expected, "{dtype} {machine_code} {round}");
    }
}

#[test]
fn functions_on_slices_are_their_programs() {
    for dtype in [DType::F64, DType::F32] {
        for machine_code in [true, false] {
            check(dtype, results, machine_code);
            check(dtype, by_kernels, machine_code);
        }
    }
}

#[test]
fn slices_of_other_lengths_are_refused() {
    let traced = trace(&Device::cpu(), |x: &Tensor| Ok(x.exp()), &Tensor::from([1.0, 2.0])).unwrap();
    let (mut function, _) = Compiler::new().compile_function(traced).unwrap();
    let mut room = [0.0; 3];
    let mut refused =
        |inputs: &[&[f64]], room: &mut [f64]| function.call(inputs, &mut [room]).unwrap_err().to_string();
    let short = refused(&[&[1.0]], &mut room[..2]);
    assert!(short.contains("takes [2] numbers, [1] were given"), "{short}");
    let more = refused(&[&[1.0, 2.0], &[3.0]], &mut room[..2]);
    assert!(more.contains("takes [2] numbers, [2, 1] were given"), "{more}");
    let large = refused(&[&[1.0, 2.0]], &mut room);
    assert!(large.contains("gives [2] numbers, there is room for [3]"), "{large}");
}
