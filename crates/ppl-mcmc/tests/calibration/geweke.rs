//! Geweke's test.

use ppl_core::{Ctx, Result};
use ppl_dist::{LogNormal, Normal};
use ppl_mcmc::calibration::{GewekeReport, Joint, ModelJoint};
use ppl_mcmc::{Geweke, Hmc, Kernel, LogDensity, Nuts, RandomWalk};
use ppl_tensor::{KeyStream, Tensor};

use crate::wrong::{Misled, Walk};

/// A mean and a log standard deviation, both standard normal, and four numbers.
#[derive(Clone, Copy)]
struct Normals;

impl Joint for Normals {
    type Data = [f64; 4];
    type Density = Posterior;

    fn prior(&self, stream: &mut KeyStream) -> Result<Vec<f64>> {
        Ok(vec![stream.normal(), stream.normal()])
    }

    fn data(&self, x: &[f64], stream: &mut KeyStream) -> Result<[f64; 4]> {
        Ok([0; 4].map(|_| x[0] + x[1].exp() * stream.normal()))
    }

    fn density(&self, data: &[f64; 4]) -> Result<Posterior> {
        Ok(Posterior(*data))
    }
}

struct Posterior([f64; 4]);

impl LogDensity for Posterior {
    fn dimension(&self) -> usize {
        2
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let precision = (-2.0 * x[1]).exp();
        let first: f64 = self.0.iter().map(|y| y - x[0]).sum();
        let second: f64 = self.0.iter().map(|y| (y - x[0]).powi(2)).sum();
        gradient[0] = -x[0] + precision * first;
        gradient[1] = -x[1] - 4.0 + precision * second;
        Ok(-0.5 * (x[0] * x[0] + x[1] * x[1]) - 4.0 * x[1] - 0.5 * precision * second)
    }
}

fn report<K: Kernel>(kernel: K) -> GewekeReport {
    let geweke = Geweke::new(kernel, Normals).draws(6_000).transitions(3).seed(1);
    geweke.test("mean · data", |x, data| (x[0] * data[0]).tanh()).run().unwrap()
}

#[test]
fn right_kernels_pass() {
    let reports = [
        report(Nuts::new().step_size(0.4)),
        // Where few draws are, and scales small, longer steps are refused for long.
        report(Hmc::new().step_size(0.1).jitter(0.2)),
        report(RandomWalk::new()),
        report(Walk { step: 0.8, acceptance: |ratio| ratio }),
        // Barker's acceptance is another right one.
        report(Walk { step: 0.8, acceptance: |ratio| ratio / (1.0 + ratio) }),
    ];
    for report in reports {
        assert!(report.passes(), "{report}");
        let names: Vec<&str> = report.rows().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["x[0]", "x[0]^2", "x[1]", "x[1]^2", "mean · data"]);
        // Of the parameters the moments are known: those of standard normal numbers.
        for (row, expected) in report.rows().iter().zip([0.0, 1.0, 0.0, 1.0]) {
            assert!((row.independent - expected).abs() < 4.0 * (2.0 / 6_000.0_f64).sqrt(), "{report}");
        }
    }
}

#[test]
fn planted_faults_are_caught() {
    let reports = [
        ("accepts too much", report(Walk { step: 0.8, acceptance: |ratio| ratio.sqrt() })),
        ("a wrong temperature", report(Misled { kernel: Nuts::new().step_size(0.4), power: 0.8, tilt: 0.0 })),
        ("a lost term", report(Misled { kernel: Hmc::new().step_size(0.3), power: 1.0, tilt: 0.5 })),
    ];
    for (fault, report) in reports {
        assert!(!report.passes(), "{fault}: {report}");
        assert!(report.to_string().contains("does not leave the posterior as it is"), "{report}");
    }
    // A chain that wanders off has no standard errors: it is no pass either.
    let lost = report(Walk { step: 0.3, acceptance: |_| 1.0 });
    assert!(!lost.passes() && lost.effective_draws() < 50.0, "{lost}");
    assert!(lost.to_string().contains("nothing can be said"), "{lost}");
}

/// The same for a model: its compiled log density, given data that its statements draw, in unconstrained coordinates.
#[test]
fn models_are_joint_distributions() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
        let sd = ctx.sample("sd", LogNormal::new(0.0, 0.3))?;
        ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
    }
    let y = Tensor::zeros([2]);
    let joint = || ModelJoint::new(&model, &y).unwrap();
    let geweke = Geweke::new(Nuts::new().step_size(0.5), joint()).draws(900).transitions(3);
    let report = geweke.test("y[0]", |_, data| data["y"].to_f64().unwrap()[0].tanh()).run().unwrap();
    assert!(report.passes(), "{report}");
    // The logarithm has a standard deviation of 0.3.
    assert!(report.rows()[2].independent.abs() < 4.0 * 0.3 / 900.0_f64.sqrt(), "{report}");
    let wrong = Misled { kernel: Nuts::new().step_size(0.5), power: 0.3, tilt: 0.0 };
    let report = Geweke::new(wrong, joint()).draws(900).transitions(3).run().unwrap();
    assert!(!report.passes(), "{report}");
}

#[test]
fn bad_options_are_refused() {
    let text = |geweke: Geweke<Nuts, Normals>| geweke.run().unwrap_err().to_string();
    let nuts = || Geweke::new(Nuts::new().step_size(0.4), Normals).draws(10);
    assert!(text(nuts().draws(3)).starts_with("3 draws and 1 transitions"));
    assert!(text(nuts().transitions(0)).starts_with("10 draws and 0 transitions"));
    assert_eq!(text(nuts().test("none", |_, _| f64::NAN)), "the test function `none` is NaN");
    let factor = |ctx: &mut Ctx, _: &()| ctx.factor("f", 1.0);
    assert!(ModelJoint::new(&factor, &()).err().unwrap().to_string().starts_with("site `f`: a factor"));
    let bad = Geweke::new(Nuts::new().step_size(-1.0), Normals).run().unwrap_err().to_string();
    assert_eq!(bad, "the step size is -1, must be positive");
}
