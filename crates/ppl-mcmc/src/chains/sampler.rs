//! What makes one chain, and what it is given for that.

use std::sync::atomic::Ordering;
use std::time::Instant;

use ppl_core::{Error, Result};
use ppl_tensor::KeyStream;

use super::progress::Bar;
use super::run::{ChainRun, Plan};
use super::store::{self, Store};
use crate::kernel::type_name;
use crate::{Kernel, LogDensity, Transition};

/// What makes a chain: every [`Kernel`], or a sampler made elsewhere that keeps its state to itself, and so can be neither
/// copied half way nor stored. A sampler holds options; each chain is made by a clone of it.
pub trait Sampler: Clone + Send {
    /// Whether its chains can be written to a folder, and go on from there.
    const STORED: bool = false;

    /// The sampler and its options in words, for reports; by default the type's name.
    fn in_words(&self) -> String {
        type_name::<Self>()
    }

    /// The deepest tree of a trajectory; `None` of a sampler without trees.
    fn deepest_tree_of(&self) -> Option<u32> {
        None
    }

    /// Whether the options make sense.
    ///
    /// # Errors
    /// If one is out of range; the message names it.
    fn check_options(&self) -> Result<()> {
        Ok(())
    }

    /// Makes one chain: begins at [its start](ChainContext::start) with [its random stream](ChainContext::stream), and
    /// [records](ChainContext::record) one transition after the other while the chain [goes on](ChainContext::goes_on).
    ///
    /// # Errors
    /// If there is no start, the density cannot be computed, or nothing can be sampled. What was recorded stays, after a
    /// panic too, which is told as an error.
    fn sample(&mut self, chain: &mut ChainContext<'_>) -> Result<()>;
}

impl<K: Kernel> Sampler for K {
    const STORED: bool = true;

    fn in_words(&self) -> String {
        self.describe()
    }

    fn deepest_tree_of(&self) -> Option<u32> {
        self.deepest_tree()
    }

    fn check_options(&self) -> Result<()> {
        self.check()
    }

    fn sample(&mut self, chain: &mut ChainContext<'_>) -> Result<()> {
        let mut state = match chain.stored::<K>()? {
            Some(state) => state,
            None => {
                let (start, warmup, stream) = (chain.start()?.to_vec(), chain.warmup(), chain.stream());
                let state = self.init(chain.density(), &start, warmup, stream)?;
                chain.begin_store(K::position(&state))?;
                state
            }
        };
        chain.save::<K>(&state)?;
        let begun = chain.taken;
        while chain.goes_on() {
            let transition = self.step(chain.density(), &mut state)?;
            chain.record(K::position(&state), transition)?;
            chain.save_in_time::<K>(&state)?;
        }
        chain.run.adapted = K::adapted(&state);
        if chain.taken > begun { chain.save::<K>(&state) } else { Ok(()) }
    }
}

/// A density, and what is kept of its points.
pub(super) trait Target {
    fn density(&mut self) -> &mut dyn LogDensity;

    /// Writes what is kept of a position.
    fn keep(&mut self, position: &[f64], values: &mut [f64]) -> Result<()>;
}

/// One chain that is being made: what it is made of, and where its draws go.
pub struct ChainContext<'a> {
    number: usize,
    plan: Plan<'a>,
    /// Numbers that are kept of a position.
    width: usize,
    target: &'a mut dyn Target,
    start: Result<Vec<f64>>,
    stream: KeyStream,
    bar: Bar,
    store: Option<Store>,
    run: ChainRun,
    /// Number of transitions.
    taken: usize,
    /// At the last of them; of chains that are stored, at the start before there is one.
    log_density: f64,
    going: bool,
    created: Instant,
    drawing: Instant,
}

impl<'a> ChainContext<'a> {
    pub(super) fn new(
        number: usize,
        plan: Plan<'a>,
        (target, width): (&'a mut dyn Target, usize),
        start: Result<Vec<f64>>,
        stream: KeyStream,
        bar: Bar,
    ) -> Self {
        let (store, run, now) = (None, ChainRun::default(), Instant::now());
        let (taken, log_density, going, created, drawing) = (0, f64::NAN, false, now, now);
        Self {
            number,
            plan,
            width,
            target,
            start,
            stream,
            bar,
            store,
            run,
            taken,
            log_density,
            going,
            created,
            drawing,
        }
    }

    /// What is sampled from.
    pub fn density(&mut self) -> &mut dyn LogDensity {
        self.target.density()
    }

    /// Where the chain starts, `[d]`.
    ///
    /// # Errors
    /// If no point was found where the density and its gradient are finite.
    pub fn start(&self) -> Result<&[f64]> {
        self.start.as_deref().map_err(Clone::clone)
    }

    /// The chain's random stream, a function of the seed and the chain's number.
    pub fn stream(&self) -> KeyStream {
        self.stream.clone()
    }

    /// The number of transitions of the warm-up, in which the sampler may adapt.
    pub fn warmup(&self) -> usize {
        self.plan.warmup
    }

    /// The number of draws after it.
    pub fn draws(&self) -> usize {
        self.plan.draws
    }

    /// Whether another transition is wanted: there are draws to come, and nobody stopped the chains.
    pub fn goes_on(&mut self) -> bool {
        let Plan { warmup, stop, .. } = self.plan;
        if !self.going {
            self.going = true;
            self.run.reserve(self.plan, self.width);
            self.begin_draws();
        }
        let stopped = stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stopped || self.taken >= self.plan.transitions() {
            if !self.run.transitions.is_empty() {
                self.run.time = self.drawing.elapsed();
            }
            return false;
        }
        if self.taken == warmup {
            self.begin_draws();
        }
        true
    }

    fn begin_draws(&mut self) {
        self.drawing = Instant::now();
        self.run.warmup_time = self.created.elapsed();
    }

    /// One more transition, to this position `[d]` on unconstrained space.
    ///
    /// # Errors
    /// If the position has another length, the model's values there cannot be computed, or there is no memory left.
    pub fn record(&mut self, position: &[f64], transition: Transition) -> Result<()> {
        let Plan { warmup, keep_warmup, .. } = self.plan;
        let warming_up = self.taken < warmup;
        self.taken += 1;
        self.log_density = transition.log_density;
        self.bar.tell(&transition, warming_up);
        if warming_up && !keep_warmup {
            return Ok(());
        }
        let (found, wanted) = (position.len(), self.target.density().dimension());
        if found != wanted {
            return Err(Error::Shape(format!("the draw has {found} numbers, the log density {wanted}")));
        }
        self.run.room(warming_up, self.width)?;
        let (values, transitions) = self.run.lists(warming_up);
        let end = values.len();
        values.resize(end + self.width, 0.0);
        let kept = self.target.keep(position, &mut values[end..]);
        let stored = kept.and_then(|()| match &mut self.store {
            Some(store) => store.append(&values[end..], &transition),
            None => Ok(()),
        });
        if let Err(error) = stored {
            values.truncate(end);
            return Err(error);
        }
        transitions.push(transition);
        Ok(())
    }

    /// What the chain left, which ended so.
    pub(super) fn finish(mut self, ended: Result<()>) -> ChainRun {
        self.bar.finish();
        self.run.cut(self.width);
        self.run.failure = ended.err();
        self.run.unstored = self.store.take().and_then(Store::broken);
        self.run
    }

    /// Opens the chain's files, if it is stored: the state that it had come to, if it is there.
    fn stored<K: Kernel>(&mut self) -> Result<Option<K::State>> {
        let Some(place) = self.plan.store else { return Ok(None) };
        let Plan { warmup, keep_warmup, draws, .. } = self.plan;
        let (store, stored) = Store::open::<K>(place, self.number, self.plan.identity(self.width))?;
        self.store = Some(store);
        let Some(stored) = stored else { return Ok(None) };
        store::check_same::<K>(self.target.density(), &stored)?;
        self.run.fill(stored.rows, if keep_warmup { warmup } else { 0 }, draws);
        (self.taken, self.log_density) = (stored.taken, stored.log_density);
        self.bar.skip(self.taken, &self.run.transitions);
        Ok(Some(stored.state))
    }

    /// What a state that no transition has changed is to be compared by when the chain goes on from it.
    fn begin_store(&mut self, position: &[f64]) -> Result<()> {
        if self.store.is_some() {
            let density = self.target.density();
            self.log_density = density.value_and_gradient(position, &mut vec![0.0; position.len()])?;
        }
        Ok(())
    }

    fn save<K: Kernel>(&mut self, state: &K::State) -> Result<()> {
        let (taken, log_density) = (self.taken, self.log_density);
        self.store.as_mut().map_or(Ok(()), |store| store.save::<K>(state, taken, log_density))
    }

    fn save_in_time<K: Kernel>(&mut self, state: &K::State) -> Result<()> {
        let (taken, log_density) = (self.taken, self.log_density);
        self.store.as_mut().map_or(Ok(()), |store| store.save_in_time::<K>(state, taken, log_density))
    }
}
