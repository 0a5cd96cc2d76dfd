//! The order from left to right: few crossings, every box in one piece.

use super::layers::Layers;
use super::{Diagram, WORK};

/// Rounds of sorting by barycentres.
const ROUNDS: usize = 12;

/// A part of a box, or of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Leaf(usize),
    Box(usize),
}

/// The parts of each box, and of the whole last, from left to right.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) parts: Vec<Vec<Part>>,
}

impl Order {
    pub(super) fn of(diagram: &Diagram, layers: &Layers) -> Self {
        let mut order = Self::first(diagram, layers);
        let search = Search::new(diagram, layers);
        let mut best = (search.cost(&order), order.clone());
        let rounds = ROUNDS.min(WORK / (layers.leaves.len() * layers.count).max(1));
        for round in 0..rounds {
            search.sort_by_barycentres(&mut order, round % 2 == 0);
            let cost = search.cost(&order);
            if cost < best.0 {
                best = (cost, order.clone());
            }
        }
        search.exchange_neighbours(&mut best.1);
        best.1
    }

    /// The order of the nodes' numbers; a box where its first node is.
    fn first(diagram: &Diagram, layers: &Layers) -> Self {
        let whole = diagram.boxes.len();
        let mut parts = vec![Vec::new(); whole + 1];
        let mut placed = vec![false; whole];
        for (number, leaf) in layers.leaves.iter().enumerate() {
            let (mut part, mut within) = (Part::Leaf(number), leaf.within);
            loop {
                parts[within.unwrap_or(whole)].push(part);
                match within {
                    Some(around) if !std::mem::replace(&mut placed[around], true) => {
                        (part, within) = (Part::Box(around), diagram.boxes[around].within);
                    }
                    _ => break,
                }
            }
        }
        Self { parts }
    }

    /// The leaves of each layer, from left to right.
    pub(super) fn rows(&self, layers: &Layers) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); layers.count];
        let mut open: Vec<Part> = self.parts.last().into_iter().flatten().rev().copied().collect();
        while let Some(part) = open.pop() {
            match part {
                Part::Leaf(leaf) => rows[layers.leaves[leaf].layer].push(leaf),
                Part::Box(inside) => open.extend(self.parts[inside].iter().rev()),
            }
        }
        rows
    }
}

struct Search<'a> {
    diagram: &'a Diagram,
    layers: &'a Layers,
    /// Of each leaf, in the layer before.
    uppers: Vec<Vec<usize>>,
    /// Of each leaf, in the layer after.
    lowers: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(diagram: &'a Diagram, layers: &'a Layers) -> Self {
        let mut uppers = vec![Vec::new(); layers.leaves.len()];
        let mut lowers = uppers.clone();
        for (upper, lower) in layers.segments() {
            uppers[lower].push(upper);
            lowers[upper].push(lower);
        }
        Self { diagram, layers, uppers, lowers }
    }

    /// Number of pairs of segments that cross, and of boxes that segments pass which do not lead there.
    fn cost(&self, order: &Order) -> usize {
        let rows = order.rows(self.layers);
        self.crossings(&rows) + self.passed_boxes(&rows)
    }

    /// Segments next to the first or last layer of a box around neither of their ends, from one side of it to the other:
    /// as far as places in rows tell.
    fn passed_boxes(&self, rows: &[Vec<usize>]) -> usize {
        let mut place = vec![0.0; self.layers.leaves.len()];
        rows.iter().for_each(|row| number(row, &mut place));
        let is_in = |leaf: usize, frame: usize| {
            self.diagram.around(self.layers.leaves[leaf].within).any(|around| around == frame)
        };
        let mut passed = 0;
        for (frame, &(first, last)) in self.layers.spans.iter().enumerate() {
            let middle = |layer: usize| {
                let inside: Vec<f64> =
                    rows[layer].iter().filter(|&&leaf| is_in(leaf, frame)).map(|&leaf| place[leaf]).collect();
                inside.iter().sum::<f64>() / inside.len().max(1) as f64
            };
            let (top, bottom) = (middle(first), middle(last));
            for (upper, lower) in self.layers.segments() {
                let layer = self.layers.leaves[upper].layer;
                let beside = |middle: f64| (place[upper] - middle) * (place[lower] - middle) <= 0.0;
                let passes = layer == last && beside(bottom) || layer + 1 == first && beside(top);
                if passes && !is_in(upper, frame) && !is_in(lower, frame) {
                    passed += 1;
                }
            }
        }
        passed
    }

    /// Number of pairs of segments that cross.
    fn crossings(&self, rows: &[Vec<usize>]) -> usize {
        let mut place = vec![0; self.layers.leaves.len()];
        rows.iter().for_each(|row| row.iter().enumerate().for_each(|(at, &leaf)| place[leaf] = at));
        let between = |(upper, lower): (&Vec<usize>, &Vec<usize>)| {
            let ends = upper.iter().flat_map(|&leaf| {
                let mut ends: Vec<usize> = self.lowers[leaf].iter().map(|&lower| place[lower]).collect();
                ends.sort_unstable();
                ends
            });
            inversions(ends, lower.len())
        };
        rows.iter().zip(rows.iter().skip(1)).map(between).sum()
    }

    /// Layer by layer, orders the parts of each box by the mean place of what they are joined with in the layer before.
    fn sort_by_barycentres(&self, order: &mut Order, downwards: bool) {
        let whole = self.diagram.boxes.len();
        let mut place = vec![0.0; self.layers.leaves.len()];
        let sequence: Vec<usize> =
            if downwards { (0..self.layers.count).collect() } else { (0..self.layers.count).rev().collect() };
        let neighbours = if downwards { &self.uppers } else { &self.lowers };
        for layer in sequence {
            let row = std::mem::take(&mut order.rows(self.layers)[layer]);
            number(&row, &mut place);
            // Sum and number of the barycentres of each box in this layer.
            let mut in_box = vec![(0.0, 0.0); whole];
            let mut of_leaf = vec![None; self.layers.leaves.len()];
            for &leaf in &row {
                let joined = &neighbours[leaf];
                let sum: f64 = joined.iter().map(|&other| place[other]).sum();
                let barycentre = if joined.is_empty() { place[leaf] } else { sum / joined.len() as f64 };
                of_leaf[leaf] = Some(barycentre);
                for around in self.diagram.around(self.layers.leaves[leaf].within) {
                    in_box[around] = (in_box[around].0 + barycentre, in_box[around].1 + 1.0);
                }
            }
            let key = |part: &Part| match *part {
                Part::Leaf(leaf) => of_leaf[leaf],
                Part::Box(inside) => {
                    let (sum, count) = in_box[inside];
                    (count > 0.0).then(|| sum / count)
                }
            };
            order.parts.iter_mut().for_each(|parts| sort_some(parts, key));
            number(&order.rows(self.layers)[layer], &mut place);
        }
    }

    /// Moves parts past the next one that shares a layer with them, as long as that lowers the cost.
    fn exchange_neighbours(&self, order: &mut Order) {
        let segments = self.layers.segments().count();
        let parts: usize = order.parts.iter().map(Vec::len).sum();
        // Each exchange counts anew.
        if ROUNDS * parts * segments * (1 + self.diagram.boxes.len()) > WORK {
            return;
        }
        let mut cost = self.cost(order);
        for _ in 0..ROUNDS {
            let before = cost;
            for home in 0..order.parts.len() {
                for at in 0..order.parts[home].len() {
                    let parts = &order.parts[home];
                    let (first, last) = self.span(parts[at]);
                    let meets = |part: &Part| self.span(*part).0 <= last && first <= self.span(*part).1;
                    let Some(steps) = parts[at + 1..].iter().position(meets) else { continue };
                    order.parts[home][at..=at + 1 + steps].rotate_left(1);
                    let now = self.cost(order);
                    if now < cost {
                        cost = now;
                    } else {
                        order.parts[home][at..=at + 1 + steps].rotate_right(1);
                    }
                }
            }
            if cost == before {
                return;
            }
        }
    }

    fn span(&self, part: Part) -> (usize, usize) {
        self.layers.span(part)
    }
}

impl Layers {
    /// First and last layer of a part.
    pub(super) fn span(&self, part: Part) -> (usize, usize) {
        match part {
            Part::Leaf(leaf) => (self.leaves[leaf].layer, self.leaves[leaf].layer),
            Part::Box(inside) => self.spans[inside],
        }
    }
}

/// Places in a row, counted from its middle, so that rows of different lengths compare.
fn number(row: &[usize], place: &mut [f64]) {
    let middle = (row.len() as f64 - 1.0) / 2.0;
    row.iter().enumerate().for_each(|(at, &leaf)| place[leaf] = at as f64 - middle);
}

/// Sorts the parts that have a key; the others stay where they are.
fn sort_some(parts: &mut [Part], key: impl Fn(&Part) -> Option<f64>) {
    let mut keyed: Vec<(f64, Part)> =
        parts.iter().filter_map(|part| key(part).map(|key| (key, *part))).collect();
    let slots: Vec<usize> = (0..parts.len()).filter(|&slot| key(&parts[slot]).is_some()).collect();
    keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    for (slot, (_, part)) in slots.into_iter().zip(keyed) {
        parts[slot] = part;
    }
}

/// Number of pairs out of order, by a Fenwick tree over values below `bound`.
fn inversions(values: impl Iterator<Item = usize>, bound: usize) -> usize {
    let mut tree = vec![0usize; bound + 1];
    let mut pairs = 0;
    for (seen, value) in values.enumerate() {
        // Those seen that are not greater.
        let mut node = value + 1;
        let mut not_greater = 0;
        while node > 0 {
            not_greater += tree[node];
            node &= node - 1;
        }
        pairs += seen - not_greater;
        let mut node = value + 1;
        while node <= bound {
            tree[node] += 1;
            node += node & node.wrapping_neg();
        }
    }
    pairs
}
