//! The two figures: the loss, and what is believed before and after.

use std::error::Error;
use std::path::{Path, PathBuf};

use ppl_examples_support::stats::running_mean;
use ppl_plot::{BLACK, BLUE, Figure, GREY, ORANGE, Panel};

use crate::beta::BetaDensity;

type Saved = Result<PathBuf, Box<dyn Error>>;

pub(crate) fn save_loss(folder: &Path, losses: &[f64], exact_loss: f64) -> Saved {
    let steps = || (1..=losses.len()).map(|step| step as f64);
    let each = steps().zip(losses.iter().copied()).collect();
    let least = steps().map(|step| (step, exact_loss)).collect();
    let panel = Panel::new("", "step", "loss (nats)")
        .line("one draw a step", GREY, each)
        .line("mean of 100 steps", BLUE, running_mean(losses, 100))
        .dashes("least possible: -ln p(data)", BLACK, least);
    Ok(Figure::new("Negative evidence lower bound").panel(panel).save(folder.join("coin_loss.svg"))?)
}

pub(crate) fn save_densities(
    folder: &Path,
    prior: BetaDensity,
    exact: BetaDensity,
    fitted: BetaDensity,
) -> Saved {
    let panel = Panel::new("", "fairness: probability of heads", "density")
        .hill("prior Beta(10, 10)", GREY, prior.curve()?)
        .hill("fitted guide", BLUE, fitted.curve()?)
        .dashes("exact posterior", ORANGE, exact.curve()?);
    Ok(Figure::new("Fairness of the coin after 10 tosses")
        .panel(panel)
        .save(folder.join("coin_densities.svg"))?)
}
