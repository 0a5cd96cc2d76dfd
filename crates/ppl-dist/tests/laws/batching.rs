//! Batches, positional or along implicit axes, are loops.

use ppl_core::Distribution;
use ppl_dist::{Beta, Categorical, DistributionExt, Gamma, MultivariateNormal, Normal};
use ppl_tensor::{Axis, Key, Shape, Tensor, vmap};

use crate::cases::{Case, Moments, cases};
use crate::numerics::{assert_close, values};

fn keys() -> Tensor {
    Key::new(77).fold_in(Tensor::arange(3)).tensor().clone()
}

fn row(tensor: &Tensor, i: usize) -> Tensor {
    tensor.select_index(0, i)
}

/// The same of each row, one after the other.
fn looped(f: impl Fn(usize) -> Tensor) -> Vec<f64> {
    (0..3).flat_map(|i| values(&f(i))).collect()
}

fn log_prob_by_rows(case: &Case, points: &Tensor) -> Vec<f64> {
    let rows = case.rows();
    looped(|i| (case.make)(&rows[i]).log_prob(&row(points, i)))
}

#[test]
fn implicit_rows_are_a_loop() {
    for case in cases() {
        let (parameters, points) = (case.stacked_rows(), case.three_points());
        let of_row = |(parameters, (key, point)): &(Vec<Tensor>, (Tensor, Tensor))| {
            let distribution = (case.make)(parameters);
            let draw = distribution.sample(&Key::from_tensor(key.clone()));
            Ok((draw, distribution.log_prob(point)))
        };
        let (draws, log_probs) = vmap(of_row, &(parameters, (keys(), points.clone()))).unwrap();
        let rows = case.rows();
        let expected = looped(|i| (case.make)(&rows[i]).sample(&Key::from_tensor(row(&keys(), i))));
        assert_close(&format!("draws of {}", case.name), &values(&draws), &expected, 1e-13);
        let expected = log_prob_by_rows(&case, &points);
        assert_close(&format!("log densities of {}", case.name), &values(&log_probs), &expected, 1e-13);
    }
}

#[test]
fn what_lacks_the_axis_is_the_same_in_every_row() {
    for case in cases() {
        let distribution = case.distribution();
        let (parameters, points, point) = (case.stacked_rows(), case.three_points(), &case.points[0]);
        let rows = case.rows();

        let of_value = vmap(|point| Ok(distribution.log_prob(point)), &points).unwrap();
        let expected = looped(|i| distribution.log_prob(&row(&points, i)));
        assert_close(&format!("values of {}", case.name), &values(&of_value), &expected, 1e-13);

        let of_parameters = vmap(|p| Ok((case.make)(p).log_prob(point)), &parameters).unwrap();
        let expected = looped(|i| (case.make)(&rows[i]).log_prob(point));
        assert_close(&format!("parameters of {}", case.name), &values(&of_parameters), &expected, 1e-13);

        let of_key = vmap(|key| Ok(distribution.sample(&Key::from_tensor(key.clone()))), &keys()).unwrap();
        let expected = looped(|i| distribution.sample(&Key::from_tensor(row(&keys(), i))));
        assert_close(&format!("keys of {}", case.name), &values(&of_key), &expected, 1e-13);

        let one_key = Key::new(5);
        let of_parameters = vmap(|p| Ok((case.make)(p).sample(&one_key)), &parameters).unwrap();
        let expected = looped(|i| (case.make)(&rows[i]).sample(&one_key));
        assert_close(&format!("draws of {}", case.name), &values(&of_parameters), &expected, 1e-13);
    }
}

#[test]
fn positional_rows_are_a_loop() {
    for case in cases() {
        let points = case.three_points();
        let batch = (case.make)(&case.stacked_rows());
        let expected = log_prob_by_rows(&case, &points);
        assert_close(case.name, &values(&batch.log_prob(&points)), &expected, 1e-13);
        let draw = batch.sample(&Key::new(1));
        assert_eq!(draw.shape(), batch.batch_shape().concat(&batch.event_shape()), "{}", case.name);
        let entropy = batch.entropy();
        if entropy.error().is_none() {
            let rows = case.rows();
            assert_eq!(entropy.shape(), [3].into(), "{}", case.name);
            assert_close(case.name, &values(&entropy), &looped(|i| (case.make)(&rows[i]).entropy()), 1e-12);
        }
    }
}

#[test]
fn positional_rows_inside_implicit_ones() {
    // Two plates, one positional, parameters and values lacking each in turn.
    let (outer, loc) = (Axis::fresh(2), Tensor::from([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]));
    let probs = Tensor::from([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]);
    let implicit = |tensor: &Tensor| tensor.to_implicit(outer.id).unwrap();
    let normal = Normal::new(implicit(&loc), 2.0);
    assert_eq!(normal.batch_shape(), [3].into());
    let log_prob = normal.log_prob(&Tensor::from([1.0, 1.5, 2.0])).to_positional(outer);
    let expected = Normal::new(&loc, 2.0).log_prob(&Tensor::from([1.0, 1.5, 2.0]));
    assert_close("normal", &values(&log_prob), &values(&expected), 1e-15);

    let categorical = Categorical::new(implicit(&probs));
    let log_prob = categorical.log_prob(&Tensor::from(vec![2_i64, 0])).to_positional(outer);
    let expected = [0.5_f64, 0.2, 0.1, 0.6].map(f64::ln);
    assert_close("categorical", &values(&log_prob), &expected, 1e-15);
}

#[test]
fn expanded_distributions_repeat_themselves() {
    for case in cases() {
        let base = case.distribution();
        let shape = Shape::from([2, 3]);
        let expanded = base.expand(&shape).unwrap();
        assert_eq!(expanded.batch_shape(), shape, "{}", case.name);
        assert_eq!(expanded.event_shape(), base.event_shape(), "{}", case.name);
        assert_eq!(expanded.name(), base.name());
        expanded.validate().unwrap();
        let draws = expanded.sample(&Key::new(1));
        assert_eq!(draws.shape(), shape.concat(&base.event_shape()), "{}", case.name);
        let drawn = values(&draws);
        let size = base.event_shape().elements();
        if case.is_continuous() {
            assert_ne!(drawn[..size], drawn[size..2 * size], "{}: elements are independent", case.name);
        }
        let expected = values(&base.log_prob(&draws));
        assert_close(case.name, &values(&expanded.log_prob(&draws)), &expected, 1e-13);
        let of_one = expanded.log_prob(&case.points[0]);
        assert_eq!(of_one.shape(), shape, "{}", case.name);
        if case.moments != Moments::Unknown {
            assert_eq!(expanded.mean().shape(), shape.concat(&base.event_shape()), "{}", case.name);
            assert_eq!(expanded.variance().shape(), shape.concat(&base.event_shape()), "{}", case.name);
        }
        let error = expanded.expand(&Shape::from([4])).unwrap_err().to_string();
        assert!(error.contains("of batch shape [2, 3") && error.contains("does not expand to [4"), "{error}");
    }
}

#[test]
fn event_dimensions_are_summed() {
    for case in cases() {
        let batch = (case.make)(&case.stacked_rows());
        let event = (&batch).to_event(1);
        assert_eq!(event.batch_shape(), [].into(), "{}", case.name);
        assert_eq!(event.event_shape(), Shape::from([3]).concat(&batch.event_shape()), "{}", case.name);
        let points = case.three_points();
        let sum = batch.log_prob(&points).sum_all();
        assert_close(case.name, &values(&event.log_prob(&points)), &values(&sum), 1e-14);
        let draws = [event.sample(&Key::new(2)), batch.sample(&Key::new(2))];
        assert_eq!(values(&draws[0]), values(&draws[1]), "{}", case.name);
        assert_eq!(event.support().event_dim(), batch.event_shape().rank() + 1, "{}", case.name);
        if batch.entropy().error().is_none() {
            let sum = batch.entropy().sum_all();
            assert_close(case.name, &values(&event.entropy()), &values(&sum), 1e-13);
        }
    }
}

#[test]
fn batches_of_parameters_broadcast() {
    let gamma = Gamma::new(Tensor::from([1.0, 2.0, 3.0]), Tensor::from([[1.0], [2.0]]));
    assert_eq!(gamma.batch_shape(), [2, 3].into());
    assert_eq!(gamma.sample(&Key::new(1)).shape(), [2, 3].into());
    assert_eq!(gamma.log_prob(&Tensor::from(0.5)).shape(), [2, 3].into());
    let beta = Beta::new(Tensor::from([1.0, 2.0]), 3.0);
    assert_eq!(beta.log_prob(&Tensor::full([4, 1], 0.5)).shape(), [4, 2].into());
    let normal =
        MultivariateNormal::with_scale_tril(Tensor::zeros([5, 1, 2]), Tensor::eye(2).broadcast_to([3, 2, 2]));
    assert_eq!(normal.batch_shape(), [5, 3].into());
    assert_eq!(normal.sample(&Key::new(1)).shape(), [5, 3, 2].into());
    assert_eq!(normal.log_prob(&Tensor::zeros([2])).shape(), [5, 3].into());
    assert_eq!(normal.entropy().shape(), [5, 3].into());
    let scalar_mean = MultivariateNormal::with_scale_tril(0.0, Tensor::eye(3));
    assert_eq!(scalar_mean.mean().shape(), [3].into());
}
