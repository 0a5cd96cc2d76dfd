//! Laws of the numbers behind plots, and ArviZ's and scipy's values.

use ppl_mcmc::diagnostics::{ess_bulk, ess_tail};
use ppl_plot::quantities::*;
use proptest::prelude::*;
use serde_json::Value;

use crate::models::chains;

/// From arviz-stats 0.8.0 (bandwidths and intervals) and scipy 1.17 (densities), for series of several kinds.
fn reference() -> Vec<Value> {
    let cases: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    cases.as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// ArviZ leaves the two highest frequencies out, and solves to about 1e-5.
#[test]
fn bandwidths_are_those_of_arviz() {
    for case in reference() {
        let (found, expected) = (bandwidth(&numbers(&case["draws"])), case["bandwidth"].as_f64().unwrap());
        assert!((found / expected - 1.0).abs() < 1e-4, "{}: {found}, not {expected}", case["name"]);
    }
}

/// Kernels end where they are `exp(-32)` of their height.
#[test]
fn densities_are_those_of_scipy_and_reflected() {
    for case in reference() {
        let (draws, grid) = (numbers(&case["draws"]), numbers(&case["grid"]));
        let width = case["bandwidth"].as_f64().unwrap();
        let least = draws.iter().copied().fold(f64::INFINITY, f64::min);
        for (bounds, expected) in [(None, "density"), (Some((least, f64::INFINITY)), "reflected")] {
            let found = kernel_density(&draws, width, bounds, &grid);
            for ((x, found), expected) in grid.iter().zip(found).zip(numbers(&case[expected])) {
                assert!((found - expected).abs() < 1e-12, "{} at {x}: {found}, not {expected}", case["name"]);
            }
        }
    }
}

#[test]
fn intervals_are_those_of_arviz() {
    for case in reference() {
        let draws = numbers(&case["draws"]);
        for (place, share) in [0.5, 0.89, 0.94].into_iter().enumerate() {
            type Interval = fn(&[f64], f64) -> (f64, f64);
            for (name, interval) in [("eti", eti as Interval), ("hdi", hdi as Interval)] {
                let (expected, found) = (numbers(&case[name][place]), interval(&draws, share));
                let off = (found.0 - expected[0]).abs().max((found.1 - expected[1]).abs());
                assert!(off < 1e-9, "{name} of {share} of {}: {found:?}, not {expected:?}", case["name"]);
            }
        }
    }
    assert!(eti(&[], 0.5).0.is_nan() && hdi(&[f64::NAN], 0.5).1.is_nan());
    assert_eq!((hdi(&[1.0], 0.9), hdi(&[2.0, 1.0], 1.0)), ((1.0, 1.0), (1.0, 2.0)));
}

/// The trapezoidal rule.
fn area(points: &[(f64, f64)]) -> f64 {
    points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum()
}

fn series() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-5.0..5.0f64, 4..200)
}

proptest! {
    /// Beyond the grid lie four standard deviations of the outermost kernels; at a bound where the density is not level,
    /// the rule's error is of the second order in a step of a quarter of a bandwidth.
    #[test]
    fn a_density_encloses_one(draws in series(), low in -9.0..-5.0f64, high in 5.0..6.0f64) {
        for bounds in [None, Some((low, high)), Some((low, f64::INFINITY)), Some((-5.0, 5.0))] {
            let density = density(&draws, bounds).unwrap();
            prop_assert!((area(&density.points) - 1.0).abs() < 2e-3, "{bounds:?}: {}", area(&density.points));
            let (low, high) = bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            prop_assert!(density.points.iter().all(|(x, height)| (low..=high).contains(x) && *height >= 0.0));
        }
    }

    #[test]
    fn a_density_is_the_same_in_other_units(draws in series(), scale in 0.01..100.0f64, shift in -50.0..50.0f64) {
        let moved: Vec<f64> = draws.iter().map(|x| scale * x + shift).collect();
        let (one, other) = (bandwidth(&draws), bandwidth(&moved));
        // A draw at a bin's edge may fall to its other side.
        prop_assert!((other / (scale * one) - 1.0).abs() < 0.05, "{one} {other} {scale}");
    }

    /// Every rank is in one part, and of all chains each part has its share of the ranks, but for those at its two ends.
    #[test]
    fn counts_of_ranks_add_up(draws in series(), chains in 1..4usize, parts in 1..9usize) {
        let length = draws.len() / chains;
        let slices: Vec<&[f64]> = draws.chunks_exact(length).take(chains).collect();
        let counts = rank_counts(&slices, parts);
        prop_assert!(counts.iter().all(|counts| counts.len() == parts && counts.iter().sum::<usize>() == length));
        for part in 0..parts {
            let all: usize = counts.iter().map(|counts| counts[part]).sum();
            prop_assert!((all as f64 - (chains * length) as f64 / parts as f64).abs() <= 1.0);
        }
    }

    #[test]
    fn intervals_hold_their_share_and_the_highest_density_is_the_shortest(draws in series(), share in 0.1..0.95f64) {
        let n = draws.len() as f64;
        let within = |(low, high): (f64, f64)| draws.iter().filter(|x| (low..=high).contains(*x)).count() as f64;
        prop_assert!(within(hdi(&draws, share)) >= share * n);
        prop_assert!((within(eti(&draws, share)) - share * n).abs() <= 2.0);
        let shortest = hdi(&draws, share);
        let length = |(low, high): (f64, f64)| high - low;
        // One draw more than the share, as the shortest has.
        prop_assert!(length(shortest) <= length(eti(&draws, (share + 2.0 / n).min(1.0))) + 1e-12);
    }
}

#[test]
fn tails_that_are_left_out_are_counted() {
    // Quantiles of the Cauchy distribution: the outermost of 1000 are at ±637.
    let mut draws: Vec<f64> =
        (0..1000).map(|i| (std::f64::consts::PI * ((f64::from(i) + 0.5) / 1000.0 - 0.5)).tan()).collect();
    draws.extend([f64::NAN, f64::INFINITY]);
    let density = density(&draws, None).unwrap();
    assert_eq!(density.not_finite, 2);
    assert!((4..=10).contains(&density.outside), "{}", density.outside);
    let share = 1.0 - density.outside as f64 / 1000.0;
    assert!((area(&density.points) - share).abs() < 1e-3);
    // Of a second hill most is seen.
    let hills: Vec<f64> =
        (0..1000).map(|i| f64::from(i % 97) / 97.0 + if i < 950 { 0.0 } else { 100.0 }).collect();
    let density = ppl_plot::quantities::density(&hills, None).unwrap();
    let second: Vec<(f64, f64)> = density.points.into_iter().filter(|(x, _)| *x > 50.0).collect();
    assert!(density.outside <= 5 && area(&second) > 0.04, "{}", area(&second));
}

#[test]
fn what_has_no_density_has_none() {
    for draws in [vec![], vec![1.0], vec![2.0; 9], vec![f64::NAN; 3], vec![f64::NAN, 1.0, f64::INFINITY]] {
        assert!(density(&draws, None).is_none(), "{draws:?}");
    }
}

/// `scipy.stats.hypergeom(4000, 200, 1000)`, its quantiles at 0.05 / 160 and 1 - 0.05 / 160.
#[test]
fn the_band_of_ranks_is_the_hypergeometric_one() {
    assert_eq!(rank_band(4, 1000, 20), (31, 71));
    assert_eq!(rank_band(1, 1000, 20), (50, 50));
    assert_eq!(rank_band(4, 1, 1), (1, 1));
    assert_eq!(rank_band(0, 0, 0), (0, 0));
}

#[test]
fn growth_ends_with_the_summary() {
    let chains = chains(3, 120);
    let summary = chains.summary().unwrap();
    for site in ["mean", "share"] {
        let draws = chains.get(site).unwrap().to_f64().unwrap();
        let slices: Vec<&[f64]> = draws.chunks(120).collect();
        let points = ess_growth(&slices, 20);
        assert_eq!((points.len(), points[9].draws, points[19].draws), (20, 180, 360));
        let row = summary.row(site).unwrap();
        assert_eq!((points[19].bulk, points[19].tail), (row.ess_bulk, row.ess_tail));
        let half: Vec<&[f64]> = slices.iter().map(|chain| &chain[..60]).collect();
        assert_eq!((points[9].bulk, points[9].tail), (ess_bulk(&half), ess_tail(&half)));
    }
    assert!(ess_growth(&[&[1.0, 2.0, 3.0]], 20).iter().all(|point| point.bulk.is_nan()));
    assert!(ess_growth(&[], 20).is_empty() && ess_growth(&[&[]], 20).is_empty());
}
