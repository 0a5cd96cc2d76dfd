//! Pictures without another program: a layered layout, written as SVG 1.1.

use std::fmt::Write;

use super::graph::{Dependence, Edge, ModelGraph, Node, View, printable};
use super::layout::{BoxSize, Diagram, NodeSize, Point, Rect};
use crate::SiteKind;

const FONT_SIZE: f64 = 14.0;
const SMALL_SIZE: f64 = 12.0;
const LINE_HEIGHT: f64 = 18.0;
const MARGIN: f64 = 14.0;
const ARROW: f64 = 8.0;
const INK: &str = "#222222";
const FAINT: &str = "#777777";

impl ModelGraph {
    /// The graph as a picture in SVG 1.1, laid out in layers so that every edge points downwards.
    pub fn to_svg(&self) -> String {
        let view = self.view();
        let diagram = diagram(&view);
        let layout = diagram.layout();
        let legend = Legend::of(&view.legend, layout.width);
        let width = layout.width.max(legend.width) + 2.0 * MARGIN;
        let height = layout.height + legend.height + 2.0 * MARGIN;
        let shift = MARGIN + (legend.width - layout.width).max(0.0) / 2.0;

        let mut svg = Svg::new(width, height);
        let _ = writeln!(svg.text, "<g transform=\"translate({shift:.1} {MARGIN:.1})\">");
        layout.boxes.iter().for_each(|&rect| svg.plate(rect));
        let shape = |node: usize| (layout.centers[node], diagram.nodes[node], view.nodes[node].kind);
        let mut bends = layout.bends.iter();
        for edge in &view.edges {
            if edge.from == edge.to {
                svg.own_step(layout.centers[edge.from], diagram.nodes[edge.from]);
                continue;
            }
            let (upper, lower) = ends(edge);
            let mut points = route(shape(upper), shape(lower), bends.next().map_or(&[], Vec::as_slice));
            if let (Dependence::Step, [start, end]) = (edge.dependence, points.as_slice()) {
                // Beside the edge within a step, if there is one.
                let aside = Point { x: (start.x + end.x) / 2.0 + 16.0, y: (start.y + end.y) / 2.0 };
                points.insert(1, aside);
            }
            if edge.from > edge.to {
                points.reverse();
            }
            svg.edge(&points, edge.dependence);
        }
        for (&plate, &rect) in view.plates.iter().zip(&layout.boxes) {
            svg.plate_label(rect, &view.plate(plate).label());
        }
        for (number, node) in view.nodes.iter().enumerate() {
            svg.node(node, layout.centers[number], diagram.nodes[number]);
        }
        svg.text.push_str("</g>\n");
        legend.write(&mut svg, MARGIN, MARGIN + layout.height);
        svg.text.push_str("</svg>\n");
        svg.text
    }
}

/// Sizes of everything shown, for the layout.
fn diagram(view: &View<'_>) -> Diagram {
    let place = |plate: Option<usize>| view.plates.iter().position(|&shown| Some(shown) == plate);
    let node = |node: &&Node| {
        let (text_width, text_height) = text_size(&node.name, FONT_SIZE);
        // An ellipse around a rectangle is wider and higher than it by the square root of two, less what the corners of
        // letters leave empty.
        let (width, height) = match node.kind {
            SiteKind::Param => (text_width + 6.0, text_height + 6.0),
            SiteKind::Factor => (text_width + 18.0, text_height + 12.0),
            _ => ((text_width * 1.2 + 20.0).max(52.0), text_height * 1.25 + 14.0),
        };
        NodeSize { width, height, within: place(node.plate) }
    };
    let frame = |&plate: &usize| {
        let plate = view.plate(plate);
        BoxSize { label: text_size(&plate.label(), SMALL_SIZE).0 + 16.0, within: place(plate.within) }
    };
    Diagram {
        nodes: view.nodes.iter().map(node).collect(),
        edges: view.edges.iter().filter(|edge| edge.from != edge.to).map(ends).collect(),
        boxes: view.plates.iter().map(frame).collect(),
    }
}

/// The upper and the lower end: an earlier step may be that of a later statement.
fn ends(edge: &Edge) -> (usize, usize) {
    (edge.from.min(edge.to), edge.from.max(edge.to))
}

type Shape = (Point, NodeSize, SiteKind);

/// The points of an edge from outline to outline.
fn route(from: Shape, to: Shape, bends: &[Point]) -> Vec<Point> {
    let towards = bends.first().copied().unwrap_or(to.0);
    let back = bends.last().copied().unwrap_or(from.0);
    let start = outline(from, towards, 0.0);
    let end = outline(to, back, 2.0);
    std::iter::once(start).chain(bends.iter().copied()).chain([end]).collect()
}

/// Where the line from a node's centre towards a point leaves the node, and a little further.
fn outline((center, size, kind): Shape, towards: Point, further: f64) -> Point {
    let (dx, dy) = (towards.x - center.x, towards.y - center.y);
    let (a, b) = (size.width / 2.0, size.height / 2.0);
    let share = match kind {
        SiteKind::Param | SiteKind::Factor => 1.0 / (dx.abs() / a).max(dy.abs() / b),
        _ => 1.0 / (dx / a).hypot(dy / b),
    };
    let share = share + further / dx.hypot(dy);
    Point { x: center.x + share * dx, y: center.y + share * dy }
}

struct Svg {
    text: String,
}

impl Svg {
    fn new(width: f64, height: f64) -> Self {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.1} {height:.1}\" \
             font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">"
        );
        let _ = writeln!(text, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
        Self { text }
    }

    fn plate(&mut self, rect: Rect) {
        let (width, height) = (rect.right - rect.left, rect.bottom - rect.top);
        let _ = writeln!(
            self.text,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\" fill=\"none\" \
             stroke=\"{FAINT}\"/>",
            rect.left, rect.top
        );
    }

    /// In the lower right corner, on a halo that keeps edges behind it apart.
    fn plate_label(&mut self, rect: Rect, label: &str) {
        let corner = Point { x: rect.right - 10.0, y: rect.bottom - 9.0 };
        let label = printable(label).replace('\n', " ");
        let halo = " stroke=\"#ffffff\" stroke-width=\"4\" stroke-linejoin=\"round\"";
        self.line(&label, corner, SMALL_SIZE, &format!("text-anchor=\"end\" fill=\"#ffffff\"{halo}"));
        self.line(&label, corner, SMALL_SIZE, &format!("text-anchor=\"end\" fill=\"{FAINT}\""));
    }

    fn node(&mut self, node: &Node, center: Point, size: NodeSize) {
        let (fill, ink, dashes) = match node.kind {
            SiteKind::Observed => ("#d0d0d0", INK, ""),
            SiteKind::Factor => (INK, "#ffffff", ""),
            SiteKind::Deterministic => ("#ffffff", INK, " stroke-dasharray=\"4 3\""),
            SiteKind::Latent | SiteKind::Subsample | SiteKind::Param => ("#ffffff", INK, ""),
        };
        let (Point { x, y }, a, b) = (center, size.width / 2.0, size.height / 2.0);
        let _ = match node.kind {
            SiteKind::Param => Ok(()),
            SiteKind::Factor => writeln!(
                self.text,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{fill}\"/>",
                x - a,
                y - b,
                size.width,
                size.height
            ),
            _ => writeln!(
                self.text,
                "<ellipse cx=\"{x:.1}\" cy=\"{y:.1}\" rx=\"{a:.1}\" ry=\"{b:.1}\" fill=\"{fill}\" stroke=\"{INK}\" \
                 stroke-width=\"1.2\"{dashes}/>"
            ),
        };
        let name = printable(&node.name);
        let lines: Vec<&str> = name.split('\n').collect();
        let first = y - (lines.len() as f64 - 1.0) / 2.0 * LINE_HEIGHT + 0.35 * FONT_SIZE;
        for (number, line) in lines.iter().enumerate() {
            let place = Point { x, y: first + number as f64 * LINE_HEIGHT };
            self.line(line, place, FONT_SIZE, &format!("text-anchor=\"middle\" fill=\"{ink}\""));
        }
    }

    /// A curve that passes inner points straight down, with an arrow head at its end.
    fn edge(&mut self, points: &[Point], dependence: Dependence) {
        let (Some(&first), Some(&end)) = (points.first(), points.last()) else { return };
        let before = points[points.len() - 2];
        let length = (end.x - before.x).hypot(end.y - before.y);
        let (ux, uy) = ((end.x - before.x) / length, (end.y - before.y) / length);
        let neck = Point { x: end.x - ARROW * ux, y: end.y - ARROW * uy };
        let mut path = format!("M {:.1} {:.1}", first.x, first.y);
        for (number, pair) in points.windows(2).enumerate() {
            let (from, to) = (pair[0], if number + 2 == points.len() { neck } else { pair[1] });
            let third = (to.y - from.y) / 3.0;
            let slope = |bends: bool| if bends { 0.0 } else { (to.x - from.x) / 3.0 };
            // Inner points are passed straight down; at outlines the curve is heading for the next point.
            let leave = slope(number > 0);
            let arrive = slope(number + 2 < points.len());
            let _ = write!(
                path,
                " C {:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                from.x + leave,
                from.y + third,
                to.x - arrive,
                to.y - third,
                to.x,
                to.y
            );
        }
        let dashes = match dependence {
            Dependence::Value => "",
            Dependence::Read => " stroke-dasharray=\"5 4\"",
            Dependence::Step => " stroke-dasharray=\"1.5 3\"",
        };
        let _ = writeln!(
            self.text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.1\"{dashes}/>"
        );
        self.arrow_head(neck, end);
    }

    /// A dotted loop at the right side: a value carried to the statement's own next step.
    fn own_step(&mut self, center: Point, size: NodeSize) {
        // Points of the ellipse 35° from its right end, and a bulge narrower than the gap between nodes.
        let (x, y) = (center.x + 0.41 * size.width, 0.287 * size.height);
        let (far, start, end) = (x + 24.0, center.y + y, center.y - y);
        let neck = Point { x: x + 0.9 * ARROW, y: end - 0.3 * ARROW };
        let _ = writeln!(
            self.text,
            "<path d=\"M {x:.1} {start:.1} C {far:.1} {:.1} {far:.1} {:.1} {:.1} {:.1}\" fill=\"none\" stroke=\"{INK}\" \
             stroke-width=\"1.1\" stroke-dasharray=\"1.5 3\"/>",
            start + 6.0,
            end - 6.0,
            neck.x,
            neck.y
        );
        self.arrow_head(neck, Point { x, y: end });
    }

    fn arrow_head(&mut self, neck: Point, end: Point) {
        let length = (end.x - neck.x).hypot(end.y - neck.y);
        let (ux, uy) = ((end.x - neck.x) / length, (end.y - neck.y) / length);
        let side = Point { x: -0.4 * ARROW * uy, y: 0.4 * ARROW * ux };
        let _ = writeln!(
            self.text,
            "<polygon points=\"{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\" fill=\"{INK}\"/>",
            end.x,
            end.y,
            neck.x + side.x,
            neck.y + side.y,
            neck.x - side.x,
            neck.y - side.y
        );
    }

    fn line(&mut self, line: &str, at: Point, size: f64, style: &str) {
        let _ = writeln!(
            self.text,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\" {style}>{}</text>",
            at.x,
            at.y,
            escape(line)
        );
    }
}

/// The list of distributions below the graph, in as many columns as fit.
struct Legend<'a> {
    lines: &'a [String],
    rows: usize,
    column: f64,
    width: f64,
    height: f64,
}

impl<'a> Legend<'a> {
    fn of(lines: &'a [String], room: f64) -> Self {
        let widest = lines.iter().map(|line| text_size(line, SMALL_SIZE).0).fold(0.0, f64::max);
        let column = widest + 24.0;
        let columns = ((room / column) as usize).clamp(1, lines.len().max(1));
        let rows = lines.len().div_ceil(columns);
        let height = if lines.is_empty() { 0.0 } else { (rows as f64 + 1.0) * LINE_HEIGHT };
        let width = if lines.is_empty() { 0.0 } else { column * lines.len().div_ceil(rows) as f64 };
        Self { lines, rows, column, width, height }
    }

    fn write(&self, svg: &mut Svg, left: f64, top: f64) {
        for (number, line) in self.lines.iter().enumerate() {
            let (column, row) = (number / self.rows, number % self.rows);
            let at = Point {
                x: left + column as f64 * self.column,
                y: top + (row as f64 + 1.0) * LINE_HEIGHT + SMALL_SIZE,
            };
            svg.line(&printable(line).replace('\n', " "), at, SMALL_SIZE, &format!("fill=\"{INK}\""));
        }
    }
}

/// Width and height of a text, estimated on the wide side: the font is the viewer's.
fn text_size(text: &str, size: f64) -> (f64, f64) {
    let width = |line: &str| line.chars().map(char_width).sum::<f64>() * size;
    let lines = text.split('\n').count() as f64;
    (text.split('\n').map(width).fold(0.0, f64::max), size + (lines - 1.0) * LINE_HEIGHT)
}

/// In units of the font's size.
fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.30,
        'f' | 'r' | 't' | ' ' | '(' | ')' | '[' | ']' | '/' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.72,
        // Ideographs, kana, Hangul, emoji.
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{1f000}'.. => 1.1,
        _ => 0.62,
    }
}

fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    // Not characters of XML.
    escaped.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
