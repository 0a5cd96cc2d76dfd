//! Tables of text.

use std::fmt;

/// A table for the terminal: the first column is set left, the others right.
#[derive(Debug, Clone)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a title and the names of its columns.
    pub fn new<S: Into<String>>(title: &str, columns: impl IntoIterator<Item = S>) -> Self {
        Self { title: title.to_owned(), rows: vec![columns.into_iter().map(Into::into).collect()] }
    }

    /// The same table with one more row: its name, and numbers that are shown with three decimals.
    #[must_use]
    pub fn row(self, name: &str, numbers: impl IntoIterator<Item = f64>) -> Self {
        let fields: Vec<String> = numbers.into_iter().map(|x| format!("{x:.3}")).collect();
        self.text_row(name, fields)
    }

    /// The same table with one more row of any text.
    #[must_use]
    pub fn text_row<S: Into<String>>(mut self, name: &str, fields: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(std::iter::once(name.to_owned()).chain(fields.into_iter().map(Into::into)).collect());
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|field| field.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        writeln!(f, "{}", self.title)?;
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (field, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "  {field:width$}")?,
                    _ => write!(f, "  {field:>width$}")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                writeln!(
                    f,
                    "  {}",
                    "─".repeat(widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1))
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_field() {
        let table = Table::new("Fairness", ["", "mean", "sd"])
            .row("exact β", [0.53333, 0.08958])
            .row("fit", [-10.0, 0.1]);
        let expected = "Fairness\n              mean     sd\n  ───────────────────────\n  exact β    0.533  0.090\n  fit      -10.000  0.100\n";
        assert_eq!(table.to_string(), expected);
    }
}
