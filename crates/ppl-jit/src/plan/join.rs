//! Parts of a pass that one kernel does together: products with what they are added to, sums of products, and all sums of
//! one value.

use std::collections::HashMap;

use ppl_tensor::op::{Binary, Reduction, Unary};
use ppl_tensor::{Op, Shape, TensorType};

use super::fuse::{Access, Argument, Ending, Part, Pass, Task};
use super::view::{Strides, View, row_major};
use crate::ir::{Id, Kind};
use crate::runtime::kernels::{Immediate, MulAdd, Pair, Start};

impl Pass<'_, '_> {
    /// The same parts, fewer.
    pub(super) fn join(&mut self) {
        self.join_pairs();
        self.join_projections();
        self.join_moments();
        self.join_functions();
        self.separate();
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
            while let Some((maker, both)) = self.next_pair(&part, &uses, &index, &done) {
                done[maker] = None;
                part = both;
            }
            index.insert(part.id, done.len());
            done.push(Some(part));
        }
        self.parts = done.into_iter().flatten().collect();
    }

    /// A part with one of those that make its arguments, and the number of that: products first, which are then in place when
    /// their sum meets something else.
    fn next_pair(
        &mut self,
        part: &Part,
        uses: &HashMap<Id, usize>,
        index: &HashMap<Id, usize>,
        done: &[Option<Part>],
    ) -> Option<(usize, Part)> {
        let makers = part.arguments.iter().enumerate().filter_map(|(place, argument)| match argument {
            Argument::Value(id) if uses.get(id) == Some(&1) => {
                let maker = *index.get(id)?;
                let inner = done[maker].as_ref().filter(|inner| inner.to.is_none())?;
                Some((place, maker, inner))
            }
            _ => None,
        });
        let mut makers: Vec<_> = makers.collect();
        makers.sort_by_key(|(_, _, inner)| !matches!(inner.task, Task::Map));
        makers.into_iter().find_map(|(place, maker, inner)| Some((maker, self.pair(part, place, inner)?)))
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
        let is_log = matches!(self.op(inner.id), Some(Op::Unary(Unary::Log)));
        let one = |task: Task, arguments: Vec<Argument>| Some(Part { task, arguments, ..*part });
        match (part.task, inner.task) {
            (Task::Fold(Reduction::Sum), Task::Map) if is_log && self.is_total(part) => {
                one(Task::Logs, inner.arguments.clone())
            }
            (Task::Fold(Reduction::Sum), Task::Map) if is_product && self.is_total(part) => {
                let each = inner.arguments.iter().all(|&argument| self.stride(argument) == 1);
                let dot = Task::Contract { immediate: [1, 1, 0, 0], across: false, moments: false };
                each.then(|| one(dot, inner.arguments.clone())).flatten()
            }
            (Task::Map, Task::Map) if is_product => {
                let kind = MulAdd::of(kind?, place == 0)?;
                let &[mut x, mut y] = &inner.arguments[..] else { return None };
                if self.stride(x) == 0 {
                    (x, y) = (y, x);
                }
                one(Task::MulAdd(kind), vec![x, y, part.arguments[1 - place]])
            }
            (Task::Map, Task::Combine { immediate, across, start: Start::Zero, shifted }) => {
                let start = Start::of(kind?, place == 0)?;
                let &[coefficients, rows] = &inner.arguments[..] else { return None };
                let arguments = vec![coefficients, rows, part.arguments[1 - place]];
                one(Task::Combine { immediate, across, start, shifted }, arguments)
            }
            (Task::Map, Task::Combine { immediate, across, start: Start::Plus, shifted: false }) => {
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
                one(Task::Combine { immediate, across, start, shifted: true }, arguments)
            }
            (Task::MulAdd(MulAdd::Plus), _) if place == 2 => {
                let (row, coefficient) = self.term(&part.arguments)?;
                let (count, start, arguments) = self.mixed(inner)?;
                let (coefficients, rest) = arguments.split_at(count);
                let (rows, start_from) = rest.split_at(count);
                let arguments = [coefficients, &[coefficient], rows, &[row], start_from].concat();
                one(Task::Mix { count: count + 1, start, shifted: false }, arguments)
            }
            (Task::Map, Task::Mix { count, start: Start::Zero, shifted }) => {
                let start = Start::of(kind?, place == 0)?;
                let arguments = [&inner.arguments[..], &[part.arguments[1 - place]]].concat();
                one(Task::Mix { count, start, shifted }, arguments)
            }
            (Task::Map, Task::Mix { count, start: Start::Plus, shifted: false }) => {
                let start = Start::of(kind?, place == 0)?;
                let (coefficients, rest) = inner.arguments.split_at(count);
                let (rows, shift) = rest.split_at(count);
                if shift.iter().any(|&shift| !matches!(shift, Argument::Memory(_)) || self.stride(shift) != 0)
                {
                    return None;
                }
                let arguments = [coefficients, shift, rows, &[part.arguments[1 - place]]].concat();
                one(Task::Mix { count, start, shifted: true }, arguments)
            }
            _ => None,
        }
    }

    /// A row of memory and a number for all its elements, if a product is one of these.
    fn term(&self, arguments: &[Argument]) -> Option<(Argument, Argument)> {
        let is = |argument: &Argument, stride: usize| {
            matches!(argument, Argument::Memory(_)) && self.stride(*argument) == stride
        };
        let &[x, y, ..] = arguments else { return None };
        [(x, y), (y, x)].into_iter().find(|(row, number)| is(row, 1) && is(number, 0))
    }

    /// What a combination has that a part is, if it is one: its number of rows, its start, and coefficients, rows, start.
    fn mixed(&self, part: &Part) -> Option<(usize, Start, Vec<Argument>)> {
        let is_product = matches!(self.op(part.id), Some(Op::Binary(Binary::Mul)));
        match part.task {
            Task::Mix { count, start: start @ (Start::Zero | Start::Plus), shifted: false } => {
                Some((count, start, part.arguments.clone()))
            }
            Task::MulAdd(MulAdd::Plus) => {
                let (row, coefficient) = self.term(&part.arguments)?;
                Some((1, Start::Plus, vec![coefficient, row, part.arguments[2]]))
            }
            Task::Map if is_product => {
                let (row, coefficient) = self.term(&part.arguments)?;
                Some((1, Start::Zero, vec![coefficient, row]))
            }
            _ => None,
        }
    }

    /// Sums of products of one value with rows are made together.
    fn join_projections(&mut self) {
        let mut number = 0;
        while number < self.parts.len() {
            self.join_projection(number);
            number += 1;
        }
    }

    fn join_projection(&mut self, number: usize) {
        let row_of = |part: &Part, value: Option<Argument>, this: &Self| {
            let (Task::Contract { immediate: [1, 1, ..], moments: false, .. }, &[x, y]) =
                (part.task, &part.arguments[..])
            else {
                return None;
            };
            let is_row = |row: Argument| matches!(row, Argument::Memory(_)) && this.stride(row) == 1;
            let fits = |x: Argument| matches!(x, Argument::Value(_)) && value.is_none_or(|value| value == x);
            [(x, y), (y, x)].into_iter().find(|&(x, row)| fits(x) && is_row(row))
        };
        let first = &self.parts[number];
        let (Some((value, _)), Some(to), id) = (row_of(first, None, self), first.to, first.id) else {
            return;
        };
        let members: Vec<(usize, Argument)> = (number..self.parts.len())
            .filter(|&index| self.parts[index].to.is_some_and(|own| self.is_alongside(own, to, 1)))
            .filter_map(|index| Some((index, row_of(&self.parts[index], Some(value), self)?.1)))
            .collect();
        let count = members.len();
        if count < 2 {
            return;
        }
        let rest: Vec<(Id, usize)> =
            members.iter().enumerate().skip(1).map(|(k, &(index, _))| (self.parts[index].id, k)).collect();
        let arguments = std::iter::once(value).chain(members.iter().map(|&(_, row)| row)).collect();
        let moments =
            [(count, self.moment(value, to, 1, false)), (count + 1, self.moment(value, to, 1, true))];
        let found: Vec<(Id, usize)> =
            moments.iter().filter_map(|&(place, index)| Some((self.parts[index?].id, place))).collect();
        let access = self.shared_total((id, 1), count + 2, &[rest, found.clone()].concat(), to);
        let task = Task::Project { count, moments: !found.is_empty() };
        self.parts[number] = Part { id, task, arguments, to: Some(access) };
        let gone: Vec<usize> = members
            .iter()
            .skip(1)
            .map(|&(index, _)| index)
            .chain(moments.iter().filter_map(|m| m.1))
            .collect();
        self.remove(&gone);
    }

    /// The part that is the sum of a value, or of its squares, alongside a total of `count` neighbours.
    fn moment(&self, value: Argument, to: usize, count: usize, squares: bool) -> Option<usize> {
        self.parts.iter().position(|part| {
            let fits = part.to.is_some_and(|own| self.is_alongside(own, to, count));
            fits && match part.task {
                Task::Fold(Reduction::Sum) => !squares && part.arguments == [value],
                Task::Contract { immediate: [1, 1, ..], moments: false, .. } => {
                    squares && part.arguments == [value, value]
                }
                _ => false,
            }
        })
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
        let mut number = 0;
        while number < self.parts.len() {
            self.join_moment(number);
            number += 1;
        }
    }

    fn join_moment(&mut self, number: usize) {
        let part = &self.parts[number];
        let Task::Contract { immediate: immediate @ [count, 1, ..], across, moments: false } = part.task
        else {
            return;
        };
        let (Some(to), id, value) = (part.to.filter(|_| count > 0), part.id, part.arguments[0]) else {
            return;
        };
        // Squares have a better place than their own.
        if part.arguments == [value, value] {
            return;
        }
        let moments =
            [(count, self.moment(value, to, count, false)), (count + 1, self.moment(value, to, count, true))];
        let found: Vec<(Id, usize)> =
            moments.iter().filter_map(|&(place, index)| Some((self.parts[index?].id, place))).collect();
        if found.is_empty() {
            return;
        }
        let access = self.shared_total((id, count), count + 2, &found, to);
        self.parts[number].to = Some(access);
        self.parts[number].task = Task::Contract { immediate, across, moments: true };
        self.remove(&moments.iter().filter_map(|moment| moment.1).collect::<Vec<_>>());
    }

    /// Functions that have their exponential in common.
    fn join_functions(&mut self) {
        let mut first = 0;
        while first < self.parts.len() {
            let found = self.sigmoid_beside(first);
            if let Some((pair, second, gone)) = found {
                self.parts[first].task = Task::Pair(pair, second);
                self.remove(&gone);
                self.join_total(first);
            }
            first += 1;
        }
    }

    /// A softplus of which nothing is needed but the sum.
    fn join_total(&mut self, first: usize) {
        let &Part { id, task: Task::Pair(Pair::SoftplusAndSigmoid, second), to: None, .. } =
            &self.parts[first]
        else {
            return;
        };
        let reads = |part: &Part| part.arguments.contains(&Argument::Value(id));
        let mut readers = self.parts.iter().enumerate().filter(|(_, part)| reads(part));
        let (Some((number, sum)), None) = (readers.next(), readers.next()) else { return };
        if matches!(sum.task, Task::Fold(Reduction::Sum)) && self.is_total(sum) {
            (self.parts[first].id, self.parts[first].to) = (sum.id, sum.to);
            self.parts[first].task = Task::Softplus(second);
            self.remove(&[number]);
        }
    }

    /// The value that is a sigmoid of the argument of a part, which comes before it, or of minus that; and the parts that
    /// are not needed if they are made together.
    fn sigmoid_beside(&self, first: usize) -> Option<(Pair, Id, Vec<usize>)> {
        let unary = |part: &Part| match (part.task, part.to, self.operation(part)) {
            (Task::Map, None, Some(Op::Unary(kind))) => Some((*kind, part.arguments[0])),
            _ => None,
        };
        let (kind, argument) = unary(&self.parts[first])?;
        let pair = match kind {
            Unary::Softplus => Pair::SoftplusAndSigmoid,
            Unary::Sigmoid => Pair::Sigmoids,
            _ => return None,
        };
        let others = || self.parts.iter().enumerate().skip(first + 1);
        if pair == Pair::SoftplusAndSigmoid {
            return others().find_map(|(number, part)| match unary(part) {
                Some((Unary::Sigmoid, own)) if self.is_same(own, argument) => {
                    Some((pair, part.id, vec![number]))
                }
                _ => None,
            });
        }
        let (minus, negated) =
            self.parts.iter().enumerate().find_map(|(number, part)| match unary(part) {
                Some((Unary::Neg, own)) if self.is_same(own, argument) => Some((number, part.id)),
                _ => None,
            })?;
        let (number, second) = others().find_map(|(number, part)| match unary(part) {
            Some((Unary::Sigmoid, Argument::Value(own))) if own == negated => Some((number, part.id)),
            _ => None,
        })?;
        let readers = self.parts.iter().flat_map(|part| &part.arguments);
        let is_read_once = readers.filter(|argument| **argument == Argument::Value(negated)).count() == 1;
        Some((pair, second, if is_read_once { vec![minus, number] } else { vec![number] }))
    }

    fn operation(&self, part: &Part) -> Option<&Op> {
        match &self.lower.ir.nodes[part.id.0].kind {
            Kind::Op(op, _) => Some(op),
            _ => None,
        }
    }

    /// Whether arguments are the same elements.
    fn is_same(&self, one: Argument, other: Argument) -> bool {
        match (one, other) {
            (Argument::Memory(one), Argument::Memory(other)) => self.accesses[one] == self.accesses[other],
            _ => one == other,
        }
    }

    fn remove(&mut self, gone: &[usize]) {
        let mut index = 0;
        self.parts.retain(|_| {
            index += 1;
            !gone.contains(&(index - 1))
        });
    }

    /// Whether a total moves with the outer dimensions as one of `count` neighbours does.
    fn is_alongside(&self, own: usize, to: usize, count: usize) -> bool {
        let (own, to) = (&self.accesses[own].strides, &self.accesses[to].strides);
        own.last() == Some(&0)
            && own.len() == to.len()
            && own.iter().zip(to).all(|(own, to)| own * count == *to)
    }

    /// One memory of `width` elements a turn for a total of `count` neighbours and others, at a distance from it each.
    fn shared_total(
        &mut self,
        (id, count): (Id, usize),
        width: usize,
        others: &[(Id, usize)],
        to: usize,
    ) -> usize {
        // Distances of turns, but not of neighbours.
        let wider = |strides: &[usize], count: usize| -> Strides {
            let wide = |&stride: &usize| if stride >= count { stride / count * width } else { stride };
            strides.iter().map(wide).collect()
        };
        let first = self.lower.view(id);
        let dtype = self.lower.dtype(&first);
        let ty = TensorType::new(dtype, Shape::from([first.elements() / count, width]));
        let whole = self.lower.fresh(&ty);
        let mut gone = Vec::new();
        for (id, count, offset) in
            std::iter::once((id, count, 0)).chain(others.iter().map(|&(id, offset)| (id, 1, offset)))
        {
            let old = self.lower.view(id);
            gone.push(old.buffer);
            let strides = wider(&row_major(&old.shape), count);
            self.lower.set_view(id, View { buffer: whole.buffer, offset, strides, ..old });
        }
        self.totals.retain(|total| !gone.contains(&total.view.buffer));
        let moved = wider(&self.accesses[to].strides, count);
        let access = self.access(whole.buffer, 0, moved);
        self.totals.push(Ending { view: whole, ty, kind: Reduction::Sum });
        access
    }

    /// Gives parts with rows anywhere accesses of their own, next to each other.
    fn separate(&mut self) {
        for part in &mut self.parts {
            let own = match part.task {
                Task::Mix { count, shifted, .. } => 0..2 * count + usize::from(shifted),
                Task::Project { count, .. } => 1..count + 1,
                _ => continue,
            };
            for argument in &mut part.arguments[own] {
                if let Argument::Memory(index) = argument {
                    self.accesses.push(self.accesses[*index].clone());
                    *index = self.accesses.len() - 1;
                }
            }
        }
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
