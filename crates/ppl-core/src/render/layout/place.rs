//! Coordinates: short, straight edges under the distances that the order asks for.

use super::layers::{Layers, Leaf};
use super::order::{Order, Part};
use super::route::Routes;
use super::{BOX_GAP, Diagram, LABEL_PAD, LAYER_GAP, Layout, NODE_GAP, PAD, Point, Rect, WORK};

/// Rounds in which every leaf moves towards what it is joined with.
const ROUNDS: usize = 120;
/// Sweeps over all distances in each round.
const SWEEPS: usize = 12;
/// How much rather than a leaf a side of a box gives way.
const SIDE_WEIGHT: f64 = 0.02;

pub(super) fn place(diagram: &Diagram, layers: &Layers, order: &Order) -> Layout {
    let across = Across::solve(diagram, layers, order);
    let down = Down::of(diagram, layers, &across);
    let left = |x: &[f64]| x.iter().copied().fold(f64::INFINITY, f64::min);
    let lefts: Vec<f64> =
        layers.leaves.iter().zip(&across.centers).map(|(leaf, x)| x - leaf.width / 2.0).collect();
    let rights = layers.leaves.iter().zip(&across.centers).map(|(leaf, x)| x + leaf.width / 2.0);
    let right = rights.chain(across.sides.iter().map(|side| side.1)).fold(f64::NEG_INFINITY, f64::max);
    let sides: Vec<f64> = across.sides.iter().map(|side| side.0).collect();
    let left = left(&lefts).min(left(&sides));
    let (left, width) = if left.is_finite() { (left, right - left) } else { (0.0, 0.0) };

    let center = |(x, leaf): (&f64, &Leaf)| Point { x: x - left, y: down.middle(leaf.layer) };
    let frame = |number: usize| {
        let (side, (first, last)) = (across.sides[number], layers.spans[number]);
        Rect {
            left: side.0 - left,
            right: side.1 - left,
            top: down.tops[first] - down.openings[number] as f64 * PAD,
            bottom: down.bottom(last) + down.closings[number] as f64 * LABEL_PAD,
        }
    };
    let centers: Vec<Point> = across.centers.iter().zip(&layers.leaves).map(center).collect();
    let boxes: Vec<Rect> = (0..diagram.boxes.len()).map(frame).collect();
    let bends = Routes::new(diagram, layers, &down, &centers, &boxes).all();
    Layout { centers: centers[..diagram.nodes.len()].to_vec(), boxes, bends, width, height: down.total }
}

/// Positions from left to right.
struct Across {
    centers: Vec<f64>,
    /// Left and right side of each box.
    sides: Vec<(f64, f64)>,
}

/// `x[right] − x[left] ≥ distance`.
struct Distance {
    left: usize,
    right: usize,
    distance: f64,
    /// Lagrange multiplier.
    force: f64,
}

/// Where a part begins or ends: a coordinate, and an offset from it.
type Edge = (usize, f64);

struct Frame<'a> {
    diagram: &'a Diagram,
    layers: &'a Layers,
    order: &'a Order,
}

impl Frame<'_> {
    fn side(&self, inside: usize) -> (usize, usize) {
        let first = self.layers.leaves.len() + 2 * inside;
        (first, first + 1)
    }

    fn edges(&self, part: Part) -> (Edge, Edge) {
        match part {
            Part::Leaf(leaf) => {
                let half = self.layers.leaves[leaf].width / 2.0;
                ((leaf, -half), (leaf, half))
            }
            Part::Box(inside) => {
                let (left, right) = self.side(inside);
                ((left, 0.0), (right, 0.0))
            }
        }
    }

    fn gap(&self, left: Part, right: Part) -> f64 {
        match (left, right) {
            (Part::Leaf(left), Part::Leaf(right)) => {
                let crossings = [left, right].into_iter().filter(|&leaf| !self.layers.leaves[leaf].is_node);
                NODE_GAP / (1.0 + crossings.count() as f64)
            }
            _ => BOX_GAP,
        }
    }

    /// All distances, in an order in which each follows those that its left end needs.
    fn distances(&self) -> Vec<Distance> {
        let whole = self.diagram.boxes.len();
        let mut distances = Vec::new();
        self.distances_in(whole, &mut distances);
        distances
    }

    fn distances_in(&self, home: usize, all: &mut Vec<Distance>) {
        let bounds = (home < self.diagram.boxes.len()).then(|| self.side(home));
        let put = |(left, from): Edge, (right, to): Edge, gap: f64, all: &mut Vec<Distance>| {
            all.push(Distance { left, right, distance: gap + from - to, force: 0.0 });
        };
        let mut last: Vec<Option<Part>> = vec![None; self.layers.count];
        for &part in &self.order.parts[home] {
            let (begin, _) = self.edges(part);
            if let Some((left, _)) = bounds {
                put((left, 0.0), begin, PAD, all);
            }
            let (first, end) = self.layers.span(part);
            let mut before = None;
            for neighbour in last[first..=end].iter_mut().map(|slot| slot.replace(part)) {
                if let (true, Some(neighbour)) = (neighbour != before, neighbour) {
                    put(self.edges(neighbour).1, begin, self.gap(neighbour, part), all);
                }
                before = neighbour;
            }
            if let Part::Box(inside) = part {
                self.distances_in(inside, all);
            }
        }
        if let Some((left, right)) = bounds {
            put((left, 0.0), (right, 0.0), self.diagram.boxes[home].label + PAD, all);
            for &part in &self.order.parts[home] {
                put(self.edges(part).1, (right, 0.0), PAD, all);
            }
        }
    }

    /// Sides of a box as close to its parts as can be.
    fn tight(&self, inside: usize, x: &[f64]) -> (f64, f64) {
        let parts = self.order.parts[inside].iter().map(|&part| self.edges(part));
        parts.fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), (begin, end)| {
            (left.min(x[begin.0] + begin.1 - PAD), right.max(x[end.0] + end.1 + PAD))
        })
    }
}

impl Across {
    /// Leaves move towards the mean of what they are joined with; a projection onto the distances follows each move.
    ///
    /// Source: Hildreth (1957), A quadratic programming procedure: one multiplier a distance, adjusted in turn.
    fn solve(diagram: &Diagram, layers: &Layers, order: &Order) -> Self {
        let frame = Frame { diagram, layers, order };
        let mut distances = frame.distances();
        let mut x = start(&frame);
        let count = layers.leaves.len();
        let mut pulls: Vec<(usize, usize, f64)> = Vec::new();
        for (chain, main) in layers.chains.iter().zip(on_longest_paths(diagram)) {
            let stress = if main { 3.0 } else { 1.0 };
            pulls.extend(
                chain.windows(2).map(|pair| (pair[0], pair[1], stress * pull(layers, pair[0], pair[1]))),
            );
        }
        let weight = |coordinate: usize| if coordinate < count { 1.0 } else { SIDE_WEIGHT };
        let rounds = ROUNDS.min(WORK / (SWEEPS * distances.len().max(1)));
        for _ in 0..rounds {
            let mut sums = vec![(0.0, 0.0); count];
            for &(a, b, pull) in &pulls {
                sums[a] = (sums[a].0 + pull * x[b], sums[a].1 + pull);
                sums[b] = (sums[b].0 + pull * x[a], sums[b].1 + pull);
            }
            for (x, (sum, pull)) in x.iter_mut().zip(sums) {
                if pull > 0.0 {
                    *x = 0.5 * *x + 0.5 * sum / pull;
                }
            }
            for inside in (0..diagram.boxes.len()).rev() {
                let (left, right) = frame.side(inside);
                (x[left], x[right]) = frame.tight(inside, &x);
            }
            for distance in &distances {
                x[distance.left] -= distance.force / weight(distance.left);
                x[distance.right] += distance.force / weight(distance.right);
            }
            for _ in 0..SWEEPS {
                for one in &mut distances {
                    let (left, right) = (weight(one.left), weight(one.right));
                    let missing = one.distance - (x[one.right] - x[one.left]);
                    let force = (one.force + missing / (1.0 / left + 1.0 / right)).max(0.0);
                    x[one.left] -= (force - one.force) / left;
                    x[one.right] += (force - one.force) / right;
                    one.force = force;
                }
            }
        }
        // What the sweeps have left over is made up for exactly.
        for distance in &distances {
            x[distance.right] = x[distance.right].max(x[distance.left] + distance.distance);
        }
        for inside in (0..diagram.boxes.len()).rev() {
            let (left, right) = frame.side(inside);
            let (tight_left, tight_right) = frame.tight(inside, &x);
            // A wide label takes the room that the distances have kept for it.
            let label = diagram.boxes[inside].label + PAD;
            let end = tight_right.max(x[right].min(tight_left + label));
            (x[left], x[right]) = (tight_left.min(end - label), end);
        }
        let side = |inside| (x[frame.side(inside).0], x[frame.side(inside).1]);
        Self { sides: (0..diagram.boxes.len()).map(side).collect(), centers: x[..count].to_vec() }
    }
}

/// Each layer packed around a common middle.
fn start(frame: &Frame<'_>) -> Vec<f64> {
    let leaves = &frame.layers.leaves;
    let mut x = vec![0.0; leaves.len() + 2 * frame.diagram.boxes.len()];
    for row in frame.order.rows(frame.layers) {
        let total: f64 = row.iter().map(|&leaf| leaves[leaf].width + NODE_GAP).sum();
        let mut at = -total / 2.0;
        for leaf in row {
            x[leaf] = at + (leaves[leaf].width + NODE_GAP) / 2.0;
            at += leaves[leaf].width + NODE_GAP;
        }
    }
    x
}

/// Whether each edge is on a longest path: the backbone of the picture, which should be straight.
fn on_longest_paths(diagram: &Diagram) -> Vec<bool> {
    let (mut before, mut after) = (vec![0; diagram.nodes.len()], vec![0; diagram.nodes.len()]);
    // Edges lead to later nodes: sorted by beginnings, each follows all that lead to its own.
    let mut edges = diagram.edges.clone();
    edges.sort_unstable();
    for &(from, to) in &edges {
        before[to] = before[to].max(before[from] + 1);
    }
    edges.sort_unstable_by_key(|&(_, to)| std::cmp::Reverse(to));
    for &(from, to) in &edges {
        after[from] = after[from].max(after[to] + 1);
    }
    let length = before.iter().max().copied().unwrap_or(0);
    diagram.edges.iter().map(|&(from, to)| before[from] + 1 + after[to] == length).collect()
}

/// How strongly the ends of a segment pull each other: long edges should be straight, and edges inside a box.
///
/// Source: Gansner, Koutsofios, North, Vo (1993), A technique for drawing directed graphs, section 4, but for boxes.
fn pull(layers: &Layers, a: usize, b: usize) -> f64 {
    let (a, b) = (layers.leaves[a], layers.leaves[b]);
    match (a.is_node, b.is_node) {
        (true, true) if a.within.is_some() && a.within == b.within => 4.0,
        (true, true) => 1.0,
        (false, false) => 8.0,
        _ => 2.0,
    }
}

/// Positions from top to bottom.
pub(super) struct Down {
    /// Of nodes, layer by layer.
    pub(super) tops: Vec<f64>,
    heights: Vec<f64>,
    /// Of the boxes that begin in a layer.
    pub(super) box_tops: Vec<f64>,
    /// Of the boxes that end in a layer.
    pub(super) box_bottoms: Vec<f64>,
    /// Of each box: how many boxes begin where it does, itself included, from the innermost.
    openings: Vec<usize>,
    /// Of each box: how many boxes end where it does.
    closings: Vec<usize>,
    total: f64,
}

impl Down {
    fn of(diagram: &Diagram, layers: &Layers, across: &Across) -> Self {
        let mut heights = vec![0.0; layers.count];
        for (node, leaf) in diagram.nodes.iter().zip(&layers.leaves) {
            heights[leaf.layer] = f64::max(heights[leaf.layer], node.height);
        }
        let openings = levels(diagram, layers, |span| span.0);
        let closings = levels(diagram, layers, |span| span.1);
        let mut before = vec![0; layers.count];
        let mut after = vec![0; layers.count];
        for (number, span) in layers.spans.iter().enumerate() {
            before[span.0] = before[span.0].max(openings[number]);
            after[span.1] = after[span.1].max(closings[number]);
        }
        let mut reach = vec![0.0; layers.count];
        for (upper, lower) in layers.segments() {
            let layer = layers.leaves[upper].layer;
            reach[layer] = f64::max(reach[layer], (across.centers[upper] - across.centers[lower]).abs());
        }
        let (mut tops, mut box_tops, mut box_bottoms, mut y) = (vec![], vec![], vec![], 0.0);
        for layer in 0..layers.count {
            box_tops.push(y);
            y += before[layer] as f64 * PAD;
            tops.push(y);
            y += heights[layer] + after[layer] as f64 * LABEL_PAD;
            box_bottoms.push(y);
            if layer + 1 < layers.count {
                // Flat edges need room to bend.
                y += LAYER_GAP.max(0.15 * reach[layer]).min(3.0 * LAYER_GAP);
            }
        }
        Self { tops, heights, box_tops, box_bottoms, openings, closings, total: y }
    }

    /// Of nodes.
    pub(super) fn bottom(&self, layer: usize) -> f64 {
        self.tops[layer] + self.heights[layer]
    }

    fn middle(&self, layer: usize) -> f64 {
        self.tops[layer] + self.heights[layer] / 2.0
    }
}

/// Of each box: one more than the most of the boxes in it that share the layer.
fn levels(diagram: &Diagram, layers: &Layers, layer: impl Fn((usize, usize)) -> usize) -> Vec<usize> {
    let mut levels = vec![1; diagram.boxes.len()];
    for inner in (0..levels.len()).rev() {
        if let Some(outer) = diagram.boxes[inner].within
            && layer(layers.spans[inner]) == layer(layers.spans[outer])
        {
            levels[outer] = levels[outer].max(levels[inner] + 1);
        }
    }
    levels
}
