//! Log densities and their gradients, compiled.

use ppl_jit::Compile;
use ppl_suite::graphs::{Seen, agrees};
use ppl_tensor::{DType, Device, Key, Result, Tensor, grad, trace};

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

/// Floats of the tensor in this dtype.
fn in_float(x: &Tensor, float: DType) -> Tensor {
    if x.dtype().is_float() { x.cast(float) } else { x.clone() }
}

fn all_in_float(tensors: &[Tensor], float: DType) -> Vec<Tensor> {
    tensors.iter().map(|x| in_float(x, float)).collect()
}

/// What of parameters and data is known when the program is compiled.
fn check(case: &Case, float: DType, parameters: &[Tensor], data: &Tensor) -> Seen {
    let (device, count) = (Device::cpu().float(float), parameters.len());
    let all: Vec<Tensor> = parameters.iter().chain([data]).map(|x| in_float(x, float)).collect();
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
        let compiled = agrees(&device, &f, &given, &given, &|traced, args| device.compile(traced)?.run(args));
        let compiled =
            compiled.unwrap_or_else(|reason| panic!("{} in {float}, {known:?} known: {reason}", case.name));
        seen.compared += compiled.compared;
        seen.undecided += compiled.undecided;
    }
    seen
}

/// In either float results may differ by what errors in the last digits of that float, in each operation, move them.
#[test]
fn compiled_log_densities_and_gradients_are_those_of_the_interpreter() {
    for float in [DType::F64, DType::F32] {
        let mut seen = Seen::default();
        for case in cases() {
            let (point, rows) = (&case.points[0], case.stacked_rows());
            // Several data under the same parameters; each under its own; where the density vanishes, or nearly.
            let several = Tensor::stack(&case.points.iter().cycle().take(20).collect::<Vec<_>>(), 0);
            let far = if case.is_continuous() { -3.0 * point } else { point + 40_i64 };
            let checks = [
                check(&case, float, &case.parameters, &several),
                check(&case, float, &rows, &case.three_points()),
                check(&case, float, &case.parameters, &far),
            ];
            seen.compared += checks.iter().map(|seen| seen.compared).sum::<usize>();
            seen.undecided += checks.iter().map(|seen| seen.undecided).sum::<usize>();
        }
        assert!(seen.undecided < seen.compared / 20, "{float}: {seen:?}");
    }
}

/// The error of single precision beside double precision of the same numbers, in roundings of the largest number there is:
/// the results, and of parameters and data `x` the terms `ln Γ(x)`, about `x ln x`, that cancel where they are large. Of the few
/// dozen operations of three rows most have results that are far smaller.
#[test]
fn compiled_single_precision_is_near_double_precision() {
    const ROUNDINGS: f64 = 4.0;
    for case in cases() {
        let (rows, points) = (case.stacked_rows(), case.three_points());
        let args: Vec<Tensor> = rows.iter().chain([&points]).map(|x| in_float(x, DType::F32)).collect();
        let f = |args: &Vec<Tensor>| {
            let (parameters, data) = args.split_at(rows.len());
            value_and_gradients(&case, parameters, &data[0])
        };
        let device = Device::cpu().float(DType::F32);
        let single = device.compile(trace(&device, f, &args).unwrap()).unwrap().run(&args).unwrap();
        let double = f(&all_in_float(&args, DType::F64)).unwrap();
        let largest = |tensors: &[Tensor], of: fn(f64) -> f64| -> f64 {
            tensors.iter().flat_map(|x| x.to_f64().unwrap()).map(of).fold(1.0, f64::max)
        };
        let scale = largest(&double, f64::abs).max(largest(&args, |x| x.abs() * x.abs().ln_1p()));
        let allowed = ROUNDINGS * f64::from(f32::EPSILON) * scale;
        assert_eq!(single.len(), double.len());
        for (number, (single, double)) in single.iter().zip(&double).enumerate() {
            assert_eq!(single.dtype(), DType::F32, "{}", case.name);
            let pairs = single.to_f64().unwrap().into_iter().zip(double.to_f64().unwrap());
            for (found, wanted) in pairs {
                let apart = (found - wanted).abs();
                let is_near = found == wanted || apart <= allowed;
                assert!(is_near, "{}, result {number}: {found} instead of {wanted}", case.name);
            }
        }
    }
}

#[test]
fn compiled_draws_are_those_of_the_interpreter() {
    for float in [DType::F64, DType::F32] {
        let device = Device::cpu().float(float);
        for case in cases() {
            let mut args = all_in_float(&case.parameters, float);
            args.push(Key::new(11).tensor().clone());
            let f = |args: &Vec<Tensor>| {
                let (parameters, key) = args.split_at(args.len() - 1);
                Ok(vec![(case.make)(parameters).sample(&Key::from_tensor(key[0].clone()))])
            };
            let compiled =
                agrees(&device, &f, &args, &args, &|traced, args| device.compile(traced)?.run(args));
            compiled.unwrap_or_else(|reason| panic!("{} in {float}: {reason}", case.name));
        }
    }
}
