//! The loop around steps: batches, callbacks, validation, early stopping.

use std::ops::ControlFlow;

use ppl_core::{Ctx, Error, Result};
use ppl_infer::{Adam, Optimizer, Sgd, Stop};
use ppl_tensor::Tensor;

use crate::{Boxed, Inference, TemporaryFile, bits, data, descent, noisy, scalar, text};

fn adam() -> Boxed {
    Box::new(Adam::new(0.05))
}

/// The squared distance of `x` from its target.
fn towards(ctx: &mut Ctx, target: &Tensor) -> Result<()> {
    let x = ctx.param("x", 0.0)?;
    ctx.factor("loss", -(x - target).square())
}

/// Descent from 0 to 3 by a hundredth of the way each step.
fn approach() -> Inference<Tensor> {
    descent(towards, Sgd::new(0.005))
}

#[test]
fn callbacks_see_each_kth_step_and_may_stop() {
    let mut svi = noisy(adam());
    svi.run(5, &data()).unwrap();
    let (mut seen, mut others) = (Vec::new(), 0);
    let report = svi
        .fit()
        .every(3, |now| {
            seen.push((now.step, now.loss, scalar(now.params, "loc")));
            Ok(if now.step < 12 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
        .every(4, |_| {
            others += 1;
            Ok(ControlFlow::Continue(()))
        })
        .run(100, &data())
        .unwrap();
    assert_eq!((report.stop, report.losses.len(), others), (Stop::Callback, 7, 2));
    assert_eq!(seen.iter().map(|(step, ..)| *step).collect::<Vec<_>>(), [6, 9, 12]);
    for (step, loss, _) in &seen {
        assert_eq!(*loss, svi.losses()[step - 1]);
    }
    assert_eq!(seen[2].2, scalar(svi.params(), "loc"));
}

#[test]
fn an_error_of_a_callback_ends_the_run() {
    let mut svi = noisy(adam());
    let fails = |_: &ppl_infer::Progress<'_>| Err(Error::argument("enough"));
    assert_eq!(text(svi.fit().every(2, fails).run(10, &data())), "enough");
    assert_eq!(svi.losses().len(), 2);
}

#[test]
fn epochs_are_steps_over_batches() {
    let batches: Vec<Tensor> = (0..3).map(|i| data() + 0.1 * f64::from(i)).collect();
    let mut by_epochs = noisy(adam());
    let mut order = Vec::new();
    let report = by_epochs
        .fit()
        .epochs(0..4, |epoch| {
            order.push(epoch);
            batches.clone()
        })
        .unwrap();
    assert_eq!((report.losses.len(), report.stop), (12, Stop::Finished));
    assert_eq!(order, [0, 1, 2, 3]);
    let mut by_hand = noisy(adam());
    for step in 0..12 {
        by_hand.step(&batches[step % 3]).unwrap();
    }
    assert_eq!(bits(by_epochs.params()), bits(by_hand.params()));
    assert_eq!(by_epochs.losses(), by_hand.losses());
    // Borrowed batches serve as well.
    let mut borrowed = noisy(adam());
    borrowed.fit::<Tensor>().epochs(0..4, |_| &batches).unwrap();
    assert_eq!(borrowed.losses(), by_hand.losses());
}

#[test]
fn validation_does_not_touch_the_fit() {
    let mut plain = noisy(adam());
    plain.run(20, &data()).unwrap();
    let mut validated = noisy(adam());
    let held_out = Tensor::from([0.5, 1.5]);
    validated.fit().validate(4, &held_out).run(20, &data()).unwrap();
    assert_eq!(bits(plain.params()), bits(validated.params()));
    assert_eq!(plain.losses(), validated.losses());
    let steps: Vec<usize> = validated.validation_losses().iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [4, 8, 12, 16, 20]);
    // The same draws each time: at a parameter that no longer moves the loss no longer does.
    let mut still = descent(towards, Sgd::new(1e-300));
    let target = Tensor::from(1.0);
    still.fit().validate(1, &target).run(3, &target).unwrap();
    assert_eq!(still.validation_losses(), [(1, 1.0), (2, 1.0), (3, 1.0)]);
}

/// On the way to 3 the distance from 1 falls, then rises.
#[test]
fn a_run_stops_when_validation_rises_and_the_best_is_restored() {
    let (training, held_out) = (Tensor::from(3.0), Tensor::from(1.0));
    let position = |step: usize| 3.0 * (1.0 - 0.99f64.powi(step as i32));
    let best = (0..400).step_by(5).min_by(|&a, &b| {
        let distance = |step| (position(step) - 1.0).abs();
        distance(a).total_cmp(&distance(b))
    });
    let best = best.unwrap();
    for restore in [false, true] {
        let mut svi = approach();
        let report = svi
            .fit()
            .validate(5, &held_out)
            .stop_early(3, 0.0)
            .restore_best(restore)
            .run(400, &training)
            .unwrap();
        assert_eq!((report.stop, report.losses.len()), (Stop::Validation, best + 15));
        let expected = position(if restore { best } else { best + 15 });
        assert!((scalar(svi.params(), "x") - expected).abs() < 1e-12);
    }
}

#[test]
fn small_improvements_do_not_count() {
    let (training, held_out) = (Tensor::from(3.0), Tensor::from(3.0));
    // The validation loss is (3·0.99ⁿ)²: validation k + 1 of every 10 steps is lower by 9·0.99²⁰ᵏ·(1 - 0.99²⁰).
    let fall = |k: i32| 9.0 * 0.99f64.powi(20 * k) * (1.0 - 0.99f64.powi(20));
    let last = (1..).find(|&k| fall(k) <= 0.5).unwrap();
    // Two falls of at most the limit in a row need not sum to more than it.
    assert!(fall(last) + fall(last + 1) <= 2.0 * 0.5);
    let mut svi = approach();
    let report = svi.fit().validate(10, &held_out).stop_early(1, 0.5).run(1000, &training).unwrap();
    assert_eq!((report.stop, report.losses.len()), (Stop::Validation, 10 * (last as usize + 1)));
}

#[test]
fn a_resumed_run_stops_where_the_whole_one_does() {
    let (training, held_out) = (Tensor::from(3.0), Tensor::from(1.0));
    let path = TemporaryFile::new("early");
    let fit = |svi: &mut Inference<Tensor>, last: usize| {
        svi.fit()
            .validate(5, &held_out)
            .stop_early(4, 0.0)
            .restore_best(true)
            .checkpoint(&path, 7)
            .every(1, |now| match now.step == last {
                true => Err(Error::argument("interrupted")),
                false => Ok(ControlFlow::Continue(())),
            })
            .run(400, &training)
    };
    let mut whole = approach();
    let report = fit(&mut whole, 0).unwrap();
    assert_eq!(report.stop, Stop::Validation);
    let last = report.losses.len();
    // Before the lowest validation loss, which is 20 steps before the end, and after it.
    for interruption in [last - 30, last - 2] {
        assert_eq!(text(fit(&mut approach(), interruption)), "interrupted");
        let mut resumed = approach();
        resumed.load(&path).unwrap();
        let rest = fit(&mut resumed, 0).unwrap();
        assert_eq!((rest.stop, resumed.losses().len()), (Stop::Validation, last));
        assert_eq!(bits(resumed.params()), bits(whole.params()));
        assert_eq!(resumed.losses(), whole.losses());
        assert_eq!(resumed.validation_losses(), whole.validation_losses());
    }
}

#[test]
fn parts_are_given_back() {
    let mut svi = noisy(adam());
    svi.run(2, &data()).unwrap();
    let (losses, params) = (svi.losses().to_vec(), bits(svi.params()));
    let parts = svi.into_parts();
    assert_eq!((parts.losses, bits(&parts.params)), (losses, params));
    assert_eq!(parts.optimizer.name(), "Adam");
}

#[test]
fn runs_that_make_no_sense() {
    let stay = |_: &ppl_infer::Progress<'_>| Ok(ControlFlow::Continue(()));
    let (y, path) = (data(), TemporaryFile::new("none"));
    let mut svi = noisy(adam());
    assert_eq!(text(svi.run(0, &y)), "zero steps were asked for");
    assert_eq!(text(svi.fit::<Tensor>().epochs(0..0, |_| [data()])), "zero steps were asked for");
    let message = text(svi.fit::<Tensor>().epochs(3..5, |_| Vec::<Tensor>::new()));
    assert_eq!(message, "epoch 3 has no batches");
    assert_eq!(text(svi.fit().every(0, stay).run(1, &y)), "every: 0 was given, at least 1 is needed");
    assert_eq!(text(svi.fit().validate(0, &y).run(1, &y)), "validate: 0 was given, at least 1 is needed");
    let message = text(svi.fit().checkpoint(&path, 0).run(1, &y));
    assert_eq!(message, "checkpoint: 0 was given, at least 1 is needed");
    let message = text(svi.fit().validate(1, &y).stop_early(0, 0.1).run(1, &y));
    assert_eq!(message, "stop_early: 0 was given, at least 1 is needed");
    let message = text(svi.fit().validate(1, &y).stop_early(1, f64::NAN).run(1, &y));
    assert_eq!(message, "stop_early: min_delta is NaN, must be at least 0");
    for fit in [svi.fit().stop_early(1, 0.0).run(1, &y), svi.fit().restore_best(true).run(1, &y)] {
        assert_eq!(text(fit), "stop_early and restore_best need validate");
    }
    let nowhere = path.0.join("folder").join("file");
    assert!(text(svi.fit().checkpoint(&nowhere, 5).run(1, &y)).contains("No such file"));
    // The step before it is kept.
    assert_eq!(svi.losses().len(), 1);
}
