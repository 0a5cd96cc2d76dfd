//! Reads direct dependences between the statements of a run off the provenance of their values.

use indexmap::IndexMap;
use ppl_tensor::{Provenance, Source, watch_reads};

use super::carries::Carries;
use super::graph::{Dependence, ModelGraph};
use crate::trace::Site;
use crate::{FrameKind, Handler, Message, Result, Statement, Trace};

/// Marks the value of each statement with a source of its own, in place of those it came from: so a later statement
/// carries the sources of the statements that it depends on directly.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    trace: Trace,
    influences: IndexMap<String, Influences>,
}

/// What a statement's value depends on, and the source that marks it.
#[derive(Debug)]
struct Influences {
    source: Source,
    values: Provenance,
    /// What the program had read before the statement.
    read: Provenance,
}

impl Handler for Dependencies {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        // The choice of rows is no site: plates show it.
        if matches!(message.statement, Statement::Subsample { .. }) {
            return Ok(());
        }
        self.trace.insert(Site::of(message)?)?;
        let new =
            || Influences { source: Source::fresh(), values: values(message), read: Provenance::read() };
        let known = self.influences.entry(message.name.clone()).or_insert_with(new);
        let mark = Provenance::of(known.source);
        message.value = message.value.take().map(|value| value.unwatched().with_provenance(&mark));
        Ok(())
    }
}

/// The sources of the value and of all that its log density is computed from.
fn values(message: &Message) -> Provenance {
    let mut all = Provenance::default();
    for part in message.value.iter().chain(&message.mask).chain(&message.weight) {
        all = all.union(part.provenance());
    }
    if let (Statement::Sample { distribution, .. }, Some(value)) = (&message.statement, &message.value) {
        for parameter in distribution.parameters() {
            all = all.union(parameter.value.provenance());
        }
        // Parameters are what a distribution tells of itself; its density cannot leave one out. What the density reads
        // is no read of the program.
        let density = watch_reads(|| distribution.log_prob(&value.unwatched()));
        all = all.union(density.provenance());
    }
    all
}

impl Dependencies {
    /// Whether two statements are in one scan.
    fn share_a_scan(&self, a: usize, b: usize) -> bool {
        let scans = |site: usize| {
            let frames = self.trace.sites().nth(site).into_iter().flat_map(|site| &site.frames);
            frames.filter(|frame| frame.kind == FrameKind::Scan).map(|frame| &frame.name)
        };
        scans(a).any(|name| scans(b).any(|other| other == name))
    }

    /// The graph, with what is known of carried values.
    pub(super) fn into_graph(self, carries: &Carries) -> ModelGraph {
        let mut graph = ModelGraph::of(&self.trace);
        let place = |source: Source| self.influences.values().position(|known| known.source == source);
        for (to, influences) in self.influences.values().enumerate() {
            for from in influences.read.sources().filter_map(place) {
                graph.connect(from, to, Dependence::Read);
            }
            for from in influences.values.sources().filter_map(place) {
                graph.connect(from, to, Dependence::Value);
            }
            for from in carries.behind(&influences.values).into_iter().filter_map(place) {
                let earlier = self.share_a_scan(from, to);
                graph.connect(from, to, if earlier { Dependence::Step } else { Dependence::Value });
            }
        }
        graph
    }
}
