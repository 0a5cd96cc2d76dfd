//! One guide fitted, and what it then says.

use std::time::Instant;

use ppl::infer::Execute;
use ppl::prelude::*;
use ppl_examples_support::{Options, show, stats};

use crate::DRAWS;
use crate::model::model;
use crate::nations::{Country, Nations};

/// Points: x and y.
type Curve = Vec<(f64, f64)>;
/// Intervals: x, lower and upper bound of y.
type Band = Vec<(f64, f64, f64)>;

/// Ruggedness of the imagined nations for which GDP is predicted.
fn ruggedness() -> Vec<f64> {
    stats::grid((0.0, 6.5), 27)
}

/// A fitted guide, and what it says.
pub(crate) struct Fit<G> {
    pub(crate) guide: G,
    pub(crate) params: ParamStore,
    pub(crate) posterior: Posterior,
}

/// What a fitted guide says about the latent values, and about nations whose GDP it is not told.
pub(crate) struct Posterior {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) losses: Vec<f64>,
    draws: Draws,
    /// 90% predictive interval of each nation.
    intervals: Vec<(f64, f64)>,
    /// The same of imagined nations, outside and inside Africa, with their ruggedness.
    bands: [Band; 2],
}

impl<G: Model<Country>> Fit<G> {
    /// Fits a guide to the nations, compiled or not, and draws from it.
    pub(crate) fn new(
        name: &'static str,
        guide: G,
        nations: &Nations,
        options: &Options,
        jit: bool,
    ) -> Result<Self> {
        let device = &options.device;
        let countries = device.place(&nations.columns())?;
        let start = Instant::now();
        let objective = TraceElbo::new();
        let (guide, params, losses) = match jit {
            true => fitted(guide, objective.jit(), &countries, options)?,
            false => fitted(guide, objective, &countries, options)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        show(format!("{name}: {} steps in {seconds:.2} s", options.steps));

        // Without `log_gdp` the site `obs` is drawn.
        let predictive = Predictive::new(model).with_params(&params).on(device, options.seed);
        let predict = |countries: &Country| predictive.posterior(&guide, DRAWS, &device.place(countries)?);
        let draws = predict(&nations.without_gdp())?;
        let band = |in_africa: bool| -> Result<Band> {
            let grid = ruggedness();
            let imagined = Country::imagined(&grid, in_africa);
            let bounds = intervals(predict(&imagined)?.get("obs")?)?;
            Ok(grid.into_iter().zip(bounds).map(|(x, (lower, upper))| (x, lower, upper)).collect())
        };
        let (intervals, bands) = (intervals(draws.get("obs")?)?, [band(false)?, band(true)?]);
        Ok(Self { posterior: Posterior { name, seconds, losses, draws, intervals, bands }, guide, params })
    }
}

/// The guide after its steps, its parameters, and the losses.
fn fitted<G: Model<Country>, J: Execute<Country>>(
    guide: G,
    objective: J,
    countries: &Country,
    options: &Options,
) -> Result<(G, ParamStore, Vec<f64>)> {
    let mut svi = Svi::new(model, guide, Adam::new(0.02), objective).on(&options.device, options.seed);
    svi.run(options.steps, countries)?;
    let parts = svi.into_parts();
    Ok((parts.guide, parts.params, parts.losses))
}

impl Posterior {
    /// Draws of a latent site.
    pub(crate) fn draws(&self, site: &str) -> Result<Vec<f64>> {
        Ok(self.draws.get(site)?.to_f64()?)
    }

    /// Draws of the slope of log GDP on ruggedness.
    pub(crate) fn slope(&self, in_africa: bool) -> Result<Vec<f64>> {
        let outside = self.draws.get("bR")?;
        Ok(if in_africa { outside + self.draws.get("bAR")? } else { outside.clone() }.to_f64()?)
    }

    /// Mean loss of the last 100 steps.
    pub(crate) fn loss(&self) -> f64 {
        stats::mean(&self.losses[self.losses.len().saturating_sub(100)..])
    }

    /// Fraction of nations whose log GDP is inside their 90% predictive interval.
    pub(crate) fn coverage(&self, nations: &Nations) -> f64 {
        let inside = |(gdp, (lower, upper)): &(&f64, &(f64, f64))| lower <= gdp && *gdp <= upper;
        let covered = nations.log_gdp.iter().zip(&self.intervals).filter(inside).count();
        covered as f64 / nations.len() as f64
    }

    /// 90% predictive interval by ruggedness: ruggedness, lower and upper bound.
    pub(crate) fn predictive_band(&self, in_africa: bool) -> &[(f64, f64, f64)] {
        &self.bands[usize::from(in_africa)]
    }

    /// 90% interval of the regression line by ruggedness, and its mean.
    pub(crate) fn line_band(&self, in_africa: bool) -> Result<(Band, Curve)> {
        let level = self.draws.get("a")?;
        let level = if in_africa { level + self.draws.get("bA")? } else { level.clone() }.to_f64()?;
        let slope = self.slope(in_africa)?;
        let lines = ruggedness().into_iter().map(|x| {
            let heights: Vec<f64> =
                level.iter().zip(&slope).map(|(level, slope)| level + slope * x).collect();
            (
                (x, stats::quantile(&heights, 0.05), stats::quantile(&heights, 0.95)),
                (x, stats::mean(&heights)),
            )
        });
        Ok(lines.unzip())
    }
}

/// The 5% and 95% quantiles of each column of draws `[draws, columns]`.
fn intervals(draws: &Tensor) -> Result<Vec<(f64, f64)>> {
    let draws = draws.t();
    let columns = draws.to_f64()?;
    let interval = |column: &[f64]| (stats::quantile(column, 0.05), stats::quantile(column, 0.95));
    Ok(columns.chunks(draws.size(-1)?.max(1)).map(interval).collect())
}
