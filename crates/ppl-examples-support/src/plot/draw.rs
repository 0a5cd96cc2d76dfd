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

const PANEL: (u32, u32) = (560, 420);
const TITLE: u32 = 46;
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
    draw(figure, (rows, columns), SVGBackend::with_string(&mut text, size)).map_err(|error| error.to_string())?;
    Ok(text)
}

fn draw(figure: &Figure, grid: (usize, usize), backend: SVGBackend<'_>) -> Drawn<()> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let (title, body) = root.split_vertically(TITLE);
    let centre = title.dim_in_pixel().0 as i32 / 2;
    let style = (FONT, 22).into_font().color(&TEXT).pos(Pos::new(HPos::Center, VPos::Center));
    title.draw(&Text::new(figure.title.clone(), (centre, TITLE as i32 * 3 / 5), style))?;
    for (area, panel) in body.split_evenly(grid).iter().zip(&figure.panels) {
        draw_panel(area, panel)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(area: &Area<'_>, panel: &Panel) -> Drawn<()> {
    let (x, y) = (range(panel, panel.x_range, |p| p.0), range(panel, panel.y_range, |p| p.1));
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).margin_right(20).x_label_area_size(46).y_label_area_size(62);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, (FONT, 17).into_font().color(&TEXT));
    }
    let mut chart = builder.build_cartesian_2d(x.0..x.1, y.0..y.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .axis_style(BLACK.mix(0.4))
        .label_style((FONT, 14).into_font().color(&TEXT))
        .axis_desc_style((FONT, 15).into_font().color(&TEXT))
        .x_desc(&panel.labels.0)
        .y_desc(&panel.labels.1)
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
            .margin(10)
            .legend_area_size(26)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font((FONT, 14).into_font().color(&TEXT))
            .draw()?;
    }
    Ok(())
}

fn draw_layer<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, layer: &Layer) -> Drawn<()> {
    let Layer { label, color, mark, points } = layer;
    let color = rgb(*color);
    let stroke = color.stroke_width(2);
    let points = points.iter().copied();
    let series = match *mark {
        Mark::Line => chart.draw_series(LineSeries::new(points, stroke))?,
        Mark::Dashes => chart.draw_series(DashedLineSeries::new(points, 6, 4, stroke))?,
        Mark::Dots { radius, opacity } => {
            let style = color.mix(opacity).filled();
            chart.draw_series(points.map(|point| Circle::new(point, radius, style)))?
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
        Mark::Line => series.legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], stroke)),
        Mark::Dashes => series.legend(move |at| {
            let dash = |start: i32| PathElement::new([(start, 0), (start + 8, 0)], stroke);
            EmptyElement::at(at) + dash(0) + dash(12)
        }),
        Mark::Dots { radius, .. } => {
            series.legend(move |(x, y)| Circle::new((x + 10, y), radius + 1, color.filled()))
        }
        Mark::Area { opacity } => series.legend(move |(x, y)| {
            Rectangle::new([(x, y - 5), (x + 20, y + 5)], color.mix(opacity.max(0.2)).filled())
        }),
    };
    Ok(())
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
