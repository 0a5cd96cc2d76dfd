//! Sums over the rows of known data, by what suffices of the data.
//!
//! The log density of a normal distribution whose mean is a linear predictor, and its gradient, need sums of products of two
//! values that are linear in each row of the data: `Σ rᵢ²`, `Σ xᵢ rᵢ` with `rᵢ = yᵢ - α - xᵢ·β`. The columns of the data enter
//! by their products with each other alone, the sufficient statistics. So the columns `A` (of ones, too) may be replaced by
//! any others with the same products: here by the triangular factor of `A = QR`, which has as many rows as there are columns.
//! The rest of the program stays as it is; what was a loop over thousands of rows is one over a few.
//!
//! The factor instead of the products `AᵀA` themselves: residuals that are small beside the data keep their digits. What is
//! lost is that an error in a sum `Σ aᵢ bᵢ` is in units of `‖a‖ ‖b‖` and no longer of `Σ |aᵢ bᵢ|`.

mod columns;
mod roles;
mod triangle;

use std::collections::{BTreeMap, BTreeSet};

use ppl_tensor::op::Binary;
use ppl_tensor::{Error, HostTensor, Op, Result, Shape};

use super::{LARGEST_PRODUCT, dead, fold, settle, settle_with};
use crate::ir::{Id, Ir, Kind, Node};
use columns::{Columns, Shorter, with_rows};
use roles::{Along, Roles};

/// There must be so many times as many rows as columns.
const TALL: usize = 4;

/// More columns than this, or more products, take longer to factor than a compiler may, and as long as many runs.
const MOST_COLUMNS: usize = 256;
const MOST_PRODUCTS: usize = 1 << 31;

/// Squares of these, and their sums, neither overflow nor vanish.
const LARGEST: f64 = 1e100;

/// The program on what suffices of its data, and what was done, in words; the same program where nothing can be done.
pub(crate) fn statistics(ir: Ir) -> Result<(Ir, Vec<String>)> {
    // Products of two columns are columns, too, which nothing reads row by row afterwards.
    let is_large =
        |node: &Node| matches!(node.kind, Kind::Constant(_)) && node.ty.shape.elements() > LARGEST_PRODUCT;
    let (reduced, notes) = match ir.nodes.iter().any(is_large) {
        true => reduced(&settle_with(ir.clone(), usize::MAX)?.0)?,
        false => reduced(&ir)?,
    };
    let Some(reduced) = reduced else { return Ok((ir, notes)) };
    let (mut ir, _) = settle(reduced)?;
    fold::permutations(&mut ir);
    Ok((dead::eliminate(ir), notes))
}

/// The program on what suffices of its data, if something does.
fn reduced(ir: &Ir) -> Result<(Option<Ir>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut reduced = None;
    for rows in lengths(ir) {
        let ir = reduced.as_ref().unwrap_or(ir);
        let roles = Roles::of(ir, rows);
        let data = data(ir, &roles, rows)?;
        if data.is_empty() {
            continue;
        }
        notes.extend(data.values().map(|Shorter { rows: columns, .. }| {
            format!("{rows} rows of {columns} known columns enter by products of columns: {columns} rows stand for them")
        }));
        let new = Ir { nodes: Vec::with_capacity(ir.nodes.len()), inputs: ir.inputs, outputs: Vec::new() };
        reduced = Some(Rewrite { ir, roles, data, new, places: Vec::new() }.run()?);
    }
    Ok((reduced, notes))
}

/// Numbers of rows that known data may have.
fn lengths(ir: &Ir) -> BTreeSet<usize> {
    let constants = ir.nodes.iter().filter(|node| matches!(node.kind, Kind::Constant(_)));
    constants.flat_map(|node| node.ty.shape.iter().copied()).filter(|&size| size >= TALL).collect()
}

/// A group of nodes.
#[derive(Default)]
struct Group {
    arrays: Vec<(Id, HostTensor, usize)>,
    /// Whether something that is the same in all rows enters.
    ones: bool,
    /// How many sums there are over the rows.
    sums: usize,
}

/// What stands for the data of those groups for which something is gained.
fn data(ir: &Ir, roles: &Roles, rows: usize) -> Result<BTreeMap<usize, Shorter>> {
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (place, node) in ir.nodes.iter().enumerate() {
        let own = roles.along(Id(place)).zip(roles.group(Id(place)));
        let of_input =
            || node.kind.inputs().iter().find_map(|&input| roles.group(input).map(|group| (input, group)));
        if let Some((along, group)) = own {
            let group = groups.entry(group).or_default();
            if let Kind::Constant(value) = &node.kind {
                group.arrays.push((Id(place), value.clone(), along.axis));
            }
            group.ones |= asks_for_ones(roles, &node.kind, along.degree);
        } else if let Some((input, group)) = of_input() {
            let group = groups.entry(group).or_default();
            group.sums += 1;
            group.ones |= matches!(node.kind, Kind::Op(Op::Reduce { .. }, _)) && roles.degree(input) == 1;
        }
    }
    let mut data = BTreeMap::new();
    for (number, Group { arrays, ones, sums }) in groups {
        let width: usize = arrays.iter().map(|(_, value, _)| value.data().len() / rows).sum();
        if sums == 0 || arrays.is_empty() || width > 2 * MOST_COLUMNS {
            continue;
        }
        let columns = Columns::new(rows, arrays, ones)?;
        let count = columns.count();
        let is_cheap = count <= MOST_COLUMNS && rows.saturating_mul(count * count) <= MOST_PRODUCTS;
        if is_cheap && TALL * count <= rows && columns.are_below(LARGEST) {
            data.insert(number, columns.shorten()?);
        }
    }
    Ok(data)
}

/// Whether an operand of less than the result's degree has to be multiplied by ones.
fn asks_for_ones(roles: &Roles, kind: &Kind, degree: u8) -> bool {
    match kind {
        Kind::Op(Op::Binary(Binary::Add | Binary::Sub), inputs) => {
            inputs.iter().any(|&input| roles.degree(input) < degree)
        }
        Kind::Op(Op::Broadcast(_), inputs) => roles.degree(inputs[0]) == 0,
        _ => false,
    }
}

/// A program being written anew.
struct Rewrite<'a> {
    ir: &'a Ir,
    roles: Roles,
    data: BTreeMap<usize, Shorter>,
    new: Ir,
    places: Vec<Id>,
}

impl Rewrite<'_> {
    fn run(mut self) -> Result<Ir> {
        for place in 0..self.ir.nodes.len() {
            let id = self.node(Id(place))?;
            self.places.push(id);
        }
        self.new.outputs = self.ir.outputs.iter().map(|output| self.places[output.0]).collect();
        Ok(self.new)
    }

    /// What stands for the data of a node along the rows, if something does.
    fn shorter(&self, id: Id) -> Option<&Shorter> {
        self.roles.group(id).and_then(|group| self.data.get(&group))
    }

    fn node(&mut self, id: Id) -> Result<Id> {
        let node = &self.ir.nodes[id.0];
        let own = self.roles.along(id).zip(self.shorter(id));
        match (&node.kind, own) {
            (Kind::Constant(_), Some((_, shorter))) => {
                let value = shorter.arrays.get(&id).cloned();
                let value = value.ok_or_else(|| Error::argument("compile", "an array has no shorter one"))?;
                let ty = value.tensor_type();
                Ok(self.new.push(Kind::Constant(value), ty))
            }
            (Kind::Op(op, inputs), Some((along, shorter))) => {
                let shape = with_rows(&node.ty.shape, along.axis, shorter.rows);
                self.along(op, inputs, (id, along), shape)
            }
            (Kind::Op(op @ Op::Reduce { .. }, inputs), None) if self.shorter(inputs[0]).is_some() => {
                let rank = self.ir.ty(inputs[0]).shape.rank();
                let input = self.raised(inputs[0], (inputs[0], rank), 2)?;
                self.new.apply(op.clone(), &[input])
            }
            _ => {
                let mut kind = node.kind.clone();
                kind.inputs_mut().iter_mut().for_each(|input| *input = self.places[input.0]);
                Ok(self.new.push(kind, node.ty.clone()))
            }
        }
    }

    /// An operation along the rows, of the shape that it has along fewer.
    fn along(&mut self, op: &Op, inputs: &[Id], (id, along): (Id, Along), shape: Shape) -> Result<Id> {
        let like = (id, shape.rank());
        match op {
            Op::Broadcast(_) => {
                let input = self.raised(inputs[0], like, 1)?;
                self.new.apply(Op::Broadcast(shape), &[input])
            }
            Op::Reshape(_) => self.new.apply(Op::Reshape(shape), &[self.places[inputs[0].0]]),
            Op::Binary(Binary::Add | Binary::Sub) => {
                let x = self.raised(inputs[0], like, along.degree)?;
                let y = self.raised(inputs[1], like, along.degree)?;
                self.new.apply(op.clone(), &[x, y])
            }
            _ => {
                let inputs: Vec<Id> = inputs.iter().map(|input| self.places[input.0]).collect();
                self.new.apply(op.clone(), &inputs)
            }
        }
    }

    /// A value as one of at least a degree, along the rows of another one of so many dimensions: times ones, as often as it
    /// takes.
    fn raised(&mut self, input: Id, (like, rank): (Id, usize), degree: u8) -> Result<Id> {
        let mut value = self.places[input.0];
        let missing = degree.saturating_sub(self.roles.degree(input));
        let (Some(along), Some(shorter), 1..) = (self.roles.along(like), self.shorter(like), missing) else {
            return Ok(value);
        };
        let after = std::iter::repeat_n(1, rank - 1 - along.axis);
        let shape: Shape = std::iter::once(shorter.rows).chain(after).collect();
        let ones = HostTensor::from_f64(self.ir.ty(input).dtype, shape, shorter.ones.clone())?;
        let ty = ones.tensor_type();
        let ones = self.new.push(Kind::Constant(ones), ty);
        for _ in 0..missing {
            value = self.new.apply(Op::Binary(Binary::Mul), &[value, ones])?;
        }
        Ok(value)
    }
}
