//! Laws of draws. All keys are fixed.

use ppl_core::Distribution;
use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Delta, Dirichlet, Exponential, Gamma, HalfCauchy,
    HalfNormal, InverseGamma, Laplace, LogNormal, LowRankMultivariateNormal, Multinomial, MultivariateNormal,
    Normal, OneHotCategorical, Poisson, StudentT, Uniform,
};
use ppl_tensor::{DType, Device, Key, Shape, Tensor};

use crate::cases::{Moments, Values, cases};
use crate::numerics::{P_THRESHOLD, assert_mean, chi_square_p_value, ks_p_value, mean_and_variance, values};

const DRAWS: usize = 20_000;

/// Draws of each entry of a distribution without batch.
fn columns(distribution: &dyn Distribution, key: &Key, n: usize) -> Vec<Vec<f64>> {
    let draws = distribution.sample_n(key, n);
    let size = draws.shape().elements() / n;
    let flat = values(&draws);
    (0..size).map(|column| flat.iter().skip(column).step_by(size).copied().collect()).collect()
}

#[test]
fn draws_lie_in_the_support_and_have_a_density() {
    for (i, case) in cases().iter().enumerate() {
        let distribution = case.distribution();
        let draws = distribution.sample_n(&Key::new(i as u64), 500);
        assert_eq!(draws.shape(), Shape::from([500]).concat(&distribution.event_shape()), "{}", case.name);
        let inside = distribution.support().check(&draws);
        assert_eq!(inside.all_all().to_scalar().unwrap(), 1.0, "{}", case.name);
        let log_probs = distribution.log_prob(&draws);
        assert_eq!(log_probs.shape(), [500].into(), "{}", case.name);
        assert!(values(&log_probs).iter().all(|l| l.is_finite()), "{}", case.name);
    }
}

#[test]
fn moments_of_draws_are_those_claimed() {
    for (i, case) in cases().iter().enumerate().filter(|(_, case)| case.moments == Moments::Finite) {
        let distribution = case.distribution();
        let (mean, variance) = (values(&distribution.mean()), values(&distribution.variance()));
        for (entry, draws) in columns(&*distribution, &Key::new(100 + i as u64), DRAWS).iter().enumerate() {
            assert_mean(&format!("mean of {}", case.name), draws, mean[entry]);
            let squares: Vec<f64> = draws.iter().map(|x| (x - mean[entry]).powi(2)).collect();
            assert_mean(&format!("variance of {}", case.name), &squares, variance[entry]);
        }
    }
}

#[test]
fn draws_follow_the_distribution_function() {
    for (i, case) in cases().iter().enumerate() {
        let Values::Continuous(cdf) = case.values else { continue };
        let parameters: Vec<f64> = case.parameters.iter().map(|p| values(p)[0]).collect();
        let draws = &columns(&*case.distribution(), &Key::new(200 + i as u64), DRAWS)[0];
        let p = ks_p_value(draws, |x| cdf(&parameters, x));
        assert!(p > P_THRESHOLD, "{}: p = {p}", case.name);
    }
}

#[test]
fn draws_have_the_probabilities_of_the_mass_function() {
    for (i, case) in cases().iter().enumerate() {
        let Values::Discrete(all) = &case.values else { continue };
        let distribution = case.distribution();
        let size = distribution.event_shape().elements();
        let draws = values(&distribution.sample_n(&Key::new(300 + i as u64), DRAWS));
        let count = |outcome: &[f64]| draws.chunks(size).filter(|draw| *draw == outcome).count() as f64;
        let counts: Vec<f64> = values(all).chunks(size).map(count).collect();
        assert_eq!(counts.iter().sum::<f64>(), DRAWS as f64, "{}: a draw is none of these", case.name);
        let probabilities = values(&distribution.log_prob(all).exp());
        let p = chi_square_p_value(&counts, &probabilities);
        assert!(p > P_THRESHOLD, "{}: p = {p}, counts {counts:?}", case.name);
    }
}

#[test]
fn entries_of_a_multivariate_normal_covary() {
    let covariance = Tensor::from([[2.0, -0.6], [-0.6, 0.8]]);
    let distribution = MultivariateNormal::with_covariance(Tensor::from([1.0, 2.0]), &covariance);
    let draws = columns(&distribution, &Key::new(5), DRAWS);
    let products: Vec<f64> = draws[0].iter().zip(&draws[1]).map(|(x, y)| (x - 1.0) * (y - 2.0)).collect();
    assert_mean("covariance", &products, -0.6);
}

#[test]
fn entries_of_other_vectors_covary() {
    let products = |distribution: &dyn Distribution, key| -> Vec<f64> {
        let (mean, draws) = (values(&distribution.mean()), columns(distribution, &Key::new(key), DRAWS));
        draws[0].iter().zip(&draws[1]).map(|(x, y)| (x - mean[0]) * (y - mean[1])).collect()
    };
    let low_rank = LowRankMultivariateNormal::new([1.0, 2.0], [[1.5, 0.3], [-0.4, 2.0]], [0.3, 0.8]);
    assert_mean("low-rank normal", &products(&low_rank, 15), 1.5 * -0.4 + 0.3 * 2.0);
    let one_direction = LowRankMultivariateNormal::new(0.0, [[1.5], [-0.4]], 1e-3);
    assert_mean("one direction", &products(&one_direction, 16), 1.5 * -0.4);
    // -a₁ a₂ / (s² (s + 1)), and -n p₁ p₂.
    assert_mean("Dirichlet", &products(&Dirichlet::new([2.0, 1.5, 0.5]), 17), -3.0 / 80.0);
    assert_mean("multinomial", &products(&Multinomial::new(20, [0.2, 0.5, 0.3]), 18), -2.0);
}

#[test]
fn a_draw_is_a_function_of_the_key() {
    for case in cases() {
        let distribution = case.distribution();
        let (once, again) = (distribution.sample(&Key::new(7)), distribution.sample(&Key::new(7)));
        assert_eq!(values(&once), values(&again), "{}", case.name);
        if case.is_continuous() {
            assert_ne!(values(&once), values(&distribution.sample(&Key::new(8))), "{}", case.name);
        }
    }
}

#[test]
fn batch_elements_are_independent() {
    let n = 4000;
    let normal = Normal::new(Tensor::zeros([2]), 1.0);
    let draws = columns(&normal, &Key::new(9), n);
    let products: Vec<f64> = draws[0].iter().zip(&draws[1]).map(|(x, y)| x * y).collect();
    assert_mean("correlation", &products, 0.0);
    let pair = Beta::new(Tensor::full([2], 2.0), 3.0).sample(&Key::new(10));
    assert_ne!(values(&pair)[0], values(&pair)[1]);
}

#[test]
fn numbers_alone_draw_in_the_default_float_of_the_key() {
    let distributions: [&dyn Distribution; 19] = [
        &Exponential::new(2),
        &HalfNormal::new(2),
        &HalfCauchy::new(2),
        &Cauchy::new(0, 1),
        &Laplace::new(0, 1),
        &InverseGamma::new(2, 3),
        &StudentT::new(3, 0, 1),
        &Binomial::new(4, 0.5),
        &Poisson::new(3),
        &Dirichlet::new(Tensor::ones([3])),
        &OneHotCategorical::with_logits(Tensor::zeros([3])),
        &Multinomial::with_logits(4, Tensor::zeros([3])),
        &Normal::new(0, 1),
        &LogNormal::new(0.0, 1.0),
        &Uniform::new(0.0, 1.0),
        &Gamma::new(2, 3.0),
        &Beta::new(1, 1),
        &Bernoulli::new(0.5),
        &Delta::new(1.5),
    ];
    for distribution in distributions {
        for dtype in [DType::F64, DType::F32] {
            let draw = distribution.sample(&Key::on(&Device::cpu().float(dtype), 1));
            assert_eq!(draw.dtype(), dtype, "{}", distribution.name());
            assert!(!draw.is_weak(), "{}", distribution.name());
        }
    }
    // One strong float decides for all parameters.
    let rate = Tensor::from([2.0]).cast(DType::F32);
    assert_eq!(Gamma::new(3.0, &rate).sample(&Key::new(1)).dtype(), DType::F32);
    assert_eq!(Beta::new(3.0, &rate).sample(&Key::new(1)).dtype(), DType::F32);
    assert_eq!(Uniform::new(-1.0, &rate).sample(&Key::new(1)).dtype(), DType::F32);
    assert_eq!(Delta::new(3_i64).sample(&Key::new(1)).dtype(), DType::I64);
}

#[test]
fn gradients_flow_through_draws_where_promised() {
    for case in cases() {
        let tracked: Vec<Tensor> = case.parameters.iter().map(Tensor::tracked).collect();
        let draw = (case.make)(&tracked).sample(&Key::new(1));
        assert_eq!(draw.is_tracked(), case.has_rsample, "{}", case.name);
    }
}

#[test]
fn draws_stay_inside_open_supports() {
    for dtype in [DType::F64, DType::F32] {
        let key = Key::on(&Device::cpu().float(dtype), 2);
        let inside = |distribution: &dyn Distribution| {
            let draws = distribution.sample_n(&key, 2000);
            assert_eq!(draws.dtype(), dtype);
            let log_probs = values(&distribution.log_prob(&draws));
            assert!(log_probs.iter().all(|l| l.is_finite()), "{distribution:?}");
            values(&draws)
        };
        let smallest = if dtype == DType::F64 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
        let one =
            if dtype == DType::F64 { 1.0 - f64::EPSILON / 2.0 } else { 1.0 - f64::from(f32::EPSILON) / 2.0 };
        for small in [1e-3, 1e-8, 1e-30, 1e-300] {
            if dtype == DType::F32 && small < 1e-30 {
                continue;
            }
            assert!(inside(&Gamma::new(small, 1.0)).iter().all(|&x| x >= smallest));
            let draws = inside(&Beta::new(small, small));
            assert!(draws.iter().all(|&x| x >= smallest && x <= one));
            let high = draws.iter().filter(|&&x| x > 0.5).count();
            assert!((800..1200).contains(&high), "{small}: {high} of 2000");
        }
        // So small that logarithms of gamma variates overflow.
        let tiny = if dtype == DType::F64 { 1e-310 } else { 1e-38 };
        assert!(inside(&Gamma::new(tiny, 1.0)).iter().all(|&x| x == smallest));
        assert!(inside(&Beta::new(tiny, tiny)).iter().all(|&x| x >= smallest && x <= one));
        assert!(inside(&LogNormal::new(-1e4, 1.0)).iter().all(|&x| x == smallest));
        // Heavy tails and small concentrations overflow no more than they underflow.
        for small in [1e-3, 1e-30] {
            assert!(inside(&InverseGamma::new(small, 1.0)).iter().all(|x| x.is_finite()));
            assert!(inside(&StudentT::new(small, 0.0, 1.0)).iter().all(|x| x.is_finite()));
            let corners = inside(&Dirichlet::new(Tensor::full([3], small)));
            let high = corners.iter().filter(|&&x| x > 0.5).count();
            assert!(corners.iter().all(|&x| x >= smallest) && high > 1900, "{small}: {high} of 2000");
        }
        assert!(inside(&HalfCauchy::new(1.0)).iter().all(|&x| x > 0.0));
        assert!(inside(&Cauchy::new(0.0, 1.0)).iter().all(|x| x.is_finite()));
        assert!(inside(&Exponential::new(1.0)).iter().all(|&x| x > 0.0));
        assert!(inside(&Laplace::new(0.0, 1.0)).iter().all(|x| x.is_finite()));
        // Bounds so close to each other that most draws would be rounded to one of them.
        for (low, high) in [(1e10_f64, 1e10_f64.next_up().next_up()), (-1.0, (-1.0_f64).next_up().next_up())]
        {
            if dtype == DType::F32 {
                continue;
            }
            let between = low.next_up();
            let uniform = Uniform::new(low, high);
            assert!(inside(&uniform).iter().all(|&x| x == between), "{low} {high}");
        }
        let draws = inside(&Uniform::new(1024.0, 1025.0));
        assert!(draws.iter().all(|&x| x > 1024.0 && x < 1025.0));
    }
}

#[test]
fn categories_of_no_probability_are_never_drawn() {
    let probs = Categorical::new(Tensor::from([0.0, 0.5, 0.0, 0.5, 0.0]));
    let minus_infinity = f64::NEG_INFINITY;
    let logits =
        Categorical::with_logits(Tensor::from([minus_infinity, 0.0, minus_infinity, 0.0, minus_infinity]));
    for distribution in [probs, logits] {
        distribution.validate().unwrap();
        let draws = values(&distribution.sample_n(&Key::new(3), 2000));
        assert!(draws.iter().all(|&k| k == 1.0 || k == 3.0));
        let (mean, _) = mean_and_variance(&draws);
        assert!((mean - 2.0).abs() < 0.1);
    }
    for probs in [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]] {
        let counts = values(&Multinomial::new(5, probs).sample_n(&Key::new(5), 50));
        assert!(counts.chunks(3).all(|row| row.iter().zip(probs).all(|(x, p)| *x == 5.0 * p)), "{counts:?}");
    }
    let trials = Binomial::new([0.0, 7.0, 7.0], [0.5, 0.0, 1.0]).sample_n(&Key::new(6), 50);
    assert!(values(&trials).chunks(3).all(|row| row == [0.0, 0.0, 7.0]));
    assert!(values(&Poisson::new(0.0).sample_n(&Key::new(7), 50)).iter().all(|&x| x == 0.0));
    let certain = values(&Bernoulli::new(Tensor::from([0.0, 1.0])).sample_n(&Key::new(4), 500));
    assert!(certain.chunks(2).all(|pair| pair == [0.0, 1.0]));
}
