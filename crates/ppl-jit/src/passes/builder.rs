//! A program being written: every operation asked for passes through the rules, and equal ones are one node.

use std::collections::HashMap;

use ppl_tensor::op::{Binary, Compare};
use ppl_tensor::{DType, Dims, HostData, HostTensor, Op, Result, Shape, TensorType};
use smallvec::SmallVec;

use super::Rule;
use super::fold::SMALL;
use crate::ir::{Id, Inputs, Kind, Node};

/// An operation asked for, with the type of its result.
pub(super) struct Call<'a> {
    pub(super) op: &'a Op,
    pub(super) inputs: &'a [Id],
    pub(super) ty: &'a TensorType,
}

/// Rules that call for operations to which rules apply end long before; this bounds a mistake.
const DEEPEST: usize = 64;

/// Constants of more elements are the same only if they share memory.
const COMPARED: usize = 64;

/// What tells constants apart.
#[derive(PartialEq, Eq, Hash)]
enum Content {
    Bits(Vec<u64>),
    Address(usize),
}

/// The nodes so far; inputs of a node come before it.
pub(super) struct Builder {
    rules: &'static [Rule],
    nodes: Vec<Node>,
    calls: HashMap<(Op, Inputs), Id>,
    constants: HashMap<(TensorType, Content), Id>,
    arguments: HashMap<usize, Id>,
    /// How many nodes use a node in the program that is being rewritten.
    uses: Vec<usize>,
    /// How many of them divide by it.
    divisions: Vec<usize>,
    rewrites: usize,
    depth: usize,
    /// Whether rules called for each other too often to be right.
    went_too_deep: bool,
    largest_product: usize,
}

impl Builder {
    pub(super) fn new(rules: &'static [Rule], largest_product: usize) -> Self {
        let (nodes, uses, divisions) = (Vec::new(), Vec::new(), Vec::new());
        let (calls, constants, arguments) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self {
            rules,
            nodes,
            calls,
            constants,
            arguments,
            uses,
            divisions,
            rewrites: 0,
            depth: 0,
            went_too_deep: false,
            largest_product,
        }
    }

    /// Argument number so and so.
    pub(super) fn argument(&mut self, number: usize, ty: &TensorType) -> Id {
        if let Some(&known) = self.arguments.get(&number) {
            return known;
        }
        let id = self.push(Kind::Input(number), ty.clone());
        self.arguments.insert(number, id);
        id
    }

    /// A constant. One that has the same bits everywhere is a scalar, broadcast.
    pub(super) fn constant(&mut self, value: &HostTensor) -> Result<Id> {
        let ty = value.tensor_type();
        if ty.shape.rank() > 0
            && let Some(scalar) = uniform(value)
        {
            let scalar = self.constant(&scalar)?;
            return self.broadcast(scalar, &ty.shape);
        }
        let key = (ty, content(value));
        if let Some(&known) = self.constants.get(&key) {
            return Ok(known);
        }
        if let Some(other) = self.transposed(value) {
            return self.apply(Op::Permute(Dims::from_slice(&[1, 0])), &[other]);
        }
        let id = self.push(Kind::Constant(value.clone()), key.0.clone());
        self.constants.insert(key, id);
        Ok(id)
    }

    /// The large constant of which a matrix is the transpose: gradients of products bring both, and one is read less.
    fn transposed(&self, value: &HostTensor) -> Option<Id> {
        let &[rows, columns] = &value.shape()[..] else { return None };
        // Transposes of these are computed, and would come here again.
        if rows * columns <= SMALL || rows == 1 || columns == 1 {
            return None;
        }
        let turned = Shape::from([columns, rows]);
        let mut known = self.constants.iter().filter(|((ty, _), _)| ty.shape == turned);
        known
            .find(|&(_, &id)| self.value(id).is_some_and(|other| is_transpose(value, other)))
            .map(|(_, &id)| id)
    }

    /// A number, as a scalar.
    pub(super) fn scalar(&mut self, dtype: DType, value: f64) -> Result<Id> {
        self.constant(&HostTensor::full_as(dtype, Shape::scalar(), value))
    }

    /// A number everywhere.
    pub(super) fn filled(&mut self, ty: &TensorType, value: f64) -> Result<Id> {
        let scalar = self.scalar(ty.dtype, value)?;
        self.broadcast(scalar, &ty.shape)
    }

    /// A loop, or a part of one: as it is.
    pub(super) fn keep(&mut self, kind: Kind, ty: &TensorType) -> Id {
        self.push(kind, ty.clone())
    }

    /// The result of an operation, in the simplest form that the rules find.
    pub(super) fn apply(&mut self, op: Op, inputs: &[Id]) -> Result<Id> {
        let mut inputs = Inputs::from_slice(inputs);
        self.order(&op, &mut inputs);
        let call = (op, inputs);
        if let Some(&known) = self.calls.get(&call) {
            return Ok(known);
        }
        let (op, inputs) = call;
        let ty = {
            let types: SmallVec<[&TensorType; 4]> = inputs.iter().map(|&input| self.ty(input)).collect();
            op.output_type(&types)?
        };
        if self.depth < DEEPEST {
            self.depth += 1;
            let found = self.rewritten(&Call { op: &op, inputs: &inputs, ty: &ty });
            self.depth -= 1;
            if let Some(id) = found? {
                debug_assert_eq!(self.ty(id), &ty, "a rewrite of {op:?} changed its type");
                // What a rule tried on its way does not count.
                self.rewrites += usize::from(self.depth == 0);
                // Large constants are told apart by where they are: one is not computed twice.
                if self.is_constant(id) {
                    self.calls.insert((op, inputs), id);
                }
                return Ok(id);
            }
        }
        self.went_too_deep |= self.depth == DEEPEST;
        let id = self.push(Kind::Op(op.clone(), inputs.clone()), ty);
        self.calls.insert((op, inputs), id);
        Ok(id)
    }

    fn rewritten(&mut self, call: &Call<'_>) -> Result<Option<Id>> {
        for rule in self.rules {
            if let Some(id) = rule(self, call)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// One order for operations that do not care: constants last, so that rules need to look in one place.
    fn order(&self, op: &Op, inputs: &mut Inputs) {
        let commutes = match op {
            Op::Binary(kind) => {
                matches!(kind, Binary::Add | Binary::Mul | Binary::Max | Binary::Min | Binary::LogAddExp)
            }
            Op::Compare(kind) => matches!(kind, Compare::Eq | Compare::Ne),
            Op::Logic(_) => true,
            _ => false,
        };
        if commutes {
            inputs.sort_by_key(|&input| (self.is_constant(input), input));
        }
    }

    fn push(&mut self, kind: Kind, ty: TensorType) -> Id {
        self.nodes.push(Node { kind, ty });
        self.uses.push(0);
        self.divisions.push(0);
        Id(self.nodes.len() - 1)
    }

    /// Notes that a node stands for one that so many others use, and of which so many are quotients by it.
    pub(super) fn used(&mut self, id: Id, times: usize, divisions: usize) {
        self.uses[id.0] += times;
        self.divisions[id.0] += divisions;
    }

    /// Whether several nodes divide by the value: its reciprocal is computed once then.
    pub(super) fn divides_often(&self, id: Id) -> bool {
        self.divisions[id.0] > 1
    }

    /// Whether no more than one node needs the value, as far as it is known.
    pub(super) fn is_used_once(&self, id: Id) -> bool {
        self.uses[id.0] <= 1
    }

    /// Most elements that a known array may have that is made of two.
    pub(super) fn largest_product(&self) -> usize {
        self.largest_product
    }

    /// Whether any rule applied, and more of them may.
    pub(super) fn is_settled(&self) -> bool {
        self.rewrites == 0 && !self.went_too_deep
    }

    pub(super) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }
}

/// What rules ask, and what they often build.
impl Builder {
    pub(super) fn ty(&self, id: Id) -> &TensorType {
        &self.nodes[id.0].ty
    }

    pub(super) fn shape(&self, id: Id) -> &Shape {
        &self.ty(id).shape
    }

    pub(super) fn elements(&self, id: Id) -> usize {
        self.shape(id).elements()
    }

    /// The operation of a node, if it is one.
    pub(super) fn op(&self, id: Id) -> Option<(&Op, &[Id])> {
        match &self.nodes[id.0].kind {
            Kind::Op(op, inputs) => Some((op, inputs)),
            Kind::Input(_) | Kind::Constant(_) | Kind::Loop(..) | Kind::Part(..) => None,
        }
    }

    /// The inputs of a node of this binary operation.
    pub(super) fn pair(&self, kind: Binary, id: Id) -> Option<(Id, Id)> {
        match self.op(id) {
            Some((Op::Binary(found), &[x, y])) if *found == kind => Some((x, y)),
            _ => None,
        }
    }

    pub(super) fn value(&self, id: Id) -> Option<&HostTensor> {
        match &self.nodes[id.0].kind {
            Kind::Constant(value) => Some(value),
            Kind::Input(_) | Kind::Op(..) | Kind::Loop(..) | Kind::Part(..) => None,
        }
    }

    pub(super) fn is_constant(&self, id: Id) -> bool {
        self.value(id).is_some()
    }

    /// The number that a scalar constant is; an integer or a truth value as a float if it is one exactly.
    pub(super) fn number(&self, id: Id) -> Option<f64> {
        let value = self.value(id).filter(|value| value.shape().rank() == 0)?;
        match value.data() {
            HostData::F64(x) => x.first().copied(),
            HostData::F32(x) => x.first().map(|&x| f64::from(x)),
            HostData::I64(x) => x.first().map(|&x| x as f64).filter(|x| x.abs() < 9e15),
            HostData::Bool(x) => x.first().map(|&x| f64::from(u8::from(x))),
        }
    }

    /// Whether this is a scalar constant.
    pub(super) fn is_number(&self, id: Id) -> bool {
        self.shape(id).rank() == 0 && self.is_constant(id)
    }

    /// The truth value that is everywhere, if it is known.
    pub(super) fn truth(&self, id: Id) -> Option<bool> {
        let id = self.source(id);
        (self.ty(id).dtype == DType::Bool).then(|| self.number(id)).flatten().map(|x| x != 0.0)
    }

    /// What a node broadcasts; itself if it does not.
    pub(super) fn source(&self, id: Id) -> Id {
        match self.op(id) {
            Some((Op::Broadcast(_), &[x])) => x,
            _ => id,
        }
    }

    pub(super) fn unary(&mut self, kind: ppl_tensor::op::Unary, x: Id) -> Result<Id> {
        self.apply(Op::Unary(kind), &[x])
    }

    pub(super) fn binary(&mut self, kind: Binary, x: Id, y: Id) -> Result<Id> {
        self.apply(Op::Binary(kind), &[x, y])
    }

    pub(super) fn broadcast(&mut self, x: Id, shape: &Shape) -> Result<Id> {
        if self.shape(x) == shape { Ok(x) } else { self.apply(Op::Broadcast(shape.clone()), &[x]) }
    }

    pub(super) fn reshape(&mut self, x: Id, shape: &Shape) -> Result<Id> {
        if self.shape(x) == shape { Ok(x) } else { self.apply(Op::Reshape(shape.clone()), &[x]) }
    }
}

fn content(value: &HostTensor) -> Content {
    let address = |pointer: *const ()| Content::Address(pointer.addr());
    let few = value.data().len() <= COMPARED;
    match value.data() {
        HostData::F64(x) if few => Content::Bits(x.iter().map(|x| x.to_bits()).collect()),
        HostData::F32(x) if few => Content::Bits(x.iter().map(|x| u64::from(x.to_bits())).collect()),
        HostData::I64(x) if few => Content::Bits(x.iter().map(|x| x.cast_unsigned()).collect()),
        HostData::Bool(x) if few => Content::Bits(x.iter().map(|&x| u64::from(x)).collect()),
        HostData::F64(x) => address(x.as_ptr().cast()),
        HostData::F32(x) => address(x.as_ptr().cast()),
        HostData::I64(x) => address(x.as_ptr().cast()),
        HostData::Bool(x) => address(x.as_ptr().cast()),
    }
}

/// The scalar whose bits all elements have; of none, zero.
fn uniform(value: &HostTensor) -> Option<HostTensor> {
    fn same<T: Copy>(values: &[T], bits: impl Fn(T) -> u64) -> Option<T> {
        let (&first, rest) = values.split_first()?;
        rest.iter().all(|&x| bits(x) == bits(first)).then_some(first)
    }
    if value.data().is_empty() {
        return Some(HostTensor::full_as(value.dtype(), Shape::scalar(), 0.0));
    }
    Some(match value.data() {
        HostData::F64(x) => HostTensor::scalar(same(x, f64::to_bits)?),
        HostData::F32(x) => HostTensor::scalar(same(x, |x| u64::from(x.to_bits()))?),
        HostData::I64(x) => HostTensor::scalar(same(x, i64::cast_unsigned)?),
        HostData::Bool(x) => HostTensor::scalar(same(x, u64::from)?),
    })
}

/// Whether two matrices of turned shapes have the same bits.
fn is_transpose(matrix: &HostTensor, other: &HostTensor) -> bool {
    fn same<T: Copy>(a: &[T], b: &[T], rows: usize, bits: impl Fn(T) -> u64) -> bool {
        let columns = a.len() / rows;
        a.iter().enumerate().all(|(i, &x)| bits(x) == bits(b[i % columns * rows + i / columns]))
    }
    let rows = matrix.shape()[0];
    match (matrix.data(), other.data()) {
        (HostData::F64(a), HostData::F64(b)) => same(a, b, rows, f64::to_bits),
        (HostData::F32(a), HostData::F32(b)) => same(a, b, rows, |x| u64::from(x.to_bits())),
        (HostData::I64(a), HostData::I64(b)) => same(a, b, rows, i64::cast_unsigned),
        (HostData::Bool(a), HostData::Bool(b)) => same(a, b, rows, u64::from),
        _ => false,
    }
}
