//! Parts of a pass that one kernel does together: products with what they are added to, sums of products, and all sums of
//! one value.

use std::collections::HashMap;

use ppl_tensor::op::{Binary, Reduction};
use ppl_tensor::{Op, Shape, TensorType};

use super::fuse::{Access, Argument, Ending, Part, Pass, Task};
use super::view::{Strides, View, row_major};
use crate::ir::{Id, Kind};
use crate::kernels::{Immediate, MulAdd, Start};

impl Pass<'_, '_> {
    /// The same parts, fewer.
    pub(super) fn join(&mut self) {
        self.join_pairs();
        self.join_moments();
        self.forget_unused();
    }

    /// A value that one other part alone reads is not kept, if a kernel makes both.
    fn join_pairs(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        let mut uses: HashMap<Id, usize> = HashMap::new();
        for argument in parts.iter().flat_map(|part| &part.arguments) {
            if let Argument::Value(id) = argument {
                *uses.entry(*id).or_default() += 1;
            }
        }
        let mut done: Vec<Option<Part>> = Vec::with_capacity(parts.len());
        let mut index: HashMap<Id, usize> = HashMap::new();
        for mut part in parts {
            for place in 0..part.arguments.len() {
                let Argument::Value(id) = part.arguments[place] else { continue };
                let Some(&maker) = index.get(&id).filter(|_| uses.get(&id) == Some(&1)) else { continue };
                let Some(inner) = done[maker].as_ref().filter(|inner| inner.to.is_none()) else { continue };
                if let Some(both) = self.pair(&part, place, inner) {
                    done[maker] = None;
                    part = both;
                    break;
                }
            }
            index.insert(part.id, done.len());
            done.push(Some(part));
        }
        self.parts = done.into_iter().flatten().collect();
    }

    fn op(&self, id: Id) -> Option<&Op> {
        match &self.lower.ir.nodes[id.0].kind {
            Kind::Op(op, _) => Some(op),
            Kind::Input(_) | Kind::Constant(_) | Kind::Loop(..) | Kind::Part(..) => None,
        }
    }

    /// A part and what makes its argument at `place`, as one.
    fn pair(&mut self, part: &Part, place: usize, inner: &Part) -> Option<Part> {
        if !self.lower.ir.ty(part.id).dtype.is_float() {
            return None;
        }
        let kind = match self.op(part.id) {
            Some(Op::Binary(kind)) => Some(*kind),
            _ => None,
        };
        let is_product = matches!(self.op(inner.id), Some(Op::Binary(Binary::Mul)));
        let one = |task: Task, arguments: Vec<Argument>| Some(Part { task, arguments, ..*part });
        match (part.task, inner.task) {
            (Task::Fold(Reduction::Sum), Task::Map) if is_product && self.is_total(part) => {
                let each = inner.arguments.iter().all(|&argument| self.stride(argument) == 1);
                let immediate = [1, 1, 0, 0];
                let dot = || one(Task::Contract { immediate, moments: false }, inner.arguments.clone());
                each.then(dot).flatten()
            }
            (Task::Map, Task::Map) if is_product => {
                let kind = MulAdd::of(kind?, place == 0)?;
                let &[mut x, mut y] = &inner.arguments[..] else { return None };
                if self.stride(x) == 0 {
                    (x, y) = (y, x);
                }
                one(Task::MulAdd(kind), vec![x, y, part.arguments[1 - place]])
            }
            (Task::Map, Task::Combine { immediate, start: Start::Zero, shifted }) => {
                let start = Start::of(kind?, place == 0)?;
                let &[coefficients, rows] = &inner.arguments[..] else { return None };
                let arguments = vec![coefficients, rows, part.arguments[1 - place]];
                one(Task::Combine { immediate, start, shifted }, arguments)
            }
            (Task::Map, Task::Combine { immediate, start: Start::Plus, shifted: false }) => {
                let start = Start::of(kind?, place == 0)?;
                let &[Argument::Memory(coefficients), rows, Argument::Memory(shift)] = &inner.arguments[..]
                else {
                    return None;
                };
                if self.stride(Argument::Memory(shift)) != 0 {
                    return None;
                }
                let (packed, immediate) = self.packed(coefficients, shift, immediate, part.id);
                let arguments = vec![Argument::Memory(packed), rows, part.arguments[1 - place]];
                one(Task::Combine { immediate, start, shifted: true }, arguments)
            }
            _ => None,
        }
    }

    /// Coefficients of a combination and a number that is added to it, copied next to each other, for each turn of the outer
    /// dimension if there is one.
    fn packed(&mut self, first: usize, second: usize, immediate: Immediate, of: Id) -> (usize, Immediate) {
        let [count, step, row, _] = immediate;
        let turns = match self.space[..] {
            [turns, _] => turns,
            _ => 1,
        };
        let dtype = self.lower.ir.ty(of).dtype;
        let buffer = self.lower.buffer(dtype, turns * (count + 1));
        for (from, size, step, offset) in [(first, count, step, 0), (second, 1, 1, count)] {
            let Access { buffer: source, offset: start, strides } = self.accesses[from].clone();
            let outer = if strides.len() > 1 { strides[0] } else { 0 };
            let view = |buffer: usize, offset: usize, strides: [usize; 2]| View {
                buffer,
                offset,
                shape: Shape::from([turns, size]),
                strides: Strides::from_slice(&strides),
            };
            let from = view(source, start, [outer, step]);
            self.lower.copy(&from, &view(buffer, offset, [count + 1, 1]), false);
        }
        let strides = match self.space.len() {
            2 => Strides::from_slice(&[count + 1, 0]),
            rank => Strides::from_elem(0, rank),
        };
        (self.access(buffer, 0, strides), [count, 1, row, 0])
    }

    /// The sum of a value and that of its squares are made with its products with rows.
    fn join_moments(&mut self) {
        let mut parts = std::mem::take(&mut self.parts);
        for index in 0..parts.len() {
            let Task::Contract { immediate: [count, 1, ..], moments: false } = parts[index].task else {
                continue;
            };
            let Some(to) = parts[index].to.filter(|_| count > 0) else { continue };
            let value = parts[index].arguments[0];
            let wanted = |part: &Part, squares: bool| {
                let fits = part.to.is_some_and(|own| self.is_alongside(own, to, count));
                fits && match part.task {
                    Task::Fold(Reduction::Sum) => !squares && part.arguments == [value],
                    Task::Contract { immediate: [1, 1, ..], moments: false } => {
                        squares && part.arguments == [value, value]
                    }
                    _ => false,
                }
            };
            let find = |squares: bool| {
                (0..parts.len()).find(|&other| other != index && wanted(&parts[other], squares))
            };
            let (sum, square) = (find(false), find(true));
            // Their kernel is worth its while if it saves one at least; squares have a better place than their own.
            if sum.is_none() && square.is_none() || parts[index].arguments == [value, value] {
                continue;
            }
            let others: Vec<(Id, usize)> = [(sum, count), (square, count + 1)]
                .into_iter()
                .filter_map(|(other, offset)| Some((parts[other?].id, offset)))
                .collect();
            let access = self.shared_total(parts[index].id, count, &others, to);
            let part = &mut parts[index];
            part.to = Some(access);
            if let Task::Contract { moments, .. } = &mut part.task {
                *moments = true;
            }
            let mut number = 0;
            parts.retain(|_| {
                number += 1;
                Some(number - 1) != sum && Some(number - 1) != square
            });
            // Their numbers have changed: the next one, if there is one.
            self.parts = parts;
            return self.join_moments();
        }
        self.parts = parts;
    }

    /// Whether a total moves with the outer dimensions as one of `count` neighbours does.
    fn is_alongside(&self, own: usize, to: usize, count: usize) -> bool {
        let (own, to) = (&self.accesses[own].strides, &self.accesses[to].strides);
        own.last() == Some(&0)
            && own.len() == to.len()
            && own.iter().zip(to).all(|(own, to)| own * count == *to)
    }

    /// One memory for a total of `count` neighbours and others, which come after these.
    fn shared_total(&mut self, id: Id, count: usize, others: &[(Id, usize)], to: usize) -> usize {
        let width = count + 2;
        let strides = |strides: &[usize]| -> Strides {
            strides
                .iter()
                .map(|&stride| if stride >= count { stride / count * width } else { stride })
                .collect()
        };
        let old = self.lower.view(id);
        let dtype = self.lower.dtype(&old);
        let ty = TensorType::new(dtype, Shape::from([old.elements() / count, width]));
        let whole = self.lower.fresh(&ty);
        let buffer = whole.buffer;
        let mut gone = vec![old.buffer];
        // A single result moves with the turns by itself.
        let own = match count {
            1 => row_major(&old.shape).iter().map(|stride| stride * width).collect(),
            _ => strides(&row_major(&old.shape)),
        };
        self.lower.set_view(id, View { buffer, strides: own, ..old });
        for &(other, offset) in others {
            let old = self.lower.view(other);
            gone.push(old.buffer);
            let strides = row_major(&old.shape).iter().map(|stride| stride * width).collect();
            self.lower.set_view(other, View { buffer, offset, strides, ..old });
        }
        self.totals.retain(|total| !gone.contains(&total.view.buffer));
        self.totals.push(Ending { view: whole, ty, kind: Reduction::Sum });
        let moved = strides(&self.accesses[to].strides);
        self.access(buffer, 0, moved)
    }

    /// Whether all elements of the inner dimension are joined in one.
    fn is_total(&self, part: &Part) -> bool {
        part.to.is_some_and(|index| self.stride(Argument::Memory(index)) == 0)
    }

    /// Distance of the elements of an argument in the inner dimension.
    fn stride(&self, argument: Argument) -> usize {
        match argument {
            Argument::Value(_) => 1,
            Argument::Memory(index) => self.accesses[index].strides.last().copied().unwrap_or(0),
        }
    }

    /// Drops accesses that no part has any more.
    fn forget_unused(&mut self) {
        let mut kept: Vec<Option<usize>> = vec![None; self.accesses.len()];
        let mut accesses = Vec::new();
        let mut renumbered = |index: &mut usize, all: &[Access]| {
            let place = kept[*index].unwrap_or_else(|| {
                accesses.push(all[*index].clone());
                accesses.len() - 1
            });
            kept[*index] = Some(place);
            *index = place;
        };
        for part in &mut self.parts {
            for argument in &mut part.arguments {
                if let Argument::Memory(index) = argument {
                    renumbered(index, &self.accesses);
                }
            }
            if let Some(to) = &mut part.to {
                renumbered(to, &self.accesses);
            }
        }
        self.accesses = accesses;
    }
}
