//! Figures, described by what they show; drawn as SVG.

mod draw;

use std::fmt;
use std::path::{Path, PathBuf};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

// Colours that colour-blind readers can tell apart (Okabe and Ito 2008).
/// For the main subject.
pub const BLUE: Rgb = (0, 114, 178);
/// For what the main subject is compared with.
pub const ORANGE: Rgb = (213, 94, 0);
/// For a third subject.
pub const GREEN: Rgb = (0, 158, 115);
/// For the background.
pub const GREY: Rgb = (130, 130, 130);
/// For references.
pub const BLACK: Rgb = (20, 20, 20);

/// A picture of one or several panels.
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    columns: usize,
    shared_y: bool,
    panels: Vec<Panel>,
}

/// A coordinate system with what is drawn in it.
#[derive(Debug, Clone)]
pub struct Panel {
    title: String,
    labels: (String, String),
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    legend: Corner,
    layers: Vec<Layer>,
}

/// Where the legend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Above, left.
    UpperLeft,
    /// Above, right.
    UpperRight,
    /// Below, left.
    LowerLeft,
    /// Below, right.
    LowerRight,
}

#[derive(Debug, Clone)]
struct Layer {
    /// In the legend; not there if empty.
    label: String,
    color: Rgb,
    mark: Mark,
    points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    Line,
    Dashes,
    Dots {
        radius: u32,
        opacity: f64,
    },
    /// The points are a closed outline.
    Area {
        opacity: f64,
    },
}

/// A figure could not be drawn or written.
#[derive(Debug, Clone)]
pub struct PlotError {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for PlotError {}

impl Figure {
    /// A figure with a title, without panels yet.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), columns: 2, shared_y: false, panels: Vec::new() }
    }

    /// The same figure with one more panel: to the right, or below after two.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The same figure with one range of y for all panels.
    #[must_use]
    pub fn shared_y(self) -> Self {
        Self { shared_y: true, ..self }
    }

    /// Writes the figure to `folder/name`, an SVG file. Makes the folder if it is missing.
    ///
    /// # Errors
    /// If it cannot be drawn, as for want of a panel, or the file cannot be written.
    pub fn save(&self, folder: &Path, name: &str) -> Result<PathBuf, PlotError> {
        let path = folder.join(name);
        let fault = |reason: String| PlotError { path: path.clone(), reason };
        let svg = draw::svg(self).map_err(fault)?;
        std::fs::create_dir_all(folder).map_err(|error| fault(error.to_string()))?;
        std::fs::write(&path, svg).map_err(|error| fault(error.to_string()))?;
        Ok(path)
    }
}

impl Panel {
    /// A panel with a title and the labels of its axes.
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            labels: (x_label.to_owned(), y_label.to_owned()),
            x_range: None,
            y_range: None,
            legend: Corner::UpperRight,
            layers: Vec::new(),
        }
    }

    /// The same panel over a given range of x; without it, over that of the points.
    #[must_use]
    pub fn x_range(mut self, start: f64, end: f64) -> Self {
        self.x_range = Some((start, end));
        self
    }

    /// The same panel over a given range of y; without it, over that of the points.
    #[must_use]
    pub fn y_range(mut self, start: f64, end: f64) -> Self {
        self.y_range = Some((start, end));
        self
    }

    /// The same panel with the legend in another corner than the upper right.
    #[must_use]
    pub fn legend(mut self, corner: Corner) -> Self {
        self.legend = corner;
        self
    }

    /// The same panel with a line through points. An empty label is left out of the legend, here and below.
    #[must_use]
    pub fn line(self, label: &str, color: Rgb, points: Vec<(f64, f64)>) -> Self {
        self.layer(label, color, Mark::Line, points)
    }

    /// The same panel with a dashed line through points.
    #[must_use]
    pub fn dashes(self, label: &str, color: Rgb, points: Vec<(f64, f64)>) -> Self {
        self.layer(label, color, Mark::Dashes, points)
    }

    /// The same panel with a dot at each point; faint ones if there are many.
    #[must_use]
    pub fn dots(self, label: &str, color: Rgb, points: Vec<(f64, f64)>) -> Self {
        let mark = match points.len() {
            0..300 => Mark::Dots { radius: 3, opacity: 0.75 },
            _ => Mark::Dots { radius: 2, opacity: 0.25 },
        };
        self.layer(label, color, mark, points)
    }

    /// The same panel with a line over a filled area down to zero, as of a density.
    #[must_use]
    pub fn hill(self, label: &str, color: Rgb, points: Vec<(f64, f64)>) -> Self {
        let feet = [points.last(), points.first()].into_iter().flatten().map(|&(x, _)| (x, 0.0));
        let outline = points.iter().copied().chain(feet).collect();
        self.layer("", color, Mark::Area { opacity: 0.12 }, outline).line(label, color, points)
    }

    /// The same panel with the area between two curves: triples of x, lower and upper bound.
    #[must_use]
    pub fn band(self, label: &str, color: Rgb, opacity: f64, bounds: &[(f64, f64, f64)]) -> Self {
        let lower = bounds.iter().map(|&(x, lower, _)| (x, lower));
        let upper = bounds.iter().rev().map(|&(x, _, upper)| (x, upper));
        self.layer(label, color, Mark::Area { opacity }, lower.chain(upper).collect())
    }

    fn layer(mut self, label: &str, color: Rgb, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        self.layers.push(Layer { label: label.to_owned(), color, mark, points });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> Figure {
        let curve: Vec<(f64, f64)> = (0..50).map(|i| f64::from(i) / 10.0).map(|x| (x, x.sin())).collect();
        let band: Vec<(f64, f64, f64)> = curve.iter().map(|&(x, y)| (x, y - 0.1, y + 0.1)).collect();
        let first = Panel::new("a title", "time (s)", "height")
            .line("sine", BLUE, curve.clone())
            .band("", BLUE, 0.2, &band);
        let second = Panel::new("", "x", "y").dots("points", ORANGE, curve.clone()).dashes(
            "dashes",
            BLACK,
            curve.clone(),
        );
        let third =
            Panel::new("", "x", "y").hill("hill", GREEN, curve).legend(Corner::LowerLeft).y_range(0.0, 1.0);
        Figure::new("All marks").shared_y().panel(first).panel(second).panel(third)
    }

    #[test]
    fn a_figure_has_its_titles_labels_and_legends() {
        let svg = draw::svg(&figure()).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in ["All marks", "a title", "time (s)", "height", "sine", "points", "dashes", "hill"] {
            assert!(svg.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn points_that_are_not_finite_and_flat_ranges_do_no_harm() {
        let flat =
            Panel::new("", "", "").line("", BLUE, vec![(0.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)]);
        let svg = draw::svg(&Figure::new("").panel(flat).panel(Panel::new("empty", "", ""))).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert!(draw::svg(&Figure::new("")).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = figure().save(Path::new("/proc/none"), "a.svg").unwrap_err().to_string();
        assert!(error.starts_with("/proc/none/a.svg: "), "{error}");
    }
}
