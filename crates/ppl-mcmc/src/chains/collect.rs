//! What chains left, put together.

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_tensor::{Shape, Tensor};

use super::draws::{Chains, RunSettings, RunTimes, SiteDraws};
use super::layout::Part;
use super::run::ChainRun;

/// Chains that a text names one by one.
const NAMED: usize = 8;

impl Chains {
    /// A table without chains.
    fn empty() -> Self {
        Self {
            sites: IndexMap::new(),
            transitions: Vec::new(),
            warmup: None,
            failures: Vec::new(),
            unstored: Vec::new(),
            runs: Vec::new(),
            adapted: Vec::new(),
            drawn: Vec::new(),
            apart: Vec::new(),
            settings: None,
        }
    }

    /// Puts what chains left together: in a table, and by themselves those of which it has not all.
    pub(super) fn collect(parts: &[Part], runs: Vec<ChainRun>, settings: RunSettings) -> Result<Self> {
        let drawn: Vec<usize> = runs.iter().map(|run| run.transitions.len()).collect();
        let sound: Vec<usize> = (0..runs.len()).filter(|n| runs[*n].failure.is_none()).collect();
        let draws = longest(sound.iter().map(|n| drawn[*n]));
        let taken = |n: &usize| draws > 0 && drawn[*n] >= draws;
        let here: Vec<usize> = sound.into_iter().filter(taken).collect();
        let mut chains = Self::table(parts, &runs, &here, draws)?;
        let apart = |n: &usize| {
            let nothing = runs[*n].transitions.is_empty() && runs[*n].warmup_transitions.is_empty();
            !nothing && (drawn[*n] > draws || !here.contains(n))
        };
        let alone = |n: usize| {
            let mut alone = Self::table(parts, &runs, &[n], drawn[n])?;
            alone.failures = numbered(&runs, |run| &run.failure).filter(|(number, _)| *number == n).collect();
            alone.unstored =
                numbered(&runs, |run| &run.unstored).filter(|(number, _)| *number == n).collect();
            Ok(alone)
        };
        chains.apart = (0..runs.len()).filter(apart).map(alone).collect::<Result<_>>()?;
        chains.failures = numbered(&runs, |run| &run.failure).collect();
        chains.unstored = numbered(&runs, |run| &run.unstored).collect();
        (chains.drawn, chains.settings) = (drawn, Some(settings));
        match chains.runs.is_empty() && chains.apart.is_empty() {
            true => Err(chains.nothing()),
            false => Ok(chains),
        }
    }

    /// The first `draws` of some chains, and their warm-ups, which are of one length.
    fn table(parts: &[Part], runs: &[ChainRun], numbers: &[usize], draws: usize) -> Result<Self> {
        let mut chains = Self::empty();
        for &number in numbers {
            let ChainRun { warmup_time: warmup, time: draws, .. } = runs[number];
            chains.runs.push(RunTimes { number, warmup, draws });
            chains.adapted.push(runs[number].adapted.clone());
        }
        let first = numbers.iter().map(|n| runs[*n].warmup_transitions.len()).min().unwrap_or(0);
        for (warming_up, length) in [(false, draws), (true, first)] {
            let lists = |n: &usize| match warming_up {
                true => (&runs[*n].warmup_values, &runs[*n].warmup_transitions),
                false => (&runs[*n].values, &runs[*n].transitions),
            };
            let width = parts.last().map_or(0, |part| part.range.end);
            let site = |part: &Part| {
                let rows = numbers.iter().flat_map(|n| lists(n).0.chunks_exact(width.max(1)).take(length));
                let values: Vec<f64> = rows.flat_map(|row| &row[part.range.clone()]).copied().collect();
                let shape = Shape::from([numbers.len(), length]).concat(&part.shape);
                let Part { name, plates, latent, bounds, .. } = part.clone();
                Ok((name, SiteDraws { values: Tensor::new(shape, values)?, plates, latent, bounds }))
            };
            // Without a draw there is nothing of any site.
            if numbers.is_empty() || length == 0 {
                continue;
            }
            let sites = parts.iter().map(site).collect::<Result<_>>()?;
            let transitions = numbers.iter().map(|n| lists(n).1[..length].to_vec()).collect();
            match warming_up {
                true => {
                    let runs = chains.runs.clone();
                    chains.warmup = Some(Box::new(Self { sites, transitions, runs, ..Self::empty() }));
                }
                false => (chains.sites, chains.transitions) = (sites, transitions),
            }
        }
        Ok(chains)
    }

    /// All that one chain drew, by its number, counted from 0: also where it failed later, and where chains were stopped
    /// and the others have other numbers of draws, so that the table here has not all of it. With the draws of its warm-up
    /// if they were kept.
    ///
    /// # Errors
    /// If it drew nothing, which says why; or there is no such chain.
    pub fn chain(&self, number: usize) -> Result<Chains> {
        let settings = self.settings.clone();
        if let Some(alone) = self.apart.iter().find(|alone| alone.runs.iter().any(|run| run.number == number))
        {
            return Ok(Self { settings, ..alone.clone() });
        }
        if let Some(place) = self.runs.iter().position(|run| run.number == number) {
            return Ok(Self { settings, ..self.place(place) });
        }
        if let Some((_, error)) = self.failures.iter().find(|(failed, _)| *failed == number) {
            return Err(error.clone());
        }
        let count = self.drawn.len();
        Err(Error::argument(match number < count {
            true => format!("chain {number} was stopped before its first draw"),
            false => format!("there is no chain {number}, of {count} counted from 0"),
        }))
    }

    /// A chain of the table, by its place there.
    fn place(&self, place: usize) -> Self {
        let site = |(name, site): (&String, &SiteDraws)| {
            (name.clone(), SiteDraws { values: site.values.slice(0, place..place + 1), ..site.clone() })
        };
        let number = self.runs[place].number;
        Self {
            sites: self.sites.iter().map(site).collect(),
            transitions: vec![self.transitions[place].clone()],
            warmup: self.warmup.as_ref().map(|warmup| Box::new(warmup.place(place))),
            unstored: self.unstored.iter().filter(|(unstored, _)| *unstored == number).cloned().collect(),
            runs: vec![self.runs[place]],
            adapted: self.adapted.get(place).cloned().into_iter().collect(),
            ..Self::empty()
        }
    }

    /// Why there is no table.
    pub(super) fn nothing(&self) -> Error {
        let texts: Vec<String> = self.failures.iter().map(|(_, error)| error.to_string()).collect();
        if let [(_, error), ..] = &self.failures[..]
            && texts.len() == self.drawn.len()
            && texts.iter().all(|text| *text == texts[0])
            && self.apart.is_empty()
        {
            return error.clone();
        }
        let mut reasons: IndexMap<&str, Vec<usize>> = IndexMap::new();
        for ((number, _), text) in self.failures.iter().zip(&texts) {
            reasons.entry(text).or_default().push(*number);
        }
        let reason = |(text, numbers): (&&str, &Vec<usize>)| format!("{} failed: {text}", named(numbers));
        let mut words: Vec<String> = reasons.iter().map(reason).collect();
        match &self.runs[..] {
            [run] if texts.is_empty() => {
                words.push(format!("chain {} was stopped before its first draw", run.number));
            }
            _ if texts.is_empty() => words.push("the chains were stopped before their first draw".to_owned()),
            _ if texts.len() < self.drawn.len() => {
                words.push("the others were stopped before their first draw".to_owned());
            }
            _ => {}
        }
        if !self.apart.is_empty() {
            words.push("`Chains::chain` has what was drawn".to_owned());
        }
        Error::argument(words.join("; "))
    }

    /// What is to be known of chains that did not come to their end, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (number, error) in &self.failures {
            let drawn = self.drawn.get(*number).copied().unwrap_or_else(|| self.draw_count());
            let after = if drawn > 0 { format!(" after {drawn} draws") } else { String::new() };
            let gone =
                if self.runs.iter().any(|run| run.number == *number) { "" } else { " and is left out" };
            let kept = if drawn > 0 && !gone.is_empty() { "; `Chains::chain` has its draws" } else { "" };
            told.push(format!("chain {number} failed{after}{gone}: {error}{kept}"));
        }
        told.extend(self.told_of_stops());
        for (number, error) in &self.unstored {
            told.push(format!(
                "chain {number} is not stored to its end: {error}; all its draws are here, `resume` would go on from earlier ones"
            ));
        }
        told
    }

    /// Which draws of chains that were stopped are not in the table.
    fn told_of_stops(&self) -> Option<String> {
        let failed = |number: &usize| self.failures.iter().any(|(failed, _)| failed == number);
        let sound: Vec<usize> = (0..self.drawn.len()).filter(|number| !failed(number)).collect();
        let counts: Vec<usize> = sound.iter().map(|number| self.drawn[*number]).collect();
        let (least, most) = (counts.iter().min()?, counts.iter().max()?);
        if *most == 0 {
            return Some(format!("{} were stopped before their first draw", named(&sound)));
        }
        if least == most {
            return None;
        }
        let at = match counts.len() <= NAMED {
            true => listed(&counts),
            false => format!("{least} to {most}"),
        };
        let (draws, here) = (self.draw_count(), self.runs.iter().map(|run| run.number).collect::<Vec<_>>());
        Some(format!(
            "{} were stopped at {at} draws: the first {draws} of {} are here, `Chains::chain` has the others",
            named(&sound),
            named(&here)
        ))
    }
}

/// The errors of some chains, by number.
fn numbered<'a>(
    runs: &'a [ChainRun],
    of: impl Fn(&'a ChainRun) -> &'a Option<Error> + 'a,
) -> impl Iterator<Item = (usize, Error)> + 'a {
    runs.iter().enumerate().filter_map(move |(number, run)| Some((number, of(run).clone()?)))
}

/// The number of draws of each chain in the table that is taken of chains with such numbers: that of the most draws times
/// chains. Chains are judged by each other, so that one more is worth some draws of the others; of two tables worth the same
/// it is that with more chains.
fn longest(drawn: impl Iterator<Item = usize>) -> usize {
    let mut drawn: Vec<usize> = drawn.collect();
    drawn.sort_unstable_by(|a, b| b.cmp(a));
    let worth = |(place, draws): (usize, &usize)| {
        let chains = place as u128 + 1;
        (*draws as u128 * chains * chains, chains, *draws)
    };
    drawn.iter().enumerate().map(worth).max().map_or(0, |(_, _, draws)| draws)
}

/// `chain 1`, `chains 0, 2 and 3`.
fn named(numbers: &[usize]) -> String {
    match numbers {
        [number] => format!("chain {number}"),
        _ if numbers.len() <= NAMED => format!("chains {}", listed(numbers)),
        _ => format!("{} chains", numbers.len()),
    }
}

/// `1`, `1 and 2`, `1, 2 and 3`.
fn listed(numbers: &[usize]) -> String {
    let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
    match &words[..] {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_most_draws_times_chains_is_taken() {
        let table: [(&[usize], usize); 10] = [
            (&[], 0),
            (&[0, 0], 0),
            (&[7], 7),
            (&[100, 100, 3, 0], 100),
            (&[100, 97, 99, 98], 97),
            (&[100, 25], 25),
            (&[100, 24], 100),
            (&[100, 100, 45], 45),
            (&[100, 100, 44], 100),
            (&[30, 10, 20], 10),
        ];
        for (drawn, draws) in table {
            assert_eq!(longest(drawn.iter().copied()), draws, "{drawn:?}");
        }
    }

    #[test]
    fn chains_are_named_in_words() {
        assert_eq!(named(&[3]), "chain 3");
        assert_eq!(named(&[0, 2]), "chains 0 and 2");
        assert_eq!(named(&[0, 2, 5]), "chains 0, 2 and 5");
        assert_eq!(named(&[0; 9]), "9 chains");
    }
}
