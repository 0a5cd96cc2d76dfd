//! How smooth a density is.

use std::f64::consts::{FRAC_PI_2, PI};

use ppl_mcmc::diagnostics::{mean, quantile};

/// Bins of the histogram whose cosine transform tells the roughness.
const BINS: usize = 512;

/// The bandwidth of a Gaussian kernel: the mean of Silverman's rule (1986, "Density estimation for statistics and data
/// analysis", equation 3.31), which makes one hill of two that are far apart, and of the improved Sheather-Jones rule
/// (Botev, Grotowski and Kroese 2010, "Kernel density estimation via diffusion"), which makes hills of correlated draws
/// that are none; as ArviZ has it. Silverman's alone where the other has no solution. NaN of no draw or one that is not
/// finite, 0 of equal draws.
pub fn bandwidth(draws: &[f64]) -> f64 {
    let silverman = silverman(draws);
    match sheather_jones(draws) {
        Some(width) if silverman.is_finite() => (silverman + width) / 2.0,
        _ => silverman,
    }
}

fn silverman(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let centre = mean(draws);
    let sd = (draws.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / n).sqrt();
    let between = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 1.34;
    // Where more than half of the draws are equal they say nothing of the others.
    let spread = if between > 0.0 { sd.min(between) } else { sd };
    0.9 * spread * n.powf(-0.2)
}

/// The root of a fixed-point equation for the squared bandwidth, in units of the range of draws.
fn sheather_jones(draws: &[f64]) -> Option<f64> {
    let n = draws.len() as f64;
    let (low, high) =
        draws.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let range = high - low;
    if !(range > 0.0 && range.is_finite()) {
        return None;
    }
    let mut shares = vec![0.0; BINS];
    for x in draws {
        let bin = ((x - low) / range * BINS as f64) as usize;
        shares[bin.min(BINS - 1)] += 1.0 / n;
    }
    let powers = squared_cosine_transform(&shares);
    let root = root(|t| t - fixed_point(t, n, &powers), 0.0, 0.01)?;
    Some(root.sqrt() * range)
}

/// Squares of the coefficients 1, 2, … of the cosine transform.
fn squared_cosine_transform(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    // Angles are multiples of a quarter of the circle's n-th part.
    let cosines: Vec<f64> = (0..4 * n).map(|i| (PI * i as f64 / (2 * n) as f64).cos()).collect();
    let coefficient = |k: usize| -> f64 {
        values.iter().enumerate().map(|(j, value)| value * cosines[k * (2 * j + 1) % (4 * n)]).sum()
    };
    (1..n).map(|k| (2.0 * coefficient(k)).powi(2)).collect()
}

/// `ξ γ^[l](t)` of Botev and others, section 4, with `l = 7`.
fn fixed_point(t: f64, n: f64, powers: &[f64]) -> f64 {
    // The squared norm of a derivative of the density, smoothed for a time t.
    let norm = |order: i32, t: f64| {
        // exp(-π²k²t) for each k by two products: its ratios are geometric.
        let first = (-PI * PI * t).exp();
        let (mut decay, mut ratio, square) = (first, first.powi(3), first * first);
        let mut sum = 0.0;
        for (i, power) in powers.iter().enumerate() {
            sum += ((i + 1) as f64).powi(2 * order) * power * decay;
            (decay, ratio) = (decay * ratio, ratio * square);
        }
        0.5 * PI.powi(2 * order) * sum
    };
    let mut f = norm(7, t);
    for order in (2..7).rev() {
        let s = f64::from(order);
        let first = (1.0 + 0.5_f64.powf(s + 0.5)) / 3.0;
        let odd: f64 = (1..=order).map(|i| f64::from(2 * i - 1)).product();
        let time = (first * odd / FRAC_PI_2.sqrt() / (n * f)).powf(2.0 / (3.0 + 2.0 * s));
        f = norm(order, time);
    }
    (2.0 * n * PI.sqrt() * f).powf(-0.4)
}

/// Where a function is 0 between two places at which it has different signs, by the Illinois rule.
fn root(f: impl Fn(f64) -> f64, mut a: f64, mut b: f64) -> Option<f64> {
    let (mut at_a, mut at_b) = (f(a), f(b));
    let opposite = at_a * at_b < 0.0;
    if !opposite {
        return None;
    }
    for _ in 0..200 {
        let middle = (a * at_b - b * at_a) / (at_b - at_a);
        let value = f(middle);
        if !value.is_finite() {
            return None;
        }
        if value * at_b < 0.0 {
            (a, at_a) = (b, at_b);
        } else {
            at_a /= 2.0;
        }
        let step = (middle - b).abs();
        (b, at_b) = (middle, value);
        if value == 0.0 || step < 1e-12 * middle {
            break;
        }
    }
    Some(b)
}
