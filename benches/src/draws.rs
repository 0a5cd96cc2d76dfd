//! What a random number costs beside one of `rand_distr` from a fast generator with a state.

use ppl::tensor::{DType, Key, Tensor};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Gamma, StandardNormal};

use crate::harness::Group;

/// Numbers drawn in one call.
const COUNT: usize = 100_000;

/// Concentration of the gamma draws.
const CONCENTRATION: f64 = 3.0;

/// All groups of this file.
pub fn groups() -> Vec<Group<'static>> {
    let key = Key::new(1);
    let (normal, single, uniform, gamma, fold) =
        (key.clone(), key.clone(), key.clone(), key.clone(), key.clone());
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut uniforms, mut gammas) = (rng.clone(), rng.clone());
    let concentration = Tensor::from([CONCENTRATION]);
    let numbers = Tensor::arange(COUNT);
    vec![
        Group::new("draws/normal", "element", COUNT)
            .case("rand_distr", move || {
                Ok((0..COUNT).map(|_| rng.sample(StandardNormal)).collect::<Vec<f64>>())
            })
            .case("key, f64", move || Ok(normal.normal([COUNT], DType::F64)))
            .case("key, f32", move || Ok(single.normal([COUNT], DType::F32))),
        Group::new("draws/uniform", "element", COUNT)
            .case("rand", move || Ok((0..COUNT).map(|_| uniforms.random()).collect::<Vec<f64>>()))
            .case("key, f64", move || Ok(uniform.uniform([COUNT], DType::F64))),
        Group::new("draws/log_gamma", "element", COUNT)
            .case("rand_distr", move || {
                let gamma = Gamma::new(CONCENTRATION, 1.0);
                let draw =
                    |gamma: Gamma<f64>| (0..COUNT).map(|_| gammas.sample(gamma).ln()).collect::<Vec<f64>>();
                Ok(gamma.map(draw).unwrap_or_default())
            })
            .case("key, f64", move || Ok(gamma.log_gamma([COUNT], &concentration))),
        Group::new("draws/keys", "element", COUNT).case("fold_in", move || Ok(fold.fold_in(&numbers))),
    ]
}
