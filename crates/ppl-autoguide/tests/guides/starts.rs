//! Where fits start: every strategy, in every guide.

use ppl_autoguide::{AutoDelta, AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal, Values};
use ppl_core::{Ctx, Model, ParamStore, Result};
use ppl_dist::{Gamma, Normal, Uniform};
use ppl_infer::Init;
use ppl_tensor::Tensor;

/// Sites above 0, in an interval, and in a plate of three rows.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let s = ctx.sample("s", Gamma::new(3.0, 2.0))?;
    ctx.sample("u", Uniform::new(2.0, 10.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(1.0, &s))?;
        ctx.observe("y", Normal::new(z, 1.0), y).map(|_| ())
    })
}

fn y() -> Tensor {
    Tensor::from([0.3, -0.5, 1.2])
}

/// The parameters with which a guide starts.
fn params(guide: &dyn Model<Tensor, Output = Values>, seed: u64) -> ParamStore {
    let mut ctx = Ctx::new(seed);
    guide.run(&mut ctx, &y()).unwrap();
    ctx.into_params()
}

fn get(params: &ParamStore, name: &str) -> Vec<f64> {
    params.get(name).unwrap().to_f64().unwrap()
}

/// All of a guide's locations as one vector: of `s`, `u` and the rows of `z`.
fn locs(params: &ParamStore, prefix: &str) -> Vec<f64> {
    ["s", "u", "z"].iter().flat_map(|site| get(params, &format!("{prefix}.{site}"))).collect()
}

#[test]
fn every_guide_starts_where_it_is_told() {
    let given = Init::values([("s", 0.5.into()), ("u", 8.0.into()), ("z", Tensor::from([1.0, 2.0, 3.0]))]);
    let constrained = vec![0.5, 8.0, 1.0, 2.0, 3.0];
    // ln 0.5; the logit of (8 - 2)/8.
    let unconstrained = vec![0.5_f64.ln(), 3.0_f64.ln(), 1.0, 2.0, 3.0];
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
    };
    let delta = params(&AutoDelta::new(model).init(given.clone()), 0);
    close(locs(&delta, "AutoDelta"), &constrained);
    let normal = params(&AutoNormal::new(model).init(given.clone()), 0);
    close(locs(&normal, "AutoNormal.locs"), &unconstrained);
    let diagonal = params(&AutoDiagonalNormal::new(model).init(given.clone()), 0);
    close(get(&diagonal, "AutoDiagonalNormal.loc"), &unconstrained);
    let full = params(&AutoMultivariateNormal::new(model).init(given), 0);
    close(get(&full, "AutoMultivariateNormal.loc"), &unconstrained);

    let of = |init: Init, seed| locs(&params(&AutoNormal::new(model).init(init), seed), "AutoNormal.locs");
    close(of(Init::Feasible, 0), &[0.0; 5]);
    close(of(Init::Mean, 0), &[1.5_f64.ln(), 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(of(Init::default(), 0), [0.0; 5]);
    // A number stands for all rows, an integer for a real number.
    close(of(Init::values([("z", 2), ("s", 1)]), 0), &[0.0, 0.0, 2.0, 2.0, 2.0]);
    for init in [Init::Sample, Init::Uniform { radius: 1.0 }, Init::Median { samples: 15 }] {
        let (one, same, other) = (of(init.clone(), 0), of(init.clone(), 0), of(init.clone(), 1));
        assert_eq!(one, same, "{init:?}");
        assert!(one.iter().zip(&other).all(|(a, b)| a != b), "{init:?}");
        assert!(one[2] != one[3] && one[3] != one[4], "{init:?}: rows start apart");
    }
    assert!(of(Init::Uniform { radius: 0.3 }, 0).iter().all(|u| u.abs() < 0.3));
}

#[test]
fn starts_that_cannot_be_are_refused_by_name() {
    let refusal =
        |init: Init| AutoNormal::new(model).init(init).run(&mut Ctx::new(0), &y()).unwrap_err().to_string();
    let expected = "site `u`: the start is at the edge of the support in [2, 10]: move it inside";
    assert_eq!(refusal(Init::values([("u", 2.0)])), expected);
    let expected = "site `s`: the value must be in the support positive, but has -1";
    assert_eq!(refusal(Init::values([("s", -1.0)])), expected);
    let expected = "there is no latent site named `v`; there are: s, u, z";
    assert_eq!(refusal(Init::values([("v", 1.0)])), expected);
    let expected = "site `z`: the start has shape [5, 7], a draw of the Normal distribution []";
    assert_eq!(refusal(Init::values([("z", Tensor::zeros([5, 7]))])), expected);

    let barrier = |ctx: &mut Ctx, _: &Tensor| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.factor("barrier", z.gt(0.2).select(0.0, f64::NEG_INFINITY))
    };
    let guide = AutoNormal::new(barrier);
    let message = guide.run(&mut Ctx::new(0), &y()).unwrap_err().to_string();
    assert!(message.starts_with("the log probability of site `barrier (at the start)` is -inf"), "{message}");
    // Draws are repeated until one is inside.
    let guide = AutoNormal::new(barrier).init(Init::Sample);
    let mut ctx = Ctx::new(0);
    guide.run(&mut ctx, &y()).unwrap();
    assert!(get(ctx.params(), "AutoNormal.locs.z")[0] > 0.2);
}
