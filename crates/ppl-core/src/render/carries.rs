//! What scans carry from step to step, as dependences see it.

use std::collections::HashSet;

use ppl_tensor::{Provenance, Source, TensorTree, TreePath};

use crate::Result;

/// Sources that stand for carried values, and what those come from: what the first step is given, and what each step
/// carries on. A scan runs its steps as one operation, after which every result seems to depend on all inputs.
#[derive(Debug, Default)]
pub(crate) struct Carries(Vec<(Source, Provenance)>);

impl Carries {
    /// The provenance of each tensor of a tree.
    pub(crate) fn of<C: TensorTree>(tree: &C) -> Result<Vec<Provenance>> {
        let mut all = Vec::new();
        tree.visit(&mut |leaf| {
            all.push(leaf.provenance().clone());
            Ok(())
        })?;
        Ok(all)
    }

    /// The tree with each tensor's provenance replaced.
    pub(crate) fn marked<C: TensorTree>(tree: &C, marks: &[Provenance]) -> Result<C> {
        let mut marks = marks.iter();
        Ok(tree.try_map(&mut TreePath::root(), &mut |_, leaf| {
            let unmarked = leaf.unwatched();
            Ok(marks.next().map_or(unmarked.clone(), |mark| unmarked.with_provenance(mark)))
        })?)
    }

    /// So many sources.
    pub(crate) fn fresh(count: usize) -> Vec<Source> {
        (0..count).map(|_| Source::fresh()).collect()
    }

    /// Takes down what the sources of carried values stand for.
    pub(crate) fn insert(&mut self, sources: &[Source], from: &[Provenance]) {
        self.0.extend(sources.iter().copied().zip(from.iter().cloned()));
    }

    /// The other sources behind a provenance by way of carried values.
    pub(super) fn behind(&self, provenance: &Provenance) -> Vec<Source> {
        let mut seen: HashSet<Source> = HashSet::new();
        let mut open: Vec<Source> = provenance.sources().collect();
        let mut found = Vec::new();
        while let Some(source) = open.pop() {
            let parts = self.0.iter().filter(|(carried, _)| *carried == source);
            for next in parts.flat_map(|(_, from)| from.sources()) {
                if seen.insert(next) {
                    found.push(next);
                    open.push(next);
                }
            }
        }
        found
    }
}
