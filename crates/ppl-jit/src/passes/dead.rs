//! Dead code: what no output depends on.

use crate::ir::{Id, Ir, Node};

/// The program without it, its nodes numbered anew. Arguments keep their numbers.
pub(super) fn eliminate(ir: Ir) -> Ir {
    let live = ir.live();
    let mut places = vec![Id(0); ir.nodes.len()];
    let mut nodes: Vec<Node> = Vec::with_capacity(ir.nodes.len());
    for (place, mut node) in ir.nodes.into_iter().enumerate() {
        if !live[place] {
            continue;
        }
        for input in node.kind.inputs_mut() {
            *input = places[input.0];
        }
        places[place] = Id(nodes.len());
        nodes.push(node);
    }
    Ir { nodes, inputs: ir.inputs, outputs: ir.outputs.iter().map(|output| places[output.0]).collect() }
}
