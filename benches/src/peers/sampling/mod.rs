//! Chains of NUTS: the time of a leapfrog step, effective draws a second and a gradient, and whether all systems agree.

mod agreement;
mod measure;
mod table;
pub mod whole;

use std::time::{Duration, Instant};

use ppl::core::Result;
use ppl::mcmc::{Chains, Mcmc, Nuts};
use ppl::tensor::DType;
use serde_json::json;

use super::{OURS, Session, System};
use crate::harness::Effort;
use crate::posteriors::{self, Entry, POSTERIORS, Posterior, Site};
pub(super) use measure::{Layout, Raw, Run, Sampled, Sampling};
pub(super) use table::{effective_draws, json, scores, table};

/// Chains, where there is more than one.
const CHAINS: usize = 4;

/// What a quick run samples, unless another posterior is named.
const QUICK: [&str; 5] = ["rugged", "eight_schools", "arK", "kidscore_momiq", "blr"];

/// How much is sampled.
struct Plan {
    /// Transitions of the warm-up, and as many draws.
    transitions: usize,
    /// Fewest and most seeds.
    seeds: (u64, u64),
    /// The time after which no other seed is begun.
    budget: Duration,
    /// Seconds that runs of one seed take together, at least.
    slice: f64,
}

impl Plan {
    const FULL: Self =
        Self { transitions: 1000, seeds: (3, 21), budget: Duration::from_secs(40), slice: 0.1 };
    const QUICK: Self = Self { transitions: 500, seeds: (1, 1), budget: Duration::ZERO, slice: 0.0 };
}

/// Times the budget after which even the fewest seeds are not waited for.
const FAR_BEYOND: u32 = 5;

/// All posteriors that the filter admits.
pub(super) fn run(session: &mut Session<'_>) -> Result<()> {
    let quick = session.effort.is_quick();
    for entry in &POSTERIORS[posteriors::CHAINS..] {
        let named = session.filter.contains(entry.name);
        if quick && !QUICK.contains(&entry.name) && !named {
            continue;
        }
        for chains in [1, CHAINS] {
            let name =
                format!("sampling/{}, {chains} chain{}", entry.name, if chains == 1 { "" } else { "s" });
            if !session.wants(&name) {
                continue;
            }
            match (entry.load)(&session.peers.data()) {
                Ok(posterior) => compare(session, name, entry, &posterior, chains)?,
                Err(error) => session.notes.push(format!("{name} is left out: {error}")),
            }
        }
    }
    Ok(())
}

/// A sampler, from a seed to what one run gave.
type Sampler<'a> = Box<dyn FnMut(u64) -> Result<Raw> + 'a>;

fn compare(
    session: &mut Session<'_>,
    name: String,
    entry: &Entry,
    posterior: &Posterior,
    chains: usize,
) -> Result<()> {
    let plan = if session.effort.is_quick() { Plan::QUICK } else { Plan::FULL };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = chains.min(processors);
    let potential = posterior.program.potential()?;
    let latent = potential.quantities().iter().filter(|quantity| quantity.latent);
    let numbers: Vec<Site> = latent
        .map(|quantity| {
            let stand_in = posterior.stands_for.filter(|(latent, _)| *latent == quantity.name);
            let name = stand_in.map_or(quantity.name.clone(), |(_, name)| name.to_owned());
            (name, quantity.shape.elements())
        })
        .collect();
    let layout = Layout::new(&numbers, chains, plan.transitions);
    let into = session.peers.data().join("draws.bin");
    let request = json!({
        "do": "sampler", "work": entry.name, "data": posterior.program.data.file, "numbers": numbers, "chains": chains,
        "cores": cores, "warmup": plan.transitions, "draws": plan.transitions, "into": into,
        "quick": session.effort.is_quick(),
    });

    let mcmc = Mcmc::new(Nuts::new())
        .warmup(plan.transitions)
        .draws(plan.transitions)
        .chains(chains)
        .threads(cores)
        .progress(false);
    let ours = |seed| {
        ours(&mcmc.clone().seed(seed), &numbers, |mcmc| posterior.program.sample_compiled(mcmc, &potential))
    };
    let mut samplers: Vec<(Sampled, Sampler<'_>)> = vec![(Sampled::new(OURS, None), Box::new(ours))];
    let mut absent = Vec::new();
    for system in [System::Nutpie, System::Stan, System::NumPyro { one_thread: chains == 1 }] {
        eprintln!("  {} prepares {name}", system.name());
        match session.peers.prepare(system, DType::F64, &request) {
            Ok((peer, answer)) => {
                let how = answer["how"].as_str().map(str::to_owned);
                let into = &into;
                let sampler = move |seed| Raw::of_peer(&mut peer.borrow_mut(), seed, into);
                samplers.push((Sampled::new(system.name(), how), Box::new(sampler)));
            }
            Err(reason) => {
                eprintln!("  {} is not available: {reason}", system.name());
                absent.push((system.name(), reason));
            }
        }
    }
    eprintln!("  sampling {name}");
    in_turn(&mut samplers, &mut absent, &layout, &plan)?;
    let systems = samplers.into_iter().map(|(sampled, _)| sampled).collect();
    let sampling = Sampling { name, transitions: plan.transitions, chains, systems, absent };
    session.disagreements.extend(agreement::disagreements(&sampling, &layout));
    session.notes.extend(agreement::incomparable(&sampling));
    eprintln!("{}", table(std::slice::from_ref(&sampling)));
    session.samplings.push(sampling);
    Ok(())
}

/// Runs all samplers in turn, seed after seed. One that fails is absent from then on, unless it is ours.
fn in_turn(
    samplers: &mut Vec<(Sampled, Sampler<'_>)>,
    absent: &mut Vec<(&'static str, String)>,
    layout: &Layout,
    plan: &Plan,
) -> Result<()> {
    // What is first touched by a run is touched before any is timed; peers have done so when they are prepared.
    if let Some((_, ours)) = samplers.first_mut() {
        ours(u64::MAX)?;
    }
    let begin = Instant::now();
    let (fewest, most) = plan.seeds;
    for seed in 0..most {
        let passed = begin.elapsed();
        if (seed >= fewest && passed > plan.budget) || (seed > 0 && passed > FAR_BEYOND * plan.budget) {
            break;
        }
        let count = samplers.len();
        let mut failed = Vec::new();
        for turn in 0..count {
            // Every round starts with another system: none always runs in the wake of the same one.
            let place = (seed as usize + turn) % count;
            let (sampled, sampler) = &mut samplers[place];
            match steady(sampler, seed, plan.slice).and_then(|raw| Run::new(&raw, layout)) {
                Ok(run) => sampled.runs.push(run),
                Err(error) if place > 0 => failed.push((place, error.to_string())),
                Err(error) => return Err(error),
            }
        }
        failed.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        for (place, reason) in failed {
            absent.push((samplers.remove(place).0.system, reason));
        }
    }
    Ok(())
}

/// Runs of one seed, which have the same draws, until they have taken so many seconds together; the one in the middle counts.
/// The shortest take a few milliseconds, of which half may be those of caches that other processes have filled.
fn steady(sampler: &mut Sampler<'_>, seed: u64, slice: f64) -> Result<Raw> {
    let mut runs = vec![sampler(seed)?];
    let mut taken = runs[0].total();
    while taken < slice && runs.len() < MOST_REPEATS {
        let run = sampler(seed)?;
        taken += run.total();
        runs.push(run);
    }
    runs.sort_by(|a, b| a.total().total_cmp(&b.total()));
    Ok(runs.swap_remove(runs.len() / 2))
}

/// Runs of one seed.
const MOST_REPEATS: usize = 50;

/// One run of ours. The draws of the warm-up are not kept in the run that is timed; another one, of the same seed, counts
/// their leapfrog steps.
fn ours(mcmc: &Mcmc<Nuts>, numbers: &[Site], sample: impl Fn(&Mcmc<Nuts>) -> Result<Chains>) -> Result<Raw> {
    let start = Instant::now();
    let chains = sample(mcmc)?;
    let total = start.elapsed().as_secs_f64();
    let (warmup, draws) = chains.times();
    // Chains are at their draws while others warm up: a phase's share of the whole is its share of a chain's time.
    let share = warmup.as_secs_f64() / (warmup + draws).as_secs_f64();
    let before = sample(&mcmc.clone().keep_warmup(true))?.warmup().map_or(0, Chains::leapfrogs);
    let mut values = Vec::new();
    for (site, _) in numbers {
        chains.site(site)?.numbers(site)?.for_each(|number| values.extend(number.all()));
    }
    Ok(Raw {
        seconds: [share * total, (1.0 - share) * total],
        leapfrogs: [before, chains.leapfrogs()],
        divergences: chains.divergences() as u64,
        values,
    })
}

/// Processes that are started and timed.
fn processes(effort: Effort) -> usize {
    if effort.is_quick() { 3 } else { 21 }
}
