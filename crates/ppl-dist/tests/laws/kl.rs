//! Divergences.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::{
    Bernoulli, Beta, Categorical, DistributionExt, Gamma, LogNormal, MultivariateNormal, Normal, Uniform,
    kl_divergence,
};
use ppl_tensor::{Key, Tensor};

use crate::numerics::{assert_close, assert_mean, values};

/// Two distributions and the divergence of the first from the second.
type Pair = (Arc<dyn Distribution>, Arc<dyn Distribution>, f64);

fn pairs() -> Vec<Pair> {
    let loc = Tensor::from([0.5, -1.0, 2.0]);
    let factor = Tensor::from([[1.5, 0.0, 0.0], [0.3, 0.8, 0.0], [-0.7, 0.2, 2.0]]);
    let other = Tensor::from([[1.0, 0.0, 0.0], [0.5, 1.2, 0.0], [0.1, -0.4, 0.9]]);
    let q_loc = Tensor::from([0.0, 1.0, 1.0]);
    let (p, q) = (Tensor::from([0.1, 0.2, 0.3, 0.4]), Tensor::from([0.25, 0.25, 0.4, 0.1]));
    // The continuous ones by mpmath's quadrature of p (ln p - ln q) with 30 digits, the others by hand in NumPy.
    vec![
        (Arc::new(Normal::new(1.0, 0.5)), Arc::new(Normal::new(-1.0, 2.0)), 1.417_544_361_119_890_6),
        (Arc::new(LogNormal::new(1.0, 0.5)), Arc::new(LogNormal::new(-1.0, 2.0)), 1.417_544_361_119_890_6),
        (Arc::new(Uniform::new(0.0, 1.0)), Arc::new(Uniform::new(-1.0, 3.0)), 4.0_f64.ln()),
        (Arc::new(Gamma::new(3.0, 0.5)), Arc::new(Gamma::new(1.5, 2.0)), 7.490_805_542_772_674),
        (Arc::new(Beta::new(2.0, 3.5)), Arc::new(Beta::new(0.5, 1.5)), 0.410_086_834_463_155_1),
        (Arc::new(Bernoulli::new(0.3)), Arc::new(Bernoulli::new(0.6)), 0.183_786_897_386_812_17),
        (
            Arc::new(Categorical::new(&p)),
            Arc::new(Categorical::with_logits(q.log())),
            0.331_955_339_262_164_4,
        ),
        (
            Arc::new(MultivariateNormal::with_scale_tril(loc, factor)),
            Arc::new(MultivariateNormal::with_scale_tril(q_loc, other)),
            4.247_381_364_138_882,
        ),
    ]
}

#[test]
fn divergences_are_those_of_quadrature() {
    for (p, q, expected) in pairs() {
        assert_close(p.name(), &values(&kl_divergence(&*p, &*q).unwrap()), &[expected], 1e-13);
    }
}

#[test]
fn divergences_from_oneself_vanish() {
    for (p, q, _) in pairs() {
        for distribution in [p, q] {
            let divergence = values(&kl_divergence(&*distribution, &*distribution).unwrap());
            assert!(divergence[0].abs() < 1e-14, "{}: {divergence:?}", distribution.name());
        }
    }
}

#[test]
fn divergences_are_expected_log_ratios() {
    for (i, (p, q, expected)) in pairs().into_iter().enumerate() {
        let draws = p.sample_n(&Key::new(60 + i as u64), 5000);
        let ratios = values(&(p.log_prob(&draws) - q.log_prob(&draws)));
        assert_mean(p.name(), &ratios, expected);
    }
}

#[test]
fn impossible_outcomes_of_p_cost_nothing_and_of_q_everything() {
    let half = Bernoulli::new(Tensor::from([0.0, 1.0, 0.5]));
    let certain = Bernoulli::new(Tensor::from([0.0, 1.0, 1.0]));
    assert_eq!(values(&kl_divergence(&half, &certain).unwrap()), [0.0, 0.0, f64::INFINITY]);
    let narrow = Categorical::new(Tensor::from([0.5, 0.5, 0.0]));
    let wide = Categorical::new(Tensor::from([0.25, 0.25, 0.5]));
    assert_close("narrow", &values(&kl_divergence(&narrow, &wide).unwrap()), &[2.0_f64.ln()], 1e-15);
    assert_eq!(values(&kl_divergence(&wide, &narrow).unwrap()), [f64::INFINITY]);
    let (unit, double) = (Uniform::new(0.0, 1.0), Uniform::new(0.0, 2.0));
    assert_eq!(values(&kl_divergence(&double, &unit).unwrap()), [f64::INFINITY]);
}

#[test]
fn event_dimensions_are_summed() {
    let (p, q) = (
        Normal::new(Tensor::from([[0.0, 1.0], [2.0, 3.0]]), 1.0),
        Normal::new(0.5, Tensor::full([2, 2], 2.0)),
    );
    let each = kl_divergence(&p, &q).unwrap();
    assert_eq!(each.shape(), [2, 2].into());
    for dims in [1, 2] {
        let sum = kl_divergence(&p.clone().to_event(dims), &q.clone().to_event(dims)).unwrap();
        let expected = if dims == 1 { each.sum(-1) } else { each.sum_all() };
        assert_eq!(sum.shape(), expected.shape());
        assert_close("sum", &values(&sum), &values(&expected), 1e-15);
    }
    let nested = kl_divergence(&p.clone().to_event(1).to_event(1), &q.clone().to_event(2)).unwrap();
    assert_close("nested", &values(&nested), &values(&each.sum_all()), 1e-15);
}

#[test]
fn pairs_without_a_formula_are_named() {
    let error = kl_divergence(&Normal::new(0.0, 1.0), &Gamma::new(1.0, 1.0)).unwrap_err().to_string();
    assert_eq!(error, "a Kullback–Leibler divergence in closed form is not available for Normal and Gamma");
    let error = kl_divergence(&Normal::new(Tensor::zeros([2]), Tensor::ones([3])), &Normal::new(0.0, 1.0));
    assert!(error.unwrap_err().to_string().starts_with("Normal: the shapes of `loc` and `scale`"));
}
