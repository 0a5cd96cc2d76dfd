//! Laws of log densities.

use ppl_core::Distribution;
use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Dirichlet, Exponential, Gamma, HalfCauchy, HalfNormal,
    InverseGamma, LogNormal, Multinomial, NegativeBinomial, Normal, OneHotCategorical, Pareto, Poisson,
    StudentT, TransformedDistribution, Uniform, Weibull, transforms,
};
use ppl_tensor::{DType, Device, Tensor, compile, grad, grad_recorded, trace};

use crate::cases::{Case, Moments, Values, cases};
use crate::numerics::{agree, assert_close, derivative, values, with_element};

fn log_prob(case: &Case, parameters: &[Tensor], point: &Tensor) -> f64 {
    (case.make)(parameters).log_prob(point).sum_all().to_scalar().unwrap()
}

#[test]
fn shapes_are_those_of_batch_and_event() {
    for case in cases() {
        let distribution = case.distribution();
        let event = distribution.event_shape();
        assert_eq!(distribution.batch_shape(), [].into(), "{}", case.name);
        assert_eq!(case.points[0].shape(), event, "{}", case.name);
        assert_eq!(distribution.support().event_dim(), event.rank(), "{}", case.name);
        assert_eq!(distribution.has_rsample(), case.has_rsample, "{}", case.name);
        distribution.validate().unwrap();
        let stacked = (case.make)(&case.stacked_rows());
        assert_eq!(stacked.batch_shape(), [3].into(), "{}", case.name);
        assert_eq!(stacked.event_shape(), event, "{}", case.name);
        if case.moments != Moments::Unknown {
            assert_eq!(stacked.mean().shape(), stacked.batch_shape().concat(&event), "{}", case.name);
            assert_eq!(stacked.variance().shape(), stacked.batch_shape().concat(&event), "{}", case.name);
        } else {
            let message = stacked.mean().check().unwrap_err().to_string();
            assert!(message.contains(distribution.name()), "{message}");
        }
    }
}

#[test]
fn gradients_of_log_densities_are_finite_differences() {
    for case in cases() {
        for point in &case.points {
            let tracked: Vec<Tensor> = case.parameters.iter().map(Tensor::tracked).collect();
            let density = (case.make)(&tracked).log_prob(point);
            let gradients = grad(&density, &tracked.iter().collect::<Vec<_>>()).unwrap();
            for (p, (gradient, parameter)) in gradients.iter().zip(&case.parameters).enumerate() {
                if p < case.fixed {
                    continue;
                }
                for (i, slope) in values(gradient).into_iter().enumerate() {
                    let perturbed = |x: f64| {
                        let mut parameters = case.parameters.clone();
                        parameters[p] = with_element(parameter, i, x);
                        log_prob(&case, &parameters, point)
                    };
                    let expected = derivative(perturbed, values(parameter)[i]);
                    assert!(
                        agree(slope, expected, 1e-7),
                        "{} parameter {p}[{i}]: {slope}, {expected}",
                        case.name
                    );
                }
            }
            if !case.is_continuous() || matches!(case.values, Values::Tied) {
                continue;
            }
            let value = point.tracked();
            let gradient = grad(&case.distribution().log_prob(&value), &[&value]).unwrap();
            for (i, slope) in values(&gradient[0]).into_iter().enumerate() {
                let perturbed = |x: f64| log_prob(&case, &case.parameters, &with_element(point, i, x));
                let expected = derivative(perturbed, values(point)[i]);
                assert!(agree(slope, expected, 1e-7), "{} value[{i}]: {slope}, {expected}", case.name);
            }
        }
    }
}

#[test]
fn second_derivatives_are_finite_differences() {
    for case in cases() {
        let Values::Continuous(_) = case.values else { continue };
        let slopes = |at: f64| {
            let tracked: Vec<Tensor> = case.parameters.iter().map(Tensor::tracked).collect();
            let value = Tensor::from([at]).reshape([]).tracked();
            let density = (case.make)(&tracked).log_prob(&value);
            let leaves: Vec<&Tensor> = tracked.iter().chain([&value]).collect();
            let first = grad_recorded(&density, &leaves).unwrap();
            let sum = first.iter().fold(Tensor::from(0.0), |sum, slope| sum + slope);
            let second = grad(&sum, &[&value]).unwrap();
            (sum.to_scalar().unwrap(), second[0].to_scalar().unwrap())
        };
        for point in &case.points {
            let x = values(point)[0];
            let expected = derivative(|at| slopes(at).0, x);
            let second = slopes(x).1;
            assert!(agree(second, expected, 1e-6), "{} at {x}: {second}, {expected}", case.name);
        }
    }
}

#[test]
fn densities_of_vectors_integrate_to_one() {
    // Those of two free coordinates. On unconstrained space the integrand is smooth.
    let two = |case: &&Case| {
        let distribution = case.distribution();
        let shape =
            distribution.support().bijection().and_then(|b| b.inverse_shape(&distribution.event_shape()));
        matches!(case.values, Values::Several | Values::Tied) && shape.unwrap() == [2].into()
    };
    for case in cases().iter().filter(two) {
        let (n, start, width) = (300, -45.0, 0.3);
        let line = start + width * Tensor::arange(n).cast(DType::F64);
        let grid = [n, n];
        let columns = [line.unsqueeze(1).broadcast_to(grid), line.broadcast_to(grid)];
        let t = Tensor::stack(&[&columns[0], &columns[1]], -1);
        let onto_support = case.distribution().support().bijection().unwrap();
        let x = onto_support.forward(&t);
        let log_prob = case.distribution().log_prob(&x) + onto_support.log_abs_det_forward(&t, &x);
        let total = log_prob.exp().sum_all().to_scalar().unwrap() * width * width;
        assert!((total - 1.0).abs() < 1e-9, "{}: {total}", case.name);
    }
}

#[test]
fn densities_integrate_to_one() {
    for case in cases() {
        let distribution = case.distribution();
        let total = match case.values {
            Values::Continuous(_) => {
                // On unconstrained space, where the integrand is smooth and the trapezoidal rule converges fast.
                let onto_support = distribution.support().bijection().unwrap();
                let steps = 8000;
                let (start, width) = (-200.0, 400.0 / f64::from(steps));
                let t: Vec<f64> = (0..=steps).map(|i| start + width * f64::from(i)).collect();
                let t = Tensor::from(t);
                let (x, log_slope) =
                    match distribution.support().is_unbounded() && case.moments == Moments::None {
                        // Powers reach further: by the hyperbolic sine they become exponentials.
                        true => (t.sinh(), t.cosh().log()),
                        false => {
                            let x = onto_support.forward(&t);
                            let log_slope = onto_support.log_abs_det_forward(&t, &x);
                            (x, log_slope)
                        }
                    };
                let integrand = (distribution.log_prob(&x) + log_slope).exp();
                let sum = |every: usize| {
                    let sum = integrand.slice_by(0, 0..t.shape()[0], every).sum_all().to_scalar().unwrap();
                    sum * width * every as f64
                };
                // At the corner of a Laplace density the error is of the second order, and extrapolated away.
                (4.0 * sum(1) - sum(2)) / 3.0
            }
            Values::Discrete(ref all) => distribution.log_prob(all).exp().sum_all().to_scalar().unwrap(),
            Values::Several | Values::Tied | Values::Point => continue,
        };
        assert!((total - 1.0).abs() < 1e-7, "{}: {total}", case.name);
    }
}

#[test]
fn outside_the_support_densities_vanish_and_gradients_stay_finite() {
    let inf = f64::INFINITY;
    let parameters = [Tensor::from([0.5]).tracked(), Tensor::from([2.0]).tracked()];
    let [a, b] = &parameters;
    let exp = || vec![std::sync::Arc::new(transforms::Exp) as _];
    let distributions: [(&dyn Distribution, &[f64]); 11] = [
        (&LogNormal::new(a, b), &[-1.0, 0.0, inf]),
        (&TransformedDistribution::new(Normal::new(a, b), exp()), &[-1.0, 0.0, inf]),
        (&Uniform::new(a, b), &[-inf, 0.4, 2.1, inf]),
        (&Gamma::new(a, b), &[-inf, -1.0, inf]),
        (&InverseGamma::new(a, b), &[-inf, -1.0, 0.0, inf]),
        (&Weibull::new(a, b), &[-inf, -1.0, 0.0, inf]),
        (&Pareto::new(a, b), &[-inf, -1.0, 0.4, inf]),
        (&Exponential::new(b), &[-inf, -1.0, inf]),
        (&HalfNormal::new(b), &[-inf, -1.0, inf]),
        (&HalfCauchy::new(b), &[-inf, -1.0, inf]),
        (&Beta::new(a, b), &[-inf, -0.1, 1.1, inf]),
    ];
    for (distribution, outside) in distributions {
        let mut points = outside.to_vec();
        points.push(0.75);
        let x = Tensor::from(points).tracked();
        let log_prob = distribution.log_prob(&x);
        let name = distribution.name();
        assert_close(name, &values(&log_prob)[..outside.len()], &vec![-inf; outside.len()], 0.0);
        assert!(values(&log_prob)[outside.len()].is_finite(), "{name}");
        let inside = x.ge(0.6).and(x.le(0.9));
        let gradients = grad(&inside.select(log_prob, 0.0).sum_all(), &[a, b, &x]).unwrap();
        assert!(gradients.iter().all(|g| values(g).iter().all(|g| g.is_finite())), "{name}: {gradients:?}");
        let nan = values(&distribution.log_prob(&Tensor::from([f64::NAN])));
        assert!(nan[0].is_nan(), "{name}");
    }
}

#[test]
fn certain_outcomes_do_not_spoil_gradients() {
    let probs = Tensor::from([0.0, 1.0, 0.25]).tracked();
    let density = Bernoulli::new(&probs).log_prob(&Tensor::from([0.0, 1.0, 1.0]));
    assert_close(
        "slopes",
        &values(&grad(&density.sum_all(), &[&probs]).unwrap()[0]),
        &[-1.0, 1.0, 4.0],
        1e-14,
    );
}

#[test]
fn impossible_categories_do_not_spoil_gradients() {
    let probs = Tensor::from([0.0, 0.25, 0.75]).tracked();
    let density = Categorical::new(&probs).log_prob(&Tensor::from(vec![1_i64, 2]));
    let gradient = grad(&density.sum_all(), &[&probs]).unwrap();
    assert_close("probs", &values(&gradient[0]), &[0.0, 4.0, 4.0 / 3.0], 1e-14);
    let logits = Tensor::from([f64::NEG_INFINITY, 0.0, 1.0]).tracked();
    let gradient = grad(&Categorical::with_logits(&logits).log_prob(&Tensor::from(1.0)), &[&logits]).unwrap();
    let softmax = 1.0 / (1.0 + 1.0_f64.exp());
    assert_close("logits", &values(&gradient[0]), &[0.0, 1.0 - softmax, softmax - 1.0], 1e-14);
}

#[test]
fn certain_counts_do_not_spoil_gradients() {
    // Where a count is certain its probability is 1 at slopes of 0, or those of what it excludes.
    let probs = Tensor::from([0.0, 1.0, 0.25]).tracked();
    let density = Binomial::new(4.0, &probs).log_prob(&Tensor::from([0.0, 4.0, 1.0]));
    assert_close("log mass", &values(&density)[..2], &[0.0, 0.0], 0.0);
    let slopes = values(&grad(&density.sum_all(), &[&probs]).unwrap()[0]);
    assert_close("binomial", &slopes, &[-4.0, 4.0, 0.0], 1e-14);
    let rate = Tensor::from([0.0, 2.0]).tracked();
    let density = Poisson::new(&rate).log_prob(&Tensor::from([0.0, 3.0]));
    let slopes = values(&grad(&density.sum_all(), &[&rate]).unwrap()[0]);
    assert_close("Poisson", &slopes, &[-1.0, 0.5], 1e-14);
    let probs = Tensor::from([0.0, 0.25, 0.75]).tracked();
    let density = Multinomial::new(3.0, &probs).log_prob(&Tensor::from([0.0, 1.0, 2.0]));
    let slopes = values(&grad(&density, &[&probs]).unwrap()[0]);
    assert_close("multinomial", &slopes, &[0.0, 4.0, 8.0 / 3.0], 1e-14);
    let logits = Tensor::from([f64::NEG_INFINITY, 0.0, 1.0]).tracked();
    let density = OneHotCategorical::with_logits(&logits).log_prob(&Tensor::from([0.0, 1.0, 0.0]));
    let slopes = values(&grad(&density, &[&logits]).unwrap()[0]);
    let softmax = 1.0 / (1.0 + 1.0_f64.exp());
    assert_close("one-hot categorical", &slopes, &[0.0, 1.0 - softmax, softmax - 1.0], 1e-14);
}

#[test]
fn what_is_no_count_has_no_mass() {
    let none = f64::NEG_INFINITY;
    let odd = Tensor::from([-1.0, 0.5, 4.0, f64::INFINITY, f64::NAN]);
    let probs = Tensor::from([0.3]).tracked();
    let density = Binomial::new(3, &probs).log_prob(&odd);
    assert_close("binomial", &values(&density), &[none; 5], 0.0);
    assert_eq!(values(&grad(&density.maximum(0.0).sum_all(), &[&probs]).unwrap()[0]), [0.0]);
    let density = values(&Poisson::new(2.0).log_prob(&odd));
    assert_close("Poisson", &[density[0], density[1], density[3], density[4]], &[none; 4], 0.0);
    let rows = Tensor::from([[1.0, 1.0], [2.0, 2.0], [3.5, -0.5], [4.0, -1.0], [f64::NAN, 1.0]]);
    assert_close("multinomial", &values(&Multinomial::new(3, [0.5, 0.5]).log_prob(&rows)), &[none; 5], 0.0);
    let one_hot = OneHotCategorical::new([0.5, 0.5]);
    assert_close("one-hot categorical", &values(&one_hot.log_prob(&rows)), &[none; 5], 0.0);
}

#[test]
fn far_out_logarithms_stay_finite_with_their_slopes() {
    // Where x² overflows: -2 ln x and its like, of slopes -2/x.
    let x = Tensor::from([1e200]).tracked();
    let t = StudentT::new(3.0, 0.0, 2.0);
    let distributions: [(&dyn Distribution, f64); 3] =
        [(&HalfCauchy::new(2.0), -2.0), (&ppl_dist::Cauchy::new(5.0, 2.0), -2.0), (&t, -4.0)];
    for (distribution, power) in distributions {
        let density = distribution.log_prob(&x);
        let slope = values(&grad(&density.sum_all(), &[&x]).unwrap()[0])[0];
        assert_close(distribution.name(), &[slope * 1e200], &[power], 1e-12);
    }
    let near = Tensor::from([1e-320, 1e-300]);
    assert_eq!(values(&InverseGamma::new(2.0, 1e10).log_prob(&near)), [f64::NEG_INFINITY; 2]);
}

#[test]
fn dirichlets_outside_the_simplex_have_finite_gradients() {
    let concentration = Tensor::from([0.5, 2.0, 1.0]).tracked();
    let x = Tensor::from([[0.2, 0.3, 0.5], [-0.1, 0.6, 0.5], [0.2, 0.2, 0.2]]).tracked();
    let density = Dirichlet::new(&concentration).log_prob(&x);
    let inside = Tensor::from(vec![true, false, false]);
    let gradients = grad(&inside.select(density, 0.0).sum_all(), &[&concentration, &x]).unwrap();
    assert!(gradients.iter().all(|g| values(g).iter().all(|g| g.is_finite())), "{gradients:?}");
    let nan = Dirichlet::new([1.0, 2.0]).log_prob(&Tensor::from([f64::NAN, 0.5]));
    assert!(values(&nan)[0].is_nan());
}

#[test]
fn single_precision_parameters_give_single_precision() {
    let key = ppl_tensor::Key::new(3);
    for case in cases() {
        let parameters: Vec<Tensor> = case.parameters.iter().map(|p| p.cast(DType::F32)).collect();
        let distribution = (case.make)(&parameters);
        let narrow =
            |point: &Tensor| if point.dtype().is_float() { point.cast(DType::F32) } else { point.clone() };
        for point in &case.points {
            let log_prob = distribution.log_prob(&narrow(point));
            assert_eq!(log_prob.dtype(), DType::F32, "{}", case.name);
            let expected = values(&case.distribution().log_prob(point));
            assert_close(case.name, &values(&log_prob), &expected, 2e-4);
        }
        let draw = distribution.sample(&key);
        let categorical = distribution.name() == "Categorical";
        assert_eq!(draw.dtype(), if categorical { DType::I64 } else { DType::F32 }, "{}", case.name);
        assert!(!values(&distribution.log_prob(&draw))[0].is_nan(), "{}", case.name);
    }
}

#[test]
fn integers_are_values_of_continuous_distributions() {
    let count = Tensor::from(vec![1_i64, 2]);
    let expected = values(&Normal::new(0.5, 2.0).log_prob(&Tensor::from([1.0, 2.0])));
    assert_close("integers", &values(&Normal::new(0.5, 2.0).log_prob(&count)), &expected, 0.0);
    let loc = Tensor::from([0.5]).cast(DType::F32);
    let narrow = Normal::new(&loc, 2.0).log_prob(&count);
    assert_eq!(narrow.dtype(), DType::F32);
    assert_close("in single precision", &values(&narrow), &expected, 1e-6);
    assert_close("parameters", &values(&Normal::new(&count, 2).mean()), &[1.0, 2.0], 0.0);
    // Integer counts take the dtype of the probabilities.
    let probs = Tensor::from([0.5, 0.25]).cast(DType::F32);
    let trials: [&dyn Distribution; 3] = [
        &Binomial::new(&count, &probs),
        &NegativeBinomial::new(&count, &probs),
        &Multinomial::new(&count, Tensor::from([[0.5, 0.5], [0.25, 0.75]]).cast(DType::F32)),
    ];
    for distribution in trials {
        let draws = distribution.sample(&ppl_tensor::Key::new(1));
        assert_eq!(draws.dtype(), DType::F32, "{}", distribution.name());
        let log_prob = distribution.log_prob(&draws.cast(DType::I64));
        assert_eq!(log_prob.dtype(), DType::F32, "{}", distribution.name());
        assert!(values(&log_prob).iter().all(|l| l.is_finite()), "{}", distribution.name());
    }
}

#[test]
fn traced_programs_give_what_eager_ones_give() {
    for case in cases() {
        let key = ppl_tensor::Key::new(11);
        let point = case.points[0].clone();
        let arguments = (case.parameters.clone(), (key.tensor().clone(), point));
        let program = |(parameters, (key, point)): &(Vec<Tensor>, (Tensor, Tensor))| {
            let distribution = (case.make)(parameters);
            let draw = distribution.sample(&ppl_tensor::Key::from_tensor(key.clone()));
            Ok((draw.clone(), (distribution.log_prob(point), distribution.log_prob(&draw))))
        };
        let eager = program(&arguments).unwrap();
        let compiled =
            compile(trace(&Device::cpu(), program, &arguments).unwrap()).unwrap().run(&arguments).unwrap();
        assert_close(case.name, &values(&compiled.0), &values(&eager.0), 1e-13);
        assert_close(case.name, &values(&compiled.1.0), &values(&eager.1.0), 1e-13);
        assert_close(case.name, &values(&compiled.1.1), &values(&eager.1.1), 1e-13);
    }
}
