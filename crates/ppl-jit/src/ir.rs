//! The compiler's own form of a program: one operation a node, constants in host memory, free to be rewritten.

use ppl_tensor::{Graph, HostTensor, NodeKind, Op, Result, TensorType};
use smallvec::SmallVec;

/// Position of a node. Inputs of a node come before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) usize);

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Argument number so and so of the program.
    Input(usize),
    /// A value known now.
    Constant(HostTensor),
    /// An operation on earlier nodes.
    Op(Op, SmallVec<[Id; 3]>),
}

/// A node: what it is, and the type of its value.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) ty: TensorType,
}

/// A program of plain arrays.
#[derive(Debug, Clone)]
pub(crate) struct Ir {
    pub(crate) nodes: Vec<Node>,
    /// Number of arguments, of which some may have no node.
    pub(crate) inputs: usize,
    pub(crate) outputs: Vec<Id>,
}

impl Ir {
    /// A recorded graph in this form.
    pub(crate) fn from_graph(graph: &Graph) -> Result<Self> {
        graph.check()?;
        let node = |node: &ppl_tensor::Node| {
            let kind = match &node.kind {
                NodeKind::Input(number) => Kind::Input(*number),
                NodeKind::Constant(constant) => Kind::Constant(constant.download()?),
                NodeKind::Op { op, inputs } => {
                    Kind::Op(op.clone(), inputs.iter().map(|input| Id(input.index())).collect())
                }
            };
            Ok(Node { kind, ty: node.ty.clone() })
        };
        let nodes = graph.nodes().iter().map(node).collect::<Result<_>>()?;
        let outputs = graph.outputs().iter().map(|output| Id(output.index())).collect();
        Ok(Self { nodes, inputs: graph.inputs(), outputs })
    }

    pub(crate) fn ty(&self, id: Id) -> &TensorType {
        &self.nodes[id.0].ty
    }
}
