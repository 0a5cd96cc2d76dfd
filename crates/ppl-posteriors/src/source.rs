//! Data as files that all systems read.

use std::path::{Path, PathBuf};

use ppl::core::{Error, Result};
use ppl_examples_support::DataSet;
use serde_json::Value;

/// How the error begins that says that there are no data.
const MISSING: &str = "there is no file";

/// What a test needs of the data, which are no part of the repository. Without them there is nothing to test, unless the
/// environment says `CI=true`.
///
/// # Errors
/// Any but that the data are missing, and with `CI=true` that one too.
pub fn unless_missing<T>(loaded: Result<T>) -> Result<Option<T>> {
    unless_missing_in(loaded, std::env::var_os("CI").is_some_and(|value| value == "true"))
}

fn unless_missing_in<T>(loaded: Result<T>, strict: bool) -> Result<Option<T>> {
    match loaded {
        Err(error) if !strict && error.to_string().starts_with(MISSING) => Ok(None),
        loaded => loaded.map(Some),
    }
}

/// Data in Stan's JSON: an object of numbers, lists and lists of rows.
pub struct Data {
    /// The file they are in.
    pub file: PathBuf,
    value: Value,
}

impl Data {
    /// Those of a posterior of posteriordb, in the folder `posteriordb` of the one that `PPL_DATA_DIR` names.
    ///
    /// # Errors
    /// If there is no such file, or it is not JSON.
    pub fn posteriordb(folder: &'static str) -> Result<Self> {
        // The first of them stands for the others: where it is, they are.
        let first = DataSet {
            path: "posteriordb/arK-arK/data.json",
            option: "data",
            source: "They come from github.com/stan-dev/posteriordb, here a folder a posterior.",
        };
        // Tests run in the folder of their crate, not in that of the workspace.
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(first.path);
        let is_beside = std::env::var_os("PPL_DATA_DIR").is_none() && beside.is_file();
        let found = first.find(None).or_else(|missing| if is_beside { Ok(beside) } else { Err(missing) });
        let missing = |_| {
            Error::argument(format!(
                "{MISSING} posteriordb/{folder}/data.json below the folder that PPL_DATA_DIR names, or below ../shared: {}",
                first.source
            ))
        };
        let first = found.map_err(missing)?;
        let all = first.ancestors().nth(2).unwrap_or(Path::new("."));
        Self::read(all.join(folder).join("data.json"))
    }

    /// The file of this name beside this one.
    ///
    /// # Errors
    /// If there is no such file, or it is not JSON.
    pub fn beside(&self, name: &str) -> Result<Self> {
        Self::read(self.file.with_file_name(name))
    }

    fn read(file: PathBuf) -> Result<Self> {
        let fault = |reason: String| Error::argument(format!("{}: {reason}", file.display()));
        let text = std::fs::read_to_string(&file).map_err(|error| fault(error.to_string()))?;
        let value = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        Ok(Self { file, value })
    }

    /// All that is in the file.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Data made here, written to `folder/name.json`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(folder: &Path, name: &str, value: Value) -> Result<Self> {
        let file = folder.join(format!("{name}.json"));
        let fault = |error: std::io::Error| Error::argument(format!("{}: {error}", file.display()));
        std::fs::create_dir_all(folder).map_err(fault)?;
        std::fs::write(&file, value.to_string()).map_err(fault)?;
        Ok(Self { file, value })
    }

    /// A number.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn number(&self, name: &str) -> Result<f64> {
        self.value[name].as_f64().ok_or_else(|| self.lacks("number", name))
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        let list = self.value[name].as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        list.ok_or_else(|| self.lacks("list of numbers", name))
    }

    /// A list of rows of numbers.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn rows(&self, name: &str) -> Result<Vec<Vec<f64>>> {
        let row = |row: &Value| row.as_array().and_then(|row| row.iter().map(Value::as_f64).collect());
        let rows = self.value[name].as_array().and_then(|rows| rows.iter().map(row).collect());
        rows.ok_or_else(|| self.lacks("list of rows", name))
    }

    fn lacks(&self, kind: &str, name: &str) -> Error {
        Error::argument(format!("{}: there is no {kind} `{name}`", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_data_are_passed_over_and_not_in_ci() {
        let missing = || Err::<(), _>(Error::argument(format!("{MISSING} data.json")));
        let wrong = || Err::<(), _>(Error::argument("data.json: no JSON"));
        assert_eq!(unless_missing_in(missing(), false).unwrap(), None);
        assert!(unless_missing_in(missing(), true).is_err());
        assert!(unless_missing_in(wrong(), false).is_err() && unless_missing_in(wrong(), true).is_err());
        assert_eq!(unless_missing_in(Ok(3), true).unwrap(), Some(3));
    }
}
