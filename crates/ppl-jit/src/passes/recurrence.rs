//! Loops over time, cut: what no step needs of the steps before leaves the loop and is done for all steps at once.
//!
//! Of the values of a step some are the same in all steps, and computed before the loop. Others depend on rows alone: they are
//! computed before it, for all steps, and the loop reads them as rows. What no step hands on to the next is computed after it,
//! from stacks. A carry that is a row of the step before, or a linear function of itself, is known without the loop.
//! What remains is the part that has to be done step by step, often nothing.

use std::collections::HashMap;
use std::sync::Arc;

use ppl_tensor::op::Slice;
use ppl_tensor::{Op, Result, Shape};

use super::affine;
use super::batch::{Value, batch, is_batched, whole};
use crate::ir::{Id, Inputs, Ir, Kind, Recurrence};

/// The program with its loops cut.
pub(super) fn dissolve(ir: &Ir) -> Result<Ir> {
    let live = ir.live();
    let mut used: HashMap<usize, Vec<bool>> = HashMap::new();
    for (node, _) in ir.nodes.iter().zip(&live).filter(|(_, live)| **live) {
        if let (Kind::Part(part, [whole]), Some(recurrence)) =
            (&node.kind, recurrence_of(ir, node.kind.inputs()))
        {
            let parts = recurrence.body.outputs.len();
            used.entry(whole.0).or_insert_with(|| vec![false; parts])[*part] = true;
        }
    }
    let mut written =
        Ir { nodes: Vec::with_capacity(ir.nodes.len()), inputs: ir.inputs, outputs: Vec::new() };
    let mut results: HashMap<usize, Vec<Option<Id>>> = HashMap::new();
    let mut places: Vec<Id> = Vec::with_capacity(ir.nodes.len());
    for (index, node) in ir.nodes.iter().enumerate() {
        let given: Inputs = node.kind.inputs().iter().map(|input| places[input.0]).collect();
        let place = match &node.kind {
            _ if !live[index] => Id(0),
            Kind::Loop(recurrence, _) => {
                let used = used.remove(&index).unwrap_or_default();
                let cut = Cut::new(&mut written, recurrence, given, &used);
                results.insert(index, cut.results(&used)?);
                Id(0)
            }
            Kind::Part(part, [whole]) => match results.get(&whole.0).and_then(|parts| parts[*part]) {
                Some(place) => place,
                None => written.push(node.kind.clone(), node.ty.clone()),
            },
            kind => {
                let mut kind = kind.clone();
                kind.inputs_mut().copy_from_slice(&given);
                written.push(kind, node.ty.clone())
            }
        };
        places.push(place);
    }
    written.outputs = ir.outputs.iter().map(|output| places[output.0]).collect();
    Ok(written)
}

fn recurrence_of<'a>(ir: &'a Ir, inputs: &[Id]) -> Option<&'a Arc<Recurrence>> {
    match &ir.nodes[inputs.first()?.0].kind {
        Kind::Loop(recurrence, _) => Some(recurrence),
        _ => None,
    }
}

/// A carry that is known without the loop.
#[derive(Clone, Copy)]
struct Known {
    /// As the steps see it.
    seen: Value,
    /// As they leave it.
    left: Value,
}

/// A loop that is being cut.
struct Cut<'a> {
    /// The program around it, being written.
    ir: &'a mut Ir,
    recurrence: &'a Recurrence,
    inputs: Inputs,
    /// Which nodes of the body something needs.
    live: Vec<bool>,
    /// What the body's nodes are outside of the loop, as far as it is known.
    values: Vec<Option<Value>>,
    known: Vec<Option<Known>>,
    /// Which nodes are computed step by step.
    stays: Vec<bool>,
}

impl<'a> Cut<'a> {
    fn new(ir: &'a mut Ir, recurrence: &'a Recurrence, inputs: Inputs, used: &[bool]) -> Self {
        let nodes = recurrence.body.nodes.len();
        let live = needed(recurrence, used);
        let known = vec![None; recurrence.carries];
        Self { ir, recurrence, inputs, live, values: vec![None; nodes], known, stays: vec![false; nodes] }
    }

    /// The results that are used.
    fn results(mut self, used: &[bool]) -> Result<Vec<Option<Id>>> {
        let (body, carries, length) =
            (&self.recurrence.body, self.recurrence.carries, self.recurrence.length);
        while self.advance()? {}
        let last = self.remainder(used)?;
        self.evaluate()?;
        let mut results = Vec::with_capacity(used.len());
        for (part, &is_used) in used.iter().enumerate() {
            let output = body.outputs[part];
            results.push(match is_used {
                false => None,
                true if part < carries => match (last[part], self.known[part]) {
                    (Some(last), _) => Some(last),
                    (None, Some(Known { left: Value::Fixed(id), .. })) => Some(id),
                    (None, Some(Known { left: Value::Each(rows), .. })) => Some(self.last(rows)?),
                    (None, None) => None,
                },
                true => match self.values[output.0] {
                    Some(value) => Some(whole(self.ir, value, length)?),
                    None => None,
                },
            });
        }
        Ok(results)
    }

    /// Finds values and carries that are known without the loop; whether a carry was found.
    fn advance(&mut self) -> Result<bool> {
        self.evaluate()?;
        let mut found = false;
        for carry in 0..self.recurrence.carries {
            if self.known[carry].is_none() && self.live[self.recurrence.body.outputs[carry].0] {
                self.known[carry] = self.carry(carry)?;
                found |= self.known[carry].is_some();
            }
        }
        Ok(found)
    }

    /// Values whose inputs have become known.
    fn evaluate(&mut self) -> Result<()> {
        let body = &self.recurrence.body;
        for (index, node) in body.nodes.iter().enumerate() {
            if self.values[index].is_some() || !self.live[index] || self.stays[index] {
                continue;
            }
            self.values[index] = match &node.kind {
                Kind::Input(number) => self.input(*number),
                Kind::Constant(_) => Some(Value::Fixed(self.ir.push(node.kind.clone(), node.ty.clone()))),
                kind => {
                    let given: Option<Vec<Value>> =
                        kind.inputs().iter().map(|input| self.values[input.0]).collect();
                    match given {
                        Some(given) => self.outside(Id(index), &given)?,
                        None => None,
                    }
                }
            };
        }
        Ok(())
    }

    fn input(&self, number: usize) -> Option<Value> {
        match number.checked_sub(self.recurrence.carries) {
            None => self.known[number].map(|known| known.seen),
            Some(row) if row < self.recurrence.rows => Some(Value::Each(self.inputs[number])),
            Some(_) => Some(Value::Fixed(self.inputs[number])),
        }
    }

    /// An operation of the body on values known outside, if it can be done there.
    fn outside(&mut self, node: Id, given: &[Value]) -> Result<Option<Value>> {
        let found = &self.recurrence.body.nodes[node.0];
        let fixed: Option<Inputs> = given.iter().map(|value| fixed(*value)).collect();
        if let Some(inputs) = fixed {
            let mut kind = found.kind.clone();
            kind.inputs_mut().copy_from_slice(&inputs);
            return Ok(Some(Value::Fixed(self.ir.push(kind, found.ty.clone()))));
        }
        match &found.kind {
            Kind::Op(op, _) if self.can_leave(node, |i| fixed_at(given, i)) => {
                batch(self.ir, op, given, &found.ty, self.recurrence.length).map(|id| Some(Value::Each(id)))
            }
            _ => Ok(None),
        }
    }

    /// Whether an operation can be done for all steps at once, given which of its inputs are the same in each.
    fn can_leave(&self, node: Id, is_fixed: impl Fn(usize) -> bool) -> bool {
        let body = &self.recurrence.body;
        let Kind::Op(op, inputs) = &body.nodes[node.0].kind else { return false };
        let each: Vec<bool> = (0..inputs.len()).map(|i| !is_fixed(i)).collect();
        let types: Vec<_> = inputs.iter().map(|&input| body.ty(input)).collect();
        is_batched(op, &each, &types, body.ty(node), self.recurrence.length)
    }

    fn carry(&mut self, carry: usize) -> Result<Option<Known>> {
        let Recurrence { body, length, reverse, .. } = self.recurrence;
        let (next, first) = (body.outputs[carry], self.inputs[carry]);
        if matches!(body.nodes[next.0].kind, Kind::Input(number) if number == carry) {
            let same = Value::Fixed(first);
            return Ok(Some(Known { seen: same, left: same }));
        }
        if let Some(left) = self.values[next.0] {
            let rows = whole(self.ir, left, *length)?;
            let seen = self.joined(first, rows)?;
            // One row fewer: the last step's result is seen by none.
            let seen = self.slice(seen, usize::from(*reverse), *length)?;
            return Ok(Some(Known { seen: Value::Each(seen), left }));
        }
        let Some(function) = affine::of_carry(self.ir, self.recurrence, &self.values, carry)? else {
            return Ok(None);
        };
        let path = affine::path(self.ir, &function, first, *length, *reverse)?;
        let seen = self.slice(path, usize::from(*reverse), *length)?;
        let left = self.slice(path, usize::from(!*reverse), *length)?;
        Ok(Some(Known { seen: Value::Each(seen), left: Value::Each(left) }))
    }

    /// A first carry and what the steps leave, in the order in which the loop goes through them.
    fn joined(&mut self, first: Id, rows: Id) -> Result<Id> {
        affine::with_first(self.ir, first, rows, self.recurrence.reverse)
    }

    fn slice(&mut self, rows: Id, start: usize, count: usize) -> Result<Id> {
        if self.ir.ty(rows).shape[0] == count {
            return Ok(rows);
        }
        self.ir.apply(Op::Slice(Slice { axis: 0, start, end: start + count, step: 1 }), &[rows])
    }

    /// The row of the last step.
    fn last(&mut self, rows: Id) -> Result<Id> {
        let place = if self.recurrence.reverse { 0 } else { self.recurrence.length - 1 };
        let row = self.slice(rows, place, 1)?;
        let shape = Shape::from(&self.ir.ty(row).shape[1..]);
        self.ir.apply(Op::Reshape(shape), &[row])
    }

    /// Writes the loop of what has to be done step by step; returns the last carries that it has.
    fn remainder(&mut self, used: &[bool]) -> Result<Vec<Option<Id>>> {
        let Recurrence { body, carries, length, reverse, .. } = self.recurrence;
        let unknown = |cut: &Self, id: Id| cut.live[id.0] && cut.values[id.0].is_none();
        let own: Vec<usize> = (0..*carries)
            .filter(|&carry| self.known[carry].is_none() && self.live[body.outputs[carry].0])
            .filter(|&carry| used[carry] || self.sees(carry))
            .collect();
        for &carry in &own {
            self.stays[body.outputs[carry].0] = true;
        }
        for (index, node) in body.nodes.iter().enumerate().rev() {
            let id = Id(index);
            if !unknown(self, id) {
                self.stays[index] = false;
                continue;
            }
            let is_input = matches!(node.kind, Kind::Input(_));
            let inputs = node.kind.inputs();
            let is_fixed = |i: usize| matches!(self.values[inputs[i].0], Some(Value::Fixed(_)));
            self.stays[index] |= is_input || !self.can_leave(id, is_fixed);
            if self.stays[index] {
                inputs.iter().for_each(|input| self.stays[input.0] = true);
            }
        }
        let mut last = vec![None; *carries];
        if !self.stays.contains(&true) {
            return Ok(last);
        }
        let mut step = Remainder::new(self, &own);
        for (index, node) in body.nodes.iter().enumerate() {
            if self.stays[index] && !matches!(node.kind, Kind::Input(_)) {
                step.add(self, Id(index));
            }
        }
        // Stacks of what is needed outside.
        let outputs = body.outputs.iter().zip(used).skip(*carries).filter(|(_, used)| **used);
        let mut stacks: Vec<Id> =
            outputs.map(|(&output, _)| output).filter(|output| self.stays[output.0]).collect();
        for (index, node) in body.nodes.iter().enumerate() {
            if unknown(self, Id(index)) && !self.stays[index] {
                stacks.extend(node.kind.inputs().iter().filter(|input| self.stays[input.0]));
            }
        }
        stacks.sort_unstable();
        stacks.dedup();
        let outputs = own.iter().map(|&carry| body.outputs[carry]).chain(stacks.iter().copied());
        let outputs = outputs.map(|id| step.place(self, id)).collect();
        let first: Vec<Id> = own.iter().map(|&carry| self.inputs[carry]).collect();
        let (rows, body, given) = step.finish(first, outputs);
        let recurrence = Recurrence { length: *length, reverse: *reverse, carries: own.len(), rows, body };
        let parts = self.ir.repeat(&Arc::new(recurrence), given);
        for (&carry, &part) in own.iter().zip(&parts) {
            last[carry] = Some(part);
        }
        for (&stack, &part) in stacks.iter().zip(&parts[own.len()..]) {
            self.values[stack.0] = Some(Value::Each(part));
        }
        Ok(last)
    }

    /// Whether something needs what the steps see of a carry.
    fn sees(&self, carry: usize) -> bool {
        let body = &self.recurrence.body;
        let is_input =
            |index: usize| matches!(body.nodes[index].kind, Kind::Input(number) if number == carry);
        (0..body.nodes.len()).any(|index| self.live[index] && is_input(index))
    }
}

fn fixed(value: Value) -> Option<Id> {
    match value {
        Value::Fixed(id) => Some(id),
        Value::Each(_) => None,
    }
}

fn fixed_at(values: &[Value], i: usize) -> bool {
    matches!(values[i], Value::Fixed(_))
}

/// The nodes of a body on which results that are used depend, by way of carries too.
fn needed(recurrence: &Recurrence, used: &[bool]) -> Vec<bool> {
    let body = &recurrence.body;
    let mut live = vec![false; body.nodes.len()];
    for (output, _) in body.outputs.iter().zip(used).filter(|(_, used)| **used) {
        live[output.0] = true;
    }
    loop {
        let mut grows = false;
        for index in (0..live.len()).rev().filter(|&index| live[index]).collect::<Vec<_>>() {
            let mut mark = |id: Id| grows |= !std::mem::replace(&mut live[id.0], true);
            match &body.nodes[index].kind {
                Kind::Input(number) if *number < recurrence.carries => mark(body.outputs[*number]),
                kind => kind.inputs().iter().for_each(|&input| mark(input)),
            }
        }
        if !grows {
            return live;
        }
    }
}

/// The step of the loop that remains.
struct Remainder {
    body: Ir,
    carries: usize,
    /// Where nodes of the old body are.
    places: HashMap<Id, Id>,
    /// Arrays outside that are read row by row, and such that are the same in each step; with their nodes.
    rows: Vec<(Id, Id)>,
    captured: Vec<(Id, Id)>,
}

impl Remainder {
    fn new(cut: &Cut<'_>, own: &[usize]) -> Self {
        let mut body = Ir { nodes: Vec::new(), inputs: 0, outputs: Vec::new() };
        let mut places = HashMap::new();
        for (index, node) in cut.recurrence.body.nodes.iter().enumerate() {
            let Kind::Input(number) = node.kind else { continue };
            if let Some(place) = own.iter().position(|&carry| carry == number) {
                places.insert(Id(index), body.push(Kind::Input(place), node.ty.clone()));
            }
        }
        Self { body, carries: own.len(), places, rows: Vec::new(), captured: Vec::new() }
    }

    fn add(&mut self, cut: &Cut<'_>, id: Id) {
        let node = &cut.recurrence.body.nodes[id.0];
        let mut kind = node.kind.clone();
        for input in kind.inputs_mut() {
            *input = self.place(cut, *input);
        }
        let place = self.body.push(kind, node.ty.clone());
        self.places.insert(id, place);
    }

    /// Where a value is in a step.
    fn place(&mut self, cut: &Cut<'_>, id: Id) -> Id {
        if let Some(&place) = self.places.get(&id) {
            return place;
        }
        let ty = &cut.recurrence.body.nodes[id.0].ty;
        let place = match cut.values[id.0] {
            Some(Value::Fixed(outside)) => match &cut.ir.nodes[outside.0].kind {
                constant @ Kind::Constant(_) => self.body.push(constant.clone(), ty.clone()),
                _ => declared(&mut self.body, &mut self.captured, outside, ty),
            },
            Some(Value::Each(outside)) => declared(&mut self.body, &mut self.rows, outside, ty),
            // Nodes come after their inputs, which stay with them.
            None => id,
        };
        self.places.insert(id, place);
        place
    }

    /// Number of arrays of rows, the body, and the loop's inputs, which begin with the first carries.
    fn finish(mut self, first: Vec<Id>, outputs: Vec<Id>) -> (usize, Ir, Inputs) {
        let all = self.rows.iter().chain(&self.captured);
        for (number, (_, place)) in all.clone().enumerate() {
            self.body.nodes[place.0].kind = Kind::Input(self.carries + number);
        }
        let inputs: Inputs = first.into_iter().chain(all.map(|(outside, _)| *outside)).collect();
        self.body.inputs = inputs.len();
        self.body.outputs = outputs;
        (self.rows.len(), self.body, inputs)
    }
}

/// The node of an input of a step, numbered later.
fn declared(body: &mut Ir, known: &mut Vec<(Id, Id)>, outside: Id, ty: &ppl_tensor::TensorType) -> Id {
    if let Some((_, place)) = known.iter().find(|(id, _)| *id == outside) {
        return *place;
    }
    let place = body.push(Kind::Input(usize::MAX), ty.clone());
    known.push((outside, place));
    place
}
