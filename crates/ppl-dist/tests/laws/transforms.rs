//! Laws of constraints and the bijections onto them.

use std::sync::Arc;

use ppl_core::{Constraint, Transform};
use ppl_dist::constraints::{
    boolean, corr_cholesky, corr_matrix, extended_real, greater_than, independent, integer_interval,
    integers_below, interval, less_than, lower_cholesky, multinomial, nonnegative, nonnegative_integer,
    one_hot, ordered_vector, positive, positive_definite, positive_ordered_vector, real, real_vector,
    simplex, unit_interval,
};
use ppl_dist::transforms::{
    Affine, Compose, CorrCholesky, CorrelationFromCholesky, CovarianceFromCholesky, Exp, ExpAbove, ExpBelow,
    Identity, Independent, Inverse, LowerCholesky, Ordered, Sigmoid, Softplus, StickBreaking,
};
use ppl_tensor::{DType, Tensor, grad, vmap};
use proptest::prelude::*;

use crate::cases::strong;
use crate::numerics::{assert_close, derivative, values, with_element};

/// A transform, the shape of one point, and where in the image its free coordinates stand.
struct Case {
    transform: Arc<dyn Transform>,
    point: Vec<usize>,
    coordinates: Vec<usize>,
}

fn case(transform: impl Transform, point: &[usize], coordinates: &[usize]) -> Case {
    Case { transform: Arc::new(transform), point: point.to_vec(), coordinates: coordinates.to_vec() }
}

fn cases() -> Vec<Case> {
    let two_parts: Vec<Arc<dyn Transform>> =
        vec![Arc::new(Affine::new(Tensor::from([0.5, -1.0, 0.2]), 0.7)), Arc::new(StickBreaking)];
    vec![
        case(Identity, &[], &[0]),
        case(Exp, &[], &[0]),
        case(Softplus, &[], &[0]),
        case(Affine::new(1.5, -0.5), &[], &[0]),
        case(Sigmoid::unit(), &[], &[0]),
        case(Sigmoid::new(-2.0, 7.0), &[], &[0]),
        case(ExpAbove::new(2.5), &[], &[0]),
        case(ExpBelow::new(2.5), &[], &[0]),
        case(Ordered::real(), &[4], &[0, 1, 2, 3]),
        case(Ordered::real(), &[1], &[0]),
        case(Ordered::positive(), &[4], &[0, 1, 2, 3]),
        case(CorrCholesky, &[1], &[2]),
        case(CorrCholesky, &[6], &[4, 8, 9, 12, 13, 14]),
        case(CorrCholesky, &[0], &[]),
        case(
            Compose::new(vec![Arc::new(CorrCholesky), Arc::new(CorrelationFromCholesky)]),
            &[6],
            &[4, 8, 9, 12, 13, 14],
        ),
        case(Inverse::new(Arc::new(Affine::new(1.5, -0.5))), &[], &[0]),
        case(Compose::new(vec![Arc::new(Exp), Arc::new(Affine::new(3.0, 2.0))]), &[], &[0]),
        case(Compose::new(vec![]), &[], &[0]),
        case(Independent::new(Arc::new(Exp), 2), &[2, 2], &[0, 1, 2, 3]),
        case(StickBreaking, &[3], &[0, 1, 2]),
        case(StickBreaking, &[0], &[]),
        case(LowerCholesky, &[1], &[0]),
        case(LowerCholesky, &[6], &[0, 3, 4, 6, 7, 8]),
        case(
            Compose::new(vec![Arc::new(LowerCholesky), Arc::new(CovarianceFromCholesky)]),
            &[6],
            &[0, 3, 4, 6, 7, 8],
        ),
        case(Compose::new(two_parts), &[3], &[0, 1, 2]),
    ]
}

/// `ln |det M|` by elimination with pivots.
fn log_abs_det(mut matrix: Vec<Vec<f64>>) -> f64 {
    let n = matrix.len();
    let mut sum = 0.0;
    for column in 0..n {
        let pivot =
            (column..n).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs())).unwrap();
        matrix.swap(column, pivot);
        sum += matrix[column][column].abs().ln();
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column].clone();
            matrix[row].iter_mut().zip(&above).for_each(|(x, y)| *x -= factor * y);
        }
    }
    sum
}

fn check(case: &Case, numbers: &[f64]) {
    let transform = &case.transform;
    let name = transform.name();
    let size = case.point.iter().product();
    let x = Tensor::new(case.point.clone(), numbers[..size].to_vec()).unwrap();
    let y = transform.forward(&x);
    assert_eq!(transform.forward_shape(&x.shape()).unwrap(), y.shape(), "{name}");
    assert_eq!(transform.inverse_shape(&y.shape()).unwrap(), x.shape(), "{name}");
    assert_eq!(
        (transform.domain_event_dim(), transform.codomain_event_dim()),
        (x.rank(), y.rank()),
        "{name}"
    );
    let inside = transform.codomain().check(&y);
    assert_eq!(values(&inside), [1.0], "{name}: {y:?}");
    assert_close(&name, &values(&transform.inverse(&y)), &values(&x), 1e-9);

    let log_det = transform.log_abs_det_forward(&x, &y);
    assert_eq!(log_det.shape(), [].into(), "{name}");
    let column = |i: usize| -> Vec<f64> {
        let entry =
            |at: f64, k: usize| values(&transform.forward(&with_element(&x, i, at)))[case.coordinates[k]];
        (0..size).map(|k| derivative(|at| entry(at, k), numbers[i])).collect()
    };
    let jacobian: Vec<Vec<f64>> = (0..size).map(column).collect();
    assert_close(&name, &values(&log_det), &[log_abs_det(jacobian)], 1e-6);

    // Rows in front, positional or implicit, change nothing.
    let rows = Tensor::stack(&[&x, &(&x * 0.5), &(&x + 0.25)], 0);
    let images = transform.forward(&rows);
    assert_close(&name, &values(&images.select_index(0, 0)), &values(&y), 1e-13);
    assert_close(&name, &values(&transform.inverse(&images)), &values(&rows), 1e-9);
    let log_dets = transform.log_abs_det_forward(&rows, &images);
    assert_eq!(log_dets.shape(), [3].into(), "{name}");
    assert_close(&name, &values(&log_dets.select_index(0, 0)), &values(&log_det), 1e-13);
    let of_row = |row: &Tensor| {
        let image = transform.forward(row);
        let log_det = transform.log_abs_det_forward(row, &image);
        Ok(((image.clone(), transform.inverse(&image)), log_det))
    };
    let ((mapped, back), mapped_log_dets) = vmap(of_row, &rows).unwrap();
    assert_close(&name, &values(&mapped), &values(&images), 1e-13);
    assert_close(&name, &values(&back), &values(&rows), 1e-9);
    assert_close(&name, &values(&mapped_log_dets), &values(&log_dets), 1e-13);
}

/// What has no parameters in double precision gives single precision for single precision.
#[test]
fn single_precision_stays_so() {
    let numbers = [0.3, -1.2, 0.7, 1.9, -0.4, 0.1];
    let in_double = |case: &Case| case.coordinates == [0, 1, 2] && case.transform.name().contains("Affine");
    for Case { transform, point, .. } in cases().into_iter().filter(|case| !in_double(case)) {
        let (name, size) = (transform.name(), point.iter().product());
        let x = Tensor::new(point, numbers[..size].to_vec()).unwrap();
        let of = |x: &Tensor| {
            let y = transform.forward(x);
            [transform.log_abs_det_forward(x, &y), transform.inverse(&y), y]
        };
        for (narrow, wide) in of(&x.cast(DType::F32)).iter().zip(&of(&x)) {
            // What is a number and no tensor takes the dtype of what it meets.
            let narrow = narrow + strong(0.0).cast(DType::F32);
            assert_eq!(narrow.check().unwrap().dtype(), DType::F32, "{name}");
            // Some dozens of roundings of numbers of order 10.
            assert_close(&name, &values(&narrow), &values(wide), 1e-4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bijections(numbers in prop::collection::vec(-3.0..3.0_f64, 6)) {
        for case in cases() {
            check(&case, &numbers);
        }
    }

    #[test]
    fn bijections_lead_into_their_constraints(numbers in prop::collection::vec(-50.0..50.0_f64, 6)) {
        let (vector, scalar) = (Tensor::from(numbers), Tensor::from([7.0]).reshape([]));
        let constraints = [
            real(), positive(), nonnegative(), greater_than(2.5), greater_than(&scalar), unit_interval(),
            interval(-1.0, 1.0), interval(1e10, 1e10 + 1.0), real_vector(), independent(positive(), 1),
            lower_cholesky(), simplex(), extended_real(), less_than(2.5), less_than(&scalar), ordered_vector(),
            positive_ordered_vector(), corr_cholesky(),
        ];
        for constraint in constraints {
            for dtype in [DType::F64, DType::F32] {
                if dtype == DType::F32 && matches!(&*constraint.name(), "in [10000000000, 10000000001]" | "greater than 7" | "less than 7") {
                    continue;
                }
                let bijection = constraint.bijection().unwrap();
                let image = bijection.forward(&vector.cast(dtype));
                prop_assert_eq!(image.dtype(), dtype);
                let inside = constraint.check(&image).all_all();
                prop_assert!(values(&inside) == [1.0], "{}: {:?}", constraint.name(), image);
                let log_det = bijection.log_abs_det_forward(&vector.cast(dtype), &image);
                prop_assert!(values(&log_det).iter().all(|l| l.is_finite()), "{}", constraint.name());
            }
        }
    }
}

#[test]
fn far_points_do_not_reach_the_ends() {
    let far = Tensor::from([-1e5, -800.0, -40.0, 40.0, 800.0, 1e5]);
    for bounds in [(0.0, 1.0), (-3.0, 5.0), (1.0, 2.0), (0.1, 0.3)] {
        let transform = Sigmoid::new(bounds.0, bounds.1);
        let y = transform.forward(&far);
        assert!(values(&y).iter().all(|&y| y > bounds.0 && y < bounds.1), "{bounds:?}: {y:?}");
        assert!(values(&transform.inverse(&y)).iter().all(|x| x.is_finite()));
        let log_det = values(&transform.log_abs_det_forward(&far, &y));
        assert_close("log det", &log_det[..1], &[-1e5 + f64::ln(bounds.1 - bounds.0)], 1e-15);
    }
    let unit = values(&Sigmoid::unit().forward(&far));
    assert!(unit.iter().all(|&y| y > 0.0 && y < 1.0));
    let narrow = values(&Sigmoid::unit().forward(&far.cast(DType::F32)));
    assert!(narrow.iter().all(|&y| y > 0.0 && y < 1.0));
    let y = Tensor::from([1e-20, 1e-3, 30.0, 1e6]);
    let back = Softplus.forward(&Softplus.inverse(&y));
    assert_close("softplus", &values(&(back / y)), &[1.0; 4], 1e-13);
}

#[test]
fn gradients_of_bijections_onto_matrices() {
    let x = Tensor::from([0.3, -0.7, 0.2, 0.1, -0.4, 0.5]).tracked();
    let weights = Tensor::from([[1.0, 2.0, 3.0], [0.5, -1.0, 4.0], [2.0, 0.1, -3.0]]);
    let loss = |x: &Tensor| (LowerCholesky.forward(x) * &weights).square().sum_all();
    let gradient = grad(&loss(&x), &[&x]).unwrap();
    for (i, slope) in values(&gradient[0]).into_iter().enumerate() {
        let expected = derivative(|at| loss(&with_element(&x, i, at)).to_scalar().unwrap(), values(&x)[i]);
        assert_close("slope", &[slope], &[expected], 1e-8);
    }
    // Strictly below the diagonal row by row, then the logarithms of the diagonal.
    let matrix = LowerCholesky.forward(&Tensor::from([1.0, 2.0, 3.0, 0.0, 0.0, 0.0]));
    assert_eq!(values(&matrix), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 3.0, 1.0]);
    assert_eq!(values(&StickBreaking.forward(&Tensor::zeros([3]))).len(), 4);
    assert_close("middle", &values(&StickBreaking.forward(&Tensor::zeros([3]))), &[0.25; 4], 1e-15);
}

#[test]
fn correlations_of_known_matrices() {
    // Partial correlations 0.6 and 0.5 of the first with the others, and 0 between those.
    let x = Tensor::from([0.6, 0.5, 0.0]).atanh();
    let factor = CorrCholesky.forward(&x);
    let expected = [1.0, 0.0, 0.0, 0.6, 0.8, 0.0, 0.5, 0.0, 0.75_f64.sqrt()];
    assert_close("factor", &values(&factor), &expected, 1e-15);
    let correlation = CorrelationFromCholesky.forward(&factor);
    let expected = [1.0, 0.6, 0.5, 0.6, 1.0, 0.3, 0.5, 0.3, 1.0];
    assert_close("correlation", &values(&correlation), &expected, 1e-15);
    // Far out, where 1 - tanh² is not to be told from 0, points come back.
    let far = Tensor::from([18.0, -3.0, 15.0]);
    assert_close("far", &values(&CorrCholesky.inverse(&CorrCholesky.forward(&far))), &values(&far), 1e-9);
}

#[track_caller]
fn assert_members(constraint: &dyn Constraint, inside: &[f64], outside: &[f64]) {
    let check = |x: &[f64]| values(&constraint.check(&Tensor::from(x)));
    assert!(check(inside).iter().all(|&c| c == 1.0), "{constraint:?}: {inside:?}");
    assert!(check(outside).iter().all(|&c| c == 0.0), "{constraint:?}: {outside:?}");
    assert!(check(&[f64::NAN]).iter().all(|&c| c == 0.0), "{constraint:?}: NaN");
}

#[test]
fn membership() {
    let inf = f64::INFINITY;
    assert_members(&*real(), &[-1e300, 0.0], &[inf, -inf]);
    assert_members(&*extended_real(), &[-inf, 0.0, inf], &[]);
    assert_members(&*positive(), &[1e-300, 3.0], &[0.0, -1.0, inf]);
    assert_members(&*nonnegative(), &[0.0, 3.0], &[-1e-300, inf]);
    assert_members(&*greater_than(2.0), &[2.1], &[2.0, 1.0, inf]);
    assert_members(&*less_than(2.0), &[1.9, -1e300], &[2.0, 3.0, -inf]);
    assert_members(&*unit_interval(), &[0.0, 0.5, 1.0], &[-0.1, 1.1, inf]);
    assert_members(&*interval(-1.0, 2.0), &[-1.0, 2.0], &[-1.1, 2.1, inf]);
    assert_members(&*boolean(), &[0.0, 1.0], &[0.5, 2.0, -1.0]);
    assert_members(&*integers_below(3), &[0.0, 2.0], &[3.0, -1.0, 0.5, inf]);
    assert_members(&*integer_interval(-1, 2), &[-1.0, 0.0, 2.0], &[-2.0, 3.0, 0.5, inf]);
    assert_members(&*nonnegative_integer(), &[0.0, 1e9], &[-1.0, 0.5, inf]);
    let integers = Tensor::from(vec![-1_i64, 0, 2, 3]);
    assert_eq!(values(&integers_below(3).check(&integers)), [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(values(&boolean().check(&Tensor::from(vec![true, false]))), [1.0, 1.0]);
    assert_eq!(values(&real().check(&integers)), [1.0; 4]);
    let rows = Tensor::from([[0.2, 0.8], [0.5, 0.6], [-0.1, 1.1], [f64::NAN, 1.0]]);
    assert_eq!(values(&simplex().check(&rows)), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&independent(unit_interval(), 1).check(&rows)), [1.0, 1.0, 0.0, 0.0]);
    let matrices = Tensor::from([
        [1.0, 0.0, 0.5, 2.0],
        [1.0, 0.5, 0.5, 2.0],
        [1.0, 0.0, 0.5, -2.0],
        [f64::NAN, 0.0, 0.5, 2.0],
    ]);
    let matrices = matrices.reshape([4, 2, 2]);
    assert_eq!(values(&lower_cholesky().check(&matrices)), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&positive_definite().check(&matrices)), [0.0, 1.0, 0.0, 0.0]);
    let matrices = Tensor::from([
        [1.0, 0.0, 0.6, 0.8],
        [1.0, 0.6, 0.6, 1.0],
        [1.0, 0.0, 0.6, -0.8],
        [1.0, 0.0, 0.6, 0.9],
        [1.0, 1.5, 1.5, 1.0],
        [1.0, 0.6, 0.6, 1.1],
        [f64::NAN, 0.0, 0.6, 0.8],
    ]);
    let matrices = matrices.reshape([7, 2, 2]);
    assert_eq!(values(&corr_cholesky().check(&matrices)), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&corr_matrix().check(&matrices)), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let rows = Tensor::from([
        [-1.0, 0.5, 2.0],
        [0.1, 0.5, 0.5],
        [1.0, 0.5, 2.0],
        [0.5, 1.0, inf],
        [0.5, 1.0, f64::NAN],
    ]);
    assert_eq!(values(&ordered_vector().check(&rows)), [1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&positive_ordered_vector().check(&rows)), [0.0, 1.0, 0.0, 0.0, 0.0]);
    let rows =
        Tensor::from([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [2.0, -1.0, 0.0]]);
    assert_eq!(values(&one_hot().check(&rows)), [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&multinomial(1).check(&rows)), [1.0, 0.0, 0.0, 0.0, 0.0]);
    let totals = Tensor::from([1.0, 2.0, 0.0, 2.0, 1.0]);
    assert_eq!(values(&multinomial(totals).check(&rows)), [1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(values(&one_hot().check(&Tensor::from(vec![0_i64, 1]))), [1.0]);
}

#[test]
fn names_and_kinds() {
    let named = [
        (real(), "real", 0, false),
        (positive(), "positive", 0, false),
        (unit_interval(), "in [0, 1]", 0, false),
        (interval(-1.0, 2.5), "in [-1, 2.5]", 0, false),
        (interval(Tensor::from([0.0, 1.0]), 2.5), "in [low, 2.5]", 0, false),
        (greater_than(3.0), "greater than 3", 0, false),
        (less_than(3.0), "less than 3", 0, false),
        (boolean(), "0 or 1", 0, true),
        (integer_interval(0, 4), "an integer from 0 to 4", 0, true),
        (one_hot(), "zeros with one 1", 1, true),
        (multinomial(4), "nonnegative integers with a sum of 4", 1, true),
        (ordered_vector(), "ascending", 1, false),
        (positive_ordered_vector(), "positive and ascending", 1, false),
        (corr_cholesky(), "lower triangular with positive diagonal and rows of length 1", 2, false),
        (corr_matrix(), "positive definite with ones on the diagonal", 2, false),
        (integers_below(5), "an integer from 0 to 4", 0, true),
        (nonnegative_integer(), "a nonnegative integer", 0, true),
        (real_vector(), "real", 1, false),
        (independent(boolean(), 2), "0 or 1", 2, true),
        (lower_cholesky(), "lower triangular with positive diagonal", 2, false),
        (positive_definite(), "positive definite", 2, false),
        (simplex(), "nonnegative with a sum of 1", 1, false),
    ];
    for (constraint, name, event_dim, is_discrete) in named {
        assert_eq!(constraint.name(), name);
        assert_eq!(constraint.event_dim(), event_dim, "{name}");
        assert_eq!(constraint.is_discrete(), is_discrete, "{name}");
        match constraint.bijection() {
            Ok(bijection) => assert_eq!(bijection.codomain_event_dim(), event_dim, "{name}"),
            Err(error) => {
                assert!(is_discrete, "{name}");
                assert_eq!(
                    error.to_string(),
                    format!("a bijection from the reals is not available for {name}")
                );
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let error = |transform: &dyn Transform, shape: &[usize]| {
        let carried = transform.forward(&Tensor::zeros(shape)).error().is_some();
        (transform.forward_shape(&shape.into()).unwrap_err().to_string(), carried)
    };
    assert_eq!(
        error(&LowerCholesky, &[5]),
        ("LowerCholesky: 5 numbers do not fill a lower triangle".into(), true)
    );
    assert_eq!(
        error(&StickBreaking, &[]),
        ("StickBreaking needs 1 dimensions, the shape is []".into(), true)
    );
    let reason = "CorrCholesky: 5 numbers do not fill a triangle below a diagonal";
    assert_eq!(error(&CorrCholesky, &[5]), (reason.into(), true));
    let inverse = CorrCholesky.inverse_shape(&[2, 3].into()).unwrap_err().to_string();
    assert_eq!(inverse, "CorrCholesky: matrices of shape [2, 3] are not square");
    let affine = Affine::new(Tensor::zeros([3]), 1.0);
    assert_eq!(error(&affine, &[2]), ("Affine of shape [3] does not broadcast with [2]".into(), true));
    let inverse = LowerCholesky.inverse_shape(&[2, 3].into()).unwrap_err().to_string();
    assert_eq!(inverse, "LowerCholesky: matrices of shape [2, 3] are not square");
}
