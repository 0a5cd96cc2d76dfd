//! Progress bars, one a chain.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::clock::Clock;
use crate::Transition;

/// The bars of all chains; on a terminal only.
pub(super) struct Bars {
    all: Option<MultiProgress>,
    length: u64,
}

/// The bar of one chain.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    untold: u64,
    divergences: usize,
    clock: Clock,
}

const REFRESH: Duration = Duration::from_millis(100);

const TEMPLATE: &str = "{prefix} {bar:30} {pos}/{len}  {per_sec}  {msg}  {eta}";

impl Bars {
    pub(super) fn new(shown: bool, chains: usize, transitions: usize) -> Self {
        let all = MultiProgress::new();
        let shown = shown && chains > 0 && !all.is_hidden();
        Self { all: shown.then_some(all), length: transitions as u64 }
    }

    pub(super) fn bar(&self, number: usize) -> Bar {
        let bar = self.all.as_ref().map(|all| {
            let style = ProgressStyle::with_template(TEMPLATE);
            let bar = all.add(ProgressBar::new(self.length));
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(format!("chain {number}"))
        });
        Bar { bar, untold: 0, divergences: 0, clock: Clock::new(REFRESH) }
    }
}

impl Bar {
    /// The chain goes on after so many transitions, among them these draws.
    pub(super) fn skip(&mut self, transitions: usize, draws: &[Transition]) {
        self.divergences = draws.iter().filter(|transition| transition.divergent).count();
        if let Some(bar) = &self.bar {
            bar.set_position(transitions as u64);
            // Speed, and the time that is left, are of what is drawn now.
            bar.reset_eta();
        }
    }

    /// One more transition.
    pub(super) fn tell(&mut self, transition: &Transition, warming_up: bool) {
        let Some(bar) = &self.bar else { return };
        self.untold += 1;
        self.divergences += usize::from(transition.divergent && !warming_up);
        if self.clock.is_due() {
            let phase = if warming_up { "warm-up, " } else { "" };
            let (step, divergences) = (transition.step_size, self.divergences);
            bar.set_message(format!("{phase}step {step:.3}, {divergences} divergent"));
            bar.inc(std::mem::take(&mut self.untold));
            self.clock.restart();
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.inc(self.untold);
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_goes_on_begins_where_it_was() {
        let shown = ProgressBar::hidden();
        shown.set_length(100);
        let mut bar = Bar { bar: Some(shown.clone()), untold: 0, divergences: 0, clock: Clock::new(REFRESH) };
        let divergent = Transition { divergent: true, ..Transition::default() };
        bar.skip(60, &[divergent, Transition::default()]);
        assert_eq!((shown.position(), bar.divergences), (60, 1));
        bar.tell(&divergent, false);
        assert_eq!((bar.untold, bar.divergences), (1, 2));
    }

    /// What a chain says of itself, and that its bar has room for it, and for its speed.
    #[test]
    fn a_chain_tells_its_step_size_and_divergences() {
        let shown = ProgressBar::hidden();
        let mut bar =
            Bar { bar: Some(shown.clone()), untold: 0, divergences: 0, clock: Clock::new(Duration::ZERO) };
        let divergent = Transition { divergent: true, step_size: 0.25, ..Transition::default() };
        // A clock looks at every sixteenth of fast transitions, and always at the first.
        bar.tell(&divergent, true);
        assert_eq!(shown.message(), "warm-up, step 0.250, 0 divergent");
        (0..40).for_each(|_| bar.tell(&divergent, false));
        let message = shown.message();
        let told = message.strip_prefix("step 0.250, ").and_then(|rest| rest.strip_suffix(" divergent"));
        let told: u64 = told.unwrap().parse().unwrap();
        assert!((24..=40).contains(&told) && shown.position() == told + 1, "{message}");
        assert!(["{per_sec}", "{msg}", "{eta}"].iter().all(|part| TEMPLATE.contains(part)));
    }
}
