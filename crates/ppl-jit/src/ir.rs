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

/// How something is summed over the steps of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    /// As the loop goes.
    Running,
    /// Afterwards, of stacked terms.
    Kept,
    /// Afterwards, of stacked factors: terms are products of matrices.
    Product,
}

impl Sum {
    fn of(scan: &Scan, term: usize) -> Self {
        let (body, ty) = (scan.body(), &scan.summed_types()[term]);
        let node = &body.nodes()[body.outputs()[scan.carries() + term].index()];
        let is_matrix = |id: &ppl_tensor::NodeId| body.nodes()[id.index()].ty.shape.rank() == 2;
        match &node.kind {
            NodeKind::Op { op: Op::Matmul, inputs } if inputs.iter().all(is_matrix) => Sum::Product,
            _ if scan.length().saturating_mul(ty.shape.elements()) <= KEPT_TERMS => Sum::Kept,
            _ => Sum::Running,
        }
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
        let sums: Vec<Sum> = (0..scan.summed()).map(|term| Sum::of(scan, term)).collect();
        let running = sums.iter().filter(|sum| **sum == Sum::Running).count();
        let mut body = Self { nodes: Vec::new(), inputs: inputs.len() + running, outputs: Vec::new() };
        let moved = |number: usize| if number < carries { number } else { number + running };
        let outputs =
            body.append(scan.body(), |body, number, ty| body.push(Kind::Input(moved(number)), ty.clone()))?;
        let (next, given) = outputs.split_at(carries);
        let (terms, stacks) = given.split_at(scan.summed());
        body.outputs.extend_from_slice(next);
        let mut first: Inputs = own.into();
        for ((&term, sum), ty) in terms.iter().zip(&sums).zip(scan.summed_types()) {
            if *sum == Sum::Running {
                let sum = body.push(Kind::Input(first.len()), ty.clone());
                let sum = body.apply(Op::Binary(Binary::Add), &[sum, term])?;
                body.outputs.push(sum);
                first.push(self.zeros(ty));
            }
        }
        for (&term, sum) in terms.iter().zip(&sums) {
            match sum {
                Sum::Running => {}
                Sum::Kept => body.outputs.push(term),
                Sum::Product => body.outputs.extend_from_slice(body.nodes[term.0].kind.inputs()),
            }
        }
        body.outputs.extend_from_slice(stacks);
        let (carries, rows, reverse) = (first.len(), scan.rows(), scan.is_reversed());
        let recurrence = Arc::new(Recurrence { length, reverse, carries, rows, body });
        first.extend_from_slice(rest);
        let parts = self.repeat(&recurrence, first);
        let (last, given) = parts.split_at(carries);
        let (mut results, mut last) = (last[..own.len()].to_vec(), last[own.len()..].iter().copied());
        let mut given = given.iter().copied();
        for sum in sums {
            let result = match sum {
                Sum::Running => last.next(),
                Sum::Kept => {
                    let all = Op::Reduce { kind: Reduction::Sum, axes: Dims::from_slice(&[0]) };
                    given.next().map(|terms| self.apply(all, &[terms])).transpose()?
                }
                Sum::Product => match (given.next(), given.next()) {
                    (Some(left), Some(right)) => Some(self.sum_of_products(left, right)?),
                    _ => None,
                },
            };
            results.extend(result);
        }
        results.extend(given);
        Ok(results)
    }

    /// `Σₜ XₜYₜ` of stacked matrices: one product of all rows of the one with all columns of the other.
    fn sum_of_products(&mut self, left: Id, right: Id) -> Result<Id> {
        let &[steps, rows, inner] = &self.ty(left).shape[..] else {
            return self.apply(Op::Matmul, &[left, right]);
        };
        let columns = self.ty(right).shape[2];
        let left = self.apply(Op::Permute(Dims::from_slice(&[1, 0, 2])), &[left])?;
        let left = self.apply(Op::Reshape(Shape::from([rows, steps * inner])), &[left])?;
        let right = self.apply(Op::Reshape(Shape::from([steps * inner, columns])), &[right])?;
        self.apply(Op::Matmul, &[left, right])
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
