//! Laws of wrapped distributions.

use std::sync::Arc;

use ppl_core::{Distribution, Transform};
use ppl_dist::transforms::{Affine, Exp, LowerCholesky, StickBreaking};
use ppl_dist::{
    Beta, Categorical, Delta, Dirichlet, DistributionExt, Expanded, Gamma, LogNormal, MultivariateNormal,
    Normal, Poisson, TransformedDistribution, Uniform,
};
use ppl_tensor::{Axis, Key, Tensor, grad};

use crate::numerics::{assert_close, values};

#[test]
fn exponentials_of_normals_are_log_normal() {
    let (loc, scale) = (Tensor::from([0.3, -1.0]), Tensor::from([0.6, 2.0]));
    let transformed = TransformedDistribution::new(Normal::new(&loc, &scale), vec![Arc::new(Exp)]);
    let log_normal = LogNormal::new(&loc, &scale);
    let x = Tensor::from([[0.2, 1.0], [3.0, 1e-5], [-1.0, 0.0]]);
    let expected = values(&log_normal.log_prob(&x));
    assert_close("density", &values(&transformed.log_prob(&x)), &expected, 1e-13);
    let key = Key::new(1);
    assert_eq!(values(&transformed.sample(&key)), values(&log_normal.sample(&key)));
    assert_eq!(transformed.support().name(), log_normal.support().name());
    assert_eq!(transformed.batch_shape(), [2].into());
}

#[test]
fn affine_images_of_normals_are_normal() {
    let parts: Vec<Arc<dyn Transform>> =
        vec![Arc::new(Affine::new(1.0, -2.0)), Arc::new(Affine::new(0.5, 3.0))];
    let transformed = TransformedDistribution::new(Normal::new(0.7, 0.4), parts);
    // 0.5 + 3 (1 - 2 z) for z of mean 0.7.
    let normal = Normal::new(3.5 - 6.0 * 0.7, 6.0 * 0.4);
    let x = Tensor::from([-3.0, 0.0, 4.0]);
    assert_close("density", &values(&transformed.log_prob(&x)), &values(&normal.log_prob(&x)), 1e-13);
}

#[test]
fn parameters_of_transforms_make_independent_draws() {
    let shift = Arc::new(Affine::new(Tensor::from([0.0, 10.0, 20.0]), 1.0));
    let transformed = TransformedDistribution::new(Normal::new(0.0, 1.0), vec![shift]);
    assert_eq!(transformed.batch_shape(), [3].into());
    let draw = values(&transformed.sample(&Key::new(1)));
    assert!((draw[0] - (draw[1] - 10.0)).abs() > 1e-6);
    let x = Tensor::from([1.0, 9.0, 22.0]);
    let expected = Normal::new(Tensor::from([0.0, 10.0, 20.0]), 1.0).log_prob(&x);
    assert_close("density", &values(&transformed.log_prob(&x)), &values(&expected), 1e-14);
}

#[test]
fn dimensions_that_a_transform_mixes_are_of_one_draw() {
    let base = Normal::new(Tensor::zeros([4, 3]), 1.0);
    let matrices = TransformedDistribution::new(base.clone(), vec![Arc::new(LowerCholesky)]);
    assert_eq!((matrices.batch_shape(), matrices.event_shape()), ([4].into(), [2, 2].into()));
    let draw = matrices.sample(&Key::new(3));
    assert_eq!(draw.shape(), [4, 2, 2].into());
    let x = LowerCholesky.inverse(&draw);
    let expected = base.log_prob(&x).sum(-1) - LowerCholesky.log_abs_det_forward(&x, &draw);
    assert_close("density", &values(&matrices.log_prob(&draw)), &values(&expected), 1e-13);

    // The elementwise part is summed over what the other part mixes; an outer event dimension over both.
    let parts =
        || -> Vec<Arc<dyn Transform>> { vec![Arc::new(Affine::new(0.5, 2.0)), Arc::new(StickBreaking)] };
    let simplexes = TransformedDistribution::new(base.clone(), parts());
    assert_eq!((simplexes.batch_shape(), simplexes.event_shape()), ([4].into(), [4].into()));
    let outer = TransformedDistribution::new(base.to_event(2), parts());
    assert_eq!((outer.batch_shape(), outer.event_shape()), ([].into(), [4, 4].into()));
    let draw = simplexes.sample(&Key::new(4));
    let sum = simplexes.log_prob(&draw).sum_all();
    assert_close("sum", &values(&outer.log_prob(&draw)), &values(&sum), 1e-13);
    assert_eq!(outer.support().event_dim(), 2);
    let expanded = simplexes.expand(&[2, 4].into()).unwrap();
    assert_eq!(expanded.sample(&Key::new(1)).shape(), [2, 4, 4].into());
}

#[test]
fn shared_distributions_wrap_as_owned_ones() {
    let shared: Arc<dyn Distribution> = Arc::new(Gamma::new(Tensor::from([[1.0, 2.0]]), 1.0));
    let x = Tensor::from([[0.5, 0.7]]);
    for (dims, shape) in [(0, vec![1, 2]), (1, vec![1]), (2, vec![])] {
        let event = shared.clone().to_event(dims);
        assert_eq!(event.batch_shape(), shape.clone().into());
        assert_eq!(event.log_prob(&x).shape(), shape.into());
        assert_eq!((event.dims(), event.name()), (dims, "Gamma"));
        assert!(event.has_rsample());
    }
    let nested = shared.to_event(1).to_event(1);
    assert_eq!((nested.batch_shape(), nested.event_shape()), ([].into(), [1, 2].into()));
}

#[test]
fn a_point_mass_has_a_density_at_its_point_alone() {
    let point = Delta::with_log_density(Tensor::from([1.0, 2.0]), -0.5);
    let log_prob = values(&point.log_prob(&Tensor::from([1.0, 1.0])));
    assert_eq!(log_prob, [-0.5, f64::NEG_INFINITY]);
    assert_eq!(values(&Delta::new(3_i64).log_prob(&Tensor::from(vec![3_i64, 4]))), [0.0, f64::NEG_INFINITY]);
    assert_eq!(values(&point.mean()), [1.0, 2.0]);
    assert_eq!(values(&point.variance()), [0.0, 0.0]);
    assert_eq!(values(&Delta::with_log_density(2.0, 1.0).log_density().clone()), [1.0]);
}

#[test]
fn masked_elements_count_for_nothing() {
    let nan = f64::NAN;
    let mask = Tensor::from(vec![true, false, false]);
    let normal = Normal::new(Tensor::from([0.0, 1.0, 2.0]), 1.5);
    let masked = normal.clone().mask(&mask);
    let x = Tensor::from([0.5, nan, 1e300]);
    let first = values(&normal.log_prob(&x))[0];
    assert_eq!(values(&masked.log_prob(&x)), [first, 0.0, 0.0]);
    assert_close("entropy", &values(&masked.entropy()), &[values(&normal.entropy())[0], 0.0, 0.0], 0.0);
    assert_eq!(values(&masked.sample(&Key::new(1))), values(&normal.sample(&Key::new(1))));
    assert_eq!(values(&masked.mean()), values(&normal.mean()));
    assert_eq!((masked.name(), masked.batch_shape(), masked.has_rsample()), ("Normal", [3].into(), true));
    // A mask may have batch dimensions that the base lacks.
    let wide = Normal::new(0.0, 1.0).mask(&mask);
    assert_eq!((wide.batch_shape(), wide.sample(&Key::new(1)).shape()), ([3].into(), [3].into()));
    let expanded = masked.expand(&[2, 3].into()).unwrap();
    assert_eq!(values(&expanded.log_prob(&x)), [first, 0.0, 0.0, first, 0.0, 0.0]);
    // One of a plate's rows each.
    let plate = Axis::named("rows", 3);
    let by_row = Normal::new(0.0, 1.0).mask(mask.to_implicit(plate.id).unwrap());
    let log_prob = values(&by_row.log_prob(&Tensor::from(0.0)).to_positional(plate));
    assert!(log_prob[0] < 0.0 && log_prob[1..] == [0.0, 0.0]);
}

#[test]
fn missing_values_do_not_spoil_gradients() {
    let nan = f64::NAN;
    let [a, b] = [2.0, 3.0].map(|p| Tensor::from([p]).tracked());
    let row = |x: [f64; 3]| Tensor::from([x, [nan; 3]]);
    let simplex = Dirichlet::new(Tensor::from([2.0, 3.0, 1.5]) * &a);
    let vector = MultivariateNormal::with_scale_tril(0.0, Tensor::eye(3) * &b);
    let probs = Tensor::from([0.0, 0.5, 0.5]) * (&a / 2.0);
    let present = Tensor::from(vec![true, false]);
    let distributions: [(Arc<dyn Distribution>, Tensor); 7] = [
        (Arc::new(Normal::new(&a, &b)), Tensor::from([0.5, nan])),
        (Arc::new(Gamma::new(&a, &b)), Tensor::from([0.5, nan])),
        (Arc::new(Beta::new(&a, &b)), Tensor::from([0.5, 0.0])),
        (Arc::new(Uniform::new(&a, &b)), Tensor::from([2.5, nan])),
        (Arc::new(Poisson::new(&a)), Tensor::from([1.0, nan])),
        (Arc::new(simplex), row([0.2, 0.3, 0.5])),
        (Arc::new(vector), row([0.2, 0.3, 0.5])),
    ];
    for (distribution, x) in distributions {
        let log_prob = distribution.clone().mask(&present).log_prob(&x);
        let expected = values(&distribution.log_prob(&x.slice(0, 0..1)))[0];
        assert_close(distribution.name(), &values(&log_prob), &[expected, 0.0], 1e-14);
        let gradients = grad(&log_prob.sum_all(), &[&a, &b]).unwrap();
        assert!(gradients.iter().all(|g| values(g)[0].is_finite()), "{}", distribution.name());
    }
    let missing = Categorical::new(&probs).mask(&present).log_prob(&Tensor::from([1.0, 0.0]));
    assert!(values(&grad(&missing.sum_all(), &[&a]).unwrap()[0])[0].is_finite());
}

#[test]
fn copies_fill_the_batch() {
    let base = Gamma::new(Tensor::from([[1.0], [50.0]]), 1.0);
    let copies = Expanded::new(base.clone(), [4, 2, 3]).unwrap();
    assert_eq!((copies.batch_shape(), copies.event_shape()), ([4, 2, 3].into(), [].into()));
    let draws = copies.sample(&Key::new(1));
    assert_eq!(draws.shape(), [4, 2, 3].into());
    let drawn = values(&draws);
    let distinct: std::collections::BTreeSet<u64> = drawn.iter().map(|x| x.to_bits()).collect();
    assert_eq!(distinct.len(), 24, "copies are independent");
    // Each row keeps its own parameter: none of 1 reaches 20, none of 50 is below.
    let rows = |row: usize| drawn.chunks(3).skip(row).step_by(2).flatten();
    assert!(rows(0).all(|&x| x < 20.0) && rows(1).all(|&x| x > 20.0), "{drawn:?}");
    let expected = base.expand(&[4, 2, 3].into()).unwrap();
    assert_close("density", &values(&copies.log_prob(&draws)), &values(&expected.log_prob(&draws)), 0.0);
    assert_close("mean", &values(&copies.mean()), &values(&expected.mean().broadcast_to([4, 2, 3])), 0.0);
    assert_eq!(copies.log_prob(&Tensor::from(1.0)).shape(), [4, 2, 3].into());
    assert_eq!(copies.entropy().shape(), [4, 2, 3].into());
    let vectors = MultivariateNormal::with_scale_tril(Tensor::zeros([1, 2]), Tensor::eye(2));
    let copies = Expanded::new(vectors, [3, 4]).unwrap();
    assert_eq!(copies.sample(&Key::new(1)).shape(), [3, 4, 2].into());
    assert_eq!((copies.mean().shape(), copies.variance().shape()), ([3, 4, 2].into(), [3, 4, 2].into()));
    let error = Expanded::new(base, [4, 3, 3]).unwrap_err().to_string();
    assert_eq!(error, "Gamma of batch shape [2, 1] does not expand to [4, 3, 3]");
}
