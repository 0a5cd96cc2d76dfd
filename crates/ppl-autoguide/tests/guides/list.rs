//! Guides of several parts.

use ppl_autoguide::{
    AutoCallable, AutoDelta, AutoDiagonalNormal, AutoGuideList, AutoNormal, Marginals, Values,
};
use ppl_core::{Ctx, Model, ParamStore, Result, trace};
use ppl_dist::{LogNormal, constraints};
use ppl_infer::{Adam, Init, Predictive, Svi, TraceElbo};
use ppl_tensor::Tensor;

use crate::models::{Regression, Row, data, exact, fit, hierarchy, regression, three_rows, wander};

#[test]
fn each_part_is_fitted_in_its_own_way() {
    let guide = || AutoGuideList::new(regression).on(["a"], AutoDelta::new).rest(AutoDiagonalNormal::new);
    let svi = fit(regression, guide, &data());
    let exact = exact();
    // With a point for `a`, both fits meet at the mode, along the ridge as flat as its correlation makes it.
    let correlation = exact.precision[0][1] / (exact.precision[0][0] * exact.precision[1][1]).sqrt();
    let median = svi.guide().median(svi.params()).unwrap();
    let names: Vec<&String> = median.keys().collect();
    assert_eq!(names, ["a", "b"]);
    for (i, site) in ["a", "b"].iter().enumerate() {
        let off = wander(exact.precision[i][i], 1.0 / (1.0 - correlation));
        let found = median[*site].to_scalar().unwrap();
        assert!((found - exact.mean[i]).abs() < off, "{site}: {found} {:?} ± {off}", exact.mean);
    }
    let quantiles = svi.guide().quantiles(svi.params(), &[0.2, 0.8]).unwrap();
    let width = |site: &str| {
        let quantiles = quantiles[site].to_f64().unwrap();
        quantiles[1] - quantiles[0]
    };
    assert!(width("a") == 0.0 && width("b") > 0.0);
    let draws =
        Predictive::new(regression).with_params(svi.params()).posterior(svi.guide(), 7, &data()).unwrap();
    assert_eq!(draws.get("b").unwrap().shape().to_vec(), [7]);
}

#[test]
fn two_parts_of_a_kind_have_names_of_their_own() {
    let guide = AutoGuideList::new(hierarchy)
        .on(["scale"], AutoDiagonalNormal::new)
        .on_sites(|site| site.starts_with('z'), |part| AutoDiagonalNormal::new(part).prefix("rows"));
    let mut svi = Svi::new(hierarchy, guide, Adam::new(0.01), TraceElbo::new().particles(3));
    svi.run(5, &three_rows()).unwrap();
    let names: Vec<&String> = svi.params().names().collect();
    assert_eq!(names, ["AutoDiagonalNormal.loc", "AutoDiagonalNormal.scale", "rows.loc", "rows.scale"]);
    assert_eq!(svi.params().get("rows.loc").unwrap().shape().to_vec(), [6]);
    assert_eq!(svi.guide().sites().unwrap(), ["scale", "z"]);
}

/// A log-normal for `scale`, written by hand.
fn by_hand(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.4)?;
    let spread = ctx.param_in("spread", 0.2, constraints::positive())?;
    ctx.sample("scale", LogNormal::new(loc, spread)).map(|_| ())
}

#[test]
fn a_part_may_be_written_by_hand() {
    let median = |params: &ParamStore| -> Result<Values> {
        Ok(Values::from_iter([("scale".to_owned(), params.get("loc")?.exp())]))
    };
    let guide = AutoGuideList::new(hierarchy)
        .on(["scale"], |_| AutoCallable::new(by_hand).with_median(median))
        .rest(|part| AutoNormal::new(part).init(Init::Sample));
    let mut svi = Svi::new(hierarchy, guide, Adam::new(0.01), TraceElbo::new().particles(3));
    svi.run(5, &three_rows()).unwrap();
    let medians = svi.guide().median(svi.params()).unwrap();
    let loc = svi.params().get("loc").unwrap().to_scalar().unwrap();
    assert_eq!(medians["scale"].to_scalar().unwrap(), loc.exp());
    assert_eq!(medians["z"].shape().to_vec(), [3, 2]);
    let message = svi.guide().quantiles(svi.params(), &[0.5]).unwrap_err().to_string();
    let expected =
        "site `scale`: quantiles without draws is not available for a guide that gives its median alone";
    assert_eq!(message, expected);

    let bare = AutoCallable::new(by_hand);
    assert_eq!(bare.sites().unwrap_err().to_string(), "the guide has not run yet: its sites are not known");
    let values = bare.run(&mut Ctx::new(0), &three_rows()).unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), ["scale"]);
    let message = bare.median(svi.params()).unwrap_err().to_string();
    let expected = "site `scale`: a median is not available for this AutoCallable: give it one with \
                    `AutoCallable::with_median`";
    assert_eq!(message, expected);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let run = |guide: AutoGuideList<'_, Regression, Row>| {
        trace(&mut Ctx::new(0), &guide, &data()).unwrap_err().to_string()
    };
    let list = || AutoGuideList::new(regression as Regression);
    let unknown = run(list().on(["a", "c"], AutoNormal::new).rest(AutoNormal::new));
    assert_eq!(unknown, "there is no latent site named `c`; there are: a, b");
    let twice = run(list().on(["a"], AutoNormal::new).on(["a", "b"], AutoDelta::new));
    assert_eq!(twice, "two statements are named `a`: names are unique in a run of a program");
    let nothing = run(list().on(["a", "b"], AutoNormal::new).rest(AutoNormal::new));
    assert_eq!(nothing, "the model has no latent site: there is nothing to guide");
    // Without a recorder too.
    let guide = list().on(["a"], AutoNormal::new).on(["a", "b"], AutoDelta::new);
    let twice = guide.run(&mut Ctx::new(0), &data()).unwrap_err().to_string();
    assert_eq!(twice, "site `a`: two parts of the guide have it");

    let guide = list().on(["a"], AutoNormal::new);
    let message = Svi::new(regression, guide, Adam::new(0.01), TraceElbo::new()).step(&data()).unwrap_err();
    assert!(message.to_string().starts_with("the guide lacks the model's latent sites `b`"), "{message}");
}
