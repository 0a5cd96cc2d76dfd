//! Log densities and their gradients, compiled.

use ppl_suite::graphs::{Seen, agrees};
use ppl_tensor::{Device, Key, Result, Tensor, grad};

use crate::cases::{Case, cases};

/// Log density of data under parameters, and its gradients by the parameters and by data that can move.
fn value_and_gradients(case: &Case, parameters: &[Tensor], data: &Tensor) -> Result<Vec<Tensor>> {
    let track = |(i, x): (usize, &Tensor)| {
        if i >= case.fixed && x.dtype().is_float() { x.tracked() } else { x.clone() }
    };
    let parameters: Vec<Tensor> = parameters.iter().enumerate().map(track).collect();
    let data = if case.is_continuous() { data.tracked() } else { data.clone() };
    let log_prob = (case.make)(&parameters).log_prob(&data).sum_all();
    let leaves: Vec<&Tensor> = parameters.iter().chain([&data]).filter(|x| x.is_tracked()).collect();
    let mut results = vec![log_prob.clone()];
    if log_prob.is_tracked() {
        results.extend(grad(&log_prob, &leaves)?);
    }
    Ok(results)
}

/// What of parameters and data is known when the program is compiled.
fn check(case: &Case, parameters: &[Tensor], data: &Tensor) -> Seen {
    let (device, count) = (Device::cpu(), parameters.len());
    let all: Vec<Tensor> = parameters.iter().chain([data]).cloned().collect();
    let mut seen = Seen::default();
    for known in [0..0, count..count + 1, 0..count] {
        let given: Vec<Tensor> =
            (0..all.len()).filter(|i| !known.contains(i)).map(|i| all[i].clone()).collect();
        let f = |args: &Vec<Tensor>| {
            let mut args = args.iter();
            let whole: Vec<Tensor> = (0..all.len())
                .map(|i| if known.contains(&i) { &all[i] } else { args.next().unwrap() }.clone())
                .collect();
            value_and_gradients(case, &whole[..count], &whole[count])
        };
        let compiled =
            agrees(&device, &f, &given, &given, &|traced, args| ppl_jit::compile(traced)?.run(args));
        let compiled = compiled.unwrap_or_else(|reason| panic!("{}, {known:?} known: {reason}", case.name));
        seen.compared += compiled.compared;
        seen.undecided += compiled.undecided;
    }
    seen
}

#[test]
fn compiled_log_densities_and_gradients_are_those_of_the_interpreter() {
    let mut seen = Seen::default();
    for case in cases() {
        let (point, rows) = (&case.points[0], case.stacked_rows());
        // Several data under the same parameters; each under its own; where the density vanishes, or nearly.
        let several = Tensor::stack(&case.points.iter().cycle().take(20).collect::<Vec<_>>(), 0);
        let far = if case.is_continuous() { -3.0 * point } else { point + 40_i64 };
        let checks = [
            check(&case, &case.parameters, &several),
            check(&case, &rows, &case.three_points()),
            check(&case, &case.parameters, &far),
        ];
        seen.compared += checks.iter().map(|seen| seen.compared).sum::<usize>();
        seen.undecided += checks.iter().map(|seen| seen.undecided).sum::<usize>();
    }
    assert!(seen.undecided < seen.compared / 20, "{seen:?}");
}

#[test]
fn compiled_draws_are_those_of_the_interpreter() {
    let device = Device::cpu();
    for case in cases() {
        let args: Vec<Tensor> = case.parameters.iter().chain([Key::new(11).tensor()]).cloned().collect();
        let f = |args: &Vec<Tensor>| {
            let (parameters, key) = args.split_at(args.len() - 1);
            Ok(vec![(case.make)(parameters).sample(&Key::from_tensor(key[0].clone()))])
        };
        let compiled = agrees(&device, &f, &args, &args, &|traced, args| ppl_jit::compile(traced)?.run(args));
        compiled.unwrap_or_else(|reason| panic!("{}: {reason}", case.name));
    }
}
