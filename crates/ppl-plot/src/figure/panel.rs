//! One coordinate system of a figure.

use super::Rgb;

/// A coordinate system with what is drawn in it.
#[derive(Debug, Clone)]
pub struct Panel {
    pub(super) title: String,
    pub(super) labels: (String, String),
    pub(super) x_range: Option<(f64, f64)>,
    pub(super) y_range: Option<(f64, f64)>,
    pub(super) legend: Corner,
    pub(super) layers: Vec<Layer>,
    /// Names of the rows, from the top, if y has names in place of numbers.
    pub(super) rows: Option<Vec<String>>,
    /// In place of axes and marks, if there is one.
    pub(super) message: String,
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
pub(super) struct Layer {
    /// In the legend; not there if empty.
    pub(super) label: String,
    pub(super) color: Rgb,
    pub(super) mark: Mark,
    pub(super) points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    Line {
        width: u32,
        opacity: f64,
    },
    Dashes,
    Dots {
        radius: u32,
        opacity: f64,
    },
    /// The points are a closed outline.
    Area {
        opacity: f64,
    },
    /// Short strokes at the bottom of the panel, at the points' x.
    Ticks,
    /// Nothing but its entry in the legend.
    Remark,
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
            rows: None,
            message: String::new(),
        }
    }

    /// The same panel over a given range of x, beyond which nothing is drawn; without it, over that of the points.
    #[must_use]
    pub fn x_range(mut self, start: f64, end: f64) -> Self {
        self.x_range = Some((start, end));
        self
    }

    /// The same panel over a given range of y, beyond which nothing is drawn; without it, over that of the points.
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

    /// The same panel with named rows in place of numbers on the axis of y, from the top: of `n` rows row `i` is at
    /// `n - 1 - i`.
    #[must_use]
    pub fn rows<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.y_range = Some((-0.6, names.len() as f64 - 0.4));
        self.rows = Some(names);
        self
    }

    /// A sentence in place of axes and marks: why there is nothing to see.
    #[must_use]
    pub fn message(mut self, sentence: impl Into<String>) -> Self {
        self.message = sentence.into();
        self
    }

    /// The same panel with a line through points, with a gap where one is not finite. An empty label is left out of the
    /// legend, here and below.
    #[must_use]
    pub fn line(self, label: &str, color: Rgb, points: Vec<(f64, f64)>) -> Self {
        self.layer(label, color, Mark::Line { width: 2, opacity: 1.0 }, points)
    }

    /// The same panel with a thin line through points, one of many.
    #[must_use]
    pub fn thin_line(self, label: &str, color: Rgb, opacity: f64, points: Vec<(f64, f64)>) -> Self {
        self.layer(label, color, Mark::Line { width: 1, opacity }, points)
    }

    /// The same panel with a straight stroke of a width in pixels.
    #[must_use]
    pub fn segment(self, label: &str, color: Rgb, width: u32, from: (f64, f64), to: (f64, f64)) -> Self {
        self.layer(label, color, Mark::Line { width, opacity: 1.0 }, vec![from, to])
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

    /// The same panel with short strokes at the bottom, at these places of x, which do not widen its range.
    #[must_use]
    pub fn ticks(self, label: &str, color: Rgb, places: Vec<f64>) -> Self {
        self.layer(label, color, Mark::Ticks, places.into_iter().map(|x| (x, 0.0)).collect())
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

    /// The same panel with a line of text in its legend.
    #[must_use]
    pub fn remark(self, label: &str) -> Self {
        self.layer(label, super::BLACK, Mark::Remark, Vec::new())
    }

    fn layer(mut self, label: &str, color: Rgb, mark: Mark, mut points: Vec<(f64, f64)>) -> Self {
        if !matches!(mark, Mark::Line { .. }) {
            points.retain(|(x, y)| x.is_finite() && y.is_finite());
        }
        self.layers.push(Layer { label: label.to_owned(), color, mark, points });
        self
    }
}
