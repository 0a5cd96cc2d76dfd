//! Chains that wait for each other, so that one evaluation of the log density serves all of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use ppl_core::{Error, Result};
use ppl_infer::Potential;

use crate::LogDensity;

/// Log densities `[n]` and gradients `[n, d]` at points `[n, d]`.
pub(super) type Evaluate = Box<dyn FnMut(&[f64], &mut [f64], &mut [f64]) -> Result<()> + Send>;

/// The log density of one chain among several that move in lockstep. Each chain has a thread, of which one at a time has
/// the turn: it goes on to the next point at which it needs the density, and hands the turn over. When all wait, the
/// density is evaluated at their points together. A chain that ends, in whatever way, drops its seat and leaves the others.
pub(super) struct Seat {
    number: usize,
    table: Arc<Table>,
}

/// A seat, and the model's log density at one point: for what is kept of a draw.
pub(super) struct Seated {
    pub(super) seat: Seat,
    pub(super) potential: Potential,
}

struct Table {
    dimension: usize,
    /// Whose turn it is; it changes while the round is locked.
    turn: AtomicUsize,
    round: Mutex<Round>,
}

struct Round {
    evaluate: Evaluate,
    seats: Vec<Place>,
    /// The threads that have come to wait.
    threads: Vec<Option<Thread>>,
    points: Vec<f64>,
    values: Vec<f64>,
    gradients: Vec<f64>,
    /// Why the last evaluation failed, if it did.
    failure: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Has not told its next point.
    Moving,
    /// Has told it.
    Waiting,
    /// Has not taken the value there.
    Served,
    Gone,
}

/// Seats for `taken` chains at a table of `size`, of which the rest stay empty.
pub(super) fn seats(evaluate: Evaluate, size: usize, taken: usize, dimension: usize) -> Vec<Seat> {
    let place = |number| if number < taken { Place::Moving } else { Place::Gone };
    let round = Round {
        evaluate,
        seats: (0..size).map(place).collect(),
        threads: vec![None; size],
        points: vec![0.0; size * dimension],
        values: vec![0.0; size],
        gradients: vec![0.0; size * dimension],
        failure: None,
    };
    let table = Arc::new(Table { dimension, turn: AtomicUsize::new(0), round: Mutex::new(round) });
    (0..taken).map(|number| Seat { number, table: table.clone() }).collect()
}

impl Table {
    /// The round, also after a chain has panicked: what it left is whole.
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn. The round is not locked meanwhile, so that nobody waits twice.
    fn wait(&self, number: usize) -> MutexGuard<'_, Round> {
        while self.turn.load(Ordering::Acquire) != number {
            thread::park();
        }
        self.round()
    }

    /// The turn goes to the next chain that can move. Where none can it goes to one that waits, which evaluates.
    fn hand_over(&self, mut round: MutexGuard<'_, Round>) {
        let (turn, n) = (self.turn.load(Ordering::Acquire), round.seats.len());
        let next = |wanted: &[Place]| {
            let mut others = (1..=n).map(|step| (turn + step) % n);
            others.find(|seat| wanted.contains(&round.seats[*seat]))
        };
        let Some(next) = next(&[Place::Moving, Place::Served]).or_else(|| next(&[Place::Waiting])) else {
            return;
        };
        self.turn.store(next, Ordering::Release);
        // One that has not come yet will see that it is its turn.
        let thread = round.threads[next].take().filter(|_| next != turn);
        drop(round);
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

impl Round {
    fn serve(&mut self) {
        self.failure = (self.evaluate)(&self.points, &mut self.values, &mut self.gradients).err();
        let waiting = self.seats.iter_mut().filter(|seat| **seat == Place::Waiting);
        waiting.for_each(|seat| *seat = Place::Served);
    }
}

impl LogDensity for Seat {
    fn dimension(&self) -> usize {
        self.table.dimension
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let (number, d) = (self.number, self.table.dimension);
        if (x.len(), gradient.len()) != (d, d) {
            let (point, slope) = (x.len(), gradient.len());
            let reason = format!("the point has {point} numbers, its gradient {slope}, the log density {d}");
            return Err(Error::Shape(reason));
        }
        let row = number * d..(number + 1) * d;
        if self.table.turn.load(Ordering::Acquire) != number {
            self.table.round().threads[number] = Some(thread::current());
        }
        let mut round = self.table.wait(number);
        round.points[row.clone()].copy_from_slice(x);
        round.seats[number] = Place::Waiting;
        round.threads[number] = Some(thread::current());
        self.table.hand_over(round);
        let mut round = self.table.wait(number);
        if round.seats[number] == Place::Waiting {
            round.serve();
        }
        round.seats[number] = Place::Moving;
        if let Some(error) = &round.failure {
            return Err(error.clone());
        }
        gradient.copy_from_slice(&round.gradients[row]);
        Ok(round.values[number])
    }
}

impl LogDensity for Seated {
    fn dimension(&self) -> usize {
        self.seat.dimension()
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.seat.value_and_gradient(x, gradient)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut round = self.table.round();
        round.seats[self.number] = Place::Gone;
        if self.table.turn.load(Ordering::Acquire) == self.number {
            self.table.hand_over(round);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// The square of each point, and how often it was asked for; the evaluation of this number fails, or panics.
    fn squares(fails: usize, panics: usize) -> (Evaluate, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let evaluate = move |x: &[f64], values: &mut [f64], gradients: &mut [f64]| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            assert!(number != panics, "as the test wants");
            if number == fails {
                return Err(Error::argument("as the test wants"));
            }
            for ((x, value), gradient) in x.iter().zip(values).zip(gradients) {
                (*value, *gradient) = (x * x, 2.0 * x);
            }
            Ok(())
        };
        (Box::new(evaluate), count)
    }

    /// Each chain asks as often as told; the numbers of those that were answered, failed, or panicked.
    fn run(seats: Vec<Seat>, asks: &[usize]) -> Vec<Option<(usize, usize)>> {
        let chain = |mut seat: Seat, asks: usize| {
            move || {
                let (mut answered, mut failed, mut gradient) = (0, 0, [0.0]);
                for ask in 0..asks {
                    let x = (10 * seat.number + ask) as f64;
                    match seat.value_and_gradient(&[x], &mut gradient) {
                        Ok(value) => {
                            assert_eq!((value, gradient[0]), (x * x, 2.0 * x));
                            answered += 1;
                        }
                        Err(_) => failed += 1,
                    }
                }
                (answered, failed)
            }
        };
        let threads: Vec<_> =
            seats.into_iter().zip(asks).map(|(seat, asks)| thread::spawn(chain(seat, *asks))).collect();
        threads.into_iter().map(|thread| thread.join().ok()).collect()
    }

    #[test]
    fn one_evaluation_serves_all_until_the_last_has_gone() {
        for asks in [[3, 3, 3], [1, 5, 2], [0, 0, 7], [4, 0, 0], [0, 0, 0]] {
            let (evaluate, count) = squares(usize::MAX, usize::MAX);
            let answers = run(seats(evaluate, 4, 3, 1), &asks);
            assert_eq!(answers, asks.map(|asks| Some((asks, 0))));
            assert_eq!(count.load(Ordering::SeqCst), asks.into_iter().max().unwrap());
        }
    }

    #[test]
    fn a_failure_is_told_to_all_and_ends_none() {
        let (evaluate, _) = squares(2, usize::MAX);
        let answers = run(seats(evaluate, 3, 3, 1), &[5, 2, 5]);
        assert_eq!(answers, [Some((4, 1)), Some((2, 0)), Some((4, 1))]);
    }

    /// Who evaluates panics; the next one evaluates again.
    #[test]
    fn a_panic_takes_one_chain_alone() {
        let (evaluate, count) = squares(usize::MAX, 1);
        let answers = run(seats(evaluate, 3, 3, 1), &[4, 4, 4]);
        assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 1);
        assert!(answers.into_iter().flatten().all(|answer| answer == (4, 0)));
        assert_eq!(count.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn points_of_another_length_are_refused() {
        let (evaluate, _) = squares(usize::MAX, usize::MAX);
        let mut seat = seats(evaluate, 1, 1, 1).remove(0);
        let text = seat.value_and_gradient(&[1.0, 2.0], &mut [0.0]).unwrap_err().to_string();
        assert_eq!(text, "the point has 2 numbers, its gradient 1, the log density 1");
    }
}
