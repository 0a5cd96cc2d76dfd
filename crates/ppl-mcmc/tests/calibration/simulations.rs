//! Simulation-based calibration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ppl_core::{Ctx, Observation, Result};
use ppl_dist::{Bernoulli, Normal, Poisson};
use ppl_mcmc::calibration::{CalibrationReport, Misfit};
use ppl_mcmc::{Calibration, Kernel, Mcmc, Nuts};
use ppl_tensor::Tensor;

use crate::wrong::{Deaf, Misled};

/// Two means, one of which the data tell more of than the other.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 1.0))?;
    let b = ctx.sample("b", Normal::new(0.0, 1.0))?;
    ctx.deterministic("sum", &a + &b)?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&a + &b * 0.5, 1.0), y))?;
    Ok(())
}

fn data() -> Tensor {
    Tensor::zeros([3])
}

fn short<K: Kernel>(kernel: K) -> Mcmc<K> {
    Mcmc::new(kernel).warmup(100).draws(100).chains(1).seed(3)
}

fn calibrated<K: Kernel>(kernel: K, simulations: usize) -> CalibrationReport {
    Calibration::new(short(kernel)).simulations(simulations).ranks(40).run(&model, &data()).unwrap()
}

#[test]
fn a_right_sampler_is_calibrated() {
    let report = calibrated(Nuts::new(), 100);
    assert!(report.is_calibrated(), "{report}");
    let names: Vec<&str> = report.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "sum", "log density"]);
    let row = report.row("a").unwrap();
    assert!(row.ranks.len() == 100 && row.ranks.iter().all(|rank| *rank <= 40));
    // Standard errors of 100 uniform ranks: 0.029 and 0.09.
    assert!((row.mean - 0.5).abs() < 0.12 && (row.spread - 1.0).abs() < 0.36, "{report}");
    assert!(
        report.to_string().ends_with("ranks are uniform, as far as 100 simulations can tell\n"),
        "{report}"
    );
}

#[test]
fn wrong_samplers_are_found_out() {
    let misled = |power, tilt| calibrated(Misled { kernel: Nuts::new(), power, tilt }, 100);
    for (power, expected) in [(4.0, Misfit::TooNarrow), (0.25, Misfit::TooWide)] {
        let report = misled(power, 0.0);
        assert!(!report.is_calibrated(), "{report}");
        assert_eq!(report.row("a").unwrap().misfits, [expected], "{report}");
        assert!(report.to_string().contains("numbers are not calibrated"), "{report}");
    }
    for (tilt, expected) in [(1.5, Misfit::TooHigh), (-1.5, Misfit::TooLow)] {
        let report = misled(1.0, tilt);
        assert!(report.row("a").unwrap().misfits.contains(&expected), "{report}");
    }
    // The prior is calibrated in each parameter: that the data do not matter is seen in the log density alone.
    let report = calibrated(Deaf, 60);
    let off: Vec<&str> =
        report.rows().iter().filter(|row| !row.misfits.is_empty()).map(|row| row.name.as_str()).collect();
    assert_eq!(off, ["log density"], "{report}");
}

/// Counts, truth values, and data with missing entries are simulated as what they are.
#[test]
fn data_of_all_kinds_are_simulated() {
    let model = |ctx: &mut Ctx, rows: &usize| -> Result<()> {
        let level = ctx.sample("level", Normal::new(0.0, 1.0))?;
        let slope = ctx.sample("slope", Normal::new(0.0, 1.0))?;
        ctx.plate("rows", *rows, |ctx, _| {
            ctx.observe("count", Poisson::new(level.exp()), 0i64)?;
            ctx.observe("truth", Bernoulli::with_logits(&slope), false)
        })?;
        let seen = Observation::nan_is_missing(Tensor::from([0.0, f64::NAN]));
        ctx.observe("part", Normal::new(&level * Tensor::from([1.0, 1.0]), 1.0), seen).map(|_| ())
    };
    let report = Calibration::new(short(Nuts::new())).simulations(60).ranks(20).run(&model, &4).unwrap();
    assert!(report.is_calibrated(), "{report}");
    assert!(report.row("part_missing[1]").is_some(), "{report}");
}

#[test]
fn threads_make_no_difference() {
    let ranks = |mcmc: Mcmc<Nuts>| {
        let report = Calibration::new(mcmc).simulations(12).ranks(10).run(&model, &data()).unwrap();
        report.rows().iter().map(|row| row.ranks.clone()).collect::<Vec<_>>()
    };
    let one = ranks(short(Nuts::new()).threads(1));
    assert_eq!(one, ranks(short(Nuts::new()).threads(5)));
    assert_ne!(one, ranks(short(Nuts::new()).seed(4)));
}

/// Each run of the model is counted: one of the last panics.
#[test]
fn a_simulation_that_panics_leaves_the_others() {
    let runs = AtomicUsize::new(0);
    let report = |last: usize| {
        runs.store(0, Ordering::Relaxed);
        let counted = |ctx: &mut Ctx, y: &Tensor| {
            assert!(runs.fetch_add(1, Ordering::Relaxed) < last, "as the test wants");
            model(ctx, y)
        };
        Calibration::new(short(Nuts::new()).threads(1))
            .simulations(10)
            .ranks(10)
            .run(&counted, &data())
            .unwrap()
    };
    let whole = report(usize::MAX);
    let last = runs.load(Ordering::Relaxed) - 1;
    let report = report(last);
    assert_eq!((report.simulations(), report.failures().len()), (9, 1));
    let (number, error) = &report.failures()[0];
    assert_eq!((*number, error.to_string().as_str()), (9, "the simulation panicked: as the test wants"));
    assert!(!report.is_calibrated());
    assert_eq!(report.row("a").unwrap().ranks, whole.row("a").unwrap().ranks[..9]);
}

#[test]
fn what_cannot_be_calibrated_is_told() {
    fn text<T>(result: Result<T>) -> String {
        result.err().unwrap().to_string()
    }
    let run = |model: fn(&mut Ctx, &Tensor) -> Result<()>| {
        text(Calibration::new(short(Nuts::new())).simulations(10).run(&model, &data()))
    };
    let factor = run(|ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.factor("f", x)
    });
    assert_eq!(
        factor,
        "site `f`: a factor changes the log density: data cannot be simulated from it, write it as `sample` or `observe`"
    );
    let discrete = run(|ctx, _| ctx.sample("z", Bernoulli::new(0.5)).map(|_| ()));
    assert!(discrete.starts_with("site `z`") && discrete.contains("sum it out of the model"), "{discrete}");
    let of = |calibration: Calibration<Nuts>| text(calibration.run(&model, &data()));
    let calibration = || Calibration::new(short(Nuts::new()));
    assert_eq!(of(calibration().simulations(9)), "9 simulations were asked for, at least 10 are needed");
    assert_eq!(of(calibration().ranks(0)), "ranks among 0 draws were asked for, at least 1 is needed");
    assert_eq!(of(calibration().ranks(101)), "ranks among 101 draws were asked for, each run has 100");
    let stored = Calibration::new(short(Nuts::new()).store(std::env::temp_dir().join("ppl-no-chains")));
    assert!(of(stored).starts_with("storing chains is not available for calibration"));
    let stopped = Calibration::new(short(Nuts::new()).stop(Arc::new(AtomicBool::new(true))));
    assert_eq!(of(stopped), "the calibration was stopped before its first simulation ended");
}
