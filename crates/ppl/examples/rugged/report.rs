//! The tables, and the results as JSON.

use ppl::prelude::*;
use ppl_examples_support::stats::{mean, sd};
use ppl_examples_support::{Table, Value, json};

use crate::fit::{Fit, Posterior};
use crate::model::SITES;
use crate::nations::{Country, Nations};

/// Locations and scales that Pyro's tutorial prints for its AutoNormal guide, in the order of [`SITES`].
const TUTORIAL: [(f64, f64); 5] =
    [(9.17, 0.070), (-1.85, 0.141), (-0.19, 0.044), (0.36, 0.079), (-2.21, 0.061)];

/// The parameters of the guide written by hand.
pub(crate) const PARAMS: [&str; 5] = ["a_loc", "a_scale", "sigma_loc", "weights_loc", "weights_scale"];

/// Location and scale of a site on unconstrained space.
fn location(fit: &Fit<AutoNormal<impl Model<Country>>>, site: &str) -> Result<(f64, f64)> {
    let (guide, params) = (&fit.guide, &fit.params);
    Ok((guide.loc(params, site)?.to_scalar()?, guide.scale(params, site)?.to_scalar()?))
}

pub(crate) fn auto_normal(fit: &Fit<AutoNormal<impl Model<Country>>>) -> Result<Table> {
    let columns = ["", "loc", "tutorial's", "scale", "tutorial's"];
    let mut table =
        Table::new("AutoNormal, on unconstrained space, beside the figures of Pyro's tutorial", columns);
    for (site, (tutorial_loc, tutorial_scale)) in SITES.into_iter().zip(TUTORIAL) {
        let (loc, scale) = location(fit, site)?;
        table = table.row(site, [loc, tutorial_loc, scale, tutorial_scale]);
    }
    Ok(table)
}

pub(crate) fn auto_normal_json(fit: &Fit<AutoNormal<impl Model<Country>>>) -> Result<Value> {
    let (mut locs, mut scales) = (json!({}), json!({}));
    for site in SITES {
        let (loc, scale) = location(fit, site)?;
        locs[site] = json!(loc);
        scales[site] = json!(scale);
    }
    Ok(json!({ "locs": locs, "scales": scales }))
}

pub(crate) fn by_hand<G>(fit: &Fit<G>) -> Result<Table> {
    let mut table = Table::new("The guide written by hand", ["weights: bA, bR, bAR", "", "", ""]);
    for name in PARAMS {
        table = table.row(name, fit.params.get(name)?.to_f64()?);
    }
    Ok(table)
}

pub(crate) fn by_hand_json<G>(fit: &Fit<G>) -> Result<Value> {
    let mut params = json!({});
    for name in PARAMS {
        let value = fit.params.get(name)?;
        params[name] = if value.rank() == 0 { json!(value.to_scalar()?) } else { json!(value.to_f64()?) };
    }
    Ok(params)
}

pub(crate) fn moments(posteriors: &[&Posterior]) -> Result<Table> {
    let columns = ["mean ± sd", "a", "bA", "bR", "bAR", "sigma"];
    let mut table = Table::new("Posterior, from draws", columns);
    for posterior in posteriors {
        let fields = SITES.map(|site| posterior.draws(site).map(|draws| mean_and_sd(&draws)));
        table = table.text_row(posterior.name, fields.into_iter().collect::<Result<Vec<_>>>()?);
    }
    Ok(table)
}

pub(crate) fn slopes(posteriors: &[&Posterior], nations: &Nations) -> Result<Table> {
    let columns = ["mean ± sd", "outside Africa", "inside Africa", "coverage", "loss"];
    let mut table =
        Table::new("Slope of log GDP on ruggedness; coverage of the 90% predictive intervals", columns);
    for posterior in posteriors {
        let fields = [
            mean_and_sd(&posterior.slope(false)?),
            mean_and_sd(&posterior.slope(true)?),
            format!("{:.1}%", 100.0 * posterior.coverage(nations)),
            format!("{:.2}", posterior.loss()),
        ];
        table = table.text_row(posterior.name, fields);
    }
    Ok(table)
}

fn mean_and_sd(draws: &[f64]) -> String {
    format!("{:.3} ± {:.3}", mean(draws), sd(draws))
}

pub(crate) fn posterior_json(posterior: &Posterior, nations: &Nations) -> Result<Value> {
    let (mut means, mut sds) = (json!({}), json!({}));
    for site in SITES {
        let draws = posterior.draws(site)?;
        means[site] = json!(mean(&draws));
        sds[site] = json!(sd(&draws));
    }
    let slope = |in_africa: bool| -> Result<Value> {
        let draws = posterior.slope(in_africa)?;
        Ok(json!({ "mean": mean(&draws), "sd": sd(&draws) }))
    };
    Ok(json!({
        "loss": posterior.loss(), "seconds": posterior.seconds, "coverage": posterior.coverage(nations),
        "means": means, "sds": sds, "slopes": { "outside": slope(false)?, "inside": slope(true)? },
    }))
}
