//! Divergences.

use std::sync::Arc;

use ppl_core::{Distribution, Transform};
use ppl_dist::transforms::{Affine, Exp, Sigmoid};
use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Delta, Dirichlet, DistributionExt, Expanded, Exponential,
    Gamma, Geometric, HalfNormal, InverseGamma, KlRegistry, Laplace, LogNormal, LowRankMultivariateNormal,
    Multinomial, MultivariateNormal, Normal, OneHotCategorical, Poisson, TransformedDistribution, Uniform,
    kl_divergence,
};
use ppl_tensor::{Axis, Key, Tensor};

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
        (Arc::new(HalfNormal::new(0.5)), Arc::new(HalfNormal::new(2.0)), 0.917_544_361_119_890_6),
        (Arc::new(Exponential::new(2.0)), Arc::new(Exponential::new(0.5)), 0.636_294_361_119_890_6),
        (Arc::new(Exponential::new(2.0)), Arc::new(Gamma::new(3.0, 0.5)), 5.256_461_593_722_683),
        (Arc::new(Gamma::new(3.0, 0.5)), Arc::new(Exponential::new(2.0)), 8.766_127_128_517_098),
        (Arc::new(InverseGamma::new(3.0, 0.5)), Arc::new(InverseGamma::new(1.5, 2.0)), 7.490_805_542_772_674),
        (Arc::new(Laplace::new(1.0, 0.5)), Arc::new(Laplace::new(-1.0, 2.0)), 1.390_873_270_842_074_2),
        (Arc::new(Cauchy::new(1.0, 0.5)), Arc::new(Cauchy::new(-1.0, 2.0)), 0.940_983_344_464_526_6),
        (Arc::new(Geometric::new(0.3)), Arc::new(Geometric::new(0.6)), 0.612_622_991_289_373_9),
        (Arc::new(Poisson::new(2.5)), Arc::new(Poisson::new(4.0)), 0.324_990_926_885_661_1),
        (Arc::new(Binomial::new(10, 0.3)), Arc::new(Binomial::new(10, 0.6)), 1.837_868_973_868_122),
    ]
}

/// Pairs of distributions of vectors. The one-hot categorical and the multinomial by sums over outcomes, the Dirichlet
/// by mpmath, normals by NumPy's full matrices.
fn pairs_of_vectors() -> Vec<Pair> {
    let (p, q) = (Tensor::from([0.2, 0.5, 0.3]), Tensor::from([0.25, 0.25, 0.5]));
    let (loc, q_loc) = (Tensor::from([0.5, -1.0, 2.0]), Tensor::from([0.0, 1.0, 1.0]));
    let factor = Tensor::from([[1.5, 0.2], [-0.3, 0.8], [0.7, -1.1]]);
    let narrow = || LowRankMultivariateNormal::new(&loc, &factor, Tensor::from([0.5, 0.1, 2.0]));
    let other = Tensor::from([0.5, 1.3, -0.7]).unsqueeze(-1);
    let thin = LowRankMultivariateNormal::new(&q_loc, other, Tensor::from([1.5, 0.4, 1.0]));
    let root = Tensor::from([[1.0, 0.0, 0.0], [0.5, 1.2, 0.0], [0.1, -0.4, 0.9]]);
    let full = || MultivariateNormal::with_scale_tril(&q_loc, &root);
    vec![
        (
            Arc::new(OneHotCategorical::new(&p)),
            Arc::new(OneHotCategorical::with_logits(q.log())),
            0.148_697_192_887_333_5,
        ),
        (
            Arc::new(Multinomial::new(4, &p)),
            Arc::new(Multinomial::with_logits(4, q.log())),
            0.594_788_771_549_334,
        ),
        (
            Arc::new(Dirichlet::new(Tensor::from([0.7, 2.0, 3.5]))),
            Arc::new(Dirichlet::new(Tensor::from([1.0, 0.5, 2.0]))),
            0.994_064_890_699_394_1,
        ),
        (Arc::new(narrow()), Arc::new(thin), 2.270_963_288_773_158_3),
        (Arc::new(narrow()), Arc::new(full()), 3.489_788_789_568_857_3),
        (Arc::new(full()), Arc::new(narrow()), 4.055_154_006_908_073),
    ]
}

fn all_pairs() -> impl Iterator<Item = Pair> {
    pairs().into_iter().chain(pairs_of_vectors())
}

#[test]
fn divergences_are_those_of_quadrature() {
    for (p, q, expected) in all_pairs() {
        assert_close(p.name(), &values(&kl_divergence(&*p, &*q).unwrap()), &[expected], 1e-13);
    }
}

#[test]
fn divergences_from_oneself_vanish() {
    for (p, q, _) in all_pairs() {
        for distribution in [p, q] {
            let divergence = values(&kl_divergence(&*distribution, &*distribution).unwrap());
            assert!(divergence[0].abs() < 1e-14, "{}: {divergence:?}", distribution.name());
        }
    }
}

#[test]
fn divergences_are_expected_log_ratios() {
    for (i, (p, q, expected)) in all_pairs().enumerate() {
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

#[test]
fn point_masses_have_a_divergence_from_anything() {
    let q = Normal::new(0.5, 2.0);
    let point = Delta::with_log_density(Tensor::from([1.0, -2.0]), -0.3);
    let expected = -0.3 - q.log_prob(point.value());
    assert_close("numbers", &values(&kl_divergence(&point, &q).unwrap()), &values(&expected), 1e-15);
    let vectors = MultivariateNormal::with_scale_tril(0.0, Tensor::eye(2));
    let expected = -0.6 - vectors.log_prob(point.value());
    let divergence = kl_divergence(&point.to_event(1), &vectors).unwrap();
    assert_close("vectors", &values(&divergence), &values(&expected), 1e-15);
    let nowhere = kl_divergence(&Delta::new(-1.0), &Gamma::new(1.0, 1.0)).unwrap();
    assert_eq!(values(&nowhere), [f64::INFINITY]);
}

#[test]
fn wrappers_are_taken_apart() {
    let (p, q) = (Normal::new(Tensor::from([0.0, 1.0]), 1.0), Normal::new(0.5, 2.0));
    let each = kl_divergence(&p, &q).unwrap();
    let copies = Expanded::new(p.clone(), [3, 2]).unwrap();
    for divergence in [
        kl_divergence(&copies, &q).unwrap(),
        kl_divergence(&q, &copies).unwrap(),
        kl_divergence(&copies, &copies).unwrap(),
    ] {
        assert_eq!(divergence.shape(), [3, 2].into());
    }
    let rows = values(&kl_divergence(&copies, &q).unwrap());
    assert_close("copies", &rows, &values(&each.broadcast_to([3, 2])), 1e-15);

    let mask = Tensor::from(vec![true, false]);
    let masked = kl_divergence(&p.clone().mask(&mask), &q.clone().mask(true)).unwrap();
    assert_close("mask", &values(&masked), &[values(&each)[0], 0.0], 1e-15);
    assert!(KlRegistry::default().divergence(&p.clone().mask(&mask), &q).is_none());

    let shared: Arc<dyn Transform> = Arc::new(Affine::new(1.0, 3.0));
    let under =
        |base: &Normal, parts: Vec<Arc<dyn Transform>>| TransformedDistribution::new(base.clone(), parts);
    let same = kl_divergence(&under(&p, vec![shared.clone()]), &under(&q, vec![shared.clone()])).unwrap();
    assert_close("one transform", &values(&same), &values(&each), 1e-15);
    let same = kl_divergence(&under(&p, vec![Arc::new(Exp)]), &under(&q, vec![Arc::new(Exp)])).unwrap();
    assert_close("transforms without parameters", &values(&same), &values(&each), 1e-15);
    let different: [Vec<Arc<dyn Transform>>; 3] =
        [vec![], vec![Arc::new(Affine::new(1.0, 3.0))], vec![Arc::new(Sigmoid::unit())]];
    for parts in different {
        assert!(
            KlRegistry::default().divergence(&under(&p, vec![shared.clone()]), &under(&q, parts)).is_none()
        );
    }
}

#[test]
fn counts_of_different_totals_have_no_formula() {
    let binomial = |n: usize| Binomial::new(n, 0.5);
    assert!(KlRegistry::default().divergence(&binomial(3), &binomial(4)).is_none());
    let multinomial = |n: usize| Multinomial::new(n, Tensor::from([0.5, 0.5]));
    assert!(KlRegistry::default().divergence(&multinomial(3), &multinomial(4)).is_none());
    // Numbers of a plate's rows are read row by row.
    let plate = Axis::named("rows", 2);
    let rows = Tensor::from([3.0, 4.0]).to_implicit(plate.id).unwrap();
    let (p, q) = (Binomial::new(&rows, 0.3), Binomial::new(&rows, 0.6));
    let divergence = KlRegistry::default().divergence(&p, &q).unwrap().to_positional(plate);
    let one = kl_divergence(&Bernoulli::new(0.3), &Bernoulli::new(0.6)).unwrap();
    assert_close("rows", &values(&divergence), &values(&(one * Tensor::from([3.0, 4.0]))), 1e-14);
    assert!(KlRegistry::default().divergence(&p, &binomial(4)).is_none());
}

#[test]
fn formulas_of_users_come_first() {
    let (p, q) = (Normal::new(Tensor::zeros([2]), 1.0), Gamma::new(1.0, 1.0));
    let registry = KlRegistry::default()
        .with(|_: &Normal, _: &Gamma| Tensor::from(1.0))
        .with(|_: &Normal, _: &Normal| Tensor::from(2.0))
        .with(|_: &Normal, _: &Normal| Tensor::from([3.0, 4.0]));
    assert_eq!(values(&registry.divergence(&p, &q).unwrap()), [1.0]);
    assert_eq!(values(&registry.divergence(&p, &p).unwrap()), [3.0, 4.0]);
    // Wrappers ask for what is inside.
    let event = p.clone().to_event(1);
    assert_eq!(values(&registry.divergence(&event, &event).unwrap()), [7.0]);
    assert_eq!(values(&KlRegistry::default().divergence(&p, &p).unwrap()), [0.0, 0.0]);
    assert!(registry.divergence(&q, &p).is_none());
    // Errors of parameters are carried, not swallowed.
    let misfit = Normal::new(Tensor::zeros([2]), Tensor::ones([3]));
    assert!(KlRegistry::default().divergence(&misfit, &p).unwrap().error().is_some());
    assert!(
        KlRegistry::default().divergence(&p.clone().to_event(2), &p.to_event(2)).unwrap().error().is_some()
    );
}
