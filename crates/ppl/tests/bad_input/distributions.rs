//! Distributions by themselves: values, batches, draws and divergences that do not fit.

use std::sync::Arc;

use ppl::dist::{Expanded, KlRegistry};
use ppl::prelude::*;

use crate::Refusals;

/// One of each family, of two elements.
fn families() -> Vec<Arc<dyn Distribution>> {
    let (one, half) = (Tensor::ones([2]), Tensor::full([2], 0.5));
    let simplex = Tensor::from([[0.5, 0.5], [0.2, 0.8]]);
    vec![
        Arc::new(Bernoulli::new(&half)),
        Arc::new(Beta::new(&one, 2.0)),
        Arc::new(Binomial::new(3, &half)),
        Arc::new(Categorical::new(&simplex)),
        Arc::new(Cauchy::new(&one, 1.0)),
        Arc::new(Delta::new(&one)),
        Arc::new(Dirichlet::new(&simplex)),
        Arc::new(Exponential::new(&one)),
        Arc::new(Gamma::new(&one, 1.0)),
        Arc::new(Geometric::new(&half)),
        Arc::new(Gumbel::new(&one, 1.0)),
        Arc::new(HalfCauchy::new(&one)),
        Arc::new(HalfNormal::new(&one)),
        Arc::new(InverseGamma::new(&one, 1.0)),
        Arc::new(Laplace::new(&one, 1.0)),
        Arc::new(LkjCholesky::new(3, &one)),
        Arc::new(Logistic::new(&one, 1.0)),
        Arc::new(LogNormal::new(&one, 1.0)),
        Arc::new(LowRankMultivariateNormal::new(Tensor::zeros([2, 3]), Tensor::ones([3, 1]), 1.0)),
        Arc::new(Multinomial::new(4, &simplex)),
        Arc::new(MultivariateNormal::with_scale_tril(Tensor::zeros([2, 3]), Tensor::eye(3))),
        Arc::new(NegativeBinomial::new(&one, 0.5)),
        Arc::new(Normal::new(&one, 1.0)),
        Arc::new(OneHotCategorical::new(&simplex)),
        Arc::new(Pareto::new(&one, 1.0)),
        Arc::new(Poisson::new(&one)),
        Arc::new(StudentT::new(3.0, &one, 1.0)),
        Arc::new(Uniform::new(-&one, 1.0)),
        Arc::new(Weibull::new(&one, 1.0)),
        Arc::new(Normal::new(Tensor::zeros([2, 3]), 1.0).to_event(1)),
        Arc::new(Normal::new(&one, 1.0).mask(Tensor::from([true, false]))),
        Arc::new(Expanded::new(Normal::new(0.0, 1.0), [2]).unwrap()),
        Arc::new(TransformedDistribution::new(
            Normal::new(&one, 1.0),
            vec![constraints::positive().bijection().unwrap()],
        )),
    ]
}

/// Values of wrong shapes and kinds give errors, or densities of the broadcast shape; never a panic.
#[test]
fn values_of_any_shape_and_kind() {
    let shapes: [&[usize]; 8] = [&[], &[0], &[1], &[3], &[5], &[2, 5], &[0, 2], &[4, 1, 1]];
    for family in families() {
        let unit = family.batch_shape().concat(&family.event_shape());
        for shape in shapes {
            for value in [0.0, 1.0, -1.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
                for dtype in [DType::F64, DType::F32, DType::I64, DType::Bool] {
                    let value = Tensor::full(shape, value).cast(dtype).to_device(&Device::cpu());
                    let density = family.log_prob(&value);
                    let cdf = family.cdf(&value);
                    if density.check().is_ok() {
                        density.to_f64().unwrap();
                        assert!(unit.broadcast(&value.shape()).is_some(), "{family:?} of {shape:?}");
                    }
                    drop((cdf, family.support().check(&value).to_f64()));
                }
            }
        }
    }
}

/// NaN is outside of every support: no density, and certainly none that looks like a number.
#[test]
fn values_that_are_nan() {
    for family in families() {
        let shape = family.batch_shape().concat(&family.event_shape());
        let nan = Tensor::full(shape, f64::NAN);
        let inside = family.support().check(&nan).to_f64().unwrap();
        assert!(inside.iter().all(|inside| *inside == 0.0), "{family:?}");
        // The second element of one of them is masked.
        let density = family.log_prob(&nan).to_f64().unwrap()[0];
        assert!(density.is_nan() || density == f64::NEG_INFINITY, "{density} of {family:?}");
    }
}

#[test]
fn no_draws_and_too_many() {
    for family in families() {
        let shape = family.batch_shape().concat(&family.event_shape());
        let none = family.sample_n(&Key::new(0), 0);
        assert_eq!(none.check().unwrap().shape(), Shape::from([0]).concat(&shape), "{family:?}");
        let empty = family.expand(&Shape::from([0, 2])).unwrap();
        let drawn = empty.sample(&Key::new(0));
        assert_eq!(drawn.check().unwrap().shape(), Shape::from([0]).concat(&shape), "{family:?}");
        assert_eq!(empty.log_prob(&drawn).to_f64().unwrap().len(), 0, "{family:?}");
        let message = family.sample_n(&Key::new(0), usize::MAX).check().unwrap_err().to_string();
        assert!(message.contains("memory") || message.contains("addresses"), "{message}");
        let message = family.expand(&Shape::from([3])).unwrap_err().to_string();
        assert!(message.contains("does not expand to [3"), "{message}");
        let huge = family.expand(&Shape::from([usize::MAX, 2]));
        if let Ok(huge) = huge {
            assert!(huge.sample(&Key::new(0)).check().is_err(), "{huge:?}");
        }
    }
}

#[test]
fn constructors() {
    let normal = |loc: Tensor| Normal::new(loc, 1.0);
    Refusals::default()
        .of(
            "to_event: 18446744073709551615 batch dimensions of Normal cannot be dimensions \
             of a draw (shapes [2]), at …",
            || normal(Tensor::zeros([2])).to_event(usize::MAX).validate(),
        )
        .of("Normal of batch shape [2] does not expand to [3]", || {
            Expanded::new(normal(Tensor::zeros([2])), [3])
        })
        .of(
            "to_event: 2 batch dimensions of Normal cannot be dimensions of a draw (shapes \
             [2]), at …",
            || normal(Tensor::zeros([2])).mask(true).to_event(2).validate(),
        )
        .of(
            "Categorical: the last dimension counts the categories, and there must be one \
             (shapes [3, 0]), at …",
            || Categorical::new(Tensor::zeros([3, 0])).validate(),
        )
        .of(
            "Dirichlet: the last dimension of `concentration` is that of a draw, and there \
             must be one (shapes [0]), at …",
            || Dirichlet::new(Tensor::zeros([0])).validate(),
        )
        .of(
            "LkjCholesky: no memory holds so large a matrix (shapes [18446744073709551615, \
             18446744073709551615]), at …",
            || LkjCholesky::new(usize::MAX, 1.0).validate(),
        )
        .of("cholesky: needs at least two dimensions (shapes []), at …", || {
            MultivariateNormal::with_covariance(0.0, 1.0).validate()
        })
        .of("parameter `total_count` of Binomial must be a nonnegative integer, but has inf", || {
            Binomial::new(f64::INFINITY, 0.5).validate()
        })
        .of("parameter `rate` of Poisson must be nonnegative, but has inf", || {
            Poisson::new(f64::INFINITY).validate()
        })
        .of(
            "TransformedDistribution: draws of Normal do not fit the transforms: \
             StickBreaking needs 1 dimensions, the shape is [], at …",
            || {
                TransformedDistribution::new(
                    normal(Tensor::from(0.0)),
                    vec![constraints::simplex().bijection()?],
                )
                .validate()
            },
        )
        .of("reshape: numbers of elements differ (shapes [], [2]), at …", || {
            normal(Tensor::from(0.0)).entropy().reshape([2]).check().cloned()
        })
        .of("cdf: not available for Dirichlet, at …", || {
            Dirichlet::new([1.0, 1.0]).cdf(&Tensor::from([0.5, 0.5])).check().cloned()
        });
}

#[test]
fn divergences() {
    let failed = Tensor::zeros([2]) + Tensor::zeros([3]);
    let normal = |loc: Tensor| Normal::new(loc, 1.0);
    let registry =
        KlRegistry::default().with(|_: &Normal, _: &Gamma| Tensor::zeros([2]) + Tensor::zeros([3]));
    Refusals::default()
        .of("batches of Normal have shape [2], those of Normal [3]: they have no divergence", || {
            kl_divergence(&normal(Tensor::zeros([2])), &normal(Tensor::zeros([3])))
        })
        .of("a Kullback–Leibler divergence in closed form is not available for Normal and Gamma", || {
            kl_divergence(&normal(0.0.into()), &Gamma::new(1.0, 1.0))
        })
        .of("add: shapes do not broadcast (shapes [2], [3]), at …", || {
            kl_divergence(&normal(failed), &normal(0.0.into()))
        })
        .of("draws of Dirichlet have shape [2], those of Dirichlet [3]: they have no divergence", || {
            kl_divergence(&Dirichlet::new([1.0, 1.0]), &Dirichlet::new([1.0, 1.0, 1.0]))
        })
        .of("where: shapes do not broadcast (shapes [2], [], [3]), at …", || {
            kl_divergence(&Categorical::new([0.5, 0.5]), &Categorical::new([0.2, 0.3, 0.5]))
        })
        .of(
            "a Kullback–Leibler divergence in closed form is not available for Binomial and \
             Binomial",
            || kl_divergence(&Binomial::new(2, 0.5), &Binomial::new(3, 0.5)),
        )
        .of("draws of Normal have shape [2], those of Normal []: they have no divergence", || {
            kl_divergence(&normal(Tensor::zeros([2])).to_event(1), &normal(0.0.into()))
        })
        .of(
            "draws of MultivariateNormal have shape [2], those of MultivariateNormal [3]: \
             they have no divergence",
            || {
                let joint = MultivariateNormal::with_scale_tril(0.0, Tensor::eye(2));
                kl_divergence(&joint, &MultivariateNormal::with_scale_tril(0.0, Tensor::eye(3)))
            },
        )
        .of("add: shapes do not broadcast (shapes [2], [3]), at …", || {
            registry.divergence(&normal(0.0.into()), &Gamma::new(1.0, 1.0)).unwrap().check().cloned()
        });
    // Every pair: a divergence, an error, or none; never a panic.
    for p in families() {
        for q in families() {
            if let Ok(divergence) = kl_divergence(&*p, &*q) {
                divergence.to_f64().unwrap();
            }
        }
    }
}
