//! A program and a seed give the same fit on burn's CPU backend as on the processor.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_core::{Ctx, Result, SubsampleExt};
use ppl_dist::{Normal, constraints};
use ppl_infer::{Adam, Svi, TraceElbo};
use ppl_tensor::{Device, Tensor};

/// A normal mean under a normal prior, from four of six rows at a time.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y.subsample(4), |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.sample("mean", Normal::new(loc, scale))?;
    Ok(())
}

fn losses(device: &Device) -> Vec<f64> {
    let y = Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1]).to_device(device);
    let objective = TraceElbo::new().particles(3);
    let mut svi = Svi::new(model, guide, Adam::new(0.05), objective).on(device, 7).progress(false);
    svi.run(100, &y).unwrap()
}

#[test]
fn losses_are_the_processors() {
    let (actual, expected) = (losses(&ppl_burn::flex()), losses(&Device::cpu()));
    for (step, (a, b)) in actual.iter().zip(&expected).enumerate() {
        assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "step {step}: {a} instead of {b}");
    }
    assert_eq!(actual.len(), 100);
    assert!(expected[99] < expected[0], "{expected:?}");
}
