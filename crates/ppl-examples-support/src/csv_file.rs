//! Delimited files with a header, read row by row with errors that name file and line.

use std::fmt;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

/// A delimited text file: commas or semicolons, as its header has them; fields may be quoted.
#[derive(Debug, Clone)]
pub struct Csv {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<(u64, StringRecord)>,
}

/// A row of a [`Csv`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    file: &'a Csv,
    line: u64,
    fields: &'a StringRecord,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvError {
    path: PathBuf,
    line: Option<u64>,
    reason: String,
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for CsvError {}

impl Csv {
    /// Reads a whole file.
    ///
    /// # Errors
    /// If it cannot be read, is not UTF-8, has no row, or a row has more or fewer fields than the header.
    pub fn read(path: &Path) -> Result<Csv, CsvError> {
        let fault = |line, reason| CsvError { path: path.to_owned(), line, reason };
        let bytes = std::fs::read(path).map_err(|error| fault(None, error.to_string()))?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Csv, CsvError> {
        let fault = |line, reason| CsvError { path: path.to_owned(), line, reason };
        let line = |position: &Position| line_at(bytes, position.byte());
        let wrong = |error: csv::Error| fault(error.position().map(line), reason(&error));
        let mut reader = ReaderBuilder::new().delimiter(delimiter(bytes)).from_reader(bytes);
        let header = reader.headers().map_err(wrong)?.iter().map(|name| name.trim().to_owned()).collect();
        let row = |record: Result<StringRecord, csv::Error>| {
            record.map(|record| (record.position().map_or(0, line), record)).map_err(wrong)
        };
        let rows = reader.records().map(row).collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Err(fault(None, "there is no row of data".into()));
        }
        Ok(Csv { path: path.to_owned(), header, rows })
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { file: self, line: *line, fields })
    }

    /// The error for a file that is of no use as a whole.
    pub fn wrong(&self, reason: &str) -> CsvError {
        CsvError { path: self.path.clone(), line: None, reason: reason.to_owned() }
    }
}

fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    if header.contains(&b';') { b';' } else { b',' }
}

/// The line of a record. The reader's own count is that of the end of the record before, which is another line if there
/// are blank lines between or lines end with a carriage return.
fn line_at(bytes: &[u8], start: u64) -> u64 {
    let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
    let blank = bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    1 + bytes[..start + blank].iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields, the header {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "the row is not UTF-8 text".into(),
        _ => error.to_string(),
    }
}

impl Row<'_> {
    /// A field by the name of its column, without spaces around.
    ///
    /// # Errors
    /// If there is no such column; the message lists the columns.
    pub fn text(&self, column: &str) -> Result<&str, CsvError> {
        let index = self.file.header.iter().position(|name| name == column);
        let field = index.and_then(|index| self.fields.get(index));
        field.map(str::trim).ok_or_else(|| CsvError {
            path: self.file.path.clone(),
            line: Some(1),
            reason: format!("there is no column `{column}`; there are: {}", self.file.header.join(", ")),
        })
    }

    /// Whether a field is empty or `NA`.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn is_missing(&self, column: &str) -> Result<bool, CsvError> {
        Ok(matches!(self.text(column)?, "" | "NA"))
    }

    /// A field as a finite number.
    ///
    /// # Errors
    /// As [`Row::text`], and if it is not a finite number.
    pub fn number(&self, column: &str) -> Result<f64, CsvError> {
        let field = self.text(column)?;
        let number = field.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.wrong(column, "must be a number"))
    }

    /// The error for a field that breaks a rule: "must be positive".
    pub fn wrong(&self, column: &str, rule: &str) -> CsvError {
        let field = self.text(column).unwrap_or_default();
        let reason = format!("`{column}` is `{field}`, {rule}");
        CsvError { path: self.file.path.clone(), line: Some(self.line), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Csv, CsvError> {
        Csv::parse(Path::new("gdp.csv"), text.as_bytes())
    }

    fn first_error<T>(text: &str, read: impl Fn(&Row<'_>) -> Result<T, CsvError>) -> String {
        let file = parsed(text).unwrap();
        let error = file.rows().find_map(|row| read(&row).err());
        error.expect("a row should be wrong").to_string()
    }

    #[test]
    fn commas_semicolons_and_quotes_are_read() {
        for text in [
            "name,x\n\"Korea, Rep.\", 1.5\n",
            "name;x\r\n\"Korea, Rep.\";1.5",
            "\u{feff}name,x\n\"Korea, Rep.\",1.5",
        ] {
            let file = parsed(text).unwrap();
            let row = file.rows().next().unwrap();
            assert_eq!(row.text("name"), Ok("Korea, Rep."), "{text}");
            assert_eq!(row.number("x"), Ok(1.5), "{text}");
        }
    }

    #[test]
    fn missing_values_are_told_from_others() {
        let file = parsed("x,y\n,NA\n0,nan\n").unwrap();
        let missing: Vec<_> =
            file.rows().map(|row| (row.is_missing("x").unwrap(), row.is_missing("y").unwrap())).collect();
        assert_eq!(missing, [(true, true), (false, false)]);
    }

    #[test]
    fn wrong_fields_are_named_with_file_and_line() {
        let number = |row: &Row<'_>| row.number("x");
        assert_eq!(first_error("x\n1\ntwo\n", number), "gdp.csv:3: `x` is `two`, must be a number");
        assert_eq!(first_error("x\n1\n\ninf\n", number), "gdp.csv:4: `x` is `inf`, must be a number");
        assert_eq!(first_error("x\r\n1\r\ntwo\r\n", number), "gdp.csv:3: `x` is `two`, must be a number");
        assert_eq!(first_error("x,y\n1,\n", |row| row.number("y")), "gdp.csv:2: `y` is ``, must be a number");
        let unknown = first_error("x,y\n1,2\n", |row| row.number("z"));
        assert_eq!(unknown, "gdp.csv:1: there is no column `z`; there are: x, y");
        let rule = first_error("x\n-1\n", |row| Err::<(), _>(row.wrong("x", "must be positive")));
        assert_eq!(rule, "gdp.csv:2: `x` is `-1`, must be positive");
    }

    #[test]
    fn wrong_files_are_refused() {
        assert_eq!(
            parsed("a,b\n1,2\n3\n").unwrap_err().to_string(),
            "gdp.csv:3: the row has 1 fields, the header 2"
        );
        assert_eq!(parsed("a,b\n").unwrap_err().to_string(), "gdp.csv: there is no row of data");
        assert_eq!(parsed("").unwrap_err().to_string(), "gdp.csv: there is no row of data");
        let bytes = Csv::parse(Path::new("gdp.csv"), b"a\n1\n\xff\n").unwrap_err();
        assert_eq!(bytes.to_string(), "gdp.csv:3: the row is not UTF-8 text");
        let absent = Csv::read(Path::new("/nowhere/gdp.csv")).unwrap_err().to_string();
        assert!(absent.starts_with("/nowhere/gdp.csv: "), "{absent}");
    }
}
