//! Pairs of numbers.

use ppl_core::Result;

use super::density::{hill, left_out};
use super::{Plots, Selection};
use crate::figure::{BLUE, Figure, ORANGE, Panel};

/// Numbers, if nothing else was asked for.
const NUMBERS: usize = 5;

/// Draws of a panel beside those that diverged: more would be a cloud without a form, in a large file.
const DRAWS: usize = 1000;

/// Width of the figure, and of its narrowest and widest panels, in pixels.
const WIDTH: usize = 1140;
const PANEL: (usize, usize) = (190, 400);

impl Plots<'_> {
    /// Each number against each other one, with draws whose trajectory diverged in front: where these gather the sampler
    /// meets a curvature that it cannot follow, and there the posterior may not have been reached. On the diagonal stand
    /// densities.
    ///
    /// # Errors
    /// If a site is not known, or draws cannot be read.
    pub fn pairs(&self) -> Result<Figure> {
        let chosen = self.select(NUMBERS)?;
        let n = chosen.numbers.len();
        let width = (WIDTH / n).clamp(PANEL.0, PANEL.1);
        let height = width * 9 / 10 + 20;
        let figure = Figure::new("Pairs of numbers").columns(vec![width as u32; n]).row_height(height as u32);
        let diverged: Vec<bool> = self.chains().transitions().iter().flatten().map(|t| t.divergent).collect();
        let step = diverged.len().div_ceil(DRAWS).max(1);
        let mut figure = panels(&chosen, figure, &diverged, step).key("draws", BLUE);
        if diverged.contains(&true) {
            figure = figure.key("diverged", ORANGE);
        }
        if step > 1 && n > 1 {
            figure = figure.note(format!(
                "Of the draws one in {step} is shown, of those whose trajectory diverged every one."
            ));
        }
        Ok(chosen.notes(figure))
    }
}

/// The range of finite draws, with a margin.
fn range(draws: &[f64]) -> (f64, f64) {
    let finite = draws.iter().filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let margin = (high - low) * 0.04;
    (low - margin, high + margin)
}

fn panels(chosen: &Selection, mut figure: Figure, diverged: &[bool], step: usize) -> Figure {
    let all: Vec<Vec<f64>> = chosen.numbers.iter().map(|number| number.all()).collect();
    let last = all.len() - 1;
    for (row, of_y) in chosen.numbers.iter().enumerate() {
        for (column, of_x) in chosen.numbers.iter().enumerate() {
            if column > row {
                figure = figure.gap();
                continue;
            }
            let x_label = if row == last { of_x.name.as_str() } else { "" };
            let (x, y) = (range(&all[column]), range(&all[row]));
            if column == row {
                // As wide as those below: the first of which has a label.
                let y_label = if column == 0 { " " } else { "" };
                let (panel, outside) = hill(of_y, Panel::new(&of_y.name, x_label, y_label), false);
                if outside > 0 {
                    figure = figure.note(left_out(of_y, outside));
                }
                figure = figure.panel(panel.x_range(x.0, x.1));
                continue;
            }
            let y_label = if column == 0 { of_y.name.as_str() } else { "" };
            let points = || all[column].iter().copied().zip(all[row].iter().copied());
            let fine = points().zip(diverged).step_by(step).filter(|(_, diverged)| !**diverged);
            let bad = points().zip(diverged).filter(|(_, diverged)| **diverged);
            let panel = Panel::new("", x_label, y_label)
                .x_range(x.0, x.1)
                .y_range(y.0, y.1)
                .dots("", BLUE, fine.map(|(point, _)| point).collect())
                .dots("", ORANGE, bad.map(|(point, _)| point).collect());
            figure = figure.panel(panel);
        }
    }
    figure
}
