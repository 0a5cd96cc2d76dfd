//! Dead code: what no output depends on.

use crate::ir::{Id, Ir, Kind, Node};

/// The program without it, its nodes numbered anew. Arguments keep their numbers.
pub(super) fn eliminate(ir: Ir) -> Ir {
    let live = live(&ir);
    let mut places = vec![Id(0); ir.nodes.len()];
    let mut nodes: Vec<Node> = Vec::with_capacity(ir.nodes.len());
    for (place, mut node) in ir.nodes.into_iter().enumerate() {
        if !live[place] {
            continue;
        }
        if let Kind::Op(_, inputs) = &mut node.kind {
            for input in inputs {
                *input = places[input.0];
            }
        }
        places[place] = Id(nodes.len());
        nodes.push(node);
    }
    Ir { nodes, inputs: ir.inputs, outputs: ir.outputs.iter().map(|output| places[output.0]).collect() }
}

fn live(ir: &Ir) -> Vec<bool> {
    let mut live = vec![false; ir.nodes.len()];
    for output in &ir.outputs {
        live[output.0] = true;
    }
    for (place, node) in ir.nodes.iter().enumerate().rev() {
        if let (true, Kind::Op(_, inputs)) = (live[place], &node.kind) {
            for input in inputs {
                live[input.0] = true;
            }
        }
    }
    live
}
