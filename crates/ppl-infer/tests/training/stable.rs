//! Steps that are not finite: errors by default, skipped on demand.

use ppl_core::{Ctx, Result};
use ppl_infer::{Adam, Optimizer, Schedule};
use ppl_tensor::{DType, Device, HostBackend, Tensor};

use crate::{TemporaryFile, bits, descent, text};

/// A loss that is infinite where the data are, with an infinite gradient for data at 7.
fn target(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let x = ctx.param("x", 0.5)?;
    // The root's slope at 0 is infinite, its value is not.
    let cusp = y.eq(7.0).select(&x - x.detach(), 1.0).sqrt();
    ctx.factor("loss", -(x - y).square() - cusp)
}

fn batches(values: &[f64]) -> Vec<Tensor> {
    values.iter().map(|&y| Tensor::from(y)).collect()
}

#[test]
fn skipped_steps_are_as_if_they_had_not_been() {
    let mut svi = descent(target, Adam::new(0.1)).stable(true);
    for y in batches(&[1.0, f64::INFINITY, 2.0, 7.0, 7.0, 1.5]) {
        svi.step(&y).unwrap();
    }
    let mut good = descent(target, Adam::new(0.1));
    for y in batches(&[1.0, 2.0, 1.5]) {
        good.step(&y).unwrap();
    }
    assert_eq!(bits(svi.params()), bits(good.params()));
    assert_eq!((svi.skipped(), good.skipped()), (3, 0));
    let finite: Vec<bool> = svi.losses().iter().map(|loss| loss.is_finite()).collect();
    assert_eq!(finite, [true, false, true, true, true, true]);
}

#[test]
fn by_default_they_end_the_run_and_keep_the_fit() {
    for (y, expected) in [
        (f64::INFINITY, "the log probability of site `loss (model)` is -inf"),
        (7.0, "the update of parameter `x` is not finite: its gradient is Tensor(f64 []: ["),
    ] {
        let mut svi = descent(target, Adam::new(0.1));
        svi.step(&Tensor::from(1.0)).unwrap();
        let before = bits(svi.params());
        let message = text(svi.step(&Tensor::from(y)));
        assert!(message.starts_with(expected), "{message}");
        assert_eq!((bits(svi.params()), svi.losses().len(), svi.skipped()), (before, 1, 0));
    }
}

#[test]
fn other_errors_are_not_skipped() {
    fn broken(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let x = ctx.param("x", Tensor::zeros([2]))?;
        ctx.factor("loss", x + Tensor::zeros([3]))
    }
    let mut svi = descent(broken, Adam::new(0.1)).stable(true);
    let message = text(svi.step(&Tensor::from(1.0)));
    assert!(message.starts_with("site `loss`: add: shapes do not broadcast"), "{message}");
    assert_eq!(svi.skipped(), 0);
}

/// Off the processor's own device finiteness is found by operations, and everything lives there.
#[test]
fn another_device_fits_saves_and_skips_alike() {
    let device = Device::new(HostBackend, DType::F64);
    let place = |values: &[f64]| -> Vec<Tensor> {
        batches(values).iter().map(|y| device.place(y).unwrap()).collect()
    };
    let path = TemporaryFile::new("device");
    let fit =
        || descent(target, Adam::new(0.1).schedule(Schedule::cosine(9, 0.1)).clip_norm(3.0)).stable(true);
    let mut here = fit();
    for y in batches(&[1.0, f64::INFINITY, 7.0, 2.0, 1.5]) {
        here.step(&y).unwrap();
    }
    let mut first = fit().on(&device, 0);
    for y in place(&[1.0, f64::INFINITY, 7.0]) {
        first.step(&y).unwrap();
    }
    first.save(&path).unwrap();
    let mut there = fit().on(&device, 0);
    there.load(&path).unwrap();
    for y in place(&[2.0, 1.5]) {
        there.step(&y).unwrap();
    }
    assert!(there.params().unconstrained("x").unwrap().device().same_as(&device));
    assert_eq!((bits(there.params()), there.skipped()), (bits(here.params()), 2));
}
