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
    let mut faults = Vec::new();
    for transform in transforms() {
        for shape in SHAPES.map(Shape::from) {
            for value in [0.25, f64::NAN] {
                let x = Tensor::full(&shape, value);
                let (y, back) = (transform.forward(&x), transform.inverse(&x));
                for volume in
                    [transform.log_abs_det_forward(&x, &y), transform.log_abs_det_forward(&back, &x)]
                {
                    drop(volume.to_f64());
                }
                let maps = [(transform.forward_shape(&shape), y), (transform.inverse_shape(&shape), back)];
                for (wanted, image) in maps {
                    let found = image.check().map(Tensor::shape);
                    if wanted.is_ok() && wanted.as_ref().ok() != found.as_ref().ok() {
                        faults.push(format!("{} of {shape}: {wanted:?}, {found:?}", transform.name()));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
        .of("StickBreaking needs 1 dimensions, the shape is []", || image(&StickBreaking, &[]))
        .of("StickBreaking: vectors of probabilities have an entry", || point(&StickBreaking, &[0]))
        .of("Ordered needs 1 dimensions, the shape is []", || image(&Ordered::real(), &[]))
        .of("LowerCholesky: 4 numbers do not fill a lower triangle", || image(&LowerCholesky, &[4]))
        .of("LowerCholesky: matrices of shape [2, 3] are not square", || point(&LowerCholesky, &[2, 3]))
        .of("CorrCholesky: 2 numbers do not fill a triangle below a diagonal", || image(&CorrCholesky, &[2]))
        .of("CorrCholesky needs 2 dimensions, the shape is [3]", || point(&CorrCholesky, &[3]))
        .of("Affine of shape [2] does not broadcast with [3]", || image(&Affine::new([1.0, 2.0], 1.0), &[3]))
        .of("Exp needs 2 dimensions, the shape is [3]", || image(&Independent::new(Arc::new(Exp), 2), &[3]))
        .of("a bijection from the reals is not available for 0 or 1", || {
            constraints::boolean().bijection().map(drop)
        })
        .of("a bijection from the reals is not available for an integer from 0 to 2", || {
            constraints::integers_below(3).bijection().map(drop)
        });
}
