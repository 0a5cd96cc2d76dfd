//! Loops over time: compiled, they give what interpreted ones give, and so do their derivatives.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_jit::Compile;
use ppl_suite::graphs::agrees;
use ppl_tensor::{DType, Device, Error, Key, Result, Tensor, Traced, grad, grad_recorded, scan, trace, vmap};

/// A program of arguments.
type Program = fn(&[Tensor]) -> Result<Vec<Tensor>>;

fn wave(shape: &[usize], phase: f64) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| (i as f64 * 0.7 + phase).sin()).collect()).unwrap()
}

fn arguments(shapes: &[&[usize]], phase: f64) -> Vec<Tensor> {
    shapes.iter().enumerate().map(|(i, shape)| wave(shape, phase + i as f64)).collect()
}

/// Results, the gradient of a weighted sum of them, and that of a weighted sum of the gradient.
fn with_derivatives(program: Program, args: &[Tensor]) -> Result<Vec<Tensor>> {
    let leaves: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
    let leaves_of: Vec<&Tensor> = leaves.iter().collect();
    let mut results = program(&leaves)?;
    let total = |values: &[Tensor]| {
        let weighted = |(i, value): (usize, &Tensor)| {
            let value = value.cast(DType::F64);
            (&value * (i as f64 + 0.5).cos() + value.square() * 0.3).sum_all()
        };
        values
            .iter()
            .filter(|x| x.dtype().is_float())
            .enumerate()
            .map(weighted)
            .fold(Tensor::from(0.0), |a, b| a + b)
    };
    let value = total(&results);
    if value.is_tracked() {
        let first = grad_recorded(&value, &leaves_of)?;
        let along = total(&first);
        results.extend(first);
        if along.is_tracked() {
            results.extend(grad(&along, &leaves_of)?);
        }
    }
    Ok(results)
}

/// Checks a program with derivatives of first and second order, and returns its listing without them.
fn check(shapes: &[&[usize]], program: Program) -> String {
    let runner = |traced: Traced<Vec<Tensor>>, args: &Vec<Tensor>| Device::cpu().compile(traced)?.run(args);
    let (device, first, args) = (Device::cpu(), arguments(shapes, 0.4), arguments(shapes, 1.3));
    let function = |args: &Vec<Tensor>| with_derivatives(program, args);
    if let Err(failure) = agrees(&device, &function, &first, &args, &runner) {
        panic!("{failure}");
    }
    let traced = trace(&device, |args: &Vec<Tensor>| program(args), &args).unwrap();
    Device::cpu().compile(traced).unwrap().explain()
}

fn is_loop(listing: &str) -> bool {
    listing.contains("times, in order")
}

#[test]
fn linear_functions_of_themselves_need_no_loop() {
    let decay: Program = |args| {
        let (last, path) = scan(9, &args[0], &args[1], |c, x| {
            let c = c * 0.9 + x;
            Ok::<_, Error>((c.clone(), c))
        })?;
        Ok(vec![last, path])
    };
    assert!(!is_loop(&check(&[&[], &[9]], decay)));
    assert!(!is_loop(&check(&[&[3], &[9, 3]], decay)));
    // Variances that follow their past, GARCH(1, 1).
    let garch: Program = |args| {
        let [k, y] = args else { return Ok(vec![]) };
        let part = |i: usize| k.select_index(0, i);
        let (mu, a, b, c) = (part(0), part(1).exp(), part(2).sigmoid(), part(3).sigmoid());
        let (_, densities) = scan(12, &Tensor::from(0.7), y, |variance, y| {
            let variance = &a + &b * (y - &mu).square() + &c * variance;
            let density = (y - &mu).square() / &variance * -0.5 - variance.log() * 0.5;
            Ok::<_, Error>((variance, density))
        })?;
        Ok(vec![densities.sum_all()])
    };
    assert!(!is_loop(&check(&[&[4], &[12]], garch)));
    // A running sum, a sign that changes, a quotient.
    let others: Program = |args| {
        let all = (args[0].clone(), args[0].square(), args[0].exp());
        let (last, path) = scan(6, &all, &args[1], |(a, b, c), x| {
            let next = (a + x, -(b - x) / x.exp(), (c * x - c) * 0.5);
            Ok::<_, Error>((next, (a.sin(), b * c)))
        })?;
        Ok(vec![last.0, last.1, last.2, path.0, path.1])
    };
    assert!(!is_loop(&check(&[&[2], &[6, 2]], others)));
}

#[test]
fn values_of_steps_before_need_no_loop() {
    let lags: Program = |args| {
        let first = (args[0].clone(), args[0].cos());
        let (last, path) = scan(5, &first, &args[1], |(one, two), x| {
            Ok::<_, Error>(((x.clone(), one.clone()), (one * 0.5 + two * x).tanh()))
        })?;
        Ok(vec![last.0, last.1, path])
    };
    assert!(!is_loop(&check(&[&[], &[5]], lags)));
    assert!(!is_loop(&check(&[&[2], &[5, 2]], lags)));
    let unchanged: Program = |args| {
        let (last, path) =
            scan(5, &args[0], &args[1], |c, x| Ok::<_, Error>((c.clone(), (c * x, x.clone(), c.exp()))))?;
        Ok(vec![last, path.0, path.1, path.2])
    };
    assert!(!is_loop(&check(&[&[2], &[5, 2]], unchanged)));
}

#[test]
fn other_functions_of_themselves_are_loops() {
    let wander: Program = |args| {
        let [c, x, k] = args else { return Ok(vec![]) };
        let (last, path) = scan(7, c, x, |c, x| {
            // What is the same in each step, and what is needed by no other.
            let c = (c * k.exp().sum_all() + x.square()).tanh();
            Ok::<_, Error>((c.clone(), (c.exp() * x.sin(), k.cos(), x.clone(), c)))
        })?;
        Ok(vec![last, path.0, path.1, path.2, path.3])
    };
    let listing = check(&[&[], &[7], &[2]], wander);
    assert!(is_loop(&listing));
    // The powers and exponentials are outside.
    let turn = listing.lines().find(|line| line.contains("times, in order")).unwrap();
    assert!(turn.contains("tanh") && !turn.contains("exp") && !turn.contains("sin"), "{listing}");
    check(&[&[3], &[7, 3], &[2]], wander);
    let coupled: Program = |args| {
        let first = (args[0].clone(), args[0].sin());
        let (last, path) = scan(6, &first, &args[1], |(q, p), x| {
            let p = p - 0.1 * q.sin() * x;
            let q = q + 0.1 * &p;
            Ok::<_, Error>(((q.clone(), p.clone()), q * p))
        })?;
        Ok(vec![last.0, last.1, path])
    };
    assert!(is_loop(&check(&[&[2], &[6, 2]], coupled)));
    let exchanged: Program = |args| {
        let first = (args[0].clone(), args[0].exp(), args[1].sum(0));
        let (last, path) = scan(5, &first, &args[1], |(a, b, c), x| {
            Ok::<_, Error>(((b.clone(), a * x, (c + a).sin()), c.clone()))
        })?;
        Ok(vec![last.0, last.1, last.2, path])
    };
    assert!(is_loop(&check(&[&[2], &[5, 2]], exchanged)));
    // Nothing of the steps is needed but the last carry.
    let iterated: Program = |args| {
        let (last, ()) = scan(20, &args[0], &(), |x, ()| Ok::<_, Error>((x.cos() * 0.9, ())))?;
        Ok(vec![last])
    };
    check(&[&[]], iterated);
    check(&[&[40]], iterated);
}

#[test]
fn matrices_in_steps() {
    let network: Program = |args| {
        let [h, x, w, u] = args else { return Ok(vec![]) };
        let (last, path) = scan(5, h, x, |h, x| {
            let h = (w.matmul(h) + u.matmul(x)).tanh();
            Ok::<_, Error>((h.clone(), h.sum(0)))
        })?;
        Ok(vec![last, path])
    };
    check(&[&[3], &[5, 2], &[3, 3], &[3, 2]], network);
    // Filters that invert a covariance in each step.
    let filter: Program = |args| {
        let [a, y] = args else { return Ok(vec![]) };
        let first = (Tensor::zeros([2]).cast(DType::F64), Tensor::eye(2));
        let (last, path) = scan(4, &first, y, |(mean, covariance), y| {
            let (mean, covariance) =
                (a.matmul(mean), a.matmul(covariance).matmul(a.t()) + Tensor::eye(2) * 0.5);
            let factor = (&covariance + Tensor::eye(2) * 0.3).cholesky();
            let z = factor.solve_lower((y - &mean).unsqueeze(-1)).squeeze(-1);
            let gain = factor.solve_lower(&covariance);
            let density = z.square().sum_all() * -0.5 - factor.diagonal().log().sum_all();
            Ok::<_, Error>(((mean + gain.t().matmul(&z), &covariance - gain.t().matmul(&gain)), density))
        })?;
        Ok(vec![last.0, last.1, path])
    };
    check(&[&[2, 2], &[4, 2]], filter);
    // The gradient by a matrix is a product of all steps' factors, here of more than one column each; that by another is
    // long in each step and summed as the loop goes.
    let several: Program = |args| {
        let [h, w] = args else { return Ok(vec![]) };
        let (last, ()) = scan(40, h, &(), |h, ()| {
            Ok::<_, Error>(((w.matmul(h) + w.sin().sum(0).unsqueeze(-1)).sin(), ()))
        })?;
        Ok(vec![last])
    };
    check(&[&[24, 2], &[24, 24]], several);
    let wide: Program = |args| {
        let [h, w] = args else { return Ok(vec![]) };
        let (last, ()) = scan(40, h, &(), |h, ()| Ok::<_, Error>((w.matmul(h).sin(), ())))?;
        Ok(vec![last])
    };
    check(&[&[24], &[24, 24]], wide);
}

#[test]
fn loops_in_loops() {
    let nested: Program = |args| {
        let [c, x, k] = args else { return Ok(vec![]) };
        let (last, path) = scan(3, c, x, |c, x| {
            let rows = Tensor::stack(&[x, k, c], 0);
            let (c, inner) = scan(3, c, &rows, |c, x| {
                let c = (c * k + x).sin();
                Ok::<_, Error>((c.clone(), c * x))
            })?;
            Ok::<_, Error>((c.clone(), (inner, c)))
        })?;
        Ok(vec![last, path.0, path.1])
    };
    assert_eq!(check(&[&[2], &[3, 2], &[2]], nested).matches("times, in order").count(), 2);
    // An inner loop that is the same in each step, and one without a carry from outside.
    let apart: Program = |args| {
        let [c, x, k] = args else { return Ok(vec![]) };
        let (last, path) = scan(4, c, x, |c, x| {
            let (same, ()) = scan(3, k, &(), |k, ()| Ok::<_, Error>((k.sin(), ())))?;
            let (own, ()) = scan(2, x, &(), |x, ()| Ok::<_, Error>(((x * k).cos(), ())))?;
            Ok::<_, Error>(((c * same).tanh() + &own, own))
        })?;
        Ok(vec![last, path])
    };
    check(&[&[2], &[4, 2], &[2]], apart);
}

#[test]
fn few_steps_and_few_elements() {
    let program: Program = |args| {
        let steps = args[1].size(0)?;
        let (last, path) = scan(steps, &args[0], &args[1], |c, x| {
            let c = (c * x).sin();
            Ok::<_, Error>((c.clone(), (c, x.exp())))
        })?;
        Ok(vec![last, path.0, path.1])
    };
    for shapes in [[&[2][..], &[0, 2]], [&[2], &[1, 2]], [&[0], &[4, 0]], [&[], &[1]], [&[1], &[3, 1]]] {
        check(&shapes, program);
    }
    let linear: Program = |args| {
        let steps = args[1].size(0)?;
        let (last, path) = scan(steps, &args[0], &args[1], |c, x| Ok::<_, Error>((c * x + 1.0, c.clone())))?;
        Ok(vec![last, path])
    };
    for shapes in [[&[2][..], &[0, 2]], [&[2], &[1, 2]], [&[0], &[4, 0]]] {
        check(&shapes, linear);
    }
}

#[test]
fn long_carries_have_one_place() {
    let program: Program = |args| {
        let first = (args[0].clone(), args[0].cos());
        let (last, sums) =
            scan(3, &first, &args[1], |(a, b), x| Ok::<_, Error>(((b.sin() * x, a.clone()), a.sum_all())))?;
        Ok(vec![last.0.sum_all(), last.1.slice(0, 0..5), sums])
    };
    check(&[&[6000], &[3]], program);
}

#[test]
fn integers_truth_values_and_draws() {
    let program: Program = |args| {
        let [x, table] = args else { return Ok(vec![]) };
        let key = Key::new(7);
        let first = (Tensor::from(0i64), Tensor::from(false), Tensor::from(0.5));
        let columns = (x.clone(), Tensor::arange(6));
        let (last, path) = scan(6, &first, &columns, |(count, seen, level), (x, number)| {
            let noise = key.fold_in(number).normal([], DType::F64);
            let level = (level * 0.5 + x + noise * 0.1).sin() * table.at(count);
            let positive = level.gt(0.0);
            let count = (count + positive.cast(DType::I64)).minimum(Tensor::from(2i64));
            let seen = seen.or(&positive);
            Ok::<_, Error>(((count.clone(), seen.clone(), level.clone()), (count, seen, level)))
        })?;
        Ok(vec![last.0, last.1, last.2, path.0, path.1, path.2])
    };
    check(&[&[6], &[3]], program);
}

#[test]
fn rows_of_an_axis_and_single_precision() {
    let program: Program = |args| {
        let rows = (args[0].clone(), args[1].clone());
        let both = vmap(
            |(c, x): &(Tensor, Tensor)| {
                let (last, path) = scan(4, c, x, |c, x| {
                    let c = (c * 0.5 + x).tanh();
                    Ok::<_, Error>((c.clone(), c))
                })?;
                Ok((last, path))
            },
            &rows,
        )?;
        let (last, path) = scan(4, &args[0].cast(DType::F32), &args[1].t().cast(DType::F32), |c, x| {
            Ok::<_, Error>(((c * x).sin(), c * 0.5 + x))
        })?;
        Ok(vec![both.0, both.1, last, path])
    };
    check(&[&[3], &[3, 4]], program);
}

#[test]
fn errors_of_steps_are_errors_of_the_run() {
    let program = |args: &Vec<Tensor>| {
        let (last, _) = scan(4, &args[0], &args[1], |c, index| {
            let picked = Tensor::from([1.0, 2.0]).at(index);
            Ok::<_, Error>(((c * picked).sin(), ()))
        })?;
        Ok(vec![last])
    };
    let args = vec![Tensor::from(0.5), Tensor::from(vec![0i64, 1, 2, 0])];
    let traced = trace(&Device::cpu(), program, &args).unwrap();
    let message = Device::cpu().compile(traced).unwrap().run(&args).unwrap_err().to_string();
    assert!(message.contains("index 2 is outside 0..2"), "{message}");
}
