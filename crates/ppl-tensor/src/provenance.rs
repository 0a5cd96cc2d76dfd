//! Which marked values a value was computed from, and which of them a program has read.
//!
//! Sources are carried by arrays, not by the record for gradients: comparisons, indices, draws and detached values keep
//! them, concrete or traced. They are followed inside [`watch_reads`] alone, so that what is computed from a run afterwards
//! (gradients, the next parameters) does not gather the sources of all runs before.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::array::{Array, Tape};
use crate::{AxisId, Op, Tensor};

/// Identity of a value whose influence is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(u64);

impl Source {
    /// A source that nothing else is.
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The sources a value was computed from. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Provenance(Option<Arc<[Origin]>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    source: Source,
    /// Axes that were made positional on the way: a row of the value may depend on any row of the source.
    mixed: SmallVec<[AxisId; 2]>,
}

impl Provenance {
    /// Of the result of an operation.
    pub(crate) fn of_result(inputs: &[Array]) -> Self {
        if inputs.iter().all(|input| input.provenance().is_empty()) || !WATCHING.get() {
            return Self::default();
        }
        inputs.iter().fold(Self::default(), |all, input| all.union(input.provenance()))
    }

    /// Of one source.
    pub fn of(source: Source) -> Self {
        Self(Some(Arc::from([Origin { source, mixed: SmallVec::new() }])))
    }

    /// Whether there is no source.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn origins(&self) -> &[Origin] {
        self.0.as_deref().unwrap_or(&[])
    }

    /// The sources, oldest first.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.origins().iter().map(|origin| origin.source)
    }

    /// Whether a source is among them.
    pub fn contains(&self, source: Source) -> bool {
        self.origins().iter().any(|origin| origin.source == source)
    }

    /// Whether a row of an implicit axis may depend on other rows of the source than its own.
    pub fn is_mixed(&self, source: Source, axis: AxisId) -> bool {
        self.origins().iter().any(|origin| origin.source == source && origin.mixed.contains(&axis))
    }

    /// All sources of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (Some(left), Some(right)) = (&self.0, &other.0) else {
            return if self.is_empty() { other.clone() } else { self.clone() };
        };
        if Arc::ptr_eq(left, right) || covers(left, right) {
            return self.clone();
        }
        if covers(right, left) {
            return other.clone();
        }
        let mut origins = left.to_vec();
        for origin in right.iter() {
            match origins.binary_search_by_key(&origin.source, |known| known.source) {
                Ok(place) => origins[place].add_mixed(origin.mixed.iter().copied()),
                Err(place) => origins.insert(place, origin.clone()),
            }
        }
        Self(Some(origins.into()))
    }

    /// All sources but one.
    #[must_use]
    pub fn without(&self, source: Source) -> Self {
        let rest = self.origins().iter().filter(|origin| origin.source != source).cloned();
        let rest: Vec<Origin> = rest.collect();
        Self((!rest.is_empty()).then(|| rest.into()))
    }

    /// The same sources after an axis was made positional.
    pub(crate) fn mixed_over(&self, axis: AxisId) -> Self {
        if self.origins().iter().all(|origin| origin.mixed.contains(&axis)) {
            return self.clone();
        }
        let mut origins = self.origins().to_vec();
        for origin in &mut origins {
            origin.add_mixed([axis]);
        }
        Self(Some(origins.into()))
    }

    /// The sources of everything that was read ([`Tensor::to_vec`] and its kin) on this thread since the innermost
    /// [`watch_reads`] began: what the program does from here on may depend on them.
    pub fn read() -> Self {
        READ.with_borrow(Clone::clone)
    }

    /// Takes down that a value was read.
    pub(crate) fn note_read(&self) {
        if WATCHING.get() && !self.is_empty() {
            READ.with_borrow_mut(|read| *read = read.union(self));
        }
    }
}

/// Whether every origin of `part` is one of `whole`, both sorted.
fn covers(whole: &[Origin], part: &[Origin]) -> bool {
    let mut rest = whole.iter();
    part.len() <= whole.len()
        && part.iter().all(|origin| rest.find(|known| known.source >= origin.source) == Some(origin))
}

impl Origin {
    fn add_mixed(&mut self, axes: impl IntoIterator<Item = AxisId>) {
        self.mixed.extend(axes);
        // Sorted, so that equal sets compare equal.
        self.mixed.sort_unstable();
        self.mixed.dedup();
    }
}

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static READ: RefCell<Provenance> = const { RefCell::new(Provenance(None)) };
}

/// Runs `f` with sources followed on this thread: results of operations have those of their inputs, and which sources
/// `f` reads the values of is taken down for [`Provenance::read`]. That record begins empty.
pub fn watch_reads<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool, Provenance);
    impl Drop for Restore {
        fn drop(&mut self) {
            WATCHING.set(self.0);
            READ.set(std::mem::take(&mut self.1));
        }
    }
    let _restore = Restore(WATCHING.replace(true), READ.take());
    f()
}

impl Array {
    /// The same value with another provenance: under a record, a step of its own that does nothing.
    pub(crate) fn with_provenance(&self, provenance: Provenance) -> Self {
        if self.failed() || provenance.is_empty() && self.provenance().is_empty() {
            return self.clone();
        }
        let step = || (Op::Reshape(self.shape().clone()), smallvec::smallvec![self.clone()]);
        self.derived(self.tape().map(|_| Tape::new(Some(step()))), self.is_weak(), provenance)
    }
}

impl Tensor {
    /// The sources it was computed from.
    pub fn provenance(&self) -> &Provenance {
        self.array().provenance()
    }

    /// The same value with these sources besides its own. Gradients flow through.
    pub fn with_provenance(&self, provenance: &Provenance) -> Self {
        let array = self.array().with_provenance(self.provenance().union(provenance));
        Self::with_axes(array, self.axes().clone())
    }

    /// The same value without sources, through which no gradient flows: reading it tells nothing of the program.
    pub fn unwatched(&self) -> Self {
        Self::with_axes(self.array().detach().with_provenance(Provenance::default()), self.axes().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Result};

    #[test]
    fn comparisons_gathers_casts_and_detached_values_keep_their_sources() {
        let (a, b) = (Source::fresh(), Source::fresh());
        let x = Tensor::from([0.5, 1.5]).with_provenance(&Provenance::of(a));
        watch_reads(|| {
            let index = x.gt(1.0).cast(crate::DType::I64);
            let chosen = Tensor::from([10.0, 20.0]).at(&index).detach();
            assert!(chosen.provenance().contains(a) && !chosen.provenance().contains(b));
            let both = chosen + Tensor::from(1.0).with_provenance(&Provenance::of(b));
            assert_eq!(both.provenance().sources().collect::<Vec<_>>(), [a, b]);
            assert!(Tensor::from([1.0]).provenance().is_empty());
        });
        assert!((x + 1.0).provenance().is_empty());
    }

    #[test]
    fn marking_keeps_the_gradient() -> Result<()> {
        let x = Tensor::from([1.0, 2.0]).tracked();
        let y = x.square().with_provenance(&Provenance::of(Source::fresh())).sum_all();
        assert_eq!(crate::grad(&y, &[&x])?[0].to_vec::<f64>()?, [2.0, 4.0]);
        Ok(())
    }

    #[test]
    fn rows_stay_apart_until_the_axis_becomes_positional() -> Result<()> {
        let (source, axis) = (Source::fresh(), Axis::named("provenance rows", 3));
        let row =
            Tensor::from([1.0, 2.0, 3.0]).to_implicit(axis.id)?.with_provenance(&Provenance::of(source));
        watch_reads(|| {
            let aligned = &row * 2.0 + Tensor::from([4.0, 5.0, 6.0]).to_implicit(axis.id)?;
            assert!(aligned.provenance().contains(source) && !aligned.provenance().is_mixed(source, axis.id));
            let mixed = &row + row.sum_over(axis);
            assert!(mixed.provenance().is_mixed(source, axis.id));
            Ok(())
        })
    }

    #[test]
    fn reads_are_noted_in_their_scope_alone() {
        let (a, b) = (Source::fresh(), Source::fresh());
        let mark = |source| Tensor::from(1.0).with_provenance(&Provenance::of(source));
        let read = |x: &Tensor| x.to_scalar().is_ok();
        watch_reads(|| {
            assert!(read(&mark(a)) && read(&mark(b).unwatched()));
            watch_reads(|| assert!(Provenance::read().is_empty()));
            let so_far = Provenance::read();
            assert!(so_far.contains(a) && !so_far.contains(b));
        });
        assert!(read(&mark(a)) && Provenance::read().is_empty());
    }
}
