//! Guides in plates: shapes, rows that are subsampled, and supports that guides do not follow.

use ppl_autoguide::{
    AutoDelta, AutoDiagonalNormal, AutoLaplace, AutoLowRankMultivariateNormal, AutoMultivariateNormal,
    AutoNormal, Marginals, Values,
};
use ppl_core::{Ctx, Model, Result, SubsampleExt, trace};
use ppl_dist::{Bernoulli, LogNormal, Normal, Uniform};
use ppl_infer::{Adam, Init, Predictive, Svi, TraceElbo};
use ppl_tensor::Tensor;

use crate::models::{hierarchy, three_rows};

/// Fits under particles, then draws: every site has its plate's rows, inside its support.
fn check_shapes<G: Model<Tensor, Output = Values> + Marginals>(guide: G) {
    let mut svi = Svi::new(hierarchy, guide, Adam::new(0.01), TraceElbo::new().particles(4));
    svi.run(20, &three_rows()).unwrap();
    assert_eq!(svi.guide().sites().unwrap(), ["scale", "z"]);
    let predictive = Predictive::new(hierarchy).with_params(svi.params());
    let draws = predictive.posterior(svi.guide(), 50, &three_rows()).unwrap();
    assert_eq!(draws.get("z").unwrap().shape().to_vec(), [50, 3, 2]);
    assert!(draws.get("scale").unwrap().to_f64().unwrap().iter().all(|&s| s > 0.0));
    let median = svi.guide().median(svi.params()).unwrap();
    assert_eq!(median["z"].shape().to_vec(), [3, 2]);
    let quantiles = svi.guide().quantiles(svi.params(), &[0.1, 0.5, 0.7, 0.9]).unwrap();
    assert_eq!(quantiles["z"].shape().to_vec(), [4, 3, 2]);
    assert_eq!(quantiles["scale"].shape().to_vec(), [4]);
    let (middle, z) = (quantiles["z"].select_index(0, 1).to_f64().unwrap(), median["z"].to_f64().unwrap());
    assert!(middle.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-12), "{middle:?} {z:?}");
    // What the guide returns has one dimension for each plate, and none of particles.
    let mut ctx = Ctx::new(0).with_params(svi.params().clone());
    let values = svi.guide().run(&mut ctx, &three_rows()).unwrap();
    assert_eq!(values["z"].shape().to_vec(), [3, 2]);
}

#[test]
fn guides_cover_sites_in_plates() {
    check_shapes(AutoNormal::new(hierarchy));
    check_shapes(AutoDelta::new(hierarchy));
    check_shapes(AutoDiagonalNormal::new(hierarchy));
    check_shapes(AutoMultivariateNormal::new(hierarchy));
    check_shapes(AutoLowRankMultivariateNormal::new(hierarchy, 2));
    check_shapes(AutoLaplace::new(hierarchy));
}

#[test]
fn parameters_have_a_row_for_each_row_of_their_plates() {
    let nested = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("groups", 2, |ctx, _| {
            ctx.sample("mean", Normal::new(0.0, 1.0))?;
            ctx.plate("rows", y.subsample(2), |ctx, y| {
                let z = ctx.sample("z", Normal::new(Tensor::zeros([4]), 1.0))?;
                ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
            })
        })
    };
    let shapes = |guide: &dyn Model<Tensor, Output = Values>| {
        let mut ctx = Ctx::new(0);
        let values = guide.run(&mut ctx, &three_rows()).unwrap();
        // Values are of the rows chosen.
        assert_eq!(values["z"].shape().to_vec(), [2, 2, 4]);
        let params = ctx.into_params();
        let of = |name: &String| (name.clone(), params.get(name).unwrap().shape().to_vec());
        params.names().map(of).collect::<Vec<_>>()
    };
    let named = |name: &str, shape: &[usize]| (name.to_owned(), shape.to_vec());
    let expected = [
        named("AutoNormal.locs.mean", &[2]),
        named("AutoNormal.scales.mean", &[2]),
        named("AutoNormal.locs.z", &[2, 3, 4]),
        named("AutoNormal.scales.z", &[2, 3, 4]),
    ];
    assert_eq!(shapes(&AutoNormal::new(nested)), expected);
    let expected = [named("AutoDelta.mean", &[2]), named("AutoDelta.z", &[2, 3, 4])];
    assert_eq!(shapes(&AutoDelta::new(nested)), expected);
}

/// A thousand rows, a hundred at a time: the posterior of each is Normal(4y/5, 1/√5).
fn thousand(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.plate("rows", y.subsample(100), |ctx, y| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.observe("y", Normal::new(z, 0.5), y).map(|_| ())
    })
}

/// Mean and largest distance of fitted values from the posterior's means, in its standard deviations.
fn distances(found: &Tensor, y: &[f64]) -> (f64, f64) {
    let found = found.to_f64().unwrap();
    assert_eq!(found.len(), 1000);
    let off: Vec<f64> = found.iter().zip(y).map(|(z, y)| (z - 0.8 * y).abs() * f64::sqrt(5.0)).collect();
    (off.iter().sum::<f64>() / 1000.0, off.iter().copied().fold(0.0, f64::max))
}

#[test]
fn every_row_of_a_subsampled_plate_is_fitted() {
    let y: Vec<f64> = (0..1000).map(|i| 3.0 * f64::from(i).sin()).collect();
    let data = Tensor::from(y.clone());
    // Each row is among the hundred in one step of ten, and moves then by about three times the rate (Adam's first moment
    // outlives the step, its second one is a tenth of the squared gradient): 120 times 0.06 is more than the way.
    let mut svi = Svi::new(thousand, AutoNormal::new(thousand), Adam::new(0.02), TraceElbo::new()).seed(4);
    svi.run(1200, &data).unwrap();
    let (mean, largest) = distances(&svi.guide().loc(svi.params(), "z").unwrap(), &y);
    // A row's gradient under one particle is noise of deviation √5, so that it wanders with the variance rate·3.2/2·√5/5 =
    // 0.014 around its mean: 0.27 of its standard deviation, of which the mean size is 0.8.
    assert!(mean < 0.4 && largest < 2.0, "{mean} {largest}");
    let scale = svi.guide().scale(svi.params(), "z").unwrap().log().mean(0).to_scalar().unwrap();
    assert!((scale + 0.5 * 5.0_f64.ln()).abs() < 0.1, "{scale}");

    let mut svi = Svi::new(thousand, AutoDelta::new(thousand), Adam::new(0.02), TraceElbo::new()).seed(4);
    svi.run(1200, &data).unwrap();
    // Without noise in the gradient. Rows that were chosen seldom are still on their way of up to 5.4 deviations.
    let (mean, largest) = distances(&svi.params().get("AutoDelta.z").unwrap(), &y);
    assert!(mean < 0.1 && largest < 1.0, "{mean} {largest}");
}

fn refusal(guide: impl Model<Tensor, Output = Values>) -> String {
    guide.run(&mut Ctx::new(0), &three_rows()).unwrap_err().to_string()
}

#[test]
fn joint_guides_refuse_rows_that_are_subsampled() {
    let expected = "plate `rows`: `z` is local to its subsampled rows: use AutoNormal or AutoDelta";
    let model = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("rows", y.subsample(2), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
    };
    assert_eq!(refusal(AutoMultivariateNormal::new(model)), expected);
    assert_eq!(refusal(AutoDiagonalNormal::new(model)), expected);
    assert_eq!(refusal(AutoLaplace::new(model)), expected);
}

#[test]
fn supports_that_change_are_refused_by_name() {
    let changes = |what: &str| {
        format!(
            "site `x`: its {what} changes from run to run: it depends on other sites or on the rows chosen, which an \
             automatic guide does not follow"
        )
    };
    let on_a_site = |ctx: &mut Ctx, _: &Tensor| {
        let top = ctx.sample("top", LogNormal::new(0.0, 1.0))?;
        ctx.sample("x", Uniform::new(0.0, top))
    };
    assert_eq!(refusal(AutoNormal::new(on_a_site)), changes("support"));
    assert_eq!(refusal(AutoDelta::new(on_a_site)), changes("support"));
    assert_eq!(refusal(AutoMultivariateNormal::new(on_a_site)), changes("support"));
    assert_eq!(refusal(AutoNormal::new(on_a_site).init(Init::Sample)), changes("support"));

    // Two of 300 rows, each with a bound of its own.
    let rows = |ctx: &mut Ctx, _: &Tensor| {
        let tops = Tensor::from((1..=300).map(f64::from).collect::<Vec<_>>());
        ctx.plate("rows", (&tops).subsample(2), |ctx, top| ctx.sample("x", Uniform::new(0.0, top)))
    };
    assert_eq!(refusal(AutoNormal::new(rows)), changes("support"));

    let sometimes = |ctx: &mut Ctx, _: &Tensor| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        // The start is 0, a draw never is.
        if x.detach().to_scalar()? != 0.0 { ctx.sample("y", Normal::new(0.0, 1.0)) } else { Ok(x) }
    };
    let expected = "site `y`: runs of the model differ in it, or in where it comes: an automatic guide needs the same \
                    latent sites in the same order";
    assert_eq!(refusal(AutoNormal::new(sometimes)), expected);
}

#[test]
fn bounds_may_differ_from_row_to_row() {
    let model = |ctx: &mut Ctx, low: &Tensor| {
        ctx.plate("rows", low, |ctx, low| ctx.sample("x", Uniform::new(low, low * 2.0 + 10.0)))
    };
    let check = |guide: &dyn Model<Tensor, Output = Values>| {
        let (run, values) =
            trace(&mut Ctx::new(1), &|ctx: &mut Ctx, y: &Tensor| guide.run(ctx, y), &three_rows()).unwrap();
        let (x, low) = (values["x"].to_f64().unwrap(), three_rows().to_f64().unwrap());
        assert!(x.iter().zip(&low).all(|(x, low)| low < x && *x < 2.0 * low + 10.0), "{x:?}");
        assert_eq!(run.value("x").unwrap().to_f64().unwrap(), x);
    };
    check(&AutoNormal::new(model));
    check(&AutoDiagonalNormal::new(model));
    let message = AutoDelta::new(model).run(&mut Ctx::new(1), &three_rows()).unwrap_err().to_string();
    assert_eq!(message, "site `x`: its support differs from row to row: use AutoNormal");
}

#[test]
fn what_cannot_be_guided_is_refused() {
    let coin = |ctx: &mut Ctx, _: &Tensor| ctx.sample("k", Bernoulli::new(0.5));
    let expected = "site `k`: an automatic guide for discrete values (0 or 1) is not available for Bernoulli: write a \
                    guide for it, or sum it out of the model";
    assert_eq!(refusal(AutoNormal::new(coin)), expected);
    assert_eq!(refusal(AutoDelta::new(coin)), expected);

    let nothing = |ctx: &mut Ctx, y: &Tensor| ctx.observe("y", Normal::new(Tensor::zeros([3]), 1.0), y);
    let expected = "the model has no latent site: there is nothing to guide";
    assert_eq!(refusal(AutoNormal::new(nothing)), expected);

    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let expected = format!("init_scale is {scale}, must be positive");
        assert_eq!(refusal(AutoNormal::new(hierarchy).init_scale(scale)), expected);
        assert_eq!(refusal(AutoDiagonalNormal::new(hierarchy).init_scale(scale)), expected);
        assert_eq!(refusal(AutoMultivariateNormal::new(hierarchy).init_scale(scale)), expected);
        assert_eq!(refusal(AutoLowRankMultivariateNormal::new(hierarchy, 1).init_scale(scale)), expected);
    }
}
