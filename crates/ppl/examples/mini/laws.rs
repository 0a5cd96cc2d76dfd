//! The miniature under the laws of the full system, and its bound against closed forms.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::rc::Rc;
use std::sync::Arc;

use ppl::core::{Distribution, Error, Result};
use ppl::dist::{Bernoulli, Gamma, Normal};
use ppl::tensor::{Key, Tensor, grad};
use ppl_suite::programs::{Around, Drawn, Law, Program, Site, Statements, System};

use crate::mini::{Ctx, Message, Statement, Trace, block, condition, elbo, replay, seed, substitute, trace};
use crate::{PRIOR, exact, guide, infer, log_evidence, model};

struct Mini;

type Model = Rc<dyn Fn(&mut Ctx) -> Result<Tensor>>;

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

impl Statements for Ctx {
    fn sample(&mut self, name: &str, law: Law) -> Drawn {
        Ctx::sample(self, name, distribution(law)).map_err(told)
    }

    fn observe(&mut self, name: &str, law: Law, value: &Tensor) -> Drawn {
        Ctx::observe(self, name, distribution(law), value).map_err(told)
    }

    fn plate(
        &mut self,
        name: &str,
        rows: &Tensor,
        body: &mut dyn FnMut(&mut dyn Statements, &Tensor) -> Drawn,
    ) -> Drawn {
        Ctx::plate(self, name, rows, |ctx, row| body(ctx, row).map_err(Error::argument)).map_err(told)
    }
}

/// The model inside one more handler.
fn inside(model: Model, around: Around<Trace>) -> Model {
    Rc::new(move |ctx| match around.clone() {
        Around::Replay(trace) => ctx.with(replay(trace), &*model),
        Around::Condition(name, value) => ctx.with(condition(name, value), &*model),
        Around::Substitute(name, value) => ctx.with(substitute(name, value), &*model),
        Around::Block(names) => {
            ctx.with(block(move |message: &Message| names.contains(&message.name.as_str())), &*model)
        }
        Around::Seed(number) => ctx.with(seed(Key::new(number)), &*model),
    })
}

impl System for Mini {
    type Trace = Trace;

    fn run(
        program: Program,
        around: &[Around<Trace>],
        seed: u64,
    ) -> std::result::Result<(Trace, Tensor), String> {
        let bare: Model = Rc::new(move |ctx| program(ctx).map_err(Error::argument));
        let model = around.iter().cloned().fold(bare, inside);
        trace(&mut Ctx::new(seed), &*model).map_err(told)
    }

    fn sites(trace: &Trace) -> std::result::Result<Vec<Site>, String> {
        let site = |site: &Message| {
            let value = site.value.clone().ok_or("a site has no value")?;
            let whole = site.plates.iter().rev().fold(value, |value, &plate| value.to_positional(plate));
            Ok(Site {
                name: site.name.clone(),
                observed: matches!(site.statement, Statement::Sample { observed: true, .. }),
                value: whole.to_f64().map_err(told)?,
                log_prob: site.log_prob().to_scalar().map_err(told)?,
            })
        };
        trace.0.iter().map(site).collect()
    }
}

ppl_suite::program_tests!(Mini);

#[test]
fn the_bound_is_the_evidence_where_the_guide_is_the_posterior() {
    let (loc, sd) = exact();
    let posterior = |ctx: &mut Ctx| ctx.sample("weight", Normal::new(loc, sd));
    let bound = |seed| elbo(&mut Ctx::new(seed), model, posterior).unwrap().to_scalar().unwrap();
    // Then every draw gives the same, rounding aside: the log evidence.
    let evidence = log_evidence(&mut Ctx::new(0)).unwrap();
    for seed in 0..5 {
        assert!((bound(seed) - evidence).abs() < 1e-12 * evidence.abs(), "{} {evidence}", bound(seed));
    }
}

#[test]
fn gradients_go_through_the_draws() {
    // d/d loc of log p(w, y) - log q(w) at w = loc + sd * eps, by hand: the density of the draw does not change with loc.
    let mut ctx = Ctx::new(4);
    let bound = elbo(&mut ctx, model, guide).unwrap();
    let loc = ctx.params["loc"].clone();
    let found = grad(&bound, &[&loc]).unwrap()[0].to_scalar().unwrap();
    let (run, _) = trace(&mut Ctx::new(4), guide).unwrap();
    let weight = run.get("weight").unwrap().value.clone().unwrap().to_scalar().unwrap();
    let (center, sd) = exact();
    let expected = (center - weight) / sd.powi(2);
    assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{found} {expected}");
}

#[test]
fn faults_are_told_with_their_sites() {
    let twice = |ctx: &mut Ctx| {
        ctx.sample("a", Normal::new(0.0, 1.0))?;
        ctx.sample("a", Normal::new(0.0, 1.0))
    };
    let told = trace(&mut Ctx::new(0), twice).err().unwrap().to_string();
    assert!(told.contains("`a`"), "{told}");
    let invalid = |ctx: &mut Ctx| ctx.sample("b", Normal::new(0.0, -1.0));
    let told = trace(&mut Ctx::new(0), invalid).err().unwrap().to_string();
    assert!(told.contains("site `b`") && told.contains("scale"), "{told}");
}

#[test]
fn the_example_finds_the_posterior() {
    let options = crate::PROGRAM.options(["--steps", "400"]).unwrap();
    let results = infer(&options).unwrap();
    let number = |key: &str| results[key].as_f64().unwrap();
    // Noise of the draws shrinks with the rate: after 400 steps it is a few hundredths.
    assert!((number("loc") - number("exact_loc")).abs() < 0.1, "{results}");
    assert!((number("sd") - number("exact_sd")).abs() < 0.1, "{results}");
    assert!(number("exact_loc") > PRIOR.0);
    // The bound has no noise but the guide's distance from the posterior.
    let gap = number("log_evidence") - number("bound");
    assert!((-0.01..0.1).contains(&gap), "{results}");
    for keys in crate::PROGRAM.keys.iter().map(|(keys, _)| keys) {
        assert!(keys.split(", ").all(|key| results[key].is_number()), "{keys}");
    }
}
