//! Summaries of draws.

/// Mean. NaN of none.
pub fn mean(draws: &[f64]) -> f64 {
    draws.iter().sum::<f64>() / draws.len() as f64
}

/// Standard deviation, with `n - 1`. NaN of fewer than two.
pub fn sd(draws: &[f64]) -> f64 {
    let centre = mean(draws);
    (draws.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (draws.len() as f64 - 1.0)).sqrt()
}

/// Quantile, interpolated between order statistics. NaN of none.
pub fn quantile(draws: &[f64], probability: f64) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = probability.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// `n` equally spaced numbers from the start to the end of a range, both included.
pub fn grid((start, end): (f64, f64), n: usize) -> Vec<f64> {
    let step = (end - start) / (n.saturating_sub(1).max(1)) as f64;
    (0..n).map(|i| start + step * i as f64).collect()
}

/// Means of the last `window` values of a series, each with the number of values up to there, as points of a curve.
pub fn running_mean(series: &[f64], window: usize) -> Vec<(f64, f64)> {
    let window = window.clamp(1, series.len().max(1));
    series.windows(window).enumerate().map(|(before, part)| ((before + window) as f64, mean(part))).collect()
}

/// The closed curve that holds `probability` of the normal distribution with the moments of paired draws.
pub fn ellipse(x: &[f64], y: &[f64], probability: f64) -> Vec<(f64, f64)> {
    let (mean_x, mean_y, sd_x, sd_y) = (mean(x), mean(y), sd(x), sd(y));
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let correlation = products / (x.len() as f64 - 1.0) / (sd_x * sd_y);
    // The squared radius of a standard normal pair is exponential with mean 2.
    let radius = (-2.0 * (1.0 - probability).ln()).sqrt();
    let along = (1.0 - correlation * correlation).max(0.0).sqrt();
    grid((0.0, std::f64::consts::TAU), 121)
        .into_iter()
        .map(|angle| {
            let (sin, cos) = angle.sin_cos();
            (mean_x + sd_x * radius * cos, mean_y + sd_y * radius * (correlation * cos + along * sin))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_quantiles_of_a_few_numbers() {
        let draws = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(mean(&draws), 2.5);
        assert!((sd(&draws) - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let quantiles = [0.0, 0.25, 0.5, 1.0].map(|p| quantile(&draws, p));
        assert_eq!(quantiles, [1.0, 1.75, 2.5, 4.0]);
        assert!(quantile(&[], 0.5).is_nan() && mean(&[]).is_nan() && sd(&[1.0]).is_nan());
    }

    #[test]
    fn running_means_start_when_the_window_is_full() {
        assert_eq!(running_mean(&[1.0, 3.0, 5.0], 2), [(2.0, 2.0), (3.0, 4.0)]);
        assert_eq!(running_mean(&[1.0, 3.0], 100), [(2.0, 2.0)]);
        assert!(running_mean(&[], 100).is_empty());
    }

    #[test]
    fn an_ellipse_of_uncorrelated_pairs_has_axes_in_proportion_to_the_sds() {
        let (x, y) = ([-1.0, 1.0, -1.0, 1.0], [-2.0, -2.0, 2.0, 2.0]);
        let curve = ellipse(&x, &y, 1.0 - (-0.5_f64).exp());
        let (first, quarter) = (curve[0], curve[30]);
        assert!((first.0 - sd(&x)).abs() < 1e-12 && first.1.abs() < 1e-12, "{first:?}");
        assert!(quarter.0.abs() < 1e-12 && (quarter.1 - sd(&y)).abs() < 1e-12, "{quarter:?}");
    }
}
