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
const PANEL: (u32, u32) = (560 * SCALE, 420 * SCALE);
const TITLE: u32 = 46 * SCALE;
const FONT: &str = "sans-serif";
const TEXT: RGBColor = RGBColor(40, 40, 40);

/// The figure as the text of an SVG file.
pub(super) fn svg(figure: &Figure) -> Result<String, String> {
    let columns = figure.columns.min(figure.panels.len());
    if columns == 0 {
        return Err("a figure needs a panel".into());
    }
    let rows = figure.panels.len().div_ceil(columns);
    let width = if columns == 1 { PANEL.0 * 5 / 4 } else { PANEL.0 * columns as u32 };
    let size = (width, PANEL.1 * rows as u32 + TITLE);
    let mut text = String::new();
    draw(figure, (rows, columns), SVGBackend::with_string(&mut text, size))
        .map_err(|error| error.to_string())?;
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(text.replacen(&drawn, &format!("width=\"{}\" height=\"{}\"", size.0 / SCALE, size.1 / SCALE), 1))
}

fn draw(figure: &Figure, grid: (usize, usize), backend: SVGBackend<'_>) -> Drawn<()> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let body = titled(root.clone(), &figure.title, 22, TITLE)?;
    let ranges: Vec<(f64, f64)> =
        figure.panels.iter().map(|panel| range(panel, panel.y_range, |p| p.1)).collect();
    let union = ranges.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    for ((area, panel), y) in body.split_evenly(grid).into_iter().zip(&figure.panels).zip(ranges) {
        let y = union.filter(|_| figure.shared_y).unwrap_or(y);
        draw_panel(area, panel, y)?;
    }
    root.present()?;
    Ok(())
}

/// Writes a title across the top of an area and returns what is left.
fn titled<'a>(area: Area<'a>, title: &str, size: u32, height: u32) -> Drawn<Area<'a>> {
    if title.is_empty() {
        return Ok(area);
    }
    let (top, rest) = area.split_vertically(height);
    let (width, height) = top.dim_in_pixel();
    let style = font(size).pos(Pos::new(HPos::Center, VPos::Center));
    top.draw(&Text::new(title.to_owned(), (width as i32 / 2, height as i32 * 3 / 5), style))?;
    Ok(rest)
}

fn draw_panel(area: Area<'_>, panel: &Panel, y: (f64, f64)) -> Drawn<()> {
    let area = titled(area, &panel.title, 17, 30 * SCALE)?;
    let x = range(panel, panel.x_range, |p| p.0);
    let mut builder = ChartBuilder::on(&area);
    builder.margin(12 * SCALE).margin_top(6 * SCALE).margin_right(20 * SCALE);
    builder.x_label_area_size(46 * SCALE).y_label_area_size(62 * SCALE);
    let mut chart = builder.build_cartesian_2d(x.0..x.1, y.0..y.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(thin(0.08))
        .axis_style(thin(0.4))
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc(&panel.labels.0)
        .y_desc(&panel.labels.1)
        .set_all_tick_mark_size(5 * SCALE)
        .x_labels(7)
        .y_labels(7)
        .x_label_formatter(&|tick| label(*tick, x))
        .y_label_formatter(&|tick| label(*tick, y))
        .draw()?;
    for layer in panel.layers.iter().filter(|layer| !layer.points.is_empty()) {
        draw_layer(&mut chart, layer)?;
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

fn draw_layer<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, layer: &Layer) -> Drawn<()> {
    let Layer { label, color, mark, points } = layer;
    let color = rgb(*color);
    let stroke = color.stroke_width(2 * SCALE);
    let points = points.iter().copied();
    let series = match *mark {
        Mark::Line => chart.draw_series(LineSeries::new(points, stroke))?,
        Mark::Dashes => chart.draw_series(DashedLineSeries::new(points, 6 * SCALE, 4 * SCALE, stroke))?,
        Mark::Dots { radius, opacity } => {
            let style = color.mix(opacity).filled();
            chart.draw_series(points.map(|point| Circle::new(point, radius * SCALE, style)))?
        }
        Mark::Area { opacity } => {
            let outline: Vec<(f64, f64)> = points.collect();
            chart.draw_series(std::iter::once(Polygon::new(outline, color.mix(opacity))))?
        }
    };
    if label.is_empty() {
        return Ok(());
    }
    let series = series.label(label);
    match *mark {
        Mark::Line => series.legend(move |at| EmptyElement::at(at) + dash(0, 20, stroke)),
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
    let all = panel.layers.iter().flat_map(|layer| &layer.points).map(coordinate);
    let (low, high) = given.unwrap_or_else(|| {
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let margin = (high - low) * 0.04;
        (low - margin, high + margin)
    });
    match (low, high) {
        (low, high) if low < high && low.is_finite() && high.is_finite() => (low, high),
        (low, _) if low.is_finite() => (low - 0.5, low + 0.5),
        _ => (0.0, 1.0),
    }
}

/// A tick's label, with as many decimals as the range asks for.
fn label(tick: f64, (low, high): (f64, f64)) -> String {
    let decimals = (1.0 - ((high - low) / 5.0).log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{:.*}", decimals, tick);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
