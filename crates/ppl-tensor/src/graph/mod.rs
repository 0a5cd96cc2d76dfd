//! Programs as data: operations recorded instead of run, and what runs the record.

mod body;
mod interpreter;
mod program;
mod repeat;
mod trace;

pub(crate) use body::Body;
pub use interpreter::Interpreter;
pub use program::{Program, compile};
pub(crate) use repeat::LoopPlan;
pub(crate) use trace::Tracer;
pub use trace::{Traced, trace};

use std::fmt;

use smallvec::SmallVec;

use crate::array::Array;
use crate::backend::{AnyBuffer, Backend};
use crate::{Device, Error, HostTensor, Op, Result, TensorType};

/// Position of a node in its graph. Inputs of a node come before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

impl NodeId {
    /// The node's place in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a node is.
#[derive(Clone)]
pub enum NodeKind {
    /// Input number so and so of the program.
    Input(usize),
    /// A value known when the graph was recorded.
    Constant(Constant),
    /// An operation on earlier nodes.
    Op {
        /// The operation.
        op: Op,
        /// Its inputs, in order.
        inputs: SmallVec<[NodeId; 3]>,
    },
}

/// A constant of a graph: a buffer of the graph's device.
#[derive(Clone)]
pub struct Constant {
    buffer: AnyBuffer,
    device: Device,
}

impl Constant {
    /// The constant in a backend's own memory; `None` if the graph was recorded on another backend.
    pub fn buffer<B: Backend>(&self) -> Option<&B::Buffer> {
        self.buffer.downcast_ref()
    }

    /// The constant in host memory.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn download(&self) -> Result<HostTensor> {
        self.device.backend().download(&self.buffer)
    }

    /// The constant as an array of its device.
    fn array(&self, ty: &TensorType) -> Array {
        Array::concrete(&self.device, self.buffer.clone(), ty.clone())
    }
}

/// A node: what it is, and the type of its value.
#[derive(Clone)]
pub struct Node {
    /// What the node is.
    pub kind: NodeKind,
    /// Dtype and physical shape of its value.
    pub ty: TensorType,
}

/// A recorded program of plain arrays, in an order in which it can be run.
#[derive(Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    inputs: usize,
    outputs: Vec<NodeId>,
    device: Device,
}

impl Graph {
    /// All nodes; inputs of a node come before it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The nodes whose values a run returns, in order; one may be named twice.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The device it was recorded on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Checks what every graph must satisfy: inputs of a node come before it, and types are what the operations say.
    ///
    /// # Errors
    /// If the graph is not legal; the message names the node.
    pub fn check(&self) -> Result<()> {
        for (index, node) in self.nodes.iter().enumerate() {
            let NodeKind::Op { op, inputs } = &node.kind else { continue };
            if inputs.iter().any(|input| input.0 >= index) {
                return Err(Error::argument(op.name(), format!("node %{index} uses a later node")));
            }
            let types: Vec<&TensorType> = inputs.iter().map(|input| &self.nodes[input.0].ty).collect();
            let ty = op.output_type(&types)?;
            if ty != node.ty {
                let reason = format!("node %{index} is declared {:?}, the operation gives {ty:?}", node.ty);
                return Err(Error::argument(op.name(), reason));
            }
        }
        match self.outputs.iter().find(|output| output.0 >= self.nodes.len()) {
            Some(output) => Err(Error::argument("graph", format!("output %{} does not exist", output.0))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Graph {
    /// One line a node.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.nodes.iter().enumerate() {
            write!(f, "%{index}: {}{} = ", node.ty.dtype, node.ty.shape)?;
            match &node.kind {
                NodeKind::Input(number) => writeln!(f, "input {number}")?,
                NodeKind::Constant(_) => writeln!(f, "constant")?,
                NodeKind::Op { op, inputs } => {
                    let inputs: Vec<String> = inputs.iter().map(|input| format!("%{}", input.0)).collect();
                    writeln!(f, "{}({})", op.name(), inputs.join(", "))?;
                }
            }
        }
        let outputs: Vec<String> = self.outputs.iter().map(|output| format!("%{}", output.0)).collect();
        write!(f, "return {}", outputs.join(", "))
    }
}
