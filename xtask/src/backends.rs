//! The page that says which operations run natively where.

use std::fs;

use crate::command::{cargo, output};
use crate::{Outcome, Result, workspace};

const PAGE: &str = "docs/backends.md";

/// What the page should be.
fn page() -> Result<String> {
    output(cargo(&["run", "--quiet", "--package", "ppl-burn", "--example", "backends"]))
}

/// Writes the page.
pub(crate) fn write() -> Result {
    let file = workspace().join(PAGE);
    fs::write(&file, page()?).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("wrote {PAGE}");
    Ok(Outcome::Done)
}

/// Whether the page is what it should be.
pub(crate) fn check() -> Result {
    let file = workspace().join(PAGE);
    let found = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    if found == page()? {
        return Ok(Outcome::Done);
    }
    Err(format!("{PAGE} is out of date: run `cargo xtask backends`"))
}
