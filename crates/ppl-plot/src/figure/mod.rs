//! Figures, described by what they show; drawn as SVG.

mod draw;
mod panel;

use std::path::{Path, PathBuf};

use ppl_core::{Error, Result};

pub use panel::{Corner, Panel};
use panel::{Layer, Mark};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

// Colours that colour-blind readers can tell apart (Okabe and Ito 2008).
/// For the main subject.
pub const BLUE: Rgb = (0, 114, 178);
/// For what the main subject is compared with.
pub const ORANGE: Rgb = (213, 94, 0);
/// For a third subject.
pub const GREEN: Rgb = (0, 158, 115);
/// For a fourth subject.
pub const PURPLE: Rgb = (204, 121, 167);
/// For a fifth subject.
pub const AMBER: Rgb = (230, 159, 0);
/// For a sixth subject.
pub const SKY: Rgb = (86, 180, 233);
/// For the background.
pub const GREY: Rgb = (130, 130, 130);
/// For references.
pub const BLACK: Rgb = (20, 20, 20);

/// A picture of one or several panels in rows.
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    keys: Vec<(String, Rgb)>,
    notes: Vec<String>,
    /// Widths of the columns, in pixels; `None` for the usual ones.
    columns: Option<Vec<u32>>,
    row_height: u32,
    shared_y: bool,
    /// `None` where a place stays empty.
    panels: Vec<Option<Panel>>,
}

impl Figure {
    /// A figure with a title, without panels yet.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            keys: Vec::new(),
            notes: Vec::new(),
            columns: None,
            row_height: 420,
            shared_y: false,
            panels: Vec::new(),
        }
    }

    /// The same figure with one more panel: to the right, or in the next row where there is no more column.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(Some(panel));
        self
    }

    /// The same figure with an empty place where the next panel would be.
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.panels.push(None);
        self
    }

    /// The same figure with columns of these widths, in pixels; without them there are two, or one if there is one panel.
    #[must_use]
    pub fn columns(mut self, widths: impl Into<Vec<u32>>) -> Self {
        self.columns = Some(widths.into());
        self
    }

    /// The same figure with rows of another height than 420 pixels.
    #[must_use]
    pub fn row_height(mut self, pixels: u32) -> Self {
        self.row_height = pixels;
        self
    }

    /// The same figure with one range of y for all panels.
    #[must_use]
    pub fn shared_y(mut self) -> Self {
        self.shared_y = true;
        self
    }

    /// The same figure with an entry of a legend for all panels, below the title.
    #[must_use]
    pub fn key(mut self, label: &str, color: Rgb) -> Self {
        self.keys.push((label.to_owned(), color));
        self
    }

    /// The same figure with a sentence below its panels.
    #[must_use]
    pub fn note(mut self, sentence: impl Into<String>) -> Self {
        self.notes.push(sentence.into());
        self
    }

    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The figure as the text of an SVG file: an element without a declaration, which may stand in HTML as it is.
    ///
    /// # Errors
    /// If it cannot be drawn, as for want of a panel.
    pub fn to_svg(&self) -> Result<String> {
        draw::svg(self).map_err(|reason| Error::argument(format!("the figure `{}`: {reason}", self.title)))
    }

    /// Writes the figure to an SVG file, and gives its path back. Makes the folder if it is missing.
    ///
    /// # Errors
    /// As [`Figure::to_svg`], or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        write(path.as_ref(), &self.to_svg()?)
    }
}

/// Writes a text to a file, in a folder that is made if it is missing.
pub(crate) fn write(path: &Path, text: &str) -> Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| Error::file(path, error))?;
    Ok(path.to_owned())
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
        let fourth = Panel::new("", "", "")
            .rows(["first", "second"])
            .segment("", BLUE, 6, (0.0, 1.0), (2.0, 1.0))
            .ticks("ticks", BLACK, vec![1.0])
            .remark("a remark");
        let all = Figure::new("All marks").shared_y().panel(first).panel(second).panel(third).gap();
        all.panel(fourth).key("a key", GREEN).note("a note")
    }

    #[test]
    fn a_figure_has_its_titles_labels_and_legends() {
        let svg = figure().to_svg().unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        let words = ["All marks", "a title", "time (s)", "height", "sine", "points", "dashes", "hill"];
        for text in words.into_iter().chain(["first", "second", "ticks", "a remark", "a key", "a note"]) {
            assert!(svg.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn points_that_are_not_finite_and_flat_ranges_do_no_harm() {
        let flat =
            Panel::new("", "", "").line("", BLUE, vec![(0.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)]);
        let svg = Figure::new("").panel(flat).panel(Panel::new("empty", "", "")).to_svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let error = Figure::new("none").to_svg().unwrap_err().to_string();
        assert_eq!(error, "the figure `none`: a figure needs a panel");
    }

    #[test]
    fn a_line_has_a_gap_where_it_is_not_finite_or_outside_its_panel() {
        let lines = |panel: Panel| {
            let svg = Figure::new("").panel(panel).to_svg().unwrap();
            svg.lines().filter(|line| line.starts_with("<polyline") && line.contains("#0072B2")).count()
        };
        let course =
            |middle: f64| (0..9).map(|i| (f64::from(i), if i == 4 { middle } else { 0.5 })).collect();
        assert_eq!(lines(Panel::new("", "", "").line("", BLUE, course(0.5))), 1);
        assert_eq!(lines(Panel::new("", "", "").line("", BLUE, course(f64::NAN))), 2);
        assert_eq!(lines(Panel::new("", "", "").y_range(0.0, 1.0).line("", BLUE, course(7.0))), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = figure().save("/proc/none/a.svg").unwrap_err().to_string();
        assert!(error.starts_with("/proc/none/a.svg: "), "{error}");
    }
}
