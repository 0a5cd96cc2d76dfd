//! Fits in one file: resumed bit for bit, refused when they do not fit.

use ppl_core::{Ctx, ParamStore, Result, TensorFile};
use ppl_dist::{Bernoulli, Normal};
use ppl_infer::{
    Adam, Baseline, GradientEstimator, Optimizer, RmsProp, RmsPropOptions, Schedule, Sgd, SgdOptions, Svi,
    TraceGraphElbo,
};
use ppl_tensor::{Device, Tensor};

use crate::reference::optimizers;
use crate::{Bits, Boxed, Inference, TemporaryFile, bits, data, descent, noisy, text};

fn scheduled() -> Boxed {
    Box::new(Adam::new(0.05).schedule(Schedule::warm_restarts(4, 2, 0.1)).clip_norm(3.0))
}

#[test]
fn every_optimizer_is_resumed_bit_for_bit() {
    let path = TemporaryFile::new("resume");
    let twice = || optimizers().into_iter().chain([("Adam with a schedule", scheduled())]);
    for (((name, whole), (_, first)), (_, second)) in twice().zip(twice()).zip(twice()) {
        let (mut whole, mut first, mut second) = (noisy(whole), noisy(first), noisy(second).seed(99));
        whole.run(10, &data()).unwrap();
        first.run(6, &data()).unwrap();
        first.save(&path).unwrap();
        second.load(&path).unwrap();
        assert_eq!(bits(second.params()), bits(first.params()), "{name}");
        second.run(4, &data()).unwrap();
        assert_eq!(bits(second.params()), bits(whole.params()), "{name}");
        assert_eq!(second.losses(), whole.losses(), "{name}");
        // Later evaluations draw the same as well.
        assert_eq!(second.evaluate_loss(&data()).unwrap(), whole.evaluate_loss(&data()).unwrap(), "{name}");
    }
}

#[test]
fn saving_what_was_loaded_gives_the_same_content() {
    let paths = [TemporaryFile::new("content-1"), TemporaryFile::new("content-2")];
    let mut svi = noisy(scheduled()).stable(true);
    svi.run(5, &data()).unwrap();
    svi.evaluate_loss(&data()).unwrap();
    svi.save(&paths[0]).unwrap();
    let mut again = noisy(scheduled());
    again.load(&paths[0]).unwrap();
    again.save(&paths[1]).unwrap();
    let [first, second] = paths.each_ref().map(|path| TensorFile::read(path).unwrap());
    assert!(first.texts().eq(second.texts()));
    assert!(first.names().count() > 10);
    let bits = |file: &TensorFile, name: &str| {
        let values = file.tensor(name, &Device::cpu()).unwrap().to_f64().unwrap();
        values.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    for name in first.names() {
        assert_eq!(bits(&first, name), bits(&second, name), "{name}");
    }
    assert_eq!(first.names().count(), second.names().count());
    let params = ParamStore::load(&paths[1], &Device::cpu()).unwrap();
    assert_eq!(crate::bits(&params), crate::bits(svi.params()));
}

#[test]
fn parameters_that_appeared_at_different_times_are_resumed() {
    fn growing(ctx: &mut Ctx, n: &usize) -> Result<()> {
        for name in ["p0", "p1", "p2"].iter().take(*n) {
            let value = ctx.param(name, 0.5)?;
            ctx.factor(&format!("loss {name}"), -(value - 2.0).square())?;
        }
        Ok(())
    }
    let path = TemporaryFile::new("growing");
    let pattern = [1, 1, 2, 3, 1, 2, 3, 3];
    let mut whole = descent(growing, Adam::new(0.1));
    let run = |svi: &mut Inference<usize>, pattern: &[usize]| {
        for n in pattern {
            svi.step(n).unwrap();
        }
    };
    run(&mut whole, &pattern);
    for cut in 1..pattern.len() {
        let mut first = descent(growing, Adam::new(0.1));
        run(&mut first, &pattern[..cut]);
        first.save(&path).unwrap();
        let mut second = descent(growing, Adam::new(0.1));
        second.load(&path).unwrap();
        run(&mut second, &pattern[cut..]);
        assert_eq!(bits(second.params()), bits(whole.params()), "{cut}");
    }
}

#[test]
fn what_an_objective_remembers_is_resumed() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let heads = ctx.sample("heads", Bernoulli::new(0.4))?;
        ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&heads, 1.0), y).map(|_| ()))
    }
    fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let odds = ctx.param("odds", 0.0)?;
        ctx.sample("heads", Bernoulli::with_logits(odds)).map(|_| ())
    }
    let inference = || {
        let baseline = Baseline::DecayingAverage { decay: 0.8 };
        let objective = TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline });
        Svi::new(model, guide, Adam::new(0.1), objective).progress(false)
    };
    let path = TemporaryFile::new("objective");
    let (mut whole, mut first, mut second) = (inference(), inference(), inference());
    whole.run(10, &data()).unwrap();
    first.run(6, &data()).unwrap();
    first.save(&path).unwrap();
    second.load(&path).unwrap();
    second.run(4, &data()).unwrap();
    assert_eq!(bits(second.params()), bits(whole.params()));
    // Without the averages the fit would go another way.
    let mut forgetful = inference().with_params(first.params().clone());
    forgetful.run(4, &data()).unwrap();
    assert_ne!(bits(forgetful.params()), bits(whole.params()));
    assert!(TensorFile::read(&path).unwrap().names().any(|name| name.starts_with("objective/")));
}

/// What a fit is, as far as it can be seen, and as its file tells.
fn snapshot(svi: &Inference<Tensor>) -> (Bits, Vec<f64>, usize) {
    (bits(svi.params()), svi.losses().to_vec(), svi.skipped())
}

#[test]
fn files_that_do_not_fit_are_refused_and_change_nothing() {
    let good = TemporaryFile::new("good");
    let bad = TemporaryFile::new("bad");
    let sgd = || Box::new(Sgd::with(SgdOptions { momentum: 0.9, ..SgdOptions::default() })) as Boxed;
    let mut saved = noisy(sgd());
    saved.run(3, &data()).unwrap();
    saved.save(&good).unwrap();

    let refuses = |mut svi: Inference<Tensor>, path: &TemporaryFile| {
        svi.run(2, &data()).unwrap();
        let before = snapshot(&svi);
        let message = text(svi.load(path));
        assert_eq!(snapshot(&svi), before);
        // It goes on as if nothing had been tried.
        svi.run(2, &data()).unwrap();
        let prefix = format!("{}: ", path.0.display());
        message.strip_prefix(&prefix).unwrap_or_else(|| panic!("{message}")).to_owned()
    };

    let message = refuses(noisy(Box::new(Adam::new(0.1))), &good);
    assert_eq!(message, "the fit is of the optimiser Sgd, this one is of Adam");
    let message = refuses(noisy(Box::new(Sgd::new(0.1))), &good);
    let expected =
        "of parameter `loc` the optimiser Sgd remembers nothing with these options, the file has f64 []";
    assert_eq!(message, expected);

    let bytes = std::fs::read(&good).unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&bad, &bytes[..length]).unwrap();
        assert!(refuses(noisy(sgd()), &bad).starts_with("is damaged: "));
    }
    std::fs::write(&bad, b"isocode,rugged\n").unwrap();
    assert!(refuses(noisy(sgd()), &bad).starts_with("is damaged: "));
    saved.params().save(&bad).unwrap();
    assert_eq!(refuses(noisy(sgd()), &bad), "the file holds no fit");
    std::fs::remove_file(&bad).unwrap();
    assert!(refuses(noisy(sgd()), &bad).contains("No such file"));

    fn wide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let loc = ctx.param("loc", Tensor::zeros([3]))?;
        ctx.factor("loss", -loc.square().sum_all())
    }
    fn other(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let value = ctx.param("other", 1.0)?;
        ctx.factor("loss", -value.square())
    }
    let message = refuses(descent(wide, sgd()), &good);
    assert_eq!(message, "parameter `loc` is f64 [], that of this fit f64 [3]");
    assert_eq!(refuses(descent(other, sgd()), &good), "the file lacks parameter `other` of this fit");
    // A fit that has no parameters yet finds out at its first statement.
    let mut fresh = descent(wide, sgd());
    fresh.load(&good).unwrap();
    let message = text(fresh.step(&data()));
    assert_eq!(message, "site `loc`: the stored parameter has shape [], the statement [3]");

    let centered =
        RmsProp::with(RmsPropOptions { centered: true, momentum: 0.5, ..RmsPropOptions::default() });
    let mut saved = noisy(Box::new(centered));
    saved.run(1, &data()).unwrap();
    saved.save(&bad).unwrap();
    let message = refuses(noisy(Box::new(RmsProp::new(0.1))), &bad);
    assert!(message.ends_with("remembers f64 [] with these options, the file has f64 [], f64 [], f64 []"));
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let path = TemporaryFile::new("kept");
    let mut svi = noisy(scheduled());
    svi.run(2, &data()).unwrap();
    svi.save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    // Where the new content would go first, there is a folder.
    let obstacle = std::path::PathBuf::from(format!("{}.partial", path.0.display()));
    std::fs::create_dir(&obstacle).unwrap();
    svi.run(1, &data()).unwrap();
    assert!(svi.save(&path).is_err());
    std::fs::remove_dir(&obstacle).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    svi.save(&path).unwrap();
    assert!(!obstacle.exists());
}

#[test]
fn checkpoints_are_written_while_running_and_at_the_end() {
    let path = TemporaryFile::new("periodic");
    let mut steps = Vec::new();
    let mut svi = noisy(scheduled());
    svi.fit()
        .checkpoint(&path, 4)
        .every(5, |_| {
            let mut seen = noisy(scheduled());
            seen.load(&path)?;
            steps.push(seen.losses().len());
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .run(11, &data())
        .unwrap();
    assert_eq!(steps, [4, 8]);
    let mut last = noisy(scheduled());
    last.load(&path).unwrap();
    assert_eq!(last.losses().len(), 11);
}
