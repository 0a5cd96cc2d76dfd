//! Quantiles and medians without draws.

use std::sync::Arc;

use ppl_autoguide::{AutoDelta, AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal, Marginals};
use ppl_core::{Constraint, Ctx, Model, ParamStore, Result, Transform, substitute};
use ppl_dist::{Dirichlet, Gamma, Normal, TransformedDistribution, Uniform, constraints};
use ppl_infer::Predictive;
use ppl_tensor::Tensor;

use crate::models::{hierarchy, three_rows};

/// `y = -eˣ`: onto the negative numbers.
#[derive(Debug)]
struct MinusExp;

impl Transform for MinusExp {
    fn name(&self) -> String {
        "MinusExp".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        -x.exp()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        (-y).log()
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        x.clone()
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        constraints::less_than(0.0)
    }
}

/// Sites above 0, in an interval, below 0, and in a plate.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.sample("s", Gamma::new(3.0, 2.0))?;
    ctx.sample("u", Uniform::new(2.0, 10.0))?;
    ctx.sample("below", TransformedDistribution::new(Normal::new(0.0, 1.0), vec![Arc::new(MinusExp)]))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(Tensor::zeros([2]), 1.0))?;
        ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
    })
}

/// Standard normal quantiles by SciPy.
const PROBABILITIES: [f64; 5] = [1e-12, 0.05, 0.5, 0.6, 0.975];
const NORMAL: [f64; 5] =
    [-7.034483825301131, -1.6448536269514729, 0.0, 0.2533471031357997, 1.959963984540054];

#[test]
fn quantiles_are_images_of_normal_quantiles() {
    let guide = AutoNormal::new(model);
    let set = substitute(
        |ctx: &mut Ctx, y: &Tensor| guide.run(ctx, y),
        [("AutoNormal.locs.s", 0.3), ("AutoNormal.scales.s", 0.7)],
    );
    set.run(&mut Ctx::new(0), &three_rows()).unwrap();
    let mut ctx = Ctx::new(0);
    guide.run(&mut ctx, &three_rows()).unwrap();
    let mut params = ctx.into_params();
    for (name, value) in [("locs.s", 0.3), ("scales.s", 0.7_f64.ln()), ("locs.u", -0.4), ("locs.below", 0.2)]
    {
        params.set_unconstrained(&format!("AutoNormal.{name}"), Tensor::from([value]).reshape([])).unwrap();
    }
    let quantiles = guide.quantiles(&params, &PROBABILITIES).unwrap();
    let check = |site: &str, expected: &dyn Fn(f64) -> f64| {
        let found = quantiles[site].to_f64().unwrap();
        for (found, z) in found.iter().zip(NORMAL) {
            let expected = expected(z);
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{site}: {found} {expected}");
        }
    };
    check("s", &|z| (0.3 + 0.7 * z).exp());
    check("u", &|z| 2.0 + 8.0 / (1.0 + (0.4 - 0.1 * z).exp()));
    // The bijection onto what is below a bound falls: upper quantiles come from lower ones.
    check("below", &|z| -(0.2 - 0.1 * z).exp());
    assert_eq!(quantiles["z"].shape().to_vec(), [5, 3, 2]);
    let last = quantiles["z"].select_index(0, 4).to_f64().unwrap();
    assert!(last.iter().all(|z| (z - 0.1 * NORMAL[4]).abs() < 1e-14), "{last:?}");

    let median = guide.median(&params).unwrap();
    assert!((median["s"].to_scalar().unwrap() - 0.3_f64.exp()).abs() < 1e-14);
    assert_eq!(median["z"].shape().to_vec(), [3, 2]);
    let names: Vec<&String> = median.keys().collect();
    assert_eq!(names, ["s", "u", "below", "z"]);
}

#[test]
fn quantiles_are_those_of_draws() {
    let n = 4000;
    let check = |guide: &dyn Marginals, draws: &ppl_infer::Draws, params: &ParamStore| {
        let quantiles = guide.quantiles(params, &[0.1, 0.5, 0.9]).unwrap();
        let scale = draws.get("scale").unwrap().to_f64().unwrap();
        for (bound, p) in quantiles["scale"].to_f64().unwrap().into_iter().zip([0.1, 0.5, 0.9]) {
            let below = scale.iter().filter(|&&s| s < bound).count() as f64 / n as f64;
            // Five standard errors of a fraction.
            assert!((below - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt(), "{below} {p}");
        }
    };
    let draw = |guide: &dyn Model<Tensor, Output = ppl_autoguide::Values>| {
        let run = |ctx: &mut Ctx, y: &Tensor| guide.run(ctx, y);
        let mut ctx = Ctx::new(0);
        run(&mut ctx, &three_rows()).unwrap();
        let params = ctx.into_params();
        let draws =
            Predictive::new(hierarchy).with_params(&params).posterior(&run, n, &three_rows()).unwrap();
        (draws, params)
    };
    let normal = AutoNormal::new(hierarchy).init_scale(0.6);
    let (draws, params) = draw(&normal);
    check(&normal, &draws, &params);
    let diagonal = AutoDiagonalNormal::new(hierarchy).init_scale(0.6);
    let (draws, params) = draw(&diagonal);
    check(&diagonal, &draws, &params);
    let full = AutoMultivariateNormal::new(hierarchy).init_scale(0.6);
    let (draws, params) = draw(&full);
    check(&full, &draws, &params);
}

#[test]
fn a_point_is_its_own_quantile() {
    let guide = AutoDelta::new(hierarchy);
    let mut ctx = Ctx::new(0);
    guide.run(&mut ctx, &three_rows()).unwrap();
    let quantiles = guide.quantiles(ctx.params(), &[0.01, 0.99]).unwrap();
    assert_eq!(quantiles["scale"].to_f64().unwrap(), [1.0, 1.0]);
    assert_eq!(quantiles["z"].shape().to_vec(), [2, 3, 2]);
}

#[test]
fn what_has_no_quantiles_is_refused() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("p", Dirichlet::new([1.0, 2.0, 3.0]));
    let guide = AutoNormal::new(model);
    assert_eq!(guide.sites().unwrap_err().to_string(), "the guide has not run yet: its sites are not known");
    let mut ctx = Ctx::new(0);
    guide.run(&mut ctx, &()).unwrap();
    let params = ctx.params();
    let message = guide.quantiles(params, &[0.5]).unwrap_err().to_string();
    let expected = "site `p`: quantiles without draws is not available for values that are nonnegative with a sum of 1, \
                    whose numbers come from several unconstrained ones together";
    assert_eq!(message, expected);
    // The middle of unconstrained space is that of the simplex.
    let median = guide.median(params).unwrap()["p"].to_f64().unwrap();
    assert!(median.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-12), "{median:?}");

    let message = guide.marginal(params, "q").unwrap_err().to_string();
    assert_eq!(message, "there is no latent site named `q`; there are: p");
    let message = guide.median(&ParamStore::new()).unwrap_err().to_string();
    assert_eq!(message, "site `p`: there is no parameter named `AutoNormal.locs.p`; there are: none");
    for (bad, text) in [(0.0, "0"), (1.0, "1"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
        let message = guide.quantiles(params, &[0.5, bad]).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("site `p`: a quantile is asked for at {text}, which is not inside (0, 1)")
        );
    }
    let message = guide.quantiles(params, &[]).unwrap_err().to_string();
    assert_eq!(message, "site `p`: quantiles are asked for at no probability");
}
