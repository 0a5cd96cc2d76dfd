//! How many gradients an effective draw takes, by the way the mass matrix is estimated: the figures behind the default.
//!
//! `cargo run --release -p ppl-posteriors --example adaptation -- [SEEDS] [POSTERIOR …]`

use std::time::Instant;

use ppl::core::{Error, Result};
use ppl::mcmc::{Chains, MassMatrix, Mcmc, Nuts};
use ppl_posteriors::POSTERIORS;

const KINDS: [MassMatrix; 3] = [MassMatrix::Diagonal, MassMatrix::Gradients, MassMatrix::Dense];

/// The fewest effective draws of a number, in the centre, and in centre or tails.
fn fewest(chains: &Chains) -> Result<(f64, f64)> {
    let summary = chains.summary()?;
    let rows = || summary.rows().iter().filter(|row| row.ess_bulk.is_finite());
    let bulk = rows().map(|row| row.ess_bulk).fold(f64::INFINITY, f64::min);
    Ok((bulk, rows().map(|row| row.ess_tail).fold(bulk, f64::min)))
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let wrong = |seeds: String| Error::argument(format!("SEEDS is `{seeds}`, must be a whole number"));
    let seeds = args.next().map_or(Ok(3), |seeds| seeds.parse::<u64>().map_err(|_| wrong(seeds)))?;
    let wanted: Vec<String> = args.collect();
    let is_of_none = |name: &&String| !POSTERIORS.iter().any(|entry| entry.folder.contains(name.as_str()));
    if let Some(name) = wanted.iter().find(is_of_none) {
        return Err(Error::argument(format!("no posterior's name contains `{name}`")));
    }
    println!(
        "effective draws, the worst number's, per 1000 gradients: in the centre, by gradients of draws; in centre or"
    );
    println!(
        "tails, by gradients of draws, and by those of warm-up and draws; then gradients per draw, seconds, divergences"
    );
    for entry in &POSTERIORS {
        let matches = |name: &String| entry.folder.contains(name.as_str());
        if !wanted.is_empty() && !wanted.iter().any(matches) {
            continue;
        }
        let posterior = (entry.load)()?;
        for kind in KINDS {
            let (mut bulk, mut drawn, mut all, mut cost, mut divergences) = (0.0, 0.0, 0.0, 0.0, 0);
            let start = Instant::now();
            for seed in 0..seeds {
                let mcmc =
                    Mcmc::new(Nuts::new().mass_matrix(kind)).seed(seed).keep_warmup(true).progress(false);
                let chains = posterior.sample(&mcmc)?;
                let ((centre, ess), gradients) = (fewest(&chains)?, chains.leapfrogs() as f64);
                let warmup = chains.warmup().map_or(0, Chains::leapfrogs) as f64;
                bulk += 1e3 * centre / gradients / seeds as f64;
                drawn += 1e3 * ess / gradients / seeds as f64;
                all += 1e3 * ess / (gradients + warmup) / seeds as f64;
                cost += gradients / chains.len() as f64 / seeds as f64;
                divergences += chains.divergences();
            }
            let kind = format!("{kind:?}");
            let seconds = start.elapsed().as_secs_f64() / seeds as f64;
            let figures = format!("{bulk:8.2} {drawn:8.2} {all:8.2}  {cost:7.1} {seconds:7.2} {divergences}");
            println!("{:42} {kind:10} {figures}", entry.folder);
        }
    }
    Ok(())
}
