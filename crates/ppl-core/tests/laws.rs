//! Laws of tracing, replaying, conditioning, substituting, blocking and seeding: those of every system of programs, and
//! what else this one promises.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::rc::Rc;
use std::sync::Arc;

use ppl_core::{
    Ctx, Distribution, Error, Message, Result, Trace, block, condition, replay, seed, substitute, trace,
};
use ppl_dist::{Bernoulli, Gamma, Normal};
use ppl_suite::programs::{Around, Drawn, Law, Program, Site, Statements, System};
use ppl_tensor::{Key, Tensor};

struct Core;

/// The context, under the names that the laws use.
struct Named<'a>(&'a mut Ctx);

type Model = Rc<dyn Fn(&mut Ctx, &()) -> Result<Tensor>>;

fn distribution(law: Law) -> Arc<dyn Distribution> {
    match law {
        Law::Normal(loc, scale) => Arc::new(Normal::new(loc, scale)),
        Law::Gamma(shape, rate) => Arc::new(Gamma::new(shape, rate)),
        Law::Bernoulli(probability) => Arc::new(Bernoulli::new(probability)),
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Statements for Named<'_> {
    fn sample(&mut self, name: &str, law: Law) -> Drawn {
        self.0.sample(name, distribution(law)).map_err(told)
    }

    fn observe(&mut self, name: &str, law: Law, value: &Tensor) -> Drawn {
        self.0.observe(name, distribution(law), value).map_err(told)
    }

    fn plate(
        &mut self,
        name: &str,
        rows: &Tensor,
        body: &mut dyn FnMut(&mut dyn Statements, &Tensor) -> Drawn,
    ) -> Drawn {
        self.0.plate(name, rows, |ctx, row| body(&mut Named(ctx), row).map_err(Error::argument)).map_err(told)
    }
}

/// The model inside one more handler.
fn inside(model: Model, around: Around<Trace>) -> Model {
    let bare = move |ctx: &mut Ctx, args: &()| model(ctx, args);
    match around {
        Around::Replay(trace) => Rc::new(replay(bare, trace)),
        Around::Condition(name, value) => Rc::new(condition(bare, [(name, value)])),
        Around::Substitute(name, value) => Rc::new(substitute(bare, [(name, value)])),
        Around::Block(names) => Rc::new(block(bare, names.to_vec())),
        Around::Seed(number) => Rc::new(seed(bare, Key::new(number))),
    }
}

impl System for Core {
    type Trace = Trace;

    fn run(
        program: Program,
        around: &[Around<Trace>],
        seed: u64,
    ) -> std::result::Result<(Trace, Tensor), String> {
        let bare: Model = Rc::new(move |ctx, ()| program(&mut Named(ctx)).map_err(Error::argument));
        let model = around.iter().cloned().fold(bare, inside);
        trace(&mut Ctx::new(seed), &&*model, &()).map_err(told)
    }

    fn sites(trace: &Trace) -> std::result::Result<Vec<Site>, String> {
        let site = |site: &ppl_core::Site| {
            Ok(Site {
                name: site.name.clone(),
                observed: site.is_observed(),
                value: site.positional_value().to_f64().map_err(told)?,
                log_prob: site.log_prob_sum(&[]).and_then(|sum| Ok(sum.to_scalar()?)).map_err(told)?,
            })
        };
        trace.sites().map(site).collect()
    }
}

ppl_suite::program_tests!(Core);

/// A latent site in a plate, data, a deterministic value and a factor.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<Tensor> {
    let mean = ctx.sample("mean", Normal::new(0.5, 2.0))?;
    let z = ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(&mean, 1.5))?;
        ctx.observe("y", Normal::new(&z, 0.5), y)?;
        Ok(z)
    })?;
    ctx.deterministic("spread", z.max(0) - z.min(0))?;
    ctx.factor("penalty", -z.square().sum(0))?;
    Ok(z)
}

fn data() -> Tensor {
    Tensor::from([0.3, -1.2, 2.0, 0.9])
}

fn run(seed: u64) -> Trace {
    trace(&mut Ctx::new(seed), &model, &data()).unwrap().0
}

#[test]
fn sites_are_recorded_with_their_kinds_and_shapes() {
    let run = run(1);
    let names: Vec<&str> = run.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["mean", "z", "y", "spread", "penalty"]);
    assert!(run.site("y").unwrap().is_observed() && run.site("z").unwrap().is_latent());
    assert!(!run.site("spread").unwrap().has_density());
    let table = run.format_shapes();
    assert!(table.contains("z        rows 4  Normal []"), "{table}");
}

#[test]
fn the_density_of_a_run_is_the_sum_of_its_sites() {
    let run = run(5);
    let scalar = |name: &str| run.value(name).unwrap().to_scalar().unwrap();
    let normal =
        |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
    let mean = scalar("mean");
    let mut expected = normal(mean, 0.5, 2.0);
    let (z, y) = (run.value("z").unwrap().to_f64().unwrap(), data().to_f64().unwrap());
    for (z, y) in z.iter().zip(&y) {
        expected += normal(*z, mean, 1.5) + normal(*y, *z, 0.5) - z * z;
    }
    let found = run.log_prob_sum().unwrap().to_scalar().unwrap();
    assert!((found - expected).abs() < 1e-12 * expected.abs(), "{found} {expected}");
}

#[test]
fn a_replayed_run_has_the_recorded_density_factors_included() {
    let recorded = run(3);
    let (again, _) = trace(&mut Ctx::new(9), &replay(model, recorded.clone()), &data()).unwrap();
    let density = |trace: &Trace| trace.log_prob_sum().unwrap().to_scalar().unwrap();
    assert_eq!(density(&recorded), density(&again));
    let values = |trace: &Trace, site: &str| trace.value(site).unwrap().to_f64().unwrap();
    assert_eq!(values(&recorded, "spread"), values(&again, "spread"));
}

#[test]
fn sites_are_hidden_by_a_predicate_too() {
    let blocked = block(model, |message: &Message| message.name.len() == 1);
    let (partial, _) = trace(&mut Ctx::new(2), &blocked, &data()).unwrap();
    let names: Vec<&str> = partial.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["mean", "spread", "penalty"]);
}

#[test]
fn data_given_by_none_is_drawn() {
    let coin = |ctx: &mut Ctx, y: &Option<Tensor>| ctx.observe("y", Normal::new(0.0, 1.0), y);
    let (drawn, _) = trace(&mut Ctx::new(0), &coin, &None).unwrap();
    assert!(drawn.site("y").unwrap().is_latent());
    let (given, _) = trace(&mut Ctx::new(0), &coin, &Some(Tensor::from(0.5))).unwrap();
    assert!(given.site("y").unwrap().is_observed());
}
