//! The compiler's own form of a program: one operation a node, constants in host memory, free to be rewritten.

use std::sync::Arc;

use ppl_tensor::op::{Binary, Reduction, Scan};
use ppl_tensor::{DType, Dims, Graph, HostTensor, NodeKind, Op, Result, Shape, TensorType};
use smallvec::SmallVec;

/// Terms of a sum over the steps of a loop are kept, to be added at once, if they have no more elements than this.
const KEPT_TERMS: usize = 1 << 14;

/// Inputs of a node.
pub(crate) type Inputs = SmallVec<[Id; 3]>;

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
    Op(Op, Inputs),
    /// A loop over time; its results are its parts.
    Loop(Arc<Recurrence>, Inputs),
    /// Result number so and so of a loop: a last carry, or a stack.
    Part(usize, [Id; 1]),
}

impl Kind {
    /// The nodes it is computed from.
    pub(crate) fn inputs(&self) -> &[Id] {
        match self {
            Kind::Input(_) | Kind::Constant(_) => &[],
            Kind::Op(_, inputs) | Kind::Loop(_, inputs) => inputs,
            Kind::Part(_, inputs) => inputs,
        }
    }

    /// The nodes it is computed from, to be changed.
    pub(crate) fn inputs_mut(&mut self) -> &mut [Id] {
        match self {
            Kind::Input(_) | Kind::Constant(_) => &mut [],
            Kind::Op(_, inputs) | Kind::Loop(_, inputs) => inputs,
            Kind::Part(_, inputs) => inputs,
        }
    }
}

/// A loop over time, of at least one step. Its inputs are the carries as the first step sees them, arrays of which each step
/// sees one row of the first dimension, and what is the same in each step.
#[derive(Debug)]
pub(crate) struct Recurrence {
    /// Number of steps.
    pub(crate) length: usize,
    /// Whether the steps run from the last row to the first.
    pub(crate) reverse: bool,
    pub(crate) carries: usize,
    pub(crate) rows: usize,
    /// One step: from carries, a row of each array of rows, and captured values to the next carries and the rows of the
    /// stacks.
    pub(crate) body: Ir,
}

impl Recurrence {
    /// Type of a result.
    pub(crate) fn part_type(&self, part: usize) -> TensorType {
        let ty = self.body.ty(self.body.outputs[part]);
        if part < self.carries { ty.clone() } else { stacked(ty, self.length) }
    }
}

/// Type of an array with one row a step.
pub(crate) fn stacked(ty: &TensorType, length: usize) -> TensorType {
    TensorType::new(ty.dtype, Shape::from([length]).concat(&ty.shape))
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
        let mut ir = Self { nodes: Vec::new(), inputs: graph.inputs(), outputs: Vec::new() };
        ir.outputs = ir.append(graph, |ir, number, ty| ir.push(Kind::Input(number), ty.clone()))?;
        Ok(ir)
    }

    /// Adds the nodes of a graph; returns where its outputs are.
    fn append(
        &mut self,
        graph: &Graph,
        mut input: impl FnMut(&mut Self, usize, &TensorType) -> Id,
    ) -> Result<Vec<Id>> {
        let mut places: Vec<Id> = Vec::with_capacity(graph.nodes().len());
        for node in graph.nodes() {
            let id = match &node.kind {
                NodeKind::Input(number) => input(self, *number, &node.ty),
                NodeKind::Constant(constant) => {
                    self.push(Kind::Constant(constant.download()?), node.ty.clone())
                }
                NodeKind::Op { op, inputs } => {
                    let inputs: Inputs = inputs.iter().map(|input| places[input.index()]).collect();
                    match op {
                        Op::Scan(scan) => self.scan(scan, &inputs)?,
                        op => self.push(Kind::Op(op.clone(), inputs), node.ty.clone()),
                    }
                }
            };
            places.push(id);
        }
        Ok(graph.outputs().iter().map(|output| places[output.index()]).collect())
    }

    /// Adds a loop as it was recorded: a recurrence, sums of what its steps add up, and the vector of all results.
    fn scan(&mut self, scan: &Scan, inputs: &[Id]) -> Result<Id> {
        let results = match scan.length() {
            0 => {
                let stacks = scan.stacked_types().iter().map(|ty| stacked(ty, 0));
                let empty: Vec<TensorType> = scan.summed_types().iter().cloned().chain(stacks).collect();
                let zeros = empty.iter().map(|ty| self.zeros(ty)).collect::<Vec<_>>();
                inputs[..scan.carries()].iter().copied().chain(zeros).collect()
            }
            _ => self.recurrence(scan, inputs)?,
        };
        let packed = self.append(scan.packing(), |_, number, _| results[number])?;
        Ok(packed[0])
    }

    /// The results of a loop with steps: last carries, sums, stacks.
    fn recurrence(&mut self, scan: &Scan, inputs: &[Id]) -> Result<Vec<Id>> {
        let (length, carries) = (scan.length(), scan.carries());
        let (own, rest) = inputs.split_at(carries);
        let is_kept = |ty: &TensorType| length.saturating_mul(ty.shape.elements()) <= KEPT_TERMS;
        // Long terms are added up as the loop goes.
        let running: Vec<usize> = (0..scan.summed()).filter(|&i| !is_kept(&scan.summed_types()[i])).collect();
        let mut body = Self { nodes: Vec::new(), inputs: inputs.len() + running.len(), outputs: Vec::new() };
        let moved = |number: usize| if number < carries { number } else { number + running.len() };
        let outputs =
            body.append(scan.body(), |body, number, ty| body.push(Kind::Input(moved(number)), ty.clone()))?;
        let (next, given) = outputs.split_at(carries);
        let (terms, stacks) = given.split_at(scan.summed());
        body.outputs.extend_from_slice(next);
        let mut first: Inputs = own.into();
        for (number, &term) in running.iter().enumerate() {
            let ty = &scan.summed_types()[term];
            let sum = body.push(Kind::Input(carries + number), ty.clone());
            let add = Kind::Op(Op::Binary(Binary::Add), [sum, terms[term]].into_iter().collect());
            let sum = body.push(add, ty.clone());
            body.outputs.push(sum);
            first.push(self.zeros(ty));
        }
        let kept = (0..scan.summed()).filter(|i| !running.contains(i));
        body.outputs.extend(kept.map(|i| terms[i]).chain(stacks.iter().copied()));
        let (carries, rows, reverse) = (carries + running.len(), scan.rows(), scan.is_reversed());
        let recurrence = Arc::new(Recurrence { length, reverse, carries, rows, body });
        first.extend_from_slice(rest);
        let parts = self.repeat(&recurrence, first);
        let mut last = parts[..carries].iter().copied();
        let mut results: Vec<Id> = last.by_ref().take(own.len()).collect();
        let mut kept = parts[carries..].iter().copied();
        for (i, ty) in scan.summed_types().iter().enumerate() {
            let part = if running.contains(&i) { last.next() } else { kept.next() };
            let Some(part) = part else { continue };
            results.push(match running.contains(&i) {
                true => part,
                false => {
                    let sum = Op::Reduce { kind: Reduction::Sum, axes: Dims::from_slice(&[0]) };
                    self.push(Kind::Op(sum, [part].into_iter().collect()), ty.clone())
                }
            });
        }
        results.extend(kept);
        Ok(results)
    }

    /// Adds a loop, and returns its results.
    pub(crate) fn repeat(&mut self, recurrence: &Arc<Recurrence>, inputs: Inputs) -> Vec<Id> {
        let whole =
            self.push(Kind::Loop(recurrence.clone(), inputs), TensorType::new(DType::Bool, Shape::from([0])));
        let parts = 0..recurrence.body.outputs.len();
        parts.map(|part| self.push(Kind::Part(part, [whole]), recurrence.part_type(part))).collect()
    }

    /// Adds an operation.
    pub(crate) fn apply(&mut self, op: Op, inputs: &[Id]) -> Result<Id> {
        let ty = {
            let types: SmallVec<[&TensorType; 4]> = inputs.iter().map(|&input| self.ty(input)).collect();
            op.output_type(&types)?
        };
        Ok(self.push(Kind::Op(op, Inputs::from_slice(inputs)), ty))
    }

    fn zeros(&mut self, ty: &TensorType) -> Id {
        let zeros = HostTensor::full_as(ty.dtype, &ty.shape, 0.0);
        self.push(Kind::Constant(zeros), ty.clone())
    }

    pub(crate) fn push(&mut self, kind: Kind, ty: TensorType) -> Id {
        self.nodes.push(Node { kind, ty });
        Id(self.nodes.len() - 1)
    }

    /// The nodes that an output depends on.
    pub(crate) fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for output in &self.outputs {
            live[output.0] = true;
        }
        for (place, node) in self.nodes.iter().enumerate().rev() {
            if live[place] {
                node.kind.inputs().iter().for_each(|input| live[input.0] = true);
            }
        }
        live
    }

    pub(crate) fn ty(&self, id: Id) -> &TensorType {
        &self.nodes[id.0].ty
    }
}
