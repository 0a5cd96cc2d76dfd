//! The numbers that a figure shows.

use ppl_core::{Error, Result};
use ppl_mcmc::{Chains, NumberDraws};

use crate::figure::Figure;

/// The draws of one number.
pub(super) struct Number {
    pub(super) name: String,
    /// The ends of its support, if they are known.
    pub(super) bounds: Option<(f64, f64)>,
    /// By chain.
    pub(super) chains: Vec<Vec<f64>>,
    /// Those of the warm-up by chain, if they were kept.
    pub(super) warmup: Vec<Vec<f64>>,
}

/// What is shown, of how much.
pub(super) struct Selection {
    pub(super) numbers: Vec<Number>,
    total: usize,
}

impl Number {
    pub(super) fn slices(&self) -> Vec<&[f64]> {
        self.chains.iter().map(Vec::as_slice).collect()
    }

    pub(super) fn all(&self) -> Vec<f64> {
        self.chains.concat()
    }

    /// Number of draws that are not finite.
    pub(super) fn not_finite(&self) -> usize {
        self.chains.iter().flatten().filter(|x| !x.is_finite()).count()
    }

    /// Why there is nothing to see of how draws differ: none is finite, or all are equal.
    pub(super) fn sameness(&self) -> Option<String> {
        let mut finite = self.chains.iter().flatten().filter(|x| x.is_finite());
        let Some(first) = finite.next() else { return Some("no draw is finite".into()) };
        match finite.all(|x| x == first) {
            true => Some(format!("all draws are {}", short(*first))),
            false => None,
        }
    }
}

/// A number of six significant digits, without zeros at its end.
fn short(x: f64) -> String {
    format!("{x:.5e}").parse::<f64>().unwrap_or(x).to_string()
}

impl Selection {
    /// The same figure with notes on what is left out.
    pub(super) fn notes(&self, mut figure: Figure) -> Figure {
        let shown = self.numbers.len();
        if shown < self.total {
            figure =
                figure.note(format!("{shown} of {} numbers are shown: the first of each site.", self.total));
        }
        for number in &self.numbers {
            let left_out = number.not_finite();
            if left_out > 0 {
                let total = number.chains.iter().map(Vec::len).sum::<usize>();
                let name = &number.name;
                figure = figure.note(format!("{name}: {left_out} of {total} draws are not finite."));
            }
        }
        figure
    }
}

/// The numbers of these sites or of all, a fair share of each site where there are more than `limit`.
pub(super) fn select(chains: &Chains, names: Option<&[String]>, limit: usize) -> Result<Selection> {
    chains.nonempty()?;
    // By site, the places of numbers.
    let mut wanted: Vec<(&str, Vec<usize>)> = Vec::new();
    let all =
        |name: &'_ str| chains.sites().find(|(site, _)| *site == name).map(|(_, site)| site.element_count());
    match names {
        None => wanted.extend(chains.sites().map(|(name, site)| (name, (0..site.element_count()).collect()))),
        Some(names) => {
            for name in names {
                let (site, places) = match all(name) {
                    Some(count) => (name.as_str(), (0..count).collect()),
                    None => chains.locate(name).map(|(site, place)| (site, vec![place]))?,
                };
                match wanted.iter_mut().find(|(known, _)| *known == site) {
                    Some((_, known)) => {
                        let new: Vec<usize> =
                            places.into_iter().filter(|place| !known.contains(place)).collect();
                        known.extend(new);
                    }
                    None => wanted.push((site, places)),
                }
            }
        }
    }
    let total = wanted.iter().map(|(_, places)| places.len()).sum();
    if total == 0 {
        return Err(Error::argument("there is no number to show: no site was chosen, or those are empty"));
    }
    let mut shares = vec![0; wanted.len()];
    let mut left = limit.min(total);
    while left > 0 {
        for (share, (_, places)) in shares.iter_mut().zip(&wanted) {
            if *share < places.len() && left > 0 {
                (*share, left) = (*share + 1, left - 1);
            }
        }
    }
    let mut numbers = Vec::new();
    for ((name, places), share) in wanted.into_iter().zip(shares).filter(|(_, share)| *share > 0) {
        let places = &places[..share];
        let warmup = chains.warmup().map(|warmup| draws(warmup, name, places)).transpose()?;
        let mut warmup = warmup.unwrap_or_default().into_iter();
        let bounds = chains.site(name)?.bounds;
        for drawn in draws(chains, name, places)? {
            numbers.push(Number {
                name: drawn.name().to_owned(),
                bounds,
                chains: by_chain(&drawn),
                warmup: warmup.next().map_or_else(Vec::new, |warmup| by_chain(&warmup)),
            });
        }
    }
    Ok(Selection { numbers, total })
}

/// The draws at places of a site.
fn draws(chains: &Chains, site: &str, places: &[usize]) -> Result<Vec<NumberDraws>> {
    Ok(chains.site(site)?.numbers_at(site, places.iter().copied())?.collect())
}

fn by_chain(number: &NumberDraws) -> Vec<Vec<f64>> {
    number.chains().into_iter().map(<[f64]>::to_vec).collect()
}
