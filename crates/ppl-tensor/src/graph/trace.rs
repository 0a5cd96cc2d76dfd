//! Recording a graph by running a function on traced tensors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Constant, Graph, Node, NodeId, NodeKind};
use crate::array::{Array, Value};
use crate::axes::Axes;
use crate::backend::AnyBuffer;
use crate::tree::{TensorTree, TreePath};
use crate::{Device, ErrorKind, Op, Result, Tensor, TensorType};

/// The graph that traced arrays belong to.
#[derive(Clone)]
pub(crate) struct Tracer(Arc<Mutex<Recording>>);

struct Recording {
    nodes: Vec<Node>,
    inputs: usize,
    device: Device,
    /// The node of a constant, by the address of its buffer, which the node keeps alive.
    constants: HashMap<usize, NodeId>,
    finished: bool,
}

impl Recording {
    fn address(buffer: &AnyBuffer) -> usize {
        Arc::as_ptr(buffer).cast::<()>().addr()
    }
}

fn mixed(op: &str, reason: &str) -> crate::Error {
    ErrorKind::Trace { op: op.into(), reason: reason.into() }.into()
}

impl Tracer {
    fn new(device: &Device) -> Self {
        Self(Arc::new(Mutex::new(Recording {
            nodes: Vec::new(),
            inputs: 0,
            device: device.clone(),
            constants: HashMap::new(),
            finished: false,
        })))
    }

    fn recording(&self) -> std::sync::MutexGuard<'_, Recording> {
        // Nodes are pushed whole, so the record is sound even if a thread panicked while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trace that the inputs belong to, if any is traced.
    pub(crate) fn of(op: &Op, inputs: &[Array]) -> Result<Option<Tracer>> {
        let mut found: Option<&Tracer> = None;
        for input in inputs {
            let Value::Traced(tracer, _) = input.value() else { continue };
            match found {
                Some(first) if !Arc::ptr_eq(&first.0, &tracer.0) => {
                    return Err(mixed(&op.name(), "tensors of two traces met in one operation"));
                }
                _ => found = Some(tracer),
            }
        }
        Ok(found.cloned())
    }

    /// Adds an operation; concrete inputs become constants.
    pub(crate) fn record(&self, op: &Op, inputs: &[Array], ty: &TensorType) -> Result<NodeId> {
        let mut recording = self.recording();
        let inputs =
            inputs.iter().map(|input| recording.node_of(&op.name(), input)).collect::<Result<_>>()?;
        recording.push(NodeKind::Op { op: op.clone(), inputs }, ty.clone())
    }

    fn input(&self, array: &Array) -> Result<Array> {
        let mut recording = self.recording();
        let number = recording.inputs;
        recording.inputs += 1;
        let node = recording.push(NodeKind::Input(number), array.ty().clone())?;
        Ok(Array::traced(array.device(), self.clone(), node, array.ty().clone()))
    }

    fn finish(&self, outputs: &[Array]) -> Result<Graph> {
        let foreign =
            |output: &&Array| matches!(output.value(), Value::Traced(t, _) if !Arc::ptr_eq(&t.0, &self.0));
        if outputs.iter().find(foreign).is_some() {
            return Err(mixed("output", "the result is a tensor of another trace"));
        }
        let mut recording = self.recording();
        let outputs =
            outputs.iter().map(|output| recording.node_of("output", output)).collect::<Result<_>>()?;
        recording.finished = true;
        let nodes = std::mem::take(&mut recording.nodes);
        Ok(Graph { nodes, inputs: recording.inputs, outputs, device: recording.device.clone() })
    }
}

impl Recording {
    fn push(&mut self, kind: NodeKind, ty: TensorType) -> Result<NodeId> {
        if self.finished {
            return Err(mixed("trace", "a traced tensor was used after its trace ended"));
        }
        self.nodes.push(Node { kind, ty });
        Ok(NodeId(self.nodes.len() - 1))
    }

    fn node_of(&mut self, op: &str, array: &Array) -> Result<NodeId> {
        match array.value() {
            Value::Traced(_, node) => Ok(*node),
            Value::Failed(error) => Err(error.clone()),
            Value::Concrete(buffer) => {
                if !array.device().same_as(&self.device) {
                    let (left, right) = (self.device.name().to_owned(), array.device().name().to_owned());
                    return Err(ErrorKind::Device { op: op.into(), left, right }.into());
                }
                let address = Self::address(buffer);
                let known = self.constants.get(&address).copied();
                // One buffer may stand under several shapes.
                if let Some(node) =
                    known.filter(|node| self.nodes.get(node.0).is_some_and(|n| n.ty == *array.ty()))
                {
                    return Ok(node);
                }
                let constant = Constant { buffer: buffer.clone(), device: array.device().clone() };
                let node = self.push(NodeKind::Constant(constant), array.ty().clone())?;
                self.constants.insert(address, node);
                Ok(node)
            }
        }
    }
}

/// A recorded function: its graph, and the structure of its arguments and its result.
pub struct Traced<O> {
    graph: Graph,
    pub(super) arguments: Vec<Argument>,
    pub(super) output: O,
    pub(super) output_axes: Vec<Axes>,
}

/// What a leaf of the arguments must be when the program is run.
#[derive(Clone, PartialEq)]
pub(super) struct Argument {
    pub(super) path: String,
    pub(super) ty: TensorType,
    pub(super) axes: Axes,
}

impl<O> Traced<O> {
    /// The recorded program of plain arrays.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// Runs `f` once on traced leaves of `args` and records its operations.
///
/// Tensors that are not arguments become constants; random numbers are drawn anew by the program when their key is an
/// argument.
///
/// # Errors
/// If `f` fails, or reads the value of a traced tensor.
pub fn trace<A: TensorTree, O: TensorTree>(
    device: &Device,
    f: impl FnOnce(&A) -> Result<O>,
    args: &A,
) -> Result<Traced<O>> {
    let tracer = Tracer::new(device);
    let mut arguments = Vec::new();
    let traced_args = args.try_map(&mut TreePath::root(), &mut |path, leaf| {
        leaf.check()?;
        let array = leaf.array().strong(device);
        let ty = array.ty().clone();
        arguments.push(Argument { path: path.to_string(), ty, axes: leaf.axes().clone() });
        Ok(Tensor::with_axes(tracer.input(&array)?, leaf.axes().clone()))
    })?;
    let output = f(&traced_args)?;
    let mut arrays = Vec::new();
    let mut output_axes = Vec::new();
    output.visit(&mut |leaf| {
        leaf.check()?;
        arrays.push(leaf.array().strong(device));
        output_axes.push(leaf.axes().clone());
        Ok(())
    })?;
    let graph = tracer.finish(&arrays)?;
    Ok(Traced { graph, arguments, output, output_axes })
}
