//! A table of all numbers of all sites, with warnings in words.

use std::fmt;

use ppl_core::Result;

use super::{FEWEST, e_bfmi, ess_bulk, ess_tail, mcse_mean, mean, quantile, r_hat, sorted, variance};
use crate::{Chains, NumberDraws};

/// What the draws of one number say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The site, with the place in its value: `theta[3]`, `w[0,2]`.
    pub name: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Monte Carlo standard error of the mean.
    pub mcse_mean: f64,
    /// 5%, 50% and 95% quantiles.
    pub quantiles: [f64; 3],
    /// Effective sample size for the centre.
    pub ess_bulk: f64,
    /// Effective sample size for the tails.
    pub ess_tail: f64,
    /// Rank-normalised split R̂.
    pub r_hat: f64,
}

/// A summary of chains: a row a number, and what should worry.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    rows: Vec<SummaryRow>,
    warnings: Vec<String>,
}

const PROBABILITIES: [f64; 3] = [0.05, 0.5, 0.95];

/// R̂ of chains that agree is below; a summary warns above.
pub const LARGEST_R_HAT: f64 = 1.01;

/// Fewest effective draws a chain of which a summary does not warn.
pub const FEWEST_EFFECTIVE: f64 = 100.0;

/// Least E-BFMI of which a summary does not warn.
pub const LEAST_BFMI: f64 = 0.3;

/// No number of a posterior is so large.
const BEYOND: f64 = 1e100;

/// Names in one warning.
const NAMED: usize = 5;

impl Chains {
    /// Means, quantiles and diagnostics of every number of every site.
    ///
    /// # Errors
    /// If draws cannot be read.
    pub fn summary(&self) -> Result<Summary> {
        let (mut rows, mut facts) = (Vec::new(), Vec::new());
        for (name, site) in self.sites() {
            for number in site.numbers(name)? {
                facts.push(Facts {
                    latent: site.latent,
                    finite: number.all().iter().all(|x| x.is_finite()),
                    moves: number.all().windows(2).any(|pair| pair[0] != pair[1]),
                });
                rows.push(row(&number));
            }
        }
        let warnings = warnings(self, &rows, &facts);
        Ok(Summary { rows, warnings })
    }
}

/// What a row does not tell.
struct Facts {
    latent: bool,
    /// All draws are.
    finite: bool,
    /// Not all draws are equal.
    moves: bool,
}

fn row(number: &NumberDraws) -> SummaryRow {
    let chains = &number.chains();
    let sorted = sorted(chains);
    SummaryRow {
        name: number.name().to_owned(),
        mean: mean(&sorted),
        sd: variance(&sorted).sqrt(),
        mcse_mean: mcse_mean(chains),
        quantiles: PROBABILITIES.map(|probability| match sorted.iter().any(|x| x.is_nan()) {
            true => f64::NAN,
            false => quantile(&sorted, probability),
        }),
        ess_bulk: ess_bulk(chains),
        ess_tail: ess_tail(chains),
        r_hat: r_hat(chains),
    }
}

fn warnings(chains: &Chains, rows: &[SummaryRow], facts: &[Facts]) -> Vec<String> {
    let mut warnings = chains.told();
    let total = chains.len();
    if total == 0 {
        return warnings;
    }
    let divergences = chains.divergences();
    if divergences > 0 {
        warnings.push(format!(
            "{divergences} of {total} draws come from trajectories that diverged: parts of the posterior may be missing; \
             other coordinates (a non-centred form), or a higher target acceptance, may help"
        ));
    }
    let saturated = chains.transitions().iter().flatten().filter(|transition| transition.saturated).count();
    let apart = rows.iter().any(|row| row.r_hat > LARGEST_R_HAT);
    if 2 * saturated > total && apart {
        warnings.push(format!(
            "{saturated} of {total} trajectories were cut at the longest allowed, and chains do not agree: scales are too far \
             apart for this mass matrix, or some numbers are held neither by a prior nor by the data; then the posterior is \
             improper, and there are no draws of it"
        ));
    } else if saturated > 0 {
        warnings.push(format!(
            "{saturated} of {total} trajectories were cut at the longest allowed: draws are right, but cost more than they \
             need; a dense mass matrix, or other coordinates, may help"
        ));
    }
    let few = chains.draw_count() < FEWEST;
    for (run, energies) in chains.run_times().iter().zip(chains.energies().unwrap_or_default()) {
        let fraction = e_bfmi(&energies);
        if fraction < LEAST_BFMI {
            warnings.push(format!(
                "E-BFMI of chain {} is {fraction:.2}, below {LEAST_BFMI}: the tails may not have been reached; other \
                 coordinates may help",
                run.number
            ));
        } else if fraction.is_nan() && !few {
            let reason = "is not known: its energies are all equal, or not finite";
            warnings.push(format!("E-BFMI of chain {} {reason}", run.number));
        }
    }
    if few {
        let n = chains.draw_count();
        warnings.push(format!(
            "{n} draws a chain are too few to judge: R-hat and effective draws are known from {FEWEST} on"
        ));
    }
    let mut about = |what: &str, bad: &dyn Fn(&SummaryRow, &Facts) -> bool| {
        let bad = rows.iter().zip(facts).filter(|(row, facts)| bad(row, facts));
        let names: Vec<&str> = bad.map(|(row, _)| row.name.as_str()).collect();
        if !names.is_empty() {
            let more = names.len().saturating_sub(NAMED);
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            warnings.push(format!("{what}: {}{tail}", names[..names.len() - more].join(", ")));
        }
    };
    let improper = |row: &SummaryRow, facts: &Facts| {
        facts.latent && row.quantiles.iter().any(|quantile| quantile.abs() >= BEYOND)
    };
    about(
        &format!(
            "draws beyond {BEYOND:e}, which neither a prior nor the data hold: the posterior is improper"
        ),
        &improper,
    );
    about(
        "draws that the model computes to be infinite or not a number, so that means, R-hat and effective draws are not known",
        &|row, facts| !facts.finite && !improper(row, facts),
    );
    about("all draws are equal, the sampler has not moved", &|_, facts| {
        facts.latent && facts.finite && !facts.moves && !few
    });
    about(&format!("R-hat is above {LARGEST_R_HAT}, the chains have not come to agree"), &|row, _| {
        row.r_hat > LARGEST_R_HAT
    });
    let fewest = FEWEST_EFFECTIVE * chains.chain_count() as f64;
    about(&format!("fewer than {fewest} effective draws, take more"), &|row, _| {
        row.ess_bulk < fewest || row.ess_tail < fewest
    });
    warnings
}

impl SummaryRow {
    /// What [`SummaryRow::fields`] are, in this order.
    pub const COLUMNS: [&'static str; 10] =
        ["", "mean", "sd", "5%", "50%", "95%", "mcse", "ess_bulk", "ess_tail", "r_hat"];

    /// The row as the table has it, with as many digits as make sense.
    pub fn fields(&self) -> [String; 10] {
        let number = |x: f64| digits(x, self.sd);
        let [low, middle, high] = self.quantiles.map(number);
        let mcse = digits(self.mcse_mean, self.mcse_mean);
        let [bulk, tail] = [self.ess_bulk, self.ess_tail].map(|ess| format!("{ess:.0}"));
        let (mean, sd, r_hat) = (number(self.mean), number(self.sd), format!("{:.3}", self.r_hat));
        [self.name.clone(), mean, sd, low, middle, high, mcse, bulk, tail, r_hat]
    }
}

impl Summary {
    /// The rows, a number each.
    pub fn rows(&self) -> &[SummaryRow] {
        &self.rows
    }

    /// The row of a name, as `theta[3]`.
    pub fn row(&self, name: &str) -> Option<&SummaryRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// What should worry, in words; none if all is well.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// A number with about four significant digits, as far as its standard deviation makes sense of them.
fn digits(x: f64, scale: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    if x.abs() >= 1e9 {
        return format!("{x:.3e}");
    }
    if scale == 0.0 {
        // Of equal draws: six significant digits, without zeros at the end.
        return format!("{x:.5e}").parse::<f64>().unwrap_or(x).to_string();
    }
    let places = (2.0 - scale.abs().log10().floor()).clamp(0.0, 12.0);
    format!("{x:.*}", if places.is_finite() { places as usize } else { 2 })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = SummaryRow::COLUMNS.map(str::to_owned);
        let lines: Vec<[String; 10]> =
            std::iter::once(head).chain(self.rows.iter().map(SummaryRow::fields)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..SummaryRow::COLUMNS.len()).map(width).collect();
        for line in &lines {
            write!(f, "{:1$}", line[0], widths[0])?;
            for (field, width) in line.iter().zip(&widths).skip(1) {
                write!(f, "  {field:>width$}")?;
            }
            writeln!(f)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
