//! One posterior of posteriordb, sampled and held against its reference draws.
//!
//! `cargo run --release --example posteriordb -- --help`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ppl_examples_support::{CHAINS_ON_CPU, Extra, Options, Outcome, Program, Table, json, run, show};
use ppl_plot::{BLUE, Figure, GREY, ORANGE, Panel};
use ppl_posteriors::{Comparison, Entry, POSTERIORS, find};

const PROGRAM: Program = Program {
    name: "posteriordb",
    about: "A posterior of posteriordb by its name, sampled by the No-U-Turn sampler with --steps draws of each of four\n\
            chains, beside its reference draws: means, mean squares, and how far they are apart in standard errors.",
    steps: 1000,
    extras: &[
        Extra {
            name: "NAME",
            value: "",
            help: "the posterior, or its model alone: eight_schools_noncentered",
        },
        Extra { name: "list", value: "", help: "name all posteriors instead" },
        Extra { name: "warmup", value: "N", help: "transitions before the first draw (1000)" },
    ],
    cpu_only: Some(CHAINS_ON_CPU),
    figures: true,
    keys: &[
        ("numbers", "how many numbers the reference has"),
        ("worst_z", "the farthest of their means and mean squares, in combined standard errors"),
        ("r_hat, ess_bulk", "the worst over the numbers"),
        ("divergences, leapfrogs", "of all draws"),
        ("verdict", "1 if all agree and chains mix, 0 otherwise"),
        ("draws, warmup, seed", "settings of the run"),
        ("seconds", "tracing, compiling and sampling"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, compare)
}

/// The folders, one a line.
fn names() -> String {
    POSTERIORS.map(|entry| format!("  {}", entry.folder)).join("\n")
}

/// The posterior that is asked for.
fn asked(options: &Options) -> std::result::Result<&'static Entry, String> {
    let name = options.extra("NAME").map(|name| name.to_string_lossy());
    let name = name.ok_or_else(|| format!("which posterior? There are:\n{}", names()))?;
    find(&name).ok_or_else(|| format!("there is no posterior `{name}`; there are:\n{}", names()))
}

fn compare(options: &Options) -> Outcome {
    if options.extra("list").is_some() {
        show(names());
        return Ok(json!({ "posteriors": POSTERIORS.map(|entry| entry.folder) }));
    }
    let (entry, warmup) = (asked(options)?, options.count("warmup", 1000)?);
    let posterior = (entry.load)()?;
    let reference = posterior.reference()?;
    show(format!("{}: {} numbers\n", entry.folder, reference.len()));

    let start = Instant::now();
    let mcmc = (entry.mcmc)().warmup(warmup).draws(options.steps).seed(options.seed);
    let chains = posterior.sample(&mcmc)?;
    let seconds = start.elapsed().as_secs_f64();
    let compared = Comparison::all(&chains, reference)?;

    show(table(&compared));
    for warning in chains.summary()?.warnings() {
        show(format!("warning: {warning}"));
    }
    let leapfrogs = chains.leapfrogs();
    show(format!("{} draws, {leapfrogs} leapfrog steps, {seconds:.2} s", chains.len()));
    let (agrees, words) = verdict(&compared);
    show(words);
    show(save(&options.out, entry.folder, &compared)?.display());

    let least = |of: fn(&Comparison) -> f64| compared.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Comparison) -> f64| compared.iter().map(of).fold(0.0, f64::max);
    Ok(json!({
        "posterior": entry.folder, "numbers": compared.len(), "worst_z": most(Comparison::farthest),
        "r_hat": most(|number| number.r_hat), "ess_bulk": least(|number| number.ess_bulk),
        "divergences": chains.divergences(), "leapfrogs": leapfrogs, "verdict": u8::from(agrees),
        "draws": options.steps, "warmup": warmup, "seed": options.seed, "seconds": seconds,
    }))
}

fn table(compared: &[Comparison]) -> Table {
    let columns = ["", "mean", "reference", "z", "sd", "reference", "mean square", "z", "ess_bulk", "r_hat"];
    compared.iter().fold(Table::new("Beside the reference draws", columns), |table, number| {
        let Comparison { reference, mean, sd, mean_square, z_mean, z_square, ess_bulk, r_hat, .. } = number;
        let digits = |x: f64| {
            let places = (2.0 - reference.sd.log10().floor()).clamp(0.0, 12.0);
            format!("{x:.*}", if places.is_finite() { places as usize } else { 3 })
        };
        let row = [
            digits(*mean),
            digits(reference.mean),
            format!("{z_mean:.2}"),
            digits(*sd),
            digits(reference.sd),
            format!("{mean_square:.4e}"),
            format!("{z_square:.2}"),
            format!("{ess_bulk:.0}"),
            format!("{r_hat:.3}"),
        ];
        table.text_row(&reference.name, row)
    })
}

/// R̂ of chains that agree is below.
const LARGEST_R_HAT: f64 = 1.01;

/// Whether all is well, and that in words.
fn verdict(compared: &[Comparison]) -> (bool, String) {
    let farthest = Comparison::FARTHEST;
    let named = |bad: &dyn Fn(&Comparison) -> bool| {
        let names = compared.iter().filter(|number| bad(number)).map(|number| number.reference.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    // What is not a number is no good figure.
    let beyond = |x: f64, limit: f64| x.is_nan() || x > limit;
    let apart = named(&|number| beyond(number.farthest(), farthest));
    let unmixed = named(&|number| beyond(number.r_hat, LARGEST_R_HAT));
    if !unmixed.is_empty() {
        return (false, format!("no verdict: R-hat is above {LARGEST_R_HAT} for {unmixed}: take more draws"));
    }
    if !apart.is_empty() {
        return (
            false,
            format!("differs from the reference by more than {farthest} standard errors: {apart}"),
        );
    }
    let figures = 2 * compared.len();
    (true, format!("agrees with the reference: {figures} figures within {farthest} standard errors"))
}

/// The differences in standard errors, number by number.
fn save(folder: &Path, name: &str, compared: &[Comparison]) -> ppl::core::Result<PathBuf> {
    let points = |of: fn(&Comparison) -> f64| {
        compared.iter().enumerate().map(|(place, number)| (place as f64 + 1.0, of(number))).collect()
    };
    let last = compared.len() as f64 + 1.0;
    let farthest = Comparison::FARTHEST;
    // With room for the legend above.
    let reach = 1.15 * compared.iter().map(Comparison::farthest).fold(farthest, f64::max);
    let level = |z: f64| vec![(0.0, z), (last, z)];
    let panel = Panel::new("draws less reference draws", "number of the table", "standard errors")
        .x_range(0.0, last)
        .y_range(-reach, 1.6 * reach)
        .dots("means", BLUE, points(|number| number.z_mean))
        .dots("mean squares", ORANGE, points(|number| number.z_square))
        .dashes("farthest of a right sampler", GREY, level(farthest))
        .dashes("", GREY, level(-farthest));
    Figure::new(name).panel(panel).save(folder.join("posteriordb_differences.svg"))
}

#[cfg(test)]
mod tests {
    use ppl_posteriors::unless_missing;
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let text = |arguments: &[&str]| {
            let options = PROGRAM.options(arguments.iter().copied()).unwrap();
            compare(&options).unwrap_err().to_string()
        };
        let unknown = text(&["garch12"]);
        assert!(unknown.starts_with("there is no posterior `garch12`; there are:\n  arK-arK\n"), "{unknown}");
        assert!(text(&[]).starts_with("which posterior? There are:\n  arK-arK\n"));
        let wrong = text(&["arK", "--warmup", "some"]);
        assert_eq!(wrong, "`--warmup` is `some`, must be a whole number");
        let all = compare(&PROGRAM.options(["--list"]).unwrap()).unwrap();
        assert_eq!(all["posteriors"].as_array().unwrap().len(), POSTERIORS.len());
    }

    #[test]
    fn a_posterior_agrees_with_its_reference() {
        if unless_missing((find("kidscore_mom_work").unwrap().load)()).unwrap().is_none() {
            return;
        }
        let out = TemporaryPath::new("example-posteriordb");
        let arguments = ["kidscore_mom_work", "--out", out.to_str().unwrap()];
        let results = compare(&PROGRAM.options(arguments).unwrap()).unwrap();
        for key in PROGRAM.keys.iter().flat_map(|(keys, _)| keys.split(", ")) {
            assert!(results[key].is_number(), "{key} in {results}");
        }
        assert_eq!((&results["verdict"], &results["numbers"]), (&json!(1), &json!(5)), "{results}");
        assert!(out.join("posteriordb_differences.svg").is_file());
    }

    #[test]
    fn verdicts_are_told_in_words() {
        let number = |name: &str, z: f64, r_hat: f64| Comparison {
            reference: ppl_posteriors::Reference { name: name.into(), mean: 0.0, sd: 1.0, mean_square: 1.0 },
            mean: 0.0,
            sd: 1.0,
            mean_square: 1.0,
            z_mean: -z,
            z_square: 0.5,
            ess_bulk: 400.0,
            r_hat,
        };
        let words = |numbers: &[Comparison]| verdict(numbers).1;
        assert!(verdict(&[number("a", 1.0, 1.0)]).0);
        let apart = words(&[number("a", 5.0, 1.0), number("b", f64::NAN, 1.0), number("c", 0.0, 1.0)]);
        assert_eq!(apart, "differs from the reference by more than 4 standard errors: a, b");
        let unmixed = words(&[number("a", 5.0, 1.2)]);
        assert_eq!(unmixed, "no verdict: R-hat is above 1.01 for a: take more draws");
    }
}
