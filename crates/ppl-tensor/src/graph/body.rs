//! Bodies of loops: graphs that can be replayed, to be differentiated or batched.

use std::collections::HashSet;

use smallvec::SmallVec;

use super::interpreter::live;
use super::{Graph, Node, NodeId, NodeKind};
use crate::array::{Array, Inputs};
use crate::{Device, Error, Op, Result};

/// A graph, and where gradients do not flow through it although values do.
pub(crate) struct Body {
    graph: Graph,
    /// Inputs of nodes (by their places) that were detached.
    cuts: HashSet<(usize, usize)>,
    /// Which outputs were detached.
    cut_outputs: Vec<bool>,
}

impl Body {
    pub(super) fn new(graph: Graph, cuts: HashSet<(usize, usize)>, cut_outputs: Vec<bool>) -> Self {
        Self { graph, cuts, cut_outputs }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn into_graph(self) -> Graph {
        self.graph
    }

    /// The outputs for given inputs: `constant` prepares each constant, `apply` each operation. Gradients flow where
    /// they did when the body was recorded.
    pub(crate) fn replay(
        &self,
        device: &Device,
        inputs: &[Array],
        constant: impl Fn(Array) -> Array,
        apply: impl Fn(&Op, &[Array]) -> Array,
    ) -> Result<Vec<Array>> {
        let mut values: Vec<Array> = Vec::with_capacity(self.graph.nodes.len());
        for (place, node) in self.graph.nodes.iter().enumerate() {
            let value = match &node.kind {
                NodeKind::Input(number) => inputs.get(*number).cloned().ok_or_else(|| {
                    let reason =
                        format!("its body takes {} inputs, {} were given", self.graph.inputs, inputs.len());
                    Error::argument("scan", reason)
                })?,
                NodeKind::Constant(value) => constant(value.array(&node.ty).to_device(device)),
                NodeKind::Op { op, inputs } => {
                    let of = |(i, input): (usize, &NodeId)| {
                        flowing(&values[input.0], self.cuts.contains(&(place, i)))
                    };
                    apply(op, &inputs.iter().enumerate().map(of).collect::<Inputs>())
                }
            };
            match value.error() {
                Some(error) => return Err(error.clone()),
                None => values.push(value),
            }
        }
        let outputs = self.graph.outputs.iter().zip(&self.cut_outputs);
        Ok(outputs.map(|(output, &cut)| flowing(&values[output.0], cut)).collect())
    }

    /// The body without what no output depends on, and the numbers of the inputs that remain: the first `required` of
    /// them, and those that are used.
    pub(crate) fn compact(self, required: usize) -> (Body, Vec<usize>) {
        let used = live(&self.graph);
        let Graph { nodes, outputs, device, .. } = self.graph;
        let mut kept_inputs = Vec::new();
        let mut places: Vec<Option<usize>> = vec![None; nodes.len()];
        let mut kept: Vec<Node> = Vec::new();
        let mut cuts = HashSet::new();
        let at = |places: &[Option<usize>], node: NodeId| NodeId(places[node.0].unwrap_or(0));
        for (old, node) in nodes.into_iter().enumerate() {
            let kind = match node.kind {
                NodeKind::Input(number) if used[old] || number < required => {
                    kept_inputs.push(number);
                    NodeKind::Input(kept_inputs.len() - 1)
                }
                kind if !used[old] => {
                    drop(kind);
                    continue;
                }
                NodeKind::Op { op, inputs } => {
                    let moved = (0..inputs.len()).filter(|&i| self.cuts.contains(&(old, i)));
                    cuts.extend(moved.map(|i| (kept.len(), i)));
                    let inputs: SmallVec<[NodeId; 3]> =
                        inputs.iter().map(|&input| at(&places, input)).collect();
                    NodeKind::Op { op, inputs }
                }
                kind => kind,
            };
            places[old] = Some(kept.len());
            kept.push(Node { kind, ty: node.ty });
        }
        let outputs = outputs.iter().map(|&output| at(&places, output)).collect();
        let graph = Graph { nodes: kept, inputs: kept_inputs.len(), outputs, device };
        (Body { graph, cuts, cut_outputs: self.cut_outputs }, kept_inputs)
    }
}

fn flowing(array: &Array, cut: bool) -> Array {
    if cut { array.detach() } else { array.clone() }
}
