//! Drawing with plotters.

use std::error::Error;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Corner, Figure, Layer, Mark, Panel, Rgb};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<T> = Result<T, Box<dyn Error>>;

/// Plotters rounds to whole pixels: drawn this much larger than shown, curves are smooth.
const SCALE: u32 = 4;
const PX: i32 = SCALE as i32;
/// Widths of columns that were not given: of two, and of one alone.
const WIDTHS: (u32, u32) = (560, 700);
const TITLE: u32 = 46;
const KEYS: u32 = 26;
const NOTE: u32 = 20;
const FONT: &str = "sans-serif";
const TEXT: RGBColor = RGBColor(40, 40, 40);
/// Width of a letter of the widest usual fonts, as a share of the font's size.
const LETTER: f64 = 0.5;

/// Where things are, in pixels as shown.
struct Plan<'a> {
    widths: Vec<u32>,
    rows: u32,
    /// Entries of the legend by line, each with its width.
    keys: Vec<Vec<(&'a (String, Rgb), u32)>>,
    notes: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(figure: &'a Figure) -> Result<Self, String> {
        let panels = figure.panels.len();
        let usual = || if panels == 1 { vec![WIDTHS.1] } else { vec![WIDTHS.0; panels.min(2)] };
        let widths = figure.columns.clone().unwrap_or_else(usual);
        if panels == 0 || figure.panels.iter().all(Option::is_none) {
            return Err("a figure needs a panel".into());
        }
        if widths.is_empty() || widths.contains(&0) {
            return Err("a figure needs columns that are wider than nothing".into());
        }
        let width = widths.iter().sum::<u32>();
        let mut keys: Vec<Vec<(&(String, Rgb), u32)>> = Vec::new();
        let mut left = 0;
        for key in &figure.keys {
            let needed = 46 + text_width(&key.0, 14);
            match keys.last_mut().filter(|_| left >= needed) {
                Some(line) => line.push((key, needed)),
                None => {
                    keys.push(vec![(key, needed)]);
                    left = width.saturating_sub(20);
                }
            }
            left = left.saturating_sub(needed);
        }
        let letters = (f64::from(width.saturating_sub(40)) / (13.0 * LETTER)) as usize;
        let notes = figure.notes.iter().flat_map(|note| wrapped(note, letters)).collect();
        Ok(Self { rows: panels.div_ceil(widths.len()) as u32, widths, keys, notes })
    }

    fn size(&self, figure: &Figure) -> (u32, u32) {
        let (keys, notes) = (self.keys.len() as u32 * KEYS, self.notes.len() as u32 * NOTE);
        let ends = if notes > 0 { notes + NOTE / 2 } else { 0 };
        let title = if figure.title.is_empty() { 0 } else { TITLE };
        (self.widths.iter().sum(), title + keys + self.rows * figure.row_height + ends)
    }
}

/// The figure as the text of an SVG file.
pub(super) fn svg(figure: &Figure) -> Result<String, String> {
    let plan = Plan::new(figure)?;
    let (width, height) = plan.size(figure);
    let mut text = String::new();
    draw(figure, &plan, SVGBackend::with_string(&mut text, (width * SCALE, height * SCALE)))
        .map_err(|error| error.to_string())?;
    // The same picture at the size at which it is shown; corners of steep lines would be long spikes.
    let drawn = format!("width=\"{}\" height=\"{}\"", width * SCALE, height * SCALE);
    let shown = format!("width=\"{width}\" height=\"{height}\" stroke-linejoin=\"round\"");
    // What says nothing takes a third of a cloud of dots.
    Ok(text.replacen(&drawn, &shown, 1).replace(" stroke=\"none\" stroke-width=\"1\"", ""))
}

fn draw(figure: &Figure, plan: &Plan<'_>, backend: SVGBackend<'_>) -> Drawn<()> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let mut body = titled(root.clone(), &figure.title, 22, TITLE)?;
    for line in &plan.keys {
        let (top, rest) = body.split_vertically(KEYS * SCALE);
        draw_keys(&top, line)?;
        body = rest;
    }
    let ranges: Vec<(f64, f64)> =
        figure.panels.iter().flatten().map(|panel| range(panel, panel.y_range, |p| p.1)).collect();
    let union = ranges.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let mut ranges = ranges.into_iter();
    for row in figure.panels.chunks(plan.widths.len()) {
        let (mut line, rest) = body.split_vertically(figure.row_height * SCALE);
        body = rest;
        for (panel, width) in row.iter().zip(&plan.widths) {
            let (area, right) = line.split_horizontally(width * SCALE);
            line = right;
            if let (Some(panel), Some(y)) = (panel, panel.as_ref().and_then(|_| ranges.next())) {
                draw_panel(area, panel, union.filter(|_| figure.shared_y).unwrap_or(y))?;
            }
        }
    }
    for (number, note) in plan.notes.iter().enumerate() {
        let style = font(13).pos(Pos::new(HPos::Left, VPos::Center));
        let height = (number as u32 * NOTE + NOTE / 2) as i32 * PX;
        body.draw(&Text::new(clean(note), (20 * PX, height), style))?;
    }
    root.present()?;
    Ok(())
}

/// Writes a title across the top of an area and returns what is left.
fn titled<'a>(area: Area<'a>, title: &str, size: u32, height: u32) -> Drawn<Area<'a>> {
    if title.is_empty() {
        return Ok(area);
    }
    let (top, rest) = area.split_vertically(height * SCALE);
    let (width, height) = top.dim_in_pixel();
    let style = font(size).pos(Pos::new(HPos::Center, VPos::Center));
    let title = fitted(title, width / SCALE, size);
    top.draw(&Text::new(title, (width as i32 / 2, height as i32 * 3 / 5), style))?;
    Ok(rest)
}

/// One line of the legend of all panels.
fn draw_keys(area: &Area<'_>, keys: &[(&(String, Rgb), u32)]) -> Drawn<()> {
    let (width, height) = area.dim_in_pixel();
    let (mut x, y) = (width as i32 / 2, height as i32 / 2);
    x -= keys.iter().map(|(_, width)| width * SCALE).sum::<u32>() as i32 / 2;
    for ((label, color), width) in keys {
        let stroke = rgb(*color).stroke_width(3 * SCALE);
        area.draw(&PathElement::new([(x, y), (x + 20 * PX, y)], stroke))?;
        let style = font(14).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(clean(label), (x + 26 * PX, y), style))?;
        x += (*width * SCALE) as i32;
    }
    Ok(())
}

fn draw_panel(area: Area<'_>, panel: &Panel, y: (f64, f64)) -> Drawn<()> {
    let area = titled(area, &panel.title, 17, 30)?;
    let (width, height) = area.dim_in_pixel();
    if !panel.message.is_empty() {
        return draw_message(&area, &panel.message);
    }
    let x = range(panel, panel.x_range, |p| p.0);
    let left = match &panel.rows {
        Some(names) => names.iter().map(|name| text_width(name, 14)).max().unwrap_or(0).clamp(4, 230) + 8,
        None if panel.labels.1.is_empty() => 46,
        None => 62,
    };
    let mut builder = ChartBuilder::on(&area);
    builder.margin(12 * SCALE).margin_top(6 * SCALE).margin_right(20 * SCALE);
    let below = if panel.labels.0.is_empty() { 28 } else { 46 };
    builder.x_label_area_size(below * SCALE).y_label_area_size(left * SCALE);
    let mut chart = builder.build_cartesian_2d(x.0..x.1, y.0..y.1)?;
    let ticks = |pixels: u32, each: u32| (pixels / SCALE / each).clamp(3, 7) as usize;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(thin(0.08))
        .axis_style(thin(0.4))
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc(clean(&panel.labels.0))
        .y_desc(clean(&panel.labels.1))
        .set_all_tick_mark_size(5 * SCALE)
        .x_labels(ticks(width, 70))
        .y_labels(if panel.rows.is_some() { 0 } else { ticks(height, 42) });
    mesh.x_label_formatter(&|tick| label(*tick, x)).y_label_formatter(&|tick| label(*tick, y)).draw()?;
    if let Some(names) = &panel.rows {
        let (left_edge, top_edge) = area.get_base_pixel();
        for (number, name) in names.iter().enumerate() {
            let (px, py) = chart.backend_coord(&(x.0, (names.len() - 1 - number) as f64));
            let style = font(14).pos(Pos::new(HPos::Right, VPos::Center));
            let place = (px - left_edge - 8 * PX, py - top_edge);
            area.draw(&Text::new(fitted(name, left, 14), place, style))?;
        }
    }
    for layer in &panel.layers {
        draw_layer(&mut chart, layer, (x, y))?;
    }
    if panel.layers.iter().any(|layer| !layer.label.is_empty()) {
        let position = match panel.legend {
            Corner::UpperLeft => SeriesLabelPosition::UpperLeft,
            Corner::UpperRight => SeriesLabelPosition::UpperRight,
            Corner::LowerLeft => SeriesLabelPosition::LowerLeft,
            Corner::LowerRight => SeriesLabelPosition::LowerRight,
        };
        chart
            .configure_series_labels()
            .position(position)
            .margin(10 * SCALE)
            .legend_area_size(28 * SCALE)
            .background_style(WHITE.mix(0.85))
            .border_style(thin(0.2))
            .label_font(font(14))
            .draw()?;
    }
    Ok(())
}

/// A sentence in a frame.
fn draw_message(area: &Area<'_>, message: &str) -> Drawn<()> {
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (width as i32, height as i32);
    let (left, right, top, bottom) = (46 * PX, width - 20 * PX, 6 * PX, height - 46 * PX);
    area.draw(&Rectangle::new([(left, top), (right, bottom)], thin(0.15)))?;
    let letters = (f64::from(right - left) / f64::from(PX) / (15.0 * LETTER)) as usize;
    let lines = wrapped(&clean(message), letters.saturating_sub(2));
    let first = (top + bottom) / 2 - (lines.len() as i32 - 1) * 10 * PX;
    for (number, line) in lines.into_iter().enumerate() {
        let style = font(15).pos(Pos::new(HPos::Center, VPos::Center));
        area.draw(&Text::new(line, ((left + right) / 2, first + number as i32 * 20 * PX), style))?;
    }
    Ok(())
}

type Ranges = ((f64, f64), (f64, f64));

fn draw_layer<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, layer: &Layer, (x, y): Ranges) -> Drawn<()> {
    let Layer { label, color, mark, points } = layer;
    let color = rgb(*color);
    let inside = |p: &(f64, f64)| (x.0..=x.1).contains(&p.0) && (y.0..=y.1).contains(&p.1);
    let seen = points.iter().copied().filter(inside);
    let stroke = |width: u32, opacity: f64| color.mix(opacity).stroke_width(width * SCALE);
    if points.is_empty() && *mark != Mark::Remark {
        return Ok(());
    }
    let series = match *mark {
        Mark::Line { width, opacity } => {
            let runs = points.split(|point| !inside(point)).filter(|run| !run.is_empty());
            let path = |run: &[(f64, f64)]| PathElement::new(run.to_vec(), stroke(width, opacity));
            chart.draw_series(runs.map(path))?
        }
        Mark::Dashes => {
            chart.draw_series(DashedLineSeries::new(seen, 6 * SCALE, 4 * SCALE, stroke(2, 1.0)))?
        }
        Mark::Dots { radius, opacity } => {
            let style = color.mix(opacity).filled();
            chart.draw_series(seen.map(|point| Circle::new(point, radius * SCALE, style)))?
        }
        Mark::Area { opacity } => {
            let within = |p: &(f64, f64)| (p.0.clamp(x.0, x.1), p.1.clamp(y.0, y.1));
            let outline: Vec<(f64, f64)> = points.iter().map(within).collect();
            chart.draw_series(std::iter::once(Polygon::new(outline, color.mix(opacity))))?
        }
        Mark::Ticks => {
            let places = points.iter().filter(|point| (x.0..=x.1).contains(&point.0));
            chart.draw_series(places.map(|point| {
                EmptyElement::at((point.0, y.0)) + PathElement::new([(0, 0), (0, -9 * PX)], stroke(1, 0.8))
            }))?
        }
        Mark::Remark => chart.draw_series(std::iter::empty::<Circle<(f64, f64), u32>>())?,
    };
    if label.is_empty() {
        return Ok(());
    }
    let series = series.label(clean(label));
    let stroke = stroke(2, 1.0);
    match *mark {
        Mark::Line { .. } => series.legend(move |at| EmptyElement::at(at) + dash(0, 20, stroke)),
        Mark::Dashes => {
            series.legend(move |at| EmptyElement::at(at) + dash(0, 8, stroke) + dash(12, 20, stroke))
        }
        Mark::Dots { radius, .. } => series.legend(move |at| {
            EmptyElement::at(at) + Circle::new((10 * PX, 0), (radius + 1) * SCALE, color.filled())
        }),
        Mark::Area { opacity } => series.legend(move |at| {
            let corners = [(0, -5 * PX), (20 * PX, 5 * PX)];
            EmptyElement::at(at) + Rectangle::new(corners, color.mix(opacity.max(0.2)).filled())
        }),
        Mark::Ticks => series.legend(move |at| {
            EmptyElement::at(at) + PathElement::new([(10 * PX, -5 * PX), (10 * PX, 5 * PX)], stroke)
        }),
        Mark::Remark => series,
    };
    Ok(())
}

/// A horizontal stroke of a legend, from one distance to another.
fn dash(start: i32, end: i32, stroke: ShapeStyle) -> PathElement<(i32, i32)> {
    PathElement::new([(start * PX, 0), (end * PX, 0)], stroke)
}

fn font(size: u32) -> TextStyle<'static> {
    (FONT, size * SCALE).into_font().color(&TEXT)
}

fn thin(opacity: f64) -> ShapeStyle {
    BLACK.mix(opacity).stroke_width(SCALE)
}

fn rgb((red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

/// The range asked for, or that of the points with a margin; never empty.
fn range(panel: &Panel, given: Option<(f64, f64)>, coordinate: fn(&(f64, f64)) -> f64) -> (f64, f64) {
    let finite = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
    let marks = panel.layers.iter().filter(|layer| layer.mark != Mark::Ticks);
    let all = marks.flat_map(|layer| &layer.points).filter(finite).map(coordinate);
    let (low, high) = given.unwrap_or_else(|| {
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let margin = (high - low) * 0.04;
        (low - margin, high + margin)
    });
    // Beside a large number a half is nothing.
    let around = |centre: f64| centre.abs().mul_add(1e-3, 0.5);
    match (low, high) {
        (low, high) if low < high && low.is_finite() && high.is_finite() => (low, high),
        (low, _) if low.is_finite() => (low - around(low), low + around(low)),
        _ => (0.0, 1.0),
    }
}

/// A tick's label, with as many decimals as the range asks for.
fn label(tick: f64, (low, high): (f64, f64)) -> String {
    let step = ((high - low) / 5.0).log10().floor();
    let largest = low.abs().max(high.abs()).log10().floor();
    if largest >= 6.0 || step < -6.0 {
        let digits = (largest - step + 1.0).clamp(0.0, 15.0) as usize;
        return if tick.abs() < (high - low) * 1e-9 { "0".to_owned() } else { format!("{tick:.digits$e}") };
    }
    let decimals = (1.0 - step).clamp(0.0, 8.0) as usize;
    let text = format!("{tick:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// An estimate, in pixels.
fn text_width(text: &str, size: u32) -> u32 {
    (text.chars().count() as f64 * f64::from(size) * LETTER) as u32
}

/// A text that is no wider than so many pixels: its middle left out where it is too long.
fn fitted(text: &str, width: u32, size: u32) -> String {
    let letters: Vec<char> = clean(text).chars().collect();
    let room = ((f64::from(width) / (f64::from(size) * LETTER)) as usize).max(5);
    if letters.len() <= room {
        return letters.into_iter().collect();
    }
    let (head, tail) = (room / 2, room - room / 2 - 1);
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
}

/// Lines of at most so many letters, cut between words.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Without what may not stand in XML.
fn clean(text: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if bad(c) { '\u{fffd}' } else { c }).collect()
}
