//! Where data files are found.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variable that names the folder with the data.
const VARIABLE: &str = "PPL_DATA_DIR";
const DEFAULT_FOLDER: &str = "../shared";

/// A file with data that an example needs and the library does not ship.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// Its place below the folder with the data: "data/rugged.csv".
    pub path: &'static str,
    /// The option of the example that names the file itself, without the dashes.
    pub option: &'static str,
    /// Where one gets it, as a sentence.
    pub source: &'static str,
}

/// The file is not where it was looked for.
#[derive(Debug, Clone)]
pub struct MissingData {
    tried: PathBuf,
    data: DataSet,
}

impl DataSet {
    /// The file that the option names, or else the one below `PPL_DATA_DIR` (`../shared` if that is not set).
    ///
    /// # Errors
    /// If there is no such file. The message says how to give another one and where to get it.
    pub fn find(&self, option: Option<&OsStr>) -> Result<PathBuf, MissingData> {
        self.find_below(option, std::env::var_os(VARIABLE).as_deref())
    }

    fn find_below(&self, option: Option<&OsStr>, folder: Option<&OsStr>) -> Result<PathBuf, MissingData> {
        let folder = folder.filter(|folder| !folder.is_empty()).unwrap_or(OsStr::new(DEFAULT_FOLDER));
        let path = option.map_or_else(|| Path::new(folder).join(self.path), PathBuf::from);
        if path.is_file() {
            return Ok(path);
        }
        Err(MissingData { tried: std::path::absolute(&path).unwrap_or(path), data: *self })
    }
}

impl fmt::Display for MissingData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DataSet { path, option, source } = self.data;
        let tried = self.tried.display();
        writeln!(f, "there is no file {tried}")?;
        writeln!(
            f,
            "Set {VARIABLE} to the folder that holds {path}, or give the file itself with `--{option} FILE`."
        )?;
        write!(f, "{source}")
    }
}

impl std::error::Error for MissingData {}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: DataSet =
        DataSet { path: "src/data_file.rs", option: "data", source: "It is in the repository." };

    #[test]
    fn the_option_wins_over_the_folder() {
        let root = env!("CARGO_MANIFEST_DIR");
        let own = Path::new(root).join("Cargo.toml");
        assert_eq!(MANIFEST.find_below(Some(own.as_os_str()), None).unwrap(), own);
        let found = MANIFEST.find_below(None, Some(OsStr::new(root))).unwrap();
        assert_eq!(found, Path::new(root).join("src/data_file.rs"));
    }

    #[test]
    fn a_missing_file_is_named_with_the_ways_to_give_it() {
        let message = MANIFEST.find_below(None, Some(OsStr::new("/nowhere"))).unwrap_err().to_string();
        for part in ["/nowhere/src/data_file.rs", "PPL_DATA_DIR", "--data FILE", "It is in the repository."] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
        let message = MANIFEST.find_below(Some(OsStr::new("/gone.csv")), None).unwrap_err().to_string();
        assert!(message.contains("/gone.csv"), "{message}");
        let message = MANIFEST.find_below(None, Some(OsStr::new(""))).unwrap_err().to_string();
        assert!(message.contains("/shared/src/data_file.rs") || message.contains("../shared"), "{message}");
    }
}
