//! Threads that help with passes, kept from pass to pass: to start one takes as long as many a pass.
//!
//! They help one pass at a time. Who finds them busy works alone, as chains that run in threads of their own do.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// More threads than this do not read memory faster.
pub(super) const MOST_THREADS: usize = 8;

/// How often a helper looks for work before it sleeps, and who waits for helpers before it sleeps: about 20 µs, in which
/// most programs come to their next pass.
const LOOKS: usize = 1 << 11;

/// What helpers do: `work(number)`, of each number at most once.
#[derive(Clone, Copy)]
struct Work(&'static (dyn Fn(usize) + Sync));

/// The work there is, and who is at it.
#[derive(Default)]
struct Board {
    work: Option<Work>,
    /// Numbers that nobody has taken, up to the last one.
    next: usize,
    last: usize,
    /// Helpers at work.
    busy: usize,
    /// Why one of them ended before its work did.
    panic: Option<Box<dyn Any + Send>>,
}

/// The threads.
struct Helpers {
    board: Mutex<Board>,
    posted: Condvar,
    left: Condvar,
    /// How often work was posted, for those who look.
    posts: AtomicUsize,
    /// As on the board, for those who look.
    busy: AtomicUsize,
    taken: AtomicBool,
    count: usize,
}

/// Passes that are under way.
static PASSES: AtomicUsize = AtomicUsize::new(0);

fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS)
    })
}

/// Runs `work(0)` here and, where helpers are free, `work(1)`, `work(2)`, ... up to `most` in all, each once at most. All
/// that have begun are over when this returns.
pub(super) fn share(most: usize, work: &(dyn Fn(usize) + Sync)) {
    struct Under;
    impl Drop for Under {
        fn drop(&mut self) {
            PASSES.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let others = PASSES.fetch_add(1, Ordering::Relaxed);
    let _under = Under;
    let threads = most.min(processors().saturating_sub(others));
    match if threads > 1 { helpers() } else { None } {
        Some(helpers) => helpers.share(threads, work),
        None => work(0),
    }
}

/// The threads, started when they are first needed; none if there can be none.
fn helpers() -> Option<&'static Helpers> {
    static HELPERS: OnceLock<&'static Helpers> = OnceLock::new();
    let helpers = *HELPERS.get_or_init(|| {
        let helpers: &'static Helpers = Box::leak(Box::new(Helpers {
            board: Mutex::default(),
            posted: Condvar::new(),
            left: Condvar::new(),
            posts: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            taken: AtomicBool::new(false),
            count: processors() - 1,
        }));
        for number in 0..helpers.count {
            // With fewer helpers there is less help, and all is done.
            let name = format!("ppl-jit-{number}");
            let _ = std::thread::Builder::new().name(name).spawn(|| helpers.help());
        }
        helpers
    });
    (helpers.count > 0).then_some(helpers)
}

impl Helpers {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shares work with helpers, unless they are busy with another's.
    fn share(&self, threads: usize, work: &(dyn Fn(usize) + Sync)) {
        if self.taken.swap(true, Ordering::Acquire) {
            return work(0);
        }
        // SAFETY: `Posted` takes the work off the board and waits for those at it, before the borrow ends.
        let lasting: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
        let mut board = self.board();
        (board.work, board.next, board.last) = (Some(Work(lasting)), 1, threads);
        // Before anyone can look at the board, lest a helper go to sleep that has not seen it.
        self.posts.fetch_add(1, Ordering::Release);
        drop(board);
        self.posted.notify_all();
        let _posted = Posted(self);
        work(0);
    }

    /// What a helper does as long as there is a process.
    fn help(&self) {
        let mut seen = 0;
        loop {
            for _ in 0..LOOKS {
                if self.posts.load(Ordering::Acquire) != seen {
                    break;
                }
                std::hint::spin_loop();
            }
            let mut board = self.board();
            while self.posts.load(Ordering::Acquire) == seen {
                board = self.posted.wait(board).unwrap_or_else(PoisonError::into_inner);
            }
            seen = self.posts.load(Ordering::Acquire);
            let (Some(work), number) = (board.work, board.next) else { continue };
            if number >= board.last {
                continue;
            }
            board.next += 1;
            board.busy += 1;
            self.busy.store(board.busy, Ordering::Relaxed);
            drop(board);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (work.0)(number)));
            let mut board = self.board();
            board.busy -= 1;
            self.busy.store(board.busy, Ordering::Release);
            if board.busy == 0 {
                self.left.notify_all();
            }
            if let Err(payload) = done {
                board.panic = Some(payload);
            }
        }
    }
}

/// Work that is on the board.
struct Posted<'a>(&'a Helpers);

impl Drop for Posted<'_> {
    fn drop(&mut self) {
        let Self(helpers) = self;
        helpers.board().work = None;
        for _ in 0..LOOKS {
            if helpers.busy.load(Ordering::Acquire) == 0 {
                break;
            }
            std::hint::spin_loop();
        }
        let mut board = helpers.board();
        while board.busy > 0 {
            board = helpers.left.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
        let panic = board.panic.take();
        drop(board);
        helpers.taken.store(false, Ordering::Release);
        if let Some(payload) = panic.filter(|_| !std::thread::panicking()) {
            std::panic::resume_unwind(payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Also where several threads have work at once.
    #[test]
    fn each_number_is_run_once_at_most_and_all_is_over_in_the_end() {
        let rounds = || {
            for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
                let (runs, open) = ([const { AtomicUsize::new(0) }; 4], AtomicUsize::new(0));
                share(4, &|number| {
                    open.fetch_add(1, Ordering::Relaxed);
                    runs[number].fetch_add(1, Ordering::Relaxed);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
                assert_eq!(open.load(Ordering::Relaxed), 0);
                assert_eq!(runs[0].load(Ordering::Relaxed), 1);
                assert!(runs.iter().all(|count| count.load(Ordering::Relaxed) <= 1));
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(rounds);
            scope.spawn(rounds);
            rounds();
        });
    }

    /// Of whoever it is: what a helper left undone must not pass for done.
    #[test]
    fn a_panic_reaches_who_shared_the_work() {
        let helpers = helpers().filter(|_| processors() > 1);
        for culprit in 0..2 {
            // Others may keep the helpers busy for a while.
            let seen = (0..10_000).any(|_| {
                let work = |number: usize| {
                    if number == culprit {
                        std::panic::resume_unwind(Box::new("a fault"));
                    }
                    std::thread::yield_now();
                };
                catch_unwind(AssertUnwindSafe(|| share(2, &work))).is_err()
            });
            assert!(seen || helpers.is_none(), "{culprit}");
        }
        share(2, &|_| ());
    }
}
