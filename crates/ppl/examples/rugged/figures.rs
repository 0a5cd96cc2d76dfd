//! The figures: the losses, and mean field against full rank.

use std::error::Error;
use std::path::{Path, PathBuf};

use ppl::core::Result;
use ppl_examples_support::stats::{ellipse, running_mean};
use ppl_plot::quantities::density;
use ppl_plot::{BLACK, BLUE, Corner, Figure, GREEN, GREY, ORANGE, Panel, Rgb};

use crate::fit::Posterior;
use crate::nations::Nations;

type Saved = std::result::Result<PathBuf, Box<dyn Error>>;

/// Mean field and full rank, in this order, with their colours.
type Pair<'a> = [(&'a Posterior, Rgb); 2];

pub(crate) fn pair<'a>(mean_field: &'a Posterior, full_rank: &'a Posterior) -> Pair<'a> {
    [(mean_field, ORANGE), (full_rank, BLUE)]
}

pub(crate) fn save_losses(folder: &Path, posteriors: [&Posterior; 3]) -> Saved {
    let whole = Panel::new("all steps", "step", "loss (nats), mean of 20 steps");
    let end = Panel::new("the last half", "step", "loss (nats), mean of 20 steps");
    let curves = posteriors.into_iter().zip([GREEN, ORANGE, BLUE]);
    let (whole, end) = curves.fold((whole, end), |(whole, end), (posterior, color)| {
        let curve = running_mean(&posterior.losses, 20);
        let half = curve[curve.len() / 2..].to_vec();
        (whole.line(posterior.name, color, curve), end.line(posterior.name, color, half))
    });
    Ok(Figure::new("Negative evidence lower bound")
        .panel(whole)
        .panel(end)
        .save(folder.join("rugged_losses.svg"))?)
}

/// Draws of pairs of weights, with the curves that hold 50% and 90% of a normal distribution with their moments.
pub(crate) fn save_cross_sections(folder: &Path, pair: &Pair<'_>) -> Saved {
    let mut figure = Figure::new("Cross sections of the posterior: 800 draws, 50% and 90% contours");
    for (x, y, free) in [("bA", "bR", Corner::UpperLeft), ("bR", "bAR", Corner::UpperRight)] {
        let mut panel = Panel::new(&format!("{x} and {y}"), x, y).legend(free);
        for &(posterior, color) in pair.iter().rev() {
            let (x, y) = (posterior.draws(x)?, posterior.draws(y)?);
            let points = x.iter().copied().zip(y.iter().copied()).collect();
            panel = panel.dots("", color, points);
        }
        for &(posterior, color) in pair {
            let (x, y) = (posterior.draws(x)?, posterior.draws(y)?);
            panel =
                panel.line(posterior.name, color, ellipse(&x, &y, 0.9)).line("", color, ellipse(&x, &y, 0.5));
        }
        figure = figure.panel(panel);
    }
    Ok(figure.save(folder.join("rugged_cross_sections.svg"))?)
}

pub(crate) fn save_slopes(folder: &Path, pair: &Pair<'_>) -> Saved {
    let range = (-0.6, 0.7);
    let mut figure = Figure::new("Slope of log GDP on terrain ruggedness").shared_y();
    for (posterior, _) in pair {
        let curve = |draws: Vec<f64>| density(&draws, None).map(|density| density.points).unwrap_or_default();
        let (outside, inside) = (curve(posterior.slope(false)?), curve(posterior.slope(true)?));
        let panel = Panel::new(posterior.name, "slope", "density").x_range(range.0, range.1);
        figure = figure.panel(panel.hill("outside Africa: bR", BLUE, outside).hill(
            "inside Africa: bR + bAR",
            ORANGE,
            inside,
        ));
    }
    Ok(figure.save(folder.join("rugged_slopes.svg"))?)
}

pub(crate) fn save_predictive_bands(folder: &Path, pair: &Pair<'_>, nations: &Nations) -> Saved {
    let mut figure = Figure::new("GDP by terrain ruggedness: data, regression line, 90% intervals");
    for &(posterior, color) in pair {
        for (place, in_africa) in [("nations outside Africa", false), ("nations in Africa", true)] {
            figure = figure.panel(predictive_panel(posterior, color, place, in_africa, nations)?);
        }
    }
    Ok(figure.save(folder.join("rugged_predictive.svg"))?)
}

fn predictive_panel(
    posterior: &Posterior,
    color: Rgb,
    place: &str,
    in_africa: bool,
    nations: &Nations,
) -> Result<Panel> {
    let (line_band, line) = posterior.line_band(in_africa)?;
    let title = format!("{place}, {}", posterior.name);
    Ok(Panel::new(&title, "terrain ruggedness index", "log GDP per head in 2000")
        .x_range(0.0, 6.5)
        .y_range(5.0, 13.0)
        .band("90%: a nation's log GDP", GREY, 0.2, posterior.predictive_band(in_africa))
        .band("90%: the regression line", color, 0.35, &line_band)
        .line("mean", color, line)
        .dots("nations", BLACK, nations.points(in_africa)))
}
