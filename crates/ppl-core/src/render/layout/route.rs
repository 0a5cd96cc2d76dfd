//! Where edges bend.

use super::layers::Layers;
use super::place::Down;
use super::{Diagram, Point, Rect};

/// Space that edges leave around nodes which they pass.
const CLEARANCE: f64 = 3.0;

/// What edges find their way through.
pub(super) struct Routes<'a> {
    pub(super) diagram: &'a Diagram,
    pub(super) layers: &'a Layers,
    pub(super) rows: &'a Down,
    /// Of all leaves.
    pub(super) centers: &'a [Point],
    pub(super) boxes: &'a [Rect],
}

impl Routes<'_> {
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
            let is_blocked = |start, end| self.is_blocked(start, end, (from, to), &around);
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

    /// Whether a straight line meets a node that is not an end of the edge, or a box around neither of them.
    fn is_blocked(&self, start: Point, end: Point, ends: (usize, usize), around: &[usize]) -> bool {
        let nodes = self.diagram.nodes.iter().zip(self.centers).enumerate();
        let mut others =
            nodes.filter(|(node, _)| *node != ends.0 && *node != ends.1).map(|(_, (size, center))| {
                let (x, y) = (size.width / 2.0 + CLEARANCE, size.height / 2.0 + CLEARANCE);
                Rect { left: center.x - x, right: center.x + x, top: center.y - y, bottom: center.y + y }
            });
        let mut boxes = self.boxes.iter().enumerate().filter(|(number, _)| !around.contains(number));
        others.any(|rect| meets(start, end, rect)) || boxes.any(|(_, &rect)| meets(start, end, rect))
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
