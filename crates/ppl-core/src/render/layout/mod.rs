//! Layered drawing of a directed acyclic graph whose nodes lie in nested boxes.
//!
//! Source: Sugiyama, Tagawa, Toda (1981), Methods for visual understanding of hierarchical system structures. Boxes are
//! kept whole in the order of every layer, as in Sander (1999), Graph layout for applications in compiler construction.

#[cfg(test)]
mod laws;
mod layers;
mod order;
mod place;
mod route;

use layers::Layers;
use order::Order;

/// Space between neighbours of a layer.
const NODE_GAP: f64 = 24.0;
/// Space between a box and what is beside it.
const BOX_GAP: f64 = 18.0;
/// Space between a box and what is in it, at its sides and its upper edge.
const PAD: f64 = 16.0;
/// The same at its lower edge, where the box has its label.
const LABEL_PAD: f64 = 32.0;
/// Space between layers.
const LAYER_GAP: f64 = 44.0;

/// Elementary steps that an improvement may take: drawings of programs with very many sites are improved less.
const WORK: usize = 20_000_000;

/// A point; `y` grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// What is to be drawn.
#[derive(Debug, Clone, Default)]
pub(super) struct Diagram {
    pub(super) nodes: Vec<NodeSize>,
    /// From a node to a later one.
    pub(super) edges: Vec<(usize, usize)>,
    pub(super) boxes: Vec<BoxSize>,
}

/// A node: its size, and the innermost box that it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeSize {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) within: Option<usize>,
}

/// A box: the width of its label, and the earlier box that it is in. It holds a node, directly or in a box inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoxSize {
    pub(super) label: f64,
    pub(super) within: Option<usize>,
}

/// Where everything is; the upper left corner is at the origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Of nodes.
    pub(super) centers: Vec<Point>,
    pub(super) boxes: Vec<Rect>,
    /// For each edge the points between its ends that it passes through straight down.
    pub(super) bends: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Diagram {
    /// The boxes around a place, innermost first.
    fn around(&self, within: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(within, |&inner| self.boxes[inner].within)
    }

    pub(super) fn layout(&self) -> Layout {
        let layers = Layers::of(self);
        let order = Order::of(self, &layers);
        place::place(self, &layers, &order)
    }
}
