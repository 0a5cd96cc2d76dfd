//! A program and a seed give the same fit on a burn backend as on the processor.

#![cfg(any(feature = "flex", feature = "wgpu"))]
// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_core::{Ctx, Result, SubsampleExt};
use ppl_dist::{Normal, constraints};
use ppl_infer::{Adam, Svi, TraceElbo};
use ppl_tensor::{DType, Device, Tensor};

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

/// Losses of a hundred steps, and the posterior they lead to.
fn fit(device: &Device) -> (Vec<f64>, [f64; 2]) {
    let y = device.place(&Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])).unwrap();
    let objective = TraceElbo::new().particles(3);
    let mut svi = Svi::new(model, guide, Adam::new(0.05), objective).on(device, 7).progress(false);
    let losses = svi.run(100, &y).unwrap();
    let posterior = ["loc", "scale"].map(|name| svi.params().get(name).unwrap().to_scalar().unwrap());
    (losses, posterior)
}

/// A fit is a contraction: what rounding does to one step fades in the next ones, so that its errors stay what they are
/// in one step, a few dozen roundings.
fn fits_are_the_processors(device: &Device, tolerance: f64) {
    let (actual, expected) = (fit(device), fit(&Device::cpu().float(device.default_float())));
    assert_eq!(actual.0.len(), 100);
    assert!(expected.0[99] < expected.0[0], "{expected:?}");
    let pairs = actual.0.iter().chain(&actual.1).zip(expected.0.iter().chain(&expected.1));
    for (step, (a, b)) in pairs.enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "entry {step}: {a} instead of {b}");
    }
}

#[cfg(feature = "flex")]
#[test]
fn flex() {
    fits_are_the_processors(&ppl_burn::flex(), 1e-9);
    fits_are_the_processors(&ppl_burn::flex().float(DType::F32), 1e-4);
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu() {
    let device = ppl_burn::wgpu().unwrap();
    assert_eq!(device.default_float(), DType::F32);
    fits_are_the_processors(&device, 1e-4);
}
