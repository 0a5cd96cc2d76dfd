//! Which layer each node is in, and the points where long edges cross layers.

use super::{Diagram, NODE_GAP};

/// Something that takes room in one layer: a node, or a crossing of an edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) layer: usize,
    pub(super) width: f64,
    /// The innermost box around it.
    pub(super) within: Option<usize>,
    pub(super) is_node: bool,
}

/// Layers of nodes, crossings and boxes.
#[derive(Debug)]
pub(super) struct Layers {
    /// The nodes first, in their order, then crossings.
    pub(super) leaves: Vec<Leaf>,
    /// For each edge the leaves that it passes through, its ends included.
    pub(super) chains: Vec<Vec<usize>>,
    /// First and last layer of each box.
    pub(super) spans: Vec<(usize, usize)>,
    pub(super) count: usize,
}

impl Layers {
    pub(super) fn of(diagram: &Diagram) -> Self {
        let layers = layers(diagram);
        let spans = spans(diagram, &layers);
        let node = |(node, &layer): (usize, &usize)| {
            let size = diagram.nodes[node];
            Leaf { layer, width: size.width, within: size.within, is_node: true }
        };
        let mut leaves: Vec<Leaf> = layers.iter().enumerate().map(node).collect();
        let mut chains = Vec::with_capacity(diagram.edges.len());
        for &(from, to) in &diagram.edges {
            let mut chain = vec![from];
            for layer in layers[from] + 1..layers[to] {
                chain.push(leaves.len());
                let within = passage(diagram, &spans, (from, to), layer);
                leaves.push(Leaf { layer, width: NODE_GAP / 4.0, within, is_node: false });
            }
            chain.push(to);
            chains.push(chain);
        }
        let count = layers.iter().max().map_or(0, |last| last + 1);
        Self { leaves, chains, spans, count }
    }

    /// Pairs of leaves that edges join, the upper first.
    pub(super) fn segments(&self) -> impl Iterator<Item = (usize, usize)> {
        self.chains.iter().flat_map(|chain| chain.windows(2).map(|pair| (pair[0], pair[1])))
    }
}

/// Longest paths from the sources; then nodes with more children than parents come down to their children.
fn layers(diagram: &Diagram) -> Vec<usize> {
    let count = diagram.nodes.len();
    let mut children = vec![Vec::new(); count];
    let mut parents = vec![0usize; count];
    for &(from, to) in &diagram.edges {
        children[from].push(to);
        parents[to] += 1;
    }
    let mut layers = vec![0usize; count];
    for node in 0..count {
        for &child in &children[node] {
            layers[child] = layers[child].max(layers[node] + 1);
        }
    }
    for node in (0..count).rev().filter(|&node| children[node].len() > parents[node]) {
        let nearest = children[node].iter().map(|&child| layers[child]).min();
        layers[node] = nearest.map_or(layers[node], |nearest| nearest - 1);
    }
    layers
}

fn spans(diagram: &Diagram, layers: &[usize]) -> Vec<(usize, usize)> {
    let mut spans = vec![(usize::MAX, 0); diagram.boxes.len()];
    for (node, &layer) in layers.iter().enumerate() {
        for around in diagram.around(diagram.nodes[node].within) {
            let (first, last) = spans[around];
            spans[around] = (first.min(layer), last.max(layer));
        }
    }
    spans
}

/// The box in which an edge crosses a layer: a box of its end as soon as that reaches so far up, else a box of its
/// beginning as long as that reaches so far down.
fn passage(
    diagram: &Diagram,
    spans: &[(usize, usize)],
    (from, to): (usize, usize),
    layer: usize,
) -> Option<usize> {
    let reaches = |&around: &usize| (spans[around].0..=spans[around].1).contains(&layer);
    let depth = |within: Option<usize>| diagram.around(within).count();
    let below = diagram.around(diagram.nodes[to].within).find(reaches);
    let above = diagram.around(diagram.nodes[from].within).find(reaches);
    if depth(above) > depth(below) { above } else { below }
}
