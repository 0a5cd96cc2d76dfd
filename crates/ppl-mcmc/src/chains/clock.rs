//! When something is due that is done every so often.

use std::time::{Duration, Instant};

/// Tells, asked after each transition, when an interval is over.
pub(super) struct Clock {
    interval: Duration,
    since: Instant,
    looked: Instant,
    /// Transitions since the last look.
    unseen: u32,
    /// Transitions from one look to the next.
    stride: u32,
}

/// Transitions between two looks while they are fast.
const STRIDE: u32 = 16;

/// Transitions that take less than this: a look, of some 25 ns, would cost more than a hundredth of one.
const FAST: Duration = Duration::from_micros(3);

impl Clock {
    pub(super) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self { interval, since: now, looked: now, unseen: 0, stride: 1 }
    }

    /// The interval begins now.
    pub(super) fn restart(&mut self) {
        let now = Instant::now();
        (self.since, self.looked, self.unseen) = (now, now, 0);
    }

    /// Whether, after one more transition, the interval is over, or would be after another like it.
    pub(super) fn is_due(&mut self) -> bool {
        self.unseen += 1;
        if self.unseen < self.stride {
            return false;
        }
        let now = Instant::now();
        let spent = now - self.looked;
        self.stride = if spent < FAST * self.unseen { STRIDE } else { 1 };
        (self.looked, self.unseen) = (now, 0);
        now - self.since + spent >= self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many transitions there are in an interval: its end is told when it is near, and not long before.
    #[test]
    fn slow_transitions_are_each_seen() {
        let mut clock = Clock::new(Duration::from_secs(10));
        let mut step = |milliseconds| {
            std::thread::sleep(Duration::from_millis(milliseconds));
            clock.is_due()
        };
        assert!(!step(1) && !step(1) && !step(1));
        let mut clock = Clock::new(Duration::from_millis(100));
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(60));
            assert!(clock.is_due());
            clock.restart();
        }
    }

    #[test]
    fn fast_transitions_are_seen_together() {
        let mut clock = Clock::new(Duration::from_secs(3600));
        let mut looks = 0;
        for _ in 0..16_000 {
            let before = clock.looked;
            assert!(!clock.is_due());
            looks += u32::from(clock.looked > before);
        }
        // One in sixteen, but where the machine was busy with something else.
        assert!((1000..4000).contains(&looks), "{looks}");
    }
}
