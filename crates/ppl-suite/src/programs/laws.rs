//! The laws, each a function of a system.

use ppl_tensor::Tensor;
use proptest::prelude::any;

use super::{Around, Drawn, Law, Site, Statements, System};
use crate::runner::{Outcome, for_each, require};

/// Random cases of each law.
const CASES: u32 = 24;
const DATA: [f64; 4] = [0.3, -1.2, 2.0, 0.9];

/// Three latent sites, one more that depends on them in a plate, and data.
fn program(ctx: &mut dyn Statements) -> Drawn {
    let mean = ctx.sample("mean", Law::Normal(Tensor::from(0.5), Tensor::from(2.0)))?;
    let scale = ctx.sample("scale", Law::Gamma(2.0, 1.5))?;
    ctx.sample("coin", Law::Bernoulli(0.3))?;
    ctx.plate("rows", &Tensor::from(DATA), &mut |ctx, y| {
        let z = ctx.sample("z", Law::Normal(mean.clone(), scale.clone()))?;
        ctx.observe("y", Law::Normal(z.clone(), Tensor::from(0.5)), y)?;
        Ok(z)
    })
}

fn trace<S: System>(around: &[Around<S::Trace>], seed: u64) -> Result<S::Trace, String> {
    Ok(S::run(program, around, seed)?.0)
}

fn run<S: System>(around: &[Around<S::Trace>], seed: u64) -> Result<Vec<Site>, String> {
    S::sites(&trace::<S>(around, seed)?)
}

fn value<'a>(sites: &'a [Site], name: &str) -> Result<&'a [f64], String> {
    let site = sites.iter().find(|site| site.name == name);
    site.map(|site| site.value.as_slice()).ok_or_else(|| format!("`{name}` was not recorded"))
}

fn values(sites: &[Site]) -> Vec<(&str, &[f64])> {
    sites.iter().map(|site| (site.name.as_str(), site.value.as_slice())).collect()
}

fn density(sites: &[Site]) -> f64 {
    sites.iter().map(|site| site.log_prob).sum()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, a: T, b: T) -> Outcome {
    require(a == b, || format!("{what}: {a:?} and {b:?} differ"))
}

/// The same seed gives the same run, another one another.
///
/// # Errors
/// How it does not hold; so for all laws.
pub fn a_run_is_a_function_of_its_seed<S: System>() -> Outcome {
    for_each(&any::<u64>(), CASES, |&seed| {
        let first = run::<S>(&[], seed)?;
        same("two runs", &first, &run::<S>(&[], seed)?)?;
        let other = run::<S>(&[], seed.wrapping_add(1))?;
        require(value(&first, "mean")? != value(&other, "mean")?, || "two seeds draw the same".into())
    })
}

/// Every statement is recorded once, in order, as data or not, and a plate's result has its rows in front.
///
/// # Errors
/// As all laws.
pub fn sites_are_recorded_in_order<S: System>() -> Outcome {
    let (trace, returned) = S::run(program, &[], 1)?;
    let sites = S::sites(&trace)?;
    let found: Vec<(&str, bool)> = sites.iter().map(|site| (site.name.as_str(), site.observed)).collect();
    same(
        "sites",
        found,
        vec![("mean", false), ("scale", false), ("coin", false), ("z", false), ("y", true)],
    )?;
    same("data", value(&sites, "y")?, &DATA)?;
    let returned = returned.to_f64().map_err(|error| error.to_string())?;
    same("the plate's result", value(&sites, "z")?, &returned)
}

/// Each site's log density is that of its distribution, given what came before, summed over rows.
///
/// # Errors
/// As all laws.
pub fn densities_are_those_of_the_sites<S: System>() -> Outcome {
    let normal =
        |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
    for_each(&any::<u64>(), CASES, |&seed| {
        let sites = run::<S>(&[], seed)?;
        let (mean, scale) = (value(&sites, "mean")?[0], value(&sites, "scale")?[0]);
        let z = value(&sites, "z")?;
        let coin = if value(&sites, "coin")?[0] == 1.0 { 0.3f64 } else { 0.7 };
        let expected = [
            normal(mean, 0.5, 2.0),
            // Γ(2) = 1.
            2.0 * 1.5f64.ln() + scale.ln() - 1.5 * scale,
            coin.ln(),
            z.iter().map(|&z| normal(z, mean, scale)).sum(),
            z.iter().zip(DATA).map(|(&z, y)| normal(y, z, 0.5)).sum(),
        ];
        for (site, expected) in sites.iter().zip(expected) {
            // Rounding: sums of a few terms, the largest of which may cancel.
            let close = (site.log_prob - expected).abs() <= 1e-11 * (1.0 + expected.abs());
            require(close, || format!("`{}` has density {}, not {expected}", site.name, site.log_prob))?;
        }
        Ok(())
    })
}

/// Replaying a run gives its values and densities, whatever the seed.
///
/// # Errors
/// As all laws.
pub fn a_replayed_run_is_the_recorded_run<S: System>() -> Outcome {
    for_each(&(any::<u64>(), any::<u64>()), CASES, |&(first, second)| {
        let recorded = trace::<S>(&[], first)?;
        same("runs", &S::sites(&recorded)?, &run::<S>(&[Around::Replay(recorded)], second)?)
    })
}

/// Of two replays the inner one sees a statement first.
///
/// # Errors
/// As all laws.
pub fn the_innermost_replay_decides<S: System>() -> Outcome {
    for_each(&(any::<u64>(), any::<u64>()), CASES, |&(inner, outer)| {
        let around = [Around::Replay(trace::<S>(&[], inner)?), Around::Replay(trace::<S>(&[], outer)?)];
        same("runs", &run::<S>(&around, 3)?, &run::<S>(&[], inner)?)
    })
}

/// A condition makes a site data with its value, and every other site as if that had been drawn.
///
/// # Errors
/// As all laws.
pub fn conditioning_keeps_the_joint_density<S: System>() -> Outcome {
    for_each(&(any::<u64>(), -3.0..3.0f64), CASES, |&(seed, mean)| {
        let given = run::<S>(&[Around::Condition("mean", Tensor::from(mean))], seed)?;
        same("the value", value(&given, "mean")?, &[mean])?;
        require(given[0].observed, || "a condition must make data".into())?;
        let latent = run::<S>(&[Around::Substitute("mean", Tensor::from(mean))], seed)?;
        same("values", values(&given), values(&latent))?;
        same("log densities", density(&given), density(&latent))
    })
}

/// A substituted value leaves the site latent.
///
/// # Errors
/// As all laws.
pub fn substituted_sites_stay_latent<S: System>() -> Outcome {
    let sites = run::<S>(&[Around::Substitute("mean", Tensor::from(1.5))], 0)?;
    same("the value", value(&sites, "mean")?, &[1.5])?;
    require(!sites[0].observed, || "a substitution must not make data".into())
}

/// Conditions on different sites may be made in any order.
///
/// # Errors
/// As all laws.
pub fn conditions_on_different_sites_commute<S: System>() -> Outcome {
    for_each(&(any::<u64>(), -3.0..3.0f64, 0.1..3.0f64), CASES, |&(seed, mean, scale)| {
        let mean = || Around::Condition("mean", Tensor::from(mean));
        let scale = || Around::Condition("scale", Tensor::from(scale));
        same("runs", &run::<S>(&[mean(), scale()], seed)?, &run::<S>(&[scale(), mean()], seed)?)
    })
}

/// A value for a site in a plate has one entry a row, or is the same in every row.
///
/// # Errors
/// As all laws.
pub fn values_reach_rows_of_plates<S: System>() -> Outcome {
    let z = [0.1, 0.2, 0.3, 0.4];
    for around in [Around::Condition("z", Tensor::from(z)), Around::Substitute("z", Tensor::from(z))] {
        let (trace, returned) = S::run(program, &[around], 0)?;
        same("rows", value(&S::sites(&trace)?, "z")?, &z)?;
        same("the plate's result", returned.to_f64().map_err(|error| error.to_string())?, z.to_vec())?;
    }
    let sites = run::<S>(&[Around::Condition("z", Tensor::from(0.7))], 0)?;
    require(value(&sites, "z")?.iter().all(|&z| z == 0.7), || "one value must serve all rows".into())
}

/// A seed decides the draws, whatever is around it.
///
/// # Errors
/// As all laws.
pub fn the_innermost_seed_decides<S: System>() -> Outcome {
    for_each(&(any::<u64>(), any::<u64>(), any::<u64>()), CASES, |&(inner, outer, context)| {
        let alone = run::<S>(&[Around::Seed(inner)], 0)?;
        same("in two contexts", &alone, &run::<S>(&[Around::Seed(inner)], context)?)?;
        same("in another seed", &alone, &run::<S>(&[Around::Seed(inner), Around::Seed(outer)], 0)?)
    })
}

/// What a site draws does not depend on whether other sites are decided.
///
/// # Errors
/// As all laws.
pub fn a_site_draws_the_same_whether_others_are_decided<S: System>() -> Outcome {
    for_each(&any::<u64>(), CASES, |&seed| {
        let decided = run::<S>(&[Around::Substitute("coin", Tensor::from(1.0))], seed)?;
        same("draws", value(&decided, "z")?, value(&run::<S>(&[], seed)?, "z")?)
    })
}

/// Hidden sites are drawn as they would be, and handlers further out neither see nor decide them.
///
/// # Errors
/// As all laws.
pub fn hidden_sites_are_drawn_but_not_seen<S: System>() -> Outcome {
    let hidden = || Around::Block(&["mean", "y"]);
    let (trace, returned) = S::run(program, &[hidden()], 2)?;
    let sites = S::sites(&trace)?;
    let names: Vec<&str> = sites.iter().map(|site| site.name.as_str()).collect();
    same("sites", names, vec!["scale", "coin", "z"])?;
    let whole = run::<S>(&[], 2)?;
    same("draws", value(&whole, "z")?, &returned.to_f64().map_err(|error| error.to_string())?)?;
    let outside = run::<S>(&[hidden(), Around::Condition("mean", Tensor::from(100.0))], 2)?;
    same("draws below a condition", value(&whole, "z")?, value(&outside, "z")?)?;
    let inside = run::<S>(&[Around::Condition("mean", Tensor::from(100.0)), hidden()], 2)?;
    require(value(&inside, "z")? != value(&whole, "z")?, || "a condition inside must decide".into())
}
