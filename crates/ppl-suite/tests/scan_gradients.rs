//! Gradients of a scan are those of the loop it stands for, of first and second order, whatever the body does.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::{Tolerance, compare_all};
use ppl_tensor::{
    Axis, DType, Device, Error, HostTensor, Key, Result, Tensor, compile, grad, grad_recorded, no_grad, scan,
    trace, vmap,
};

type Body<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>;
type Looping = fn(&Tensor, &Tensor, Body<'_>) -> Result<(Tensor, Tensor)>;

fn scanned(init: &Tensor, xs: &Tensor, body: Body<'_>) -> Result<(Tensor, Tensor)> {
    scan(xs.size(0)?, init, xs, body)
}

fn unrolled(init: &Tensor, xs: &Tensor, body: Body<'_>) -> Result<(Tensor, Tensor)> {
    let (mut carry, mut outputs) = (init.clone(), Vec::new());
    for t in 0..xs.size(0)? {
        let (next, output) = body(&carry, &xs.select_index(0, t))?;
        carry = next;
        outputs.push(output);
    }
    Ok((carry, Tensor::stack(&outputs.iter().collect::<Vec<_>>(), 0)))
}

fn wave(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| (i as f64 * 0.7 + 0.4).sin()).collect()).unwrap()
}

/// First carry, rows, and two coefficients that the body gets from outside.
fn arguments() -> Vec<Tensor> {
    [wave(&[2]), wave(&[4, 2]), Tensor::from([0.6]), Tensor::from([0.3, -0.8])].to_vec()
}

/// A function's value, its gradients, and the gradients of a weighted sum of those.
fn derivatives(f: &dyn Fn(&[Tensor]) -> Result<Tensor>, args: &[Tensor]) -> Result<Vec<HostTensor>> {
    let args: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
    let leaves: Vec<&Tensor> = args.iter().collect();
    let value = f(&args)?;
    let first = grad_recorded(&value, &leaves)?;
    let mut along = Tensor::from(0.0);
    for (i, slope) in first.iter().enumerate() {
        along = along + (slope * (i as f64 + 0.5).cos()).square().sum_all();
    }
    // Where no first derivative depends on the arguments there is nothing to differentiate.
    let second = if along.is_tracked() { grad(&along, &leaves)? } else { Vec::new() };
    [value].iter().chain(&first).chain(&second).map(Tensor::to_host).collect()
}

/// Derivatives through a scan and through the loop agree. `body` makes the step from the coefficients.
fn agree(body: impl Fn(&[Tensor], &Tensor, &Tensor) -> Result<(Tensor, Tensor)>) {
    let of = |looping: Looping| {
        let f = |args: &[Tensor]| {
            let (last, outputs) = looping(&args[0], &args[1], &|c, x| body(&args[2..], c, x))?;
            Ok((last * wave(&[2])).sum_all() + outputs.square().sum_all())
        };
        derivatives(&f, &arguments()).unwrap()
    };
    compare_all(&of(scanned), &of(unrolled), Tolerance::rounding(DType::F64)).unwrap();
}

#[test]
fn of_first_and_second_order() {
    agree(|k, c, x| {
        let c = (c * &k[0] + x * &k[1]).tanh();
        Ok((c.clone(), c * x.exp()))
    });
    // Coefficients computed in the body from what is outside, one used twice, and an output that is the carry itself.
    agree(|k, c, x| {
        let rate = k[0].exp();
        Ok(((c / &rate + x * &rate).sin(), c.clone()))
    });
    // Neither the carry nor the coefficient in what is returned.
    agree(|_, c, x| Ok((x.square(), c.sin())));
    agree(|k, c, _| Ok((c.clone(), k[1].square())));
}

#[test]
fn nothing_flows_where_the_body_detaches() {
    agree(|k, c, x| {
        let c = c.detach() * x + c * &k[0] + k[1].detach() * c.logsumexp(0);
        Ok(((&c * 0.5).tanh(), c.detach()))
    });
    agree(|k, c, x| {
        let fixed = no_grad(|| c * &k[0]);
        Ok(((fixed + c.square() * x) * 0.3, x.tracked() * &k[1]))
    });
    agree(|k, c, x| Ok((c.detach() * x, c * &k[0])));
}

#[test]
fn of_bodies_that_differentiate() {
    let potential = |u: &Tensor, k: &[Tensor]| ((u * &k[0]).sin() * &k[1]).sum_all();
    // Gradients whose own gradients flow on to the coefficients, and such that are mere numbers.
    agree(|k, c, x| {
        let u = c.tracked();
        let slope = &grad_recorded(&potential(&u, k), &[&u])?[0];
        Ok((c - 0.3 * slope * x, slope.clone()))
    });
    agree(|k, c, x| {
        let u = (c + x).tracked();
        let slope = &grad(&potential(&u, k), &[&u])?[0];
        Ok((c * 0.9 - 0.3 * slope, slope * &k[0]))
    });
    // With respect to a coefficient from outside, at a fixed carry: the carry's own past is not in the body.
    agree(|k, c, x| {
        let slope = &grad_recorded(&potential(&(c.detach() * x), k), &[&k[0]])?[0];
        Ok((c * 0.5 + slope, slope.clone()))
    });
}

#[test]
fn of_loops_in_loops() {
    let nested = |looping: Looping| {
        move |k: &[Tensor], c: &Tensor, x: &Tensor| {
            let rows = Tensor::stack(&[x, &k[1], c], 0);
            let (last, inner) = looping(c, &rows, &|c, row| {
                let c = (c * &k[0] + row * x).sin();
                Ok((c.clone(), c * row))
            })?;
            Ok((last, inner.sum(0)))
        }
    };
    agree(nested(scanned));
    let of = |inner: Looping, outer: Looping| {
        let f = |args: &[Tensor]| {
            let (last, outputs) = outer(&args[0], &args[1], &|c, x| nested(inner)(&args[2..], c, x))?;
            Ok(last.sum_all() + outputs.square().sum_all())
        };
        derivatives(&f, &arguments()).unwrap()
    };
    let expected = of(unrolled, unrolled);
    compare_all(&of(scanned, scanned), &expected, Tolerance::rounding(DType::F64)).unwrap();
    compare_all(&of(unrolled, scanned), &expected, Tolerance::rounding(DType::F64)).unwrap();
}

#[test]
fn beside_integers_keys_and_truth_values() {
    let key = Key::new(3);
    let of = |as_loop: bool| {
        let f = |args: &[Tensor]| {
            let step = |(c, n, key): &(Tensor, Tensor, Tensor), x: &Tensor| {
                let (now, next) = Key::from_tensor(key.clone()).split();
                let scale = n.cast(DType::F64) * &args[2] + now.normal([2], DType::F64);
                let c = x.gt(0.0).select(c * scale, x * &args[3]);
                Ok::<_, Error>(((c.clone(), n + 1_i64, next.tensor().clone()), c))
            };
            let init = (args[0].clone(), Tensor::new([], vec![1_i64])?, key.tensor().clone());
            let path = if as_loop {
                let (mut state, mut path) = (init, Vec::new());
                for t in 0..4 {
                    let (next, c) = step(&state, &args[1].select_index(0, t))?;
                    state = next;
                    path.push(c);
                }
                Tensor::stack(&path.iter().collect::<Vec<_>>(), 0)
            } else {
                scan(4, &init, &args[1], step)?.1
            };
            Ok(path.square().sum_all())
        };
        derivatives(&f, &arguments()).unwrap()
    };
    compare_all(&of(false), &of(true), Tolerance::rounding(DType::F64)).unwrap();
}

#[test]
fn of_plates_around_and_inside() {
    let plate = Axis::named("scan_gradients_plate", 3);
    let total = |looping: Looping| {
        let f = |args: &[Tensor]| {
            // Rates per row of the plate, from outside; the carry gets the plate's axis from them.
            let rates = args[1].slice(0, 0..3).to_implicit(plate.id)?;
            let (last, path) = looping(&args[0], &args[1], &|c, x| {
                let c = (c * &rates + x * &args[2]).tanh();
                Ok((c.clone(), c.sum(0)))
            })?;
            Ok(last.sum_over(plate).sum_all() + path.square().sum_over(plate).sum_all())
        };
        derivatives(&f, &arguments()).unwrap()
    };
    compare_all(&total(scanned), &total(unrolled), Tolerance::rounding(DType::F64)).unwrap();

    let inside = |looping: Looping| {
        let starts = wave(&[3, 2]);
        let slopes = vmap(
            |start: &Tensor| {
                let start = start.tracked();
                let (last, _) =
                    looping(&start, &arguments()[1], &|c, x| Ok(((c * 0.7 + x).sin(), c.clone())))?;
                grad(&last.sum_all(), &[&start])
            },
            &starts,
        );
        slopes.unwrap().iter().map(|x| x.to_host().unwrap()).collect::<Vec<_>>()
    };
    compare_all(&inside(scanned), &inside(unrolled), Tolerance::rounding(DType::F64)).unwrap();
}

#[test]
fn in_a_program_they_are_those_outside() {
    let slopes = |args: &Vec<Tensor>| {
        let args: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
        let (last, path) = scanned(&args[0], &args[1], &|c, x| {
            let c = (c * &args[2] + x * &args[3]).tanh();
            Ok((c.clone(), c))
        })?;
        let first =
            grad_recorded(&(last.sum_all() + path.square().sum_all()), &args.iter().collect::<Vec<_>>())?;
        let second = grad(&first[2].sum_all(), &args.iter().collect::<Vec<_>>())?;
        Ok([first, second].concat().iter().map(Tensor::detach).collect::<Vec<_>>())
    };
    let args = arguments();
    let program = compile(trace(&Device::cpu(), slopes, &args).unwrap()).unwrap();
    for args in [args.clone(), args.iter().map(|x| x * 0.5).collect()] {
        let hosts = |tensors: Vec<Tensor>| tensors.iter().map(|x| x.to_host().unwrap()).collect::<Vec<_>>();
        let (actual, expected) = (hosts(program.run(&args).unwrap()), hosts(slopes(&args).unwrap()));
        compare_all(&actual, &expected, Tolerance::EXACT).unwrap();
    }
}

/// The conditional log density of an ARMA(1, 1) process of 200 steps (Hamilton, "Time Series Analysis", 1994, section
/// 5.6), whose residuals depend on all before: `rₜ = yₜ - φ yₜ₋₁ - θ rₜ₋₁`. AR(1) is `θ = 0`. Its gradient follows the
/// derived recursion.
#[test]
fn of_the_log_density_of_a_time_series() {
    const STEPS: usize = 200;
    let y: Vec<f64> =
        (0..STEPS + 1).map(|t| (t as f64 * 0.37).sin() + 0.3 * (t as f64 * 1.7).cos()).collect();
    let columns = (Tensor::from(&y[..STEPS]), Tensor::from(&y[1..]));
    for (phi, theta, sigma) in [(0.8, 0.0, 1.1), (0.5, -0.4, 0.7)] {
        let [phi_leaf, theta_leaf, sigma_leaf] = [phi, theta, sigma].map(|x: f64| Tensor::from(x).tracked());
        let (_, terms) = scan(STEPS, &Tensor::from(0.0), &columns, |r, (before, now)| {
            let r = now - &phi_leaf * before - &theta_leaf * r;
            let term =
                -0.5 * (&r / &sigma_leaf).square() - sigma_leaf.log() - 0.5 * std::f64::consts::TAU.ln();
            Ok::<_, Error>((r, term))
        })
        .unwrap();
        let total = terms.sum_all();
        let slopes = grad(&total, &[&phi_leaf, &theta_leaf, &sigma_leaf]).unwrap();

        let (mut r, mut by_phi, mut by_theta) = (0.0, 0.0, 0.0);
        let (mut value, mut expected) = (0.0, [0.0; 3]);
        for t in 0..STEPS {
            by_phi = -y[t] - theta * by_phi;
            by_theta = -r - theta * by_theta;
            r = y[t + 1] - phi * y[t] - theta * r;
            value += -0.5 * (r / sigma).powi(2) - sigma.ln() - 0.5 * std::f64::consts::TAU.ln();
            let by_r = -r / sigma.powi(2);
            expected[0] += by_r * by_phi;
            expected[1] += by_r * by_theta;
            expected[2] += r * r / sigma.powi(3) - 1.0 / sigma;
        }
        // 200 terms of size at most 100, each with a few roundings of 2e-16.
        let close = |actual: f64, expected: f64| (actual - expected).abs() <= 1e-11;
        assert!(close(total.to_scalar().unwrap(), value));
        for (slope, expected) in slopes.iter().zip(expected) {
            let slope = slope.to_scalar().unwrap();
            assert!(close(slope, expected), "{slope} instead of {expected}");
        }
    }
}
