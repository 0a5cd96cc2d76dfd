//! Recording a graph by running a function on traced tensors.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use super::{Body, Constant, Graph, Node, NodeId, NodeKind};
use crate::array::{Array, Value};
use crate::axes::Axes;
use crate::backend::AnyBuffer;
use crate::tree::{TensorTree, TreePath};
use crate::{Device, ErrorKind, Op, Result, Tensor, TensorType};

/// The graph that traced arrays belong to.
#[derive(Clone)]
pub(crate) struct Tracer(Arc<Shared>);

struct Shared {
    /// Grows with time: of two traces that meet, the later one is the inner one.
    order: u64,
    /// Whether this is the trace of a loop's body, of which tensors from outside become further inputs.
    of_body: bool,
    recording: Mutex<Recording>,
}

struct Recording {
    nodes: Vec<Node>,
    inputs: usize,
    device: Device,
    /// The node of a constant, by the address of its buffer, which the node keeps alive.
    constants: HashMap<usize, NodeId>,
    /// For a body: tensors from outside, and their nodes.
    captured: Vec<(Array, NodeId)>,
    /// For a body: by node, the id under which its value is recorded for gradients.
    tapes: HashMap<NodeId, u64>,
    /// For a body: inputs of nodes (by their places) through which no gradient flows.
    cuts: HashSet<(usize, usize)>,
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
        Self::make(device, false)
    }

    /// The trace of a loop's body. Tensors from outside that are traced or tracked become further inputs, others
    /// constants.
    pub(crate) fn of_body(device: &Device) -> Self {
        Self::make(device, true)
    }

    fn make(device: &Device, of_body: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let recording = Recording {
            nodes: Vec::new(),
            inputs: 0,
            device: device.clone(),
            constants: HashMap::new(),
            captured: Vec::new(),
            tapes: HashMap::new(),
            cuts: HashSet::new(),
            finished: false,
        };
        let order = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Shared { order, of_body, recording: Mutex::new(recording) }))
    }

    fn is(&self, other: &Tracer) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn recording(&self) -> std::sync::MutexGuard<'_, Recording> {
        // Nodes are pushed whole, so the record is sound even if a thread panicked while holding it.
        self.0.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trace that an operation on the inputs belongs to, if any is traced: the innermost of theirs.
    pub(crate) fn of(op: &Op, inputs: &[Array]) -> Result<Option<Tracer>> {
        let mut innermost: Option<&Tracer> = None;
        let mut several = false;
        for input in inputs {
            let Value::Traced(tracer, _) = input.value() else { continue };
            several |= innermost.is_some_and(|found| !found.is(tracer));
            if innermost.is_none_or(|found| found.0.order < tracer.0.order) {
                innermost = Some(tracer);
            }
        }
        match innermost {
            Some(tracer) if several && !tracer.0.of_body => {
                Err(mixed(&op.name(), "tensors of two traces met in one operation"))
            }
            _ => Ok(innermost.cloned()),
        }
    }

    /// The error for reading the value of an array of this trace.
    pub(crate) fn unreadable(&self, reader: &str) -> crate::Error {
        let op = reader.into();
        if self.0.of_body { ErrorKind::ScanRead { op } } else { ErrorKind::TracedRead { op } }.into()
    }

    /// Adds an operation; concrete inputs become constants.
    pub(crate) fn record(&self, op: &Op, inputs: &[Array], ty: &TensorType) -> Result<NodeId> {
        let mut recording = self.recording();
        let nodes: SmallVec<[NodeId; 3]> =
            inputs.iter().map(|input| recording.node_of(self, &op.name(), input)).collect::<Result<_>>()?;
        if self.0.of_body {
            let place = recording.nodes.len();
            for (i, (&node, input)) in nodes.iter().zip(inputs).enumerate() {
                if recording.is_cut(node, input) {
                    recording.cuts.insert((place, i));
                }
            }
        }
        recording.push(NodeKind::Op { op: op.clone(), inputs: nodes }, ty.clone())
    }

    /// Remembers under which id the value of a body's node is recorded for gradients.
    pub(crate) fn record_tape(&self, node: NodeId, tape: u64) {
        if self.0.of_body {
            self.recording().tapes.insert(node, tape);
        }
    }

    fn input(&self, array: &Array) -> Result<Array> {
        let ty = array.ty();
        let node = self.recording().push_input(ty)?;
        Ok(Array::traced(array.device(), self.clone(), node, ty.clone()))
    }

    /// A further input of a body; gradients flow to it if it is a float.
    pub(crate) fn body_input(&self, ty: &TensorType) -> Result<Array> {
        let (node, device) = {
            let mut recording = self.recording();
            (recording.push_input(ty)?, recording.device.clone())
        };
        let input = Array::traced(&device, self.clone(), node, ty.clone());
        let input = if ty.dtype.is_float() { input.tracked() } else { input };
        if let Some(tape) = input.tape() {
            self.record_tape(node, tape.id);
        }
        Ok(input)
    }

    /// Whether a gradient may be asked of a tensor from outside that the body uses.
    pub(crate) fn captures_tracked(&self) -> bool {
        self.recording().captured.iter().any(|(array, _)| array.tape().is_some())
    }

    fn finish(&self, outputs: &[Array]) -> Result<Graph> {
        let foreign =
            |output: &&Array| matches!(output.value(), Value::Traced(tracer, _) if !tracer.is(self));
        if !self.0.of_body && outputs.iter().find(foreign).is_some() {
            return Err(mixed("output", "the result is a tensor of another trace"));
        }
        let mut recording = self.recording();
        let outputs =
            outputs.iter().map(|output| recording.node_of(self, "output", output)).collect::<Result<_>>()?;
        recording.finished = true;
        let nodes = std::mem::take(&mut recording.nodes);
        Ok(Graph { nodes, inputs: recording.inputs, outputs, device: recording.device.clone() })
    }

    /// Ends the trace of a body; returns what it captured, too, in the order of the inputs.
    pub(crate) fn finish_body(&self, outputs: &[Array]) -> Result<(Body, Vec<Array>)> {
        let graph = self.finish(outputs)?;
        let mut recording = self.recording();
        let cut = |(output, &node): (&Array, &NodeId)| recording.is_cut(node, output);
        let cut_outputs = outputs.iter().zip(&graph.outputs).map(cut).collect();
        let captured = std::mem::take(&mut recording.captured);
        let body = Body::new(graph, std::mem::take(&mut recording.cuts), cut_outputs);
        Ok((body, captured.into_iter().map(|(array, _)| array).collect()))
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

    fn push_input(&mut self, ty: &TensorType) -> Result<NodeId> {
        let node = self.push(NodeKind::Input(self.inputs), ty.clone())?;
        self.inputs += 1;
        Ok(node)
    }

    /// Whether no gradient flows to `node` through `array`, which has its value: it is detached, or a leaf.
    fn is_cut(&self, node: NodeId, array: &Array) -> bool {
        // A detached tensor from outside is an input of its own, and whether gradients flow on is seen there.
        if self.captured.iter().any(|(_, captured)| *captured == node) {
            return false;
        }
        let flows = array.tape().is_some_and(|tape| self.tapes.get(&node) == Some(&tape.id));
        array.dtype().is_float() && !flows
    }

    fn node_of(&mut self, owner: &Tracer, op: &str, array: &Array) -> Result<NodeId> {
        match array.value() {
            Value::Traced(tracer, node) if tracer.is(owner) => Ok(*node),
            Value::Traced(..) => self.capture(op, array),
            // What the result depends on must be seen from outside.
            Value::Concrete(_)
                if owner.0.of_body && (array.tape().is_some() || !array.provenance().is_empty()) =>
            {
                self.capture(op, array)
            }
            Value::Failed(error) => Err(error.clone()),
            Value::Concrete(buffer) => {
                self.check_device(op, array)?;
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

    fn check_device(&self, op: &str, array: &Array) -> Result<()> {
        if array.device().same_as(&self.device) {
            return Ok(());
        }
        let (left, right) = (self.device.name().to_owned(), array.device().name().to_owned());
        Err(ErrorKind::Device { op: op.into(), left, right }.into())
    }

    /// The input for a tensor from outside a body.
    fn capture(&mut self, op: &str, array: &Array) -> Result<NodeId> {
        if let Some((_, node)) = self.captured.iter().find(|(known, _)| known.is(array)) {
            return Ok(*node);
        }
        self.check_device(op, array)?;
        let node = self.push_input(array.ty())?;
        self.captured.push((array.clone(), node));
        Ok(node)
    }
}

/// A recorded function: its graph, and the structure of its arguments and its result.
pub struct Traced<O> {
    pub(super) graph: Graph,
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
    /// The structure of the result; its tensors are traced.
    pub fn output(&self) -> &O {
        &self.output
    }

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
