//! What a report says, in order.

use std::time::Duration;

use ppl_core::Result;
use ppl_mcmc::diagnostics::{FEWEST_EFFECTIVE, LARGEST_R_HAT, LEAST_BFMI, e_bfmi};
use ppl_mcmc::{Chains, ElpdEstimate, Summary, SummaryRow, Transition, waic};
use ppl_tensor::Tensor;

use super::Report;
use super::html::{Cell, Page};
use crate::figure::{BLACK, BLUE, Figure, Panel};

/// Rows of the summary that a page has room for.
const ROWS: usize = 1000;

/// Names in one sentence.
const NAMED: usize = 5;

/// Above these the Pareto estimate of an observation cannot be trusted, and is of no use at all (Vehtari, Gelman and Gabry
/// 2017).
const LARGE_K: [f64; 2] = [0.7, 1.0];

pub(super) fn page(report: &Report<'_>) -> Result<String> {
    let chains = report.chains;
    let summary = chains.summary()?;
    let mut page = Page::new(&report.title);
    let mut sections =
        vec![("verdict", "Verdict"), ("run", "Run"), ("chains", "Chains"), ("summary", "Summary")];
    if !report.log_likelihood.is_empty() {
        sections.push(("prediction", "Prediction"));
    }
    let plots = plots(report)?;
    sections.extend(plots.iter().map(|(id, title, ..)| (*id, *title)));
    if !report.figures.is_empty() {
        sections.push(("more", "More figures"));
    }
    page.contents(&sections);
    verdict(&mut page, chains, &summary);
    run(&mut page, chains);
    each_chain(&mut page, chains);
    table(&mut page, chains, &summary);
    if !report.log_likelihood.is_empty() {
        page.heading("prediction", "Prediction");
        for (name, values) in &report.log_likelihood {
            prediction(&mut page, name, values, chains).map_err(|error| error.at_site(name))?;
        }
    }
    for (id, title, caption, figure) in &plots {
        page.heading(id, title);
        page.figure(&figure.to_svg()?, caption);
    }
    if !report.figures.is_empty() {
        page.heading("more", "More figures");
        for figure in &report.figures {
            page.figure(&figure.to_svg()?, figure.title());
        }
    }
    Ok(page.finish())
}

type Section = (&'static str, &'static str, &'static str, Figure);

fn plots(report: &Report<'_>) -> Result<Vec<Section>> {
    let plots = &report.plots;
    Ok(vec![
        (
            "forest",
            "Forest",
            "Medians and intervals of all draws, and whether they can be trusted.",
            plots.forest()?,
        ),
        (
            "trace",
            "Trace",
            "The course of each chain. Chains that agree are one band without a drift; strokes at the bottom mark draws whose \
             trajectory diverged, pale draws with negative numbers are those of the warm-up.",
            plots.trace()?,
        ),
        (
            "density",
            "Density",
            "What the draws say of each number: all of them, and each chain by itself. Chains that agree have like curves.",
            plots.density()?,
        ),
        (
            "rank",
            "Rank",
            "How the ranks of each chain's draws among all are spread. Bars of chains that agree are level; those that lean \
             to one side, or are high in the middle, say that a chain is elsewhere or too narrow.",
            plots.rank()?,
        ),
        (
            "ess",
            "Effective draws",
            "How effective sample sizes grow with draws: in proportion where chains mix. A line that levels off, or falls, \
             says that longer chains keep finding new places.",
            plots.ess_growth()?,
        ),
        (
            "energy",
            "Energy",
            "The energies that chains visit, and how far one transition moves. Where changes are much narrower, tails are \
             reached slowly.",
            plots.energy(),
        ),
        (
            "pairs",
            "Pairs",
            "How numbers hang together. Where draws whose trajectory diverged gather, the sampler does not get through.",
            plots.pairs()?,
        ),
    ])
}

fn verdict(page: &mut Page, chains: &Chains, summary: &Summary) {
    page.heading("verdict", "Verdict");
    let rows = summary.rows();
    if summary.warnings().is_empty() {
        let worst =
            |of: fn(&SummaryRow) -> f64, pick: fn(f64, f64) -> f64| rows.iter().map(of).fold(f64::NAN, pick);
        let r_hat = worst(|row| row.r_hat, f64::max);
        let (bulk, tail) = (worst(|row| row.ess_bulk, f64::min), worst(|row| row.ess_tail, f64::min));
        page.verdicts(
            false,
            &[format!(
                "Nothing to warn of: chains agree (largest R-hat {r_hat:.3}), the least effective sample sizes are {bulk:.0} \
                 for centres and {tail:.0} for tails, and no trajectory diverged."
            )],
        );
    } else {
        page.verdicts(true, summary.warnings());
    }
    let undefined: Vec<&str> =
        rows.iter().filter(|row| !row.r_hat.is_finite()).map(|row| row.name.as_str()).collect();
    if !undefined.is_empty() {
        let named = undefined[..undefined.len().min(NAMED)].join(", ");
        let more = undefined.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.paragraph(&format!(
            "R-hat is not defined for want of draws, or because draws are equal or not finite: {named}{more}."
        ));
    }
    if chains.chain_count() == 1 {
        page.paragraph(
            "There is one chain: R-hat compares its halves, and cannot tell of places it did not find.",
        );
    }
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0..0.001 => format!("{:.0} µs", seconds * 1e6),
        0.001..1.0 => format!("{:.1} ms", seconds * 1e3),
        1.0..100.0 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.0} s"),
    }
}

fn run(page: &mut Page, chains: &Chains) {
    page.heading("run", "Run");
    let mut rows: Vec<(&str, String)> = Vec::new();
    let settings = chains.settings();
    if let Some(settings) = settings {
        rows.push(("kernel", settings.kernel.clone()));
        let asked = [
            ("chains", settings.chains, chains.chain_count()),
            ("draws of each chain", settings.draws, chains.draw_count()),
        ];
        for (what, asked, here) in asked {
            let here =
                if here == asked { asked.to_string() } else { format!("{here}, of {asked} asked for") };
            rows.push((what, here));
        }
        rows.push(("warm-up of each chain", settings.warmup.to_string()));
        rows.push(("seed", settings.seed.to_string()));
    } else {
        rows.push(("chains", chains.chain_count().to_string()));
        rows.push(("draws of each chain", chains.draw_count().to_string()));
    }
    let sizes = |latent: bool| -> usize {
        let sites = chains.sites().filter(|(_, site)| site.latent == latent);
        sites.map(|(_, site)| site.element_count()).sum()
    };
    rows.push(("latent numbers", sizes(true).to_string()));
    rows.push(("deterministic numbers", sizes(false).to_string()));
    rows.push(("draws whose trajectory diverged", chains.divergences().to_string()));
    rows.push(("leapfrog steps of draws", chains.leapfrogs().to_string()));
    let (warmup, draws) = chains.times();
    rows.push(("time of the slowest chain's warm-up", seconds(warmup)));
    rows.push(("time of the slowest chain's draws", seconds(draws)));
    let spent: Duration = chains.run_times().iter().map(|run| run.draws).sum();
    let resumed = settings.is_some_and(|settings| settings.resumed);
    if !resumed && !spent.is_zero() && chains.leapfrogs() > 0 {
        let rate = chains.leapfrogs() as f64 / spent.as_secs_f64();
        rows.push(("gradients per second of a chain", format!("{rate:.0}")));
    }
    let rows: Vec<Vec<Cell>> =
        rows.into_iter().map(|(what, value)| vec![Cell::new(what), Cell::new(value)]).collect();
    page.table(&[], &rows);
    if resumed {
        page.paragraph("The chains were resumed: times are those since then.");
    }
}

fn each_chain(page: &mut Page, chains: &Chains) {
    page.heading("chains", "Chains");
    let head = [
        "chain",
        "diverged",
        "cut at the longest",
        "acceptance",
        "step size",
        "leapfrogs a draw",
        "E-BFMI",
        "warm-up",
        "draws",
    ];
    let row = |(run, all): (&ppl_mcmc::RunTimes, &Vec<Transition>)| {
        let count = |of: fn(&Transition) -> bool| all.iter().filter(|t| of(t)).count();
        let mean = |of: fn(&Transition) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        let energies: Option<Vec<f64>> = all.iter().map(|t| t.energy).collect();
        let (diverged, saturated) = (count(|t| t.divergent), count(|t| t.saturated));
        let fraction = energies.map(|energies| e_bfmi(&energies));
        vec![
            Cell::new(run.number),
            Cell::bad_if(diverged, diverged > 0),
            Cell::bad_if(saturated, saturated > 0),
            Cell::new(format!("{:.3}", mean(|t| t.acceptance))),
            Cell::new(format!("{:.4}", mean(|t| t.step_size))),
            Cell::new(format!("{:.1}", mean(|t| f64::from(t.leapfrogs)))),
            match fraction {
                Some(fraction) => Cell::bad_if(format!("{fraction:.2}"), fraction < LEAST_BFMI),
                None => Cell::new("none"),
            },
            Cell::new(seconds(run.warmup)),
            Cell::new(seconds(run.draws)),
        ]
    };
    let rows: Vec<Vec<Cell>> = chains.run_times().iter().zip(chains.transitions()).map(row).collect();
    page.table(&head, &rows);
    if !chains.failures().is_empty() {
        page.paragraph("Chains that failed, and are left out of everything here:");
        let rows = chains
            .failures()
            .iter()
            .map(|(number, error)| vec![Cell::new(format!("chain {number}")), Cell::bad_if(error, true)]);
        page.table(&[], &rows.collect::<Vec<_>>());
    }
}

fn table(page: &mut Page, chains: &Chains, summary: &Summary) {
    page.heading("summary", "Summary");
    let rows = summary.rows();
    if rows.len() > ROWS {
        page.paragraph(&format!(
            "The first {ROWS} of {} numbers; the verdict is on all of them.",
            rows.len()
        ));
    }
    let fewest = FEWEST_EFFECTIVE * chains.chain_count() as f64;
    let row = |row: &SummaryRow| -> Vec<Cell> {
        let bad = |place: usize| match place {
            7 => row.ess_bulk < fewest,
            8 => row.ess_tail < fewest,
            9 => row.r_hat > LARGEST_R_HAT,
            _ => false,
        };
        row.fields().into_iter().enumerate().map(|(place, text)| Cell::bad_if(text, bad(place))).collect()
    };
    page.table(&SummaryRow::COLUMNS, &rows.iter().take(ROWS).map(row).collect::<Vec<_>>());
}

/// Estimates from the log likelihood of one observed site.
fn prediction(page: &mut Page, name: &str, values: &Tensor, chains: &Chains) -> Result<()> {
    let (loo, waic) = (chains.loo(values)?, waic(values)?);
    let row = |what: &str, estimate: &ElpdEstimate| {
        let ElpdEstimate { elpd, se, p, .. } = estimate;
        let numbers = [elpd, se, p].map(|x| Cell::new(format!("{x:.2}")));
        std::iter::once(Cell::new(format!("{name}: {what}"))).chain(numbers).collect::<Vec<_>>()
    };
    let rows = [row("leave-one-out", &loo), row("WAIC", &waic)];
    page.table(&["", "elpd", "standard error", "effective parameters"], &rows);
    let warnings: Vec<String> = [&loo, &waic]
        .into_iter()
        .zip(["leave-one-out", "WAIC"])
        .flat_map(|(estimate, what)| {
            let text = estimate.to_string();
            let lines = text.lines().filter_map(|line| line.strip_prefix("warning: "));
            lines.map(|line| format!("{name}, {what}: {line}")).collect::<Vec<_>>()
        })
        .collect();
    match warnings.is_empty() {
        true => page
            .verdicts(false, &[format!("{name}: every observation's Pareto shape is below {}.", LARGE_K[0])]),
        false => page.verdicts(true, &warnings),
    }
    let figure = shapes(name, &loo);
    let caption = "Pareto shape of each observation's weights: the larger, the more its prediction hangs on a few draws.";
    page.figure(&figure.to_svg()?, caption);
    Ok(())
}

/// The Pareto shape of each observation.
fn shapes(name: &str, loo: &ElpdEstimate) -> Figure {
    let n = loo.diagnostic.len();
    let points: Vec<(f64, f64)> = loo.diagnostic.iter().enumerate().map(|(i, k)| (i as f64, *k)).collect();
    let ends = |level: f64| vec![(-0.5, level), (n as f64 - 0.5, level)];
    let unknown = points.iter().filter(|point| !point.1.is_finite()).count();
    let mut figure = Figure::new("").panel(
        Panel::new(&format!("Pareto shape k of {name}"), "observation", "k")
            .dots("", BLUE, points)
            .dashes("", BLACK, ends(LARGE_K[0]))
            .dashes("", BLACK, ends(LARGE_K[1])),
    );
    if unknown > 0 {
        figure = figure.note(format!("{unknown} of {n} observations have no finite shape."));
    }
    figure
}
