//! Sets and their bijections: shapes that cannot be.

use std::sync::Arc;

use ppl::dist::transforms::{
    Affine, Compose, CorrCholesky, CorrelationFromCholesky, CovarianceFromCholesky, Exp, ExpAbove, ExpBelow,
    Identity, Independent, Inverse, LowerCholesky, Ordered, Sigmoid, Softplus, StickBreaking,
};
use ppl::prelude::*;

use crate::Refusals;

fn sets() -> Vec<Arc<dyn Constraint>> {
    vec![
        constraints::boolean(),
        constraints::corr_cholesky(),
        constraints::corr_matrix(),
        constraints::extended_real(),
        constraints::greater_than([0.0, 1.0]),
        constraints::independent(constraints::positive(), 2),
        constraints::integer_interval(-1, 3),
        constraints::integers_below(0),
        constraints::interval([0.0, 1.0], [2.0, 3.0]),
        constraints::less_than(f64::NAN),
        constraints::lower_cholesky(),
        constraints::multinomial(3),
        constraints::nonnegative(),
        constraints::nonnegative_integer(),
        constraints::one_hot(),
        constraints::ordered_vector(),
        constraints::positive(),
        constraints::positive_definite(),
        constraints::positive_ordered_vector(),
        constraints::real(),
        constraints::real_vector(),
        constraints::simplex(),
        constraints::unit_interval(),
    ]
}

fn transforms() -> Vec<Arc<dyn Transform>> {
    let mut all: Vec<Arc<dyn Transform>> = sets().iter().filter_map(|set| set.bijection().ok()).collect();
    all.extend([
        Arc::new(Affine::new([1.0, 2.0], [1.0, 2.0])) as Arc<dyn Transform>,
        Arc::new(Compose::new(vec![Arc::new(Exp), Arc::new(StickBreaking), Arc::new(Sigmoid::unit())])),
        Arc::new(Compose::new(vec![])),
        Arc::new(Inverse::new(Arc::new(StickBreaking))),
        Arc::new(Inverse::new(Arc::new(LowerCholesky))),
        Arc::new(Independent::new(Arc::new(Ordered::real()), 2)),
        Arc::new(CorrCholesky),
        Arc::new(CorrelationFromCholesky),
        Arc::new(CovarianceFromCholesky),
        Arc::new(ExpAbove::new(0.0)),
        Arc::new(ExpBelow::new([0.0, 1.0])),
        Arc::new(Identity),
        Arc::new(Softplus),
    ]);
    all
}

const SHAPES: [&[usize]; 12] =
    [&[], &[0], &[1], &[2], &[4], &[2, 2], &[2, 3], &[0, 0], &[3, 0], &[0, 3], &[2, 1, 1], &[1, 3, 3]];

/// A set says of any value whether it is inside, or fails.
#[test]
fn values_of_any_shape() {
    for set in sets() {
        for shape in SHAPES {
            for value in [0.0, 1.0, f64::NAN, f64::INFINITY] {
                for dtype in [DType::F64, DType::F32, DType::I64, DType::Bool] {
                    let value = Tensor::full(shape, value).cast(dtype).to_device(&Device::cpu());
                    drop(set.check(&value).to_f64());
                }
            }
        }
    }
}

/// Every map of every shape: an image or an error. Where the shapes' arithmetic says what comes out, that comes out.
#[test]
fn points_of_any_shape() {
    for transform in transforms() {
        for shape in SHAPES {
            for value in [0.25, f64::NAN] {
                let x = Tensor::full(shape, value);
                let y = transform.forward(&x);
                drop(transform.log_abs_det_forward(&x, &y).to_f64());
                match transform.forward_shape(&Shape::from(shape)) {
                    Ok(wanted) => {
                        assert_eq!(y.check().unwrap().shape(), wanted, "{transform:?} of {shape:?}")
                    }
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
                let back = transform.inverse(&x);
                drop(transform.log_abs_det_forward(&back, &x).to_f64());
                if let Ok(wanted) = transform.inverse_shape(&Shape::from(shape)) {
                    assert_eq!(back.check().unwrap().shape(), wanted, "{transform:?} of {shape:?}");
                }
            }
        }
    }
}

/// Sizes that no memory holds.
#[test]
fn shapes_beyond_memory() {
    for transform in transforms() {
        for size in [usize::MAX, usize::MAX - 1, 1 << 63, 1 << 40] {
            for shape in [Shape::from([size]), Shape::from([size, size])] {
                drop((transform.forward_shape(&shape), transform.inverse_shape(&shape)));
            }
        }
    }
}

#[test]
fn messages() {
    let image = |transform: &dyn Transform, shape: &[usize]| transform.forward_shape(&Shape::from(shape));
    let point = |transform: &dyn Transform, shape: &[usize]| transform.inverse_shape(&Shape::from(shape));
    Refusals::default()
        .of("", || image(&StickBreaking, &[]))
        .of("", || point(&StickBreaking, &[0]))
        .of("", || image(&Ordered::real(), &[]))
        .of("", || image(&LowerCholesky, &[4]))
        .of("", || point(&LowerCholesky, &[2, 3]))
        .of("", || image(&CorrCholesky, &[2]))
        .of("", || point(&CorrCholesky, &[3]))
        .of("", || image(&Affine::new([1.0, 2.0], 1.0), &[3]))
        .of("", || image(&Independent::new(Arc::new(Exp), 2), &[3]))
        .of("", || image(&StickBreaking, &[usize::MAX]))
        .of("", || point(&LowerCholesky, &[usize::MAX, usize::MAX]))
        .of("", || constraints::boolean().bijection().map(drop))
        .of("", || constraints::integers_below(3).bijection().map(drop))
        .of("", || {
            constraints::simplex()
                .bijection()?
                .inverse(&Tensor::from(0.5))
                .check()
                .cloned()
                .map_err(Error::from)
        })
        .of("", || constraints::simplex().check(&Tensor::from(0.5)).check().cloned())
        .of("", || constraints::positive_definite().check(&Tensor::zeros([2, 3])).check().cloned());
}
