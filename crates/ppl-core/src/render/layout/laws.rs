//! What every layout satisfies.

use proptest::prelude::*;

use super::{BoxSize, Diagram, Layout, NodeSize, Point, Rect};

/// Distances are kept up to rounding.
const SLACK: f64 = 1e-6;

/// Any graph with edges to later nodes, in boxes that hold at least one node each.
fn diagrams() -> impl Strategy<Value = Diagram> {
    let nodes = prop::collection::vec((10.0..150.0f64, 20.0..60.0f64, any::<prop::sample::Index>()), 1..18);
    let edges = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30);
    let boxes = prop::collection::vec((0.0..200.0f64, any::<prop::sample::Index>()), 0..6);
    (nodes, edges, boxes).prop_map(|(nodes, edges, boxes)| {
        // Index 0 of a choice means: in no box.
        let choose = |index: prop::sample::Index, count: usize| index.index(count + 1).checked_sub(1);
        let within: Vec<Option<usize>> =
            nodes.iter().map(|(.., index)| choose(*index, boxes.len())).collect();
        let parents: Vec<Option<usize>> =
            boxes.iter().enumerate().map(|(number, (_, index))| choose(*index, number)).collect();
        let mut used = vec![false; boxes.len()];
        for &inner in &within {
            for around in std::iter::successors(inner, |&inner| parents[inner]) {
                used[around] = true;
            }
        }
        let number: Vec<usize> = (0..boxes.len()).map(|b| used[..b].iter().filter(|&&u| u).count()).collect();
        let renumbered = |inner: Option<usize>| inner.map(|inner| number[inner]);
        let kept = (0..boxes.len()).filter(|&b| used[b]);
        let count = nodes.len();
        let edge = |(a, b): &(prop::sample::Index, prop::sample::Index)| {
            let (a, b) = (a.index(count), b.index(count));
            (a != b).then(|| (a.min(b), a.max(b)))
        };
        Diagram {
            boxes: kept.map(|b| BoxSize { label: boxes[b].0, within: renumbered(parents[b]) }).collect(),
            nodes: nodes
                .iter()
                .zip(&within)
                .map(|(&(width, height, _), &inner)| NodeSize { width, height, within: renumbered(inner) })
                .collect(),
            edges: edges.iter().filter_map(edge).collect(),
        }
    })
}

fn rect(diagram: &Diagram, layout: &Layout, node: usize) -> Rect {
    let (size, center) = (&diagram.nodes[node], layout.centers[node]);
    let (x, y) = (size.width / 2.0, size.height / 2.0);
    Rect { left: center.x - x, right: center.x + x, top: center.y - y, bottom: center.y + y }
}

fn apart(a: Rect, b: Rect) -> bool {
    a.right <= b.left + SLACK
        || b.right <= a.left + SLACK
        || a.bottom <= b.top + SLACK
        || b.bottom <= a.top + SLACK
}

fn inside(inner: Rect, outer: Rect) -> bool {
    inner.left >= outer.left - SLACK
        && inner.right <= outer.right + SLACK
        && inner.top >= outer.top - SLACK
        && inner.bottom <= outer.bottom + SLACK
}

/// The centre line of an edge, its ends included.
fn line(diagram: &Diagram, layout: &Layout, edge: usize) -> Vec<Point> {
    let (from, to) = diagram.edges[edge];
    let ends = (layout.centers[from], layout.centers[to]);
    std::iter::once(ends.0).chain(layout.bends[edge].iter().copied()).chain([ends.1]).collect()
}

/// Points of a line, as rectangles without size.
fn points(line: &[Point]) -> impl Iterator<Item = Rect> {
    line.windows(2).flat_map(|pair| {
        (0..=20).map(|part| {
            let share = f64::from(part) / 20.0;
            let x = pair[0].x + share * (pair[1].x - pair[0].x);
            let y = pair[0].y + share * (pair[1].y - pair[0].y);
            Rect { left: x, right: x, top: y, bottom: y }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: proptest::test_runner::RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nodes_do_not_overlap_and_lie_in_their_boxes_alone(diagram in diagrams()) {
        let layout = diagram.layout();
        let rects: Vec<Rect> = (0..diagram.nodes.len()).map(|node| rect(&diagram, &layout, node)).collect();
        for (node, &one) in rects.iter().enumerate() {
            for &other in &rects[..node] {
                prop_assert!(apart(one, other), "{one:?} {other:?}");
            }
            let around: Vec<usize> = diagram.around(diagram.nodes[node].within).collect();
            for (number, &frame) in layout.boxes.iter().enumerate() {
                if around.contains(&number) {
                    prop_assert!(inside(one, frame), "{one:?} {frame:?}");
                } else {
                    prop_assert!(apart(one, frame), "{one:?} {frame:?}");
                }
            }
            let paper = Rect { left: 0.0, top: 0.0, right: layout.width, bottom: layout.height };
            prop_assert!(inside(one, paper), "{one:?} {paper:?}");
        }
    }

    #[test]
    fn boxes_are_nested_or_apart_and_wide_enough_for_their_labels(diagram in diagrams()) {
        let layout = diagram.layout();
        for (number, &one) in layout.boxes.iter().enumerate() {
            prop_assert!(one.right - one.left >= diagram.boxes[number].label - SLACK);
            let around: Vec<usize> = diagram.around(diagram.boxes[number].within).collect();
            for (earlier, &other) in layout.boxes[..number].iter().enumerate() {
                let holds = if around.contains(&earlier) { inside(one, other) } else { apart(one, other) };
                prop_assert!(holds, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn edges_point_downwards_around_nodes(diagram in diagrams()) {
        let layout = diagram.layout();
        for edge in 0..diagram.edges.len() {
            let line = line(&diagram, &layout, edge);
            prop_assert!(line.windows(2).all(|pair| pair[0].y < pair[1].y), "{line:?}");
            let (from, to) = diagram.edges[edge];
            prop_assert!(rect(&diagram, &layout, from).bottom < rect(&diagram, &layout, to).top);
            for node in (0..diagram.nodes.len()).filter(|&node| node != from && node != to) {
                for point in points(&line) {
                    prop_assert!(apart(point, rect(&diagram, &layout, node)), "{point:?} {node}");
                }
            }
        }
    }

    #[test]
    fn the_same_diagram_is_laid_out_alike(diagram in diagrams()) {
        prop_assert_eq!(diagram.layout(), diagram.clone().layout());
    }
}

fn plain(count: usize, edges: &[(usize, usize)]) -> Diagram {
    let node = NodeSize { width: 40.0, height: 30.0, within: None };
    Diagram { nodes: vec![node; count], edges: edges.to_vec(), boxes: Vec::new() }
}

#[test]
fn nothing_has_no_size() {
    let layout = Diagram::default().layout();
    assert_eq!((layout.width, layout.height), (0.0, 0.0));
}

#[test]
fn crossings_are_undone() {
    // 0 → 3 and 1 → 2 cross in the order of numbers.
    let layout = plain(4, &[(0, 3), (1, 2)]).layout();
    let x = |node: usize| layout.centers[node].x;
    assert_eq!(x(0) < x(1), x(3) < x(2));
}

#[test]
fn a_parent_is_in_the_middle_of_its_children() {
    let layout = plain(4, &[(0, 1), (0, 2), (0, 3)]).layout();
    assert!((layout.centers[0].x - layout.centers[2].x).abs() < 0.5, "{layout:?}");
}

#[test]
fn a_chain_is_straight() {
    let layout = plain(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]).layout();
    assert!(layout.centers.iter().all(|center| (center.x - layout.centers[0].x).abs() < 0.5));
}

#[test]
fn a_long_chain_with_a_common_source_is_laid_out() {
    let edges: Vec<(usize, usize)> = (1..200).flat_map(|step| [(0, step + 1), (step, step + 1)]).collect();
    let layout = plain(201, &edges).layout();
    assert!(edges.iter().all(|&(from, to)| layout.centers[from].y < layout.centers[to].y));
}

#[test]
fn a_source_is_next_to_its_first_child() {
    // 0 → 1 → 2 → 4, and 3 → 4.
    let layout = plain(5, &[(0, 1), (1, 2), (2, 4), (3, 4)]).layout();
    assert_eq!(layout.centers[3].y, layout.centers[2].y);
}
