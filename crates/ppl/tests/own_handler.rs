//! Handlers written by a user, with what the facade offers.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use ppl::prelude::*;

/// Raises the likelihood to a power: the posterior of data that are trusted less (or more) than they say.
#[derive(Clone)]
struct Temper(f64);

impl Handler for Temper {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let Statement::Sample { observed: true, .. } = message.statement {
            message.scale *= self.0;
        }
        Ok(())
    }
}

fn temper<A, M: Model<A>>(model: M, power: f64) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Temper(power), |ctx| model.run(ctx, args))?.1)
}

/// An instrument that cannot show more than a limit: the program goes on with what is shown.
struct Saturate(f64);

impl Handler for Saturate {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        if message.name == "reading" {
            message.value = message.value.take().map(|value| value.lt(self.0).select(&value, self.0));
        }
        Ok(())
    }
}

/// Notes when it sees what.
struct Note {
    name: &'static str,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Handler for Note {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        self.notes.lock().unwrap().push(format!("{} out {}", self.name, message.name));
        Ok(())
    }

    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        self.notes.lock().unwrap().push(format!("{} in {}", self.name, message.name));
        Ok(())
    }
}

/// Five readings of scales with a known error, as deviations from what the object should weigh.
fn model(ctx: &mut Ctx, readings: &Option<Tensor>) -> Result<()> {
    let weight = ctx.sample("weight", Normal::new(0.0, 1.0))?;
    ctx.plate("readings", 5usize, |ctx, _| {
        let reading = ctx.observe("reading", Normal::new(&weight, 0.75), readings)?;
        ctx.deterministic("shown", reading)
    })?;
    Ok(())
}

fn readings() -> Option<Tensor> {
    Some(Tensor::from([0.8, 0.2, 1.6, 1.1, 0.6]))
}

#[test]
fn a_tempered_likelihood_is_fitted_and_predicted_from() {
    let power = 0.3;
    let tempered = temper(model, power);
    let optimizer = Adam::with(AdamOptions { learning_rate: 0.01, ..AdamOptions::default() });
    let objective = TraceElbo::new().particles(32);
    let mut svi = Svi::new(&tempered, AutoNormal::new(&tempered), optimizer, objective);
    svi.run(600, &readings()).unwrap();

    // Conjugacy: the precision of the data counts `power` times.
    let precision = 1.0 + power * 5.0 / 0.75f64.powi(2);
    let (loc, sd) = (power * 4.3 / 0.75f64.powi(2) / precision, precision.powf(-0.5));
    let predictive = Predictive::new(&tempered).with_params(svi.params());
    let posterior = predictive.posterior(svi.guide(), 4000, &None).unwrap();
    let weight = posterior.get("weight").unwrap().to_f64().unwrap();
    let (found_loc, found_sd) = moments(&weight);
    // Moments of 4000 draws have standard errors of sd/63 and sd/89; the rest is the optimiser's own jitter, of the order
    // of its learning rate. The sd is 0.52, without tempering 0.32.
    assert!((found_loc - loc).abs() < 0.08, "{found_loc} {loc}");
    assert!((found_sd - sd).abs() < 0.08, "{found_sd} {sd}");
    // Tempering concerns the density alone: predicted readings have the error of the scales.
    let reading = posterior.get("reading").unwrap().to_f64().unwrap();
    let expected = (sd.powi(2) + 0.75f64.powi(2)).sqrt();
    assert!((moments(&reading).1 - expected).abs() < 0.08);
}

#[test]
fn a_saturated_instrument_shows_no_more_than_its_limit() {
    let saturated = |ctx: &mut Ctx, readings: &Option<Tensor>| {
        ctx.with(Saturate(0.5), |ctx| model(ctx, readings)).map(|_| ())
    };
    let draws = Predictive::new(saturated).prior(200, &None).unwrap();
    let numbers = |site: &str| draws.get(site).unwrap().to_f64().unwrap();
    let (reading, shown) = (numbers("reading"), numbers("shown"));
    assert!(reading.iter().any(|&reading| reading > 0.5));
    assert!(reading.iter().zip(&shown).all(|(reading, &shown)| shown == reading.min(0.5)));
}

#[test]
fn handlers_are_visited_from_the_inside_out_and_back() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let note = |name| Note { name, notes: notes.clone() };
    let mut ctx = Ctx::new(0);
    ctx.with(note("outer"), |ctx| {
        ctx.with(note("inner"), |ctx| ctx.sample("x", Normal::new(0.0, 1.0)))?;
        ctx.sample("y", Normal::new(0.0, 1.0))
    })
    .unwrap();
    let expected = ["inner out x", "outer out x", "outer in x", "inner in x", "outer out y", "outer in y"];
    assert_eq!(*notes.lock().unwrap(), expected);
}

#[test]
fn what_a_handler_refuses_is_told_with_the_site() {
    struct Refuse;
    impl Handler for Refuse {
        fn process(&mut self, _: &mut Message) -> Result<()> {
            Err(Error::argument("not today"))
        }
    }
    let refused = Ctx::new(0).with(Refuse, |ctx| model(ctx, &None));
    assert_eq!(refused.err().unwrap().to_string(), "site `weight`: not today");
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
}
