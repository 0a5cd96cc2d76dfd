//! Does coaching help? Eight schools, in centred and in standardised coordinates: what a divergence tells, and its cure.
//!
//! `cargo run --release --example eight_schools -- --help`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ppl::prelude::*;
use ppl_examples_support::{CHAINS_ON_CPU, Options, Outcome, Program, Table, Value, json, run, show};
use ppl_plot::{BLUE, Figure, ORANGE, Panel, Plots, Report};

const PROGRAM: Program = Program {
    name: "eight_schools",
    about: "Effects of coaching in eight schools (Rubin 1981), sampled by the No-U-Turn sampler: --steps draws of each of\n\
            four chains. Effects drawn about their mean make a funnel, in whose neck trajectories diverge; drawn as\n\
            standardised deviations they do not.",
    steps: 1000,
    extras: &[],
    cpu_only: Some(CHAINS_ON_CPU),
    figures: true,
    keys: &[
        ("FORM.divergences", "draws whose trajectory diverged; FORM: centred, standardised"),
        ("FORM.mu, FORM.tau", "posterior means of the mean effect and of the spread of effects"),
        ("FORM.ess_bulk, FORM.r_hat", "of tau"),
        ("elpd_loo, p_loo", "expected log predictive density of a school left out, and effective parameters"),
        ("steps, seed", "settings of the run"),
    ],
};

/// One school: the estimated effect and its standard error.
#[derive(Clone, TensorTree)]
struct School {
    effect: Tensor,
    error: Tensor,
}

fn schools() -> School {
    School {
        effect: [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0].into(),
        error: [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0].into(),
    }
}

/// Each effect is drawn about the mean.
fn centred(ctx: &mut Ctx, schools: &School) -> Result<()> {
    let mu = ctx.sample("mu", Normal::new(0.0, 5.0))?;
    let tau = ctx.sample("tau", HalfCauchy::new(5.0))?;
    ctx.plate("schools", schools, |ctx, school| {
        let theta = ctx.sample("theta", Normal::new(&mu, &tau))?;
        ctx.observe("y", Normal::new(theta, &school.error), &school.effect)
    })?;
    Ok(())
}

/// What is drawn of each effect is its deviation from the mean, in units of the spread.
fn standardised(ctx: &mut Ctx, schools: &School) -> Result<()> {
    let mu = ctx.sample("mu", Normal::new(0.0, 5.0))?;
    let tau = ctx.sample("tau", HalfCauchy::new(5.0))?;
    ctx.plate("schools", schools, |ctx, school| {
        let deviation = ctx.sample("deviation", Normal::new(0.0, 1.0))?;
        let theta = ctx.deterministic("theta", &mu + &tau * deviation)?;
        ctx.observe("y", Normal::new(theta, &school.error), &school.effect)
    })?;
    Ok(())
}

fn main() -> ExitCode {
    run(&PROGRAM, compare)
}

fn compare(options: &Options) -> Outcome {
    let schools = schools();
    let nuts =
        |target| Mcmc::new(Nuts::new().target_acceptance(target)).draws(options.steps).seed(options.seed);
    let funnel = nuts(0.8).run(&centred, &schools)?;
    show(format!("Centred\n{}", funnel.summary()?));
    let cured = nuts(0.95).run(&standardised, &schools)?;
    show(format!("Standardised, with a target acceptance of 0.95\n{}", cured.summary()?));

    let log_likelihood = Predictive::new(standardised).log_likelihood(&cured.draws(), &schools)?;
    let elpd = cured.loo(log_likelihood.get("y")?)?;
    show(&elpd);
    let table = Table::new("Spread of effects, tau", ["", "divergences", "mean", "ess_bulk", "r_hat"]);
    let table = [("centred", &funnel), ("standardised", &cured)].into_iter().try_fold(
        table,
        |table, (name, chains)| {
            let summary = chains.summary()?;
            let tau = summary.row("tau").map_or([f64::NAN; 3], |row| [row.mean, row.ess_bulk, row.r_hat]);
            Ok::<_, Error>(table.row(name, [chains.divergences() as f64].into_iter().chain(tau)))
        },
    )?;
    show(table);
    for file in save(&options.out, [&funnel, &cured], &log_likelihood)? {
        show(file.display());
    }
    Ok(json!({
        "centred": figures(&funnel)?, "standardised": figures(&cured)?,
        "elpd_loo": elpd.elpd, "p_loo": elpd.p, "steps": options.steps, "seed": options.seed,
    }))
}

fn figures(chains: &Chains) -> Result<Value> {
    let summary = chains.summary()?;
    let row = |name: &str| summary.row(name);
    let mean = |name: &str| row(name).map(|row| row.mean);
    Ok(json!({
        "divergences": chains.divergences(), "mu": mean("mu"), "tau": mean("tau"),
        "ess_bulk": row("tau").map(|row| row.ess_bulk), "r_hat": row("tau").map(|row| row.r_hat),
    }))
}

/// The effect of the first school against the logarithm of the spread: the funnel, and where trajectories diverged.
fn funnels(forms: [&Chains; 2]) -> Result<Figure> {
    let mut figure = Figure::new("The funnel: draws, and those of trajectories that diverged");
    for (name, chains) in ["centred", "standardised"].into_iter().zip(forms) {
        let theta = chains.get("theta")?.to_f64()?;
        let tau = chains.get("tau")?.to_f64()?;
        let points = theta.iter().step_by(8).zip(&tau).map(|(theta, tau)| (*theta, tau.ln()));
        let transitions = chains.transitions().iter().flatten();
        let (divergent, fine): (Vec<_>, Vec<_>) =
            points.zip(transitions).partition(|(_, transition)| transition.divergent);
        let only = |points: Vec<((f64, f64), _)>| points.into_iter().map(|(point, _)| point).collect();
        let panel = Panel::new(name, "theta of the first school", "log tau")
            .dots("draws", BLUE, only(fine))
            .dots("diverged", ORANGE, only(divergent));
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// The figures, and a report on each form.
fn save(folder: &Path, forms: [&Chains; 2], log_likelihood: &Draws) -> Result<[PathBuf; 4]> {
    let [centred, standardised] = forms;
    let funnels = funnels(forms)?;
    let report = |chains, title| Report::new(chains).title(title).figure(funnels.clone());
    Ok([
        funnels.save(folder.join("eight_schools_funnel.svg"))?,
        Plots::new(centred).sites(["tau"]).trace()?.save(folder.join("eight_schools_trace.svg"))?,
        report(centred, "Eight schools, centred").write(folder.join("eight_schools/centred.html"))?,
        report(standardised, "Eight schools, standardised")
            .log_likelihood(log_likelihood)
            .write(folder.join("eight_schools/report.html"))?,
    ])
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn a_funnel_diverges_and_its_cure_does_not() {
        let out = TemporaryPath::new("example-eight-schools");
        let options = PROGRAM.options(["--steps", "300", "--out", out.to_str().unwrap()]).unwrap();
        let results = compare(&options).unwrap();
        for key in PROGRAM.keys.iter().flat_map(|(keys, _)| keys.split(", ")) {
            for form in ["centred", "standardised"] {
                let pointer = format!("/{}", key.replace("FORM", form).replace('.', "/"));
                assert!(results.pointer(&pointer).is_some_and(Value::is_number), "{pointer} in {results}");
            }
        }
        let count = |form: &str| results[form]["divergences"].as_u64().unwrap();
        assert!(count("centred") > 5 * count("standardised"), "{results}");
        assert!((results["standardised"]["mu"].as_f64().unwrap() - 4.4).abs() < 1.0, "{results}");
        for file in ["eight_schools_funnel.svg", "eight_schools/centred.html", "eight_schools/report.html"] {
            assert!(out.join(file).is_file(), "{file}");
        }
    }
}
