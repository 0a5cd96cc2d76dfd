//! Laws of wrapped distributions.

use std::sync::Arc;

use ppl_core::{Distribution, Transform};
use ppl_dist::transforms::{Affine, Exp, LowerCholesky, StickBreaking};
use ppl_dist::{Delta, DistributionExt, Gamma, LogNormal, Normal, TransformedDistribution};
use ppl_tensor::{Key, Tensor};

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
