//! Where edges bend.

use super::layers::Layers;
use super::place::Down;
use super::{Diagram, Point, Rect};

/// Space that edges leave around nodes which they pass.
const CLEARANCE: f64 = 3.0;

/// What edges find their way through.
pub(super) struct Routes<'a> {
    diagram: &'a Diagram,
    layers: &'a Layers,
    rows: &'a Down,
    /// Of all leaves.
    centers: &'a [Point],
    boxes: &'a [Rect],
    /// By layer.
    nodes: Vec<Vec<usize>>,
}

impl<'a> Routes<'a> {
    pub(super) fn new(
        diagram: &'a Diagram,
        layers: &'a Layers,
        rows: &'a Down,
        centers: &'a [Point],
        boxes: &'a [Rect],
    ) -> Self {
        let mut nodes = vec![Vec::new(); layers.count];
        for (node, leaf) in layers.leaves.iter().take(diagram.nodes.len()).enumerate() {
            nodes[leaf.layer].push(node);
        }
        Self { diagram, layers, rows, centers, boxes, nodes }
    }

    /// The bends of each edge.
    pub(super) fn all(&self) -> Vec<Vec<Point>> {
        let bends = |(chain, &(from, to)): (&Vec<usize>, &(usize, usize))| self.bends(chain, from, to);
        self.layers.chains.iter().zip(&self.diagram.edges).map(bends).collect()
    }

    /// An edge crosses layers straight down. Between two layers it is straight; where something is in the way it first
    /// passes the boxes that end above, or enters those that begin below at the last, or both.
    fn bends(&self, chain: &[usize], from: usize, to: usize) -> Vec<Point> {
        let around: Vec<usize> = [from, to]
            .into_iter()
            .flat_map(|end| self.diagram.around(self.diagram.nodes[end].within))
            .collect();
        let mut bends = Vec::new();
        for (number, pair) in chain.windows(2).enumerate() {
            let layer = self.layers.leaves[pair[0]].layer;
            let (is_first, is_last) = (number == 0, number + 2 == chain.len());
            let start = self.centers[pair[0]];
            let start = if is_first { start } else { Point { y: self.rows.bottom(layer), ..start } };
            let end = self.centers[pair[1]];
            let end = if is_last { end } else { Point { y: self.rows.tops[layer + 1], ..end } };
            if !is_first {
                bends.push(start);
            }
            let low = Point { y: self.rows.box_bottoms[layer], ..start };
            let high = Point { y: self.rows.box_tops[layer + 1], ..end };
            let nodes = || self.nodes[layer].iter().chain(&self.nodes[layer + 1]);
            let others = || nodes().copied().filter(|&node| node != from && node != to);
            let is_blocked = |start, end| self.is_blocked(start, end, others(), &around);
            let detour = if !is_blocked(start, end) {
                vec![]
            } else if !is_blocked(low, end) {
                vec![low]
            } else if !is_blocked(start, high) {
                vec![high]
            } else {
                vec![low, high]
            };
            // A point that is passed already is no bend.
            bends.extend(detour.into_iter().filter(|bend| bend.y > start.y && bend.y < end.y));
            if !is_last {
                bends.push(end);
            }
        }
        bends
    }

    /// Whether a straight line meets one of these nodes, or a box that is not around its edge's ends.
    fn is_blocked(
        &self,
        start: Point,
        end: Point,
        mut nodes: impl Iterator<Item = usize>,
        around: &[usize],
    ) -> bool {
        let rect = |node: usize| {
            let (size, center) = (self.diagram.nodes[node], self.centers[node]);
            let (x, y) = (size.width / 2.0 + CLEARANCE, size.height / 2.0 + CLEARANCE);
            Rect { left: center.x - x, right: center.x + x, top: center.y - y, bottom: center.y + y }
        };
        let mut boxes = self.boxes.iter().enumerate().filter(|(number, _)| !around.contains(number));
        nodes.any(|node| meets(start, end, rect(node))) || boxes.any(|(_, &rect)| meets(start, end, rect))
    }
}

/// Whether a line that leads downwards meets a rectangle.
fn meets(start: Point, end: Point, rect: Rect) -> bool {
    let (top, bottom) = (rect.top.max(start.y), rect.bottom.min(end.y));
    if top >= bottom {
        return false;
    }
    let x = |y: f64| start.x + (end.x - start.x) * (y - start.y) / (end.y - start.y);
    x(top).min(x(bottom)) < rect.right && x(top).max(x(bottom)) > rect.left
}
