//! Progress bars, one a chain.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

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
    told: Instant,
}

const REFRESH: Duration = Duration::from_millis(100);

/// Transitions between two looks at the clock.
const UNSEEN: u64 = 16;

impl Bars {
    pub(super) fn new(shown: bool, chains: usize, transitions: usize) -> Self {
        let all = MultiProgress::new();
        let shown = shown && chains > 0 && !all.is_hidden();
        Self { all: shown.then_some(all), length: transitions as u64 }
    }

    pub(super) fn bar(&self, number: usize) -> Bar {
        let bar = self.all.as_ref().map(|all| {
            let style =
                ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {per_sec}  {msg}  {eta}");
            let bar = all.add(ProgressBar::new(self.length));
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(format!("chain {number}"))
        });
        Bar { bar, untold: 0, divergences: 0, told: Instant::now() }
    }
}

impl Bar {
    /// One more transition.
    pub(super) fn tell(&mut self, transition: &Transition, warming_up: bool) {
        let Some(bar) = &self.bar else { return };
        self.untold += 1;
        self.divergences += usize::from(transition.divergent && !warming_up);
        if self.untold.is_multiple_of(UNSEEN) && self.told.elapsed() >= REFRESH {
            let phase = if warming_up { "warm-up, " } else { "" };
            let (step, divergences) = (transition.step_size, self.divergences);
            bar.set_message(format!("{phase}step {step:.3}, {divergences} divergent"));
            bar.inc(std::mem::take(&mut self.untold));
            self.told = Instant::now();
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.inc(self.untold);
            bar.finish_and_clear();
        }
    }
}
