//! Densities of draws.

use std::f64::consts::TAU;

use ppl_mcmc::diagnostics::quantile;

use super::bandwidth;

/// So many bandwidths from a draw its kernel is nothing: `exp(-32)`.
const REACH: f64 = 8.0;

/// Beyond the outermost draws the grid goes on for so many bandwidths.
const MARGIN: f64 = 4.0;

/// Fewest and most points of a grid; between, so many a bandwidth.
const POINTS: (f64, f64) = (256.0, 4096.0);
const A_BANDWIDTH: f64 = 4.0;

/// Draws further from the quartiles than so many times their distance are tails that would make the rest a needle: of these
/// no more than this share is left out at one end.
const FAR: f64 = 12.0;
const FAR_SHARE: f64 = 0.005;

/// A density estimated from draws.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Density {
    /// The curve.
    pub points: Vec<(f64, f64)>,
    /// The standard deviation of the kernel.
    pub bandwidth: f64,
    /// Number of finite draws in far tails, which are left out; the curve encloses the share of the others.
    pub outside: usize,
    /// Number of draws that are not finite, which are left out.
    pub not_finite: usize,
}

/// The density of draws by a Gaussian kernel with the [`bandwidth`] that they ask for, on a grid that is fine enough to see
/// all of it. At finite `bounds`, the ends of the support, what the kernel puts beyond is reflected.
///
/// `None` if fewer than two finite draws differ.
pub fn density(draws: &[f64], bounds: Option<(f64, f64)>) -> Option<Density> {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let quartiles = [0.25, 0.75].map(|probability| quantile(&sorted, probability));
    let far = FAR * (quartiles[1] - quartiles[0]);
    // Where the quartiles are equal, no distance is far.
    let (mut low, mut high) = (*sorted.first()?, *sorted.last()?);
    if far > 0.0 {
        low = low.max((quartiles[0] - far).min(quantile(&sorted, FAR_SHARE)));
        high = high.min((quartiles[1] + far).max(quantile(&sorted, 1.0 - FAR_SHARE)));
    }
    let inside: Vec<f64> = sorted.iter().copied().filter(|x| (low..=high).contains(x)).collect();
    let width = bandwidth(&inside);
    if !(width > 0.0 && width.is_finite()) {
        return None;
    }
    let (least, most) = bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let start = (low - MARGIN * width).max(least.min(low));
    let end = (high + MARGIN * width).min(most.max(high));
    let steps = (A_BANDWIDTH * (end - start) / width).clamp(POINTS.0, POINTS.1).ceil();
    let grid: Vec<f64> =
        (0..=steps as usize).map(|i| (start + (end - start) * (i as f64 / steps)).min(end)).collect();
    let share = inside.len() as f64 / sorted.len() as f64;
    let heights = kernel_density(&inside, width, bounds, &grid);
    Some(Density {
        points: grid.into_iter().zip(heights).map(|(x, height)| (x, share * height)).collect(),
        bandwidth: width,
        outside: sorted.len() - inside.len(),
        not_finite: draws.len() - sorted.len(),
    })
}

/// The mean of Gaussian kernels with a given standard deviation about finite draws, at the places of an increasing grid,
/// reflected at finite `bounds`.
pub fn kernel_density(draws: &[f64], bandwidth: f64, bounds: Option<(f64, f64)>, grid: &[f64]) -> Vec<f64> {
    let mut heights = vec![0.0; grid.len()];
    let mut add = |centre: f64| {
        let first = grid.partition_point(|x| *x < centre - REACH * bandwidth);
        for (x, height) in grid.iter().zip(&mut heights).skip(first) {
            let z = (x - centre) / bandwidth;
            if z > REACH {
                break;
            }
            *height += (-0.5 * z * z).exp();
        }
    };
    let (low, high) = bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    for &draw in draws {
        add(draw);
        for bound in [low, high] {
            if (draw - bound).abs() < REACH * bandwidth {
                add(2.0 * bound - draw);
            }
        }
    }
    let scale = 1.0 / (draws.len() as f64 * bandwidth * TAU.sqrt());
    let inside = |x: f64| x >= low && x <= high;
    heights.iter().zip(grid).map(|(height, x)| if inside(*x) { scale * height } else { 0.0 }).collect()
}
