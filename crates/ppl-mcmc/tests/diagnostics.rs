//! Diagnostics against ArviZ's numbers.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_mcmc::diagnostics::{
    e_bfmi, ess_bulk, ess_mean, ess_sd, ess_tail, mcse_mean, mcse_sd, quantile, r_hat,
};
use ppl_mcmc::{loo, waic};
use ppl_tensor::Tensor;
use proptest::prelude::*;
use serde_json::Value;

/// Made with arviz-stats 0.8.0 from random series: independent, sticky, antithetic, apart, of heavy tails, with ties, short.
fn reference() -> Value {
    serde_json::from_str(include_str!("arviz.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-3), "{what}: {found}, not {expected}");
}

#[test]
fn of_chains() {
    for case in reference()["cases"].as_array().unwrap() {
        let chains: Vec<Vec<f64>> = case["chains"].as_array().unwrap().iter().map(numbers).collect();
        let slices: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
        type Diagnostic = fn(&[&[f64]]) -> f64;
        let all: [(&str, Diagnostic); 7] = [
            ("r_hat", r_hat),
            ("ess_bulk", ess_bulk),
            ("ess_tail", ess_tail),
            ("ess_mean", ess_mean),
            ("ess_sd", ess_sd),
            ("mcse_mean", mcse_mean),
            ("mcse_sd", mcse_sd),
        ];
        for (name, diagnostic) in all {
            let what = format!("{} of {}", name, case["name"]);
            close(&what, diagnostic(&slices), case[name].as_f64().unwrap());
        }
        for (chain, expected) in chains.iter().zip(numbers(&case["e_bfmi"])) {
            close("e_bfmi", e_bfmi(chain), expected);
        }
    }
}

#[test]
fn of_predictions() {
    let reference = reference();
    let expected = &reference["loo"];
    let rows: Vec<Vec<f64>> = expected["log_likelihood"].as_array().unwrap().iter().map(numbers).collect();
    let log_likelihood = Tensor::new([rows.len(), 6], rows.concat()).unwrap();
    let found = loo(&log_likelihood).unwrap();
    for (i, elpd) in numbers(&expected["elpd"]).into_iter().enumerate() {
        close("elpd", found.pointwise[i], elpd);
        close("k", found.diagnostic[i], numbers(&expected["k"])[i]);
    }
    close("elpd", found.elpd, numbers(&expected["elpd"]).iter().sum());
    close("p", found.p, numbers(&expected["p"]).iter().sum());
    assert!(
        found.to_string().contains("warning: 1 of 6 observations have a Pareto shape above 0.7"),
        "{found}"
    );
    let found = waic(&log_likelihood).unwrap();
    close("waic", found.elpd, numbers(&expected["waic"]).iter().sum());
    close("p_waic", found.p, numbers(&expected["p_waic"]).iter().sum());
    assert!(loo(&Tensor::from([1.0])).unwrap_err().to_string().contains("[draw, …]"));
    let infinite = Tensor::new([2, 1], vec![0.0, f64::NEG_INFINITY]).unwrap();
    assert_eq!(waic(&infinite).unwrap_err().to_string(), "a log likelihood is -inf: there is no estimate");
}

proptest! {
    /// Ranks do not change where a function grows, and R̂ and bulk ESS are of ranks; all are the same in other units.
    #[test]
    fn what_does_not_depend_on_units(
        rows in prop::collection::vec(prop::collection::vec(-2.0..2.0f64, 12), 2..5),
        scale in 0.1..10.0f64,
        shift in -5.0..5.0f64,
    ) {
        let of = |f: &dyn Fn(f64) -> f64, diagnostic: fn(&[&[f64]]) -> f64| {
            let mapped: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|x| f(*x)).collect()).collect();
            diagnostic(&mapped.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let same = |x: f64, y: f64| (x - y).abs() <= 1e-6 * x.abs();
        prop_assert!(same(of(&|x| x, ess_bulk), of(&f64::exp, ess_bulk)));
        prop_assert!(same(of(&|x| x, ess_mean), of(&|x| scale * x + shift, ess_mean)));
        prop_assert!(same(scale * of(&|x| x, mcse_mean), of(&|x| scale * x + shift, mcse_mean)));
    }
}

#[test]
fn what_cannot_be_judged_is_not_a_number() {
    for diagnostic in [r_hat, ess_bulk, ess_tail, ess_mean, ess_sd] {
        assert!(diagnostic(&[]).is_nan());
        assert!(diagnostic(&[&[1.0, 2.0, 3.0]]).is_nan());
        assert!(diagnostic(&[&[1.0, 2.0, f64::NAN, 3.0, 4.0]]).is_nan());
        assert!(diagnostic(&[&[1.0, 2.0, 3.0, 4.0], &[1.0; 5]]).is_nan());
    }
    assert_eq!(ess_bulk(&[&[1.0; 10]]), 10.0);
    assert!(r_hat(&[&[1.0; 10]]).is_nan());
}

#[test]
fn quantiles_are_of_probabilities() {
    let sorted = [1.0, 2.0, 4.0, 8.0];
    // By linear interpolation, as numpy 2.4.
    for (probability, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
        assert!((quantile(&sorted, probability) - expected).abs() < 1e-12, "{probability}");
    }
    for probability in [-0.1, 1.1, 5.0, f64::NAN, f64::INFINITY] {
        assert!(quantile(&sorted, probability).is_nan(), "{probability}");
    }
    assert_eq!((quantile(&[3.0], 1.0), quantile(&[], 0.5).is_nan()), (3.0, true));
}
