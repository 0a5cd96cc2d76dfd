//! Particles in chunks, parts of the loss, choices by site, loops of one's own, noise of gradients.

use ppl_core::{Config, ConfigureExt, Ctx, Result, SubsampleExt, infer_config};
use ppl_dist::{Bernoulli, Normal};
use ppl_infer::{
    Baseline, GradientEstimator, GradientProbe, Objective, TraceElbo, TraceGraphElbo, TraceMeanFieldElbo,
    differentiable_loss, estimate,
};
use ppl_tensor::{Tensor, grad};

use crate::support::{all_close, close, gradients, loss, text};

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let on = ctx.sample("on", Bernoulli::new(0.4))?;
    let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
    ctx.plate("rows", &Tensor::from([0.3, 1.2]), |ctx, x| ctx.observe("x", Normal::new(&on + &z, 0.7), x))?;
    Ok(())
}

fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    let logit = ctx.param("logit", 0.2)?;
    ctx.sample("on", Bernoulli::with_logits(logit))?;
    let loc = ctx.param("loc", 0.1)?;
    ctx.sample("z", Normal::new(loc, 0.6)).map(|_| ())
}

#[test]
fn chunks_give_what_all_particles_together_give() {
    let average = GradientEstimator::ScoreFunction { baseline: Baseline::DecayingAverage { decay: 0.9 } };
    let by_site = move |site: &ppl_core::Message| match site.name.as_str() {
        "on" => average.clone(),
        _ => GradientEstimator::Automatic,
    };
    let graph = TraceGraphElbo::new().particles(10).estimator_by_site(by_site);
    let (whole, expected) = gradients(&graph, 3, &model, &guide, &["logit", "loc"]);
    for size in [1, 3, 5, 10, 40] {
        let (found, grads) = gradients(&graph.clone().chunk_size(size), 3, &model, &guide, &["logit", "loc"]);
        close(loss(&found), loss(&whole), 1e-12);
        all_close(&grads, &expected, 1e-12);
        all_close(&found.state["on"].to_f64().unwrap(), &whole.state["on"].to_f64().unwrap(), 1e-12);
        let parts = found.site_losses();
        for (site, part) in whole.site_losses() {
            close(parts[&site].to_scalar().unwrap(), part.to_scalar().unwrap(), 1e-12);
        }
    }
}

#[test]
fn parts_by_site_add_up_to_the_loss() {
    let objectives: [Box<dyn Objective>; 2] =
        [Box::new(TraceElbo::new().particles(4)), Box::new(TraceMeanFieldElbo::new().particles(4))];
    for objective in objectives {
        let (result, _) = gradients(&objective, 2, &model, &guide, &["loc"]);
        let parts = result.site_losses();
        let mut names: Vec<&String> = parts.keys().collect();
        names.sort();
        assert_eq!(names, ["on", "x", "z"]);
        close(parts.values().map(|part| part.to_scalar().unwrap()).sum(), loss(&result), 1e-12);
    }
}

#[test]
fn a_site_says_itself_how_its_gradient_is_estimated() {
    let plain = |ctx: &mut Ctx, _: &()| {
        let parameter = ctx.param("loc", 0.1)?;
        ctx.sample("z", Normal::new(parameter, 0.6)).map(|_| ())
    };
    let said = |ctx: &mut Ctx, _: &()| {
        let loc = ctx.param("loc", 0.1)?;
        let z = Normal::new(loc, 0.6).configure(GradientEstimator::score_function());
        ctx.sample("z", z).map(|_| ())
    };
    let told = infer_config(plain, |message| match message.is_latent() {
        true => Config::new().with(GradientEstimator::score_function()),
        false => Config::new(),
    });
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.5, 1.0)).map(|_| ());
    let pathwise = TraceElbo::new().estimator(GradientEstimator::Pathwise);
    let score = TraceElbo::new().estimator(GradientEstimator::score_function());
    let expected = gradients(&score, 1, &model, &plain, &["loc"]).1;
    assert_eq!(gradients(&pathwise, 1, &model, &said, &["loc"]).1, expected);
    assert_eq!(gradients(&pathwise, 1, &model, &told, &["loc"]).1, expected);
    assert_ne!(gradients(&pathwise, 1, &model, &plain, &["loc"]).1, expected);
}

#[test]
fn a_loop_of_ones_own_follows_any_tracked_tensor() {
    let run = |objective: &TraceElbo| {
        let mut loc = Tensor::from(vec![0.0]).squeeze(0);
        for step in 0..60 {
            let leaf = loc.tracked();
            let captured = leaf.clone();
            let guide = move |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(&captured, 0.5)).map(|_| ());
            let model = |ctx: &mut Ctx, _: &()| {
                let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
                ctx.observe("x", Normal::new(z, 1.0), 2.0).map(|_| ())
            };
            let loss = differentiable_loss(objective, &mut Ctx::new(step), &model, &guide, &()).unwrap();
            let slope = grad(&loss, &[&leaf]).unwrap();
            assert!(slope[0].provenance().is_empty());
            loc = (&leaf - &slope[0] * 0.1).detach();
        }
        loc.to_scalar().unwrap()
    };
    let whole = run(&TraceElbo::new().particles(100));
    // The gradient 2 loc - 2 has sd 0.1 with 100 particles: the steps of 0.1 average ten of them.
    assert!((whole - 1.0).abs() < 0.1, "{whole}");
    close(run(&TraceElbo::new().particles(100).chunk_size(30)), whole, 1e-10);
}

#[test]
fn the_probe_reports_mean_and_variance_of_the_gradient() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0)).map(|_| ());
    let guide = |ctx: &mut Ctx, _: &()| {
        let parameter = ctx.param("loc", 0.5)?;
        ctx.sample("z", Normal::new(parameter, 2.0)).map(|_| ())
    };
    let n = 4000;
    let report = GradientProbe::new(&TraceElbo::new()).replicates(n).run(&model, &guide, &()).unwrap();
    let moments = report.get("loc").unwrap();
    // The gradient is z itself: mean 0.5, variance 4, with standard errors 2 / √n and 4 √(2 / n).
    let (mean, variance) = (moments.mean.to_scalar().unwrap(), moments.variance.to_scalar().unwrap());
    assert!((mean - 0.5).abs() < 5.0 * 2.0 / (n as f64).sqrt(), "{mean}");
    assert!((variance - 4.0).abs() < 5.0 * 4.0 * (2.0 / n as f64).sqrt(), "{variance}");
    close(moments.signal_to_noise().to_scalar().unwrap(), mean / variance.sqrt(), 1e-12);
    let table = report.to_string();
    assert!(table.starts_with("parameter      gradient            sd  signal/noise\nloc"), "{table}");
    // In batches: other draws, the same law.
    let mean = GradientProbe::new(&TraceElbo::new())
        .replicates(n)
        .batch_size(1500)
        .run(&model, &guide, &())
        .unwrap()
        .get("loc")
        .unwrap()
        .mean
        .to_scalar()
        .unwrap();
    assert!((mean - 0.5).abs() < 5.0 * 2.0 / (n as f64).sqrt(), "{mean}");
}

#[test]
fn the_probe_sees_the_noise_of_random_rows() {
    let rows = |ctx: &mut Ctx, _: &()| {
        let theta = ctx.param("theta", 1.0)?;
        let x = Tensor::from([-1.0, 1.0]);
        ctx.plate("rows", (&x).subsample(1), |ctx, x| ctx.factor("x", x * &theta))?;
        Ok(())
    };
    let nothing = |_: &mut Ctx, _: &()| Ok(());
    let report = GradientProbe::new(&TraceElbo::new()).replicates(200).run(&rows, &nothing, &()).unwrap();
    // The gradient is 2 or -2, with equal chances.
    let variance = report.get("theta").unwrap().variance.to_scalar().unwrap();
    assert!(variance > 3.5, "{variance}");
}

#[test]
fn a_better_estimator_has_less_variance() {
    // Costs of a draw that has nothing to do with the switch, of sd 2.
    let model = |ctx: &mut Ctx, args: &()| {
        ctx.sample("far", Normal::new(2.0, 1.0))?;
        model(ctx, args)
    };
    let guide = |ctx: &mut Ctx, args: &()| {
        ctx.sample("far", Normal::new(0.0, 1.0))?;
        guide(ctx, args)
    };
    let variance = |objective: &dyn Objective| {
        let report = GradientProbe::new(objective).replicates(2000).run(&model, &guide, &()).unwrap();
        report.get("logit").unwrap().variance.to_scalar().unwrap()
    };
    let others = GradientEstimator::ScoreFunction { baseline: Baseline::LeaveOneOut };
    let by_site = move |estimator: GradientEstimator| {
        move |site: &ppl_core::Message| match site.name.as_str() {
            "on" => estimator.clone(),
            _ => GradientEstimator::Automatic,
        }
    };
    let plain = variance(&TraceElbo::new().particles(4));
    let downstream = variance(&TraceGraphElbo::new().particles(4));
    let with_others = variance(&TraceGraphElbo::new().particles(4).estimator_by_site(by_site(others)));
    // Factors of two and more; variances of 2000 draws are known to a few per cent.
    assert!(downstream < 0.5 * plain && with_others < 0.5 * downstream, "{plain} {downstream} {with_others}");
}

#[test]
fn an_estimate_without_rows_is_zero() {
    let model = |ctx: &mut Ctx, _: &()| {
        ctx.plate("rows", &Tensor::from(Vec::<f64>::new()), |ctx, x| {
            let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
            ctx.observe("x", Normal::new(z, 1.0), x)
        })?;
        Ok(())
    };
    let guide = |ctx: &mut Ctx, _: &()| {
        let loc = ctx.param("loc", 0.0)?;
        ctx.plate("rows", 0usize, |ctx, _| ctx.sample("z", Normal::new(&loc, 1.0)))?;
        Ok(())
    };
    let objectives: [Box<dyn Objective>; 3] = [
        Box::new(TraceGraphElbo::new().particles(2)),
        Box::new(TraceMeanFieldElbo::new().particles(2)),
        Box::new(ppl_infer::RenyiElbo::importance_weighted().particles(2)),
    ];
    for objective in objectives {
        let (result, grads) = gradients(&objective, 0, &model, &guide, &["loc"]);
        assert_eq!((loss(&result), &grads[..]), (0.0, &[0.0][..]));
    }
    assert_eq!(text(estimate(&TraceElbo::new(), &mut Ctx::new(0), &model, &guide, &())), "");
}
