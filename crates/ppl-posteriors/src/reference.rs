//! Summaries of reference draws.

use ppl::core::{Error, Result};
use serde_json::Value;

use crate::Data;

/// What the reference draws of one number say. They are 10 000, nearly independent.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The number, in the notation of [`Summary`](ppl::mcmc::Summary): `beta[0]`, counted from 0.
    pub name: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Mean of the squares.
    pub mean_square: f64,
}

impl Reference {
    /// The number of reference draws.
    pub const DRAWS: f64 = 10_000.0;
}

pub(crate) fn read(file: &Data) -> Result<Vec<Reference>> {
    let fault = |what: &str| Error::argument(format!("{}: {what}", file.file.display()));
    let all = file.value()["parameters"].as_object().ok_or_else(|| fault("there are no parameters"))?;
    let number = |(name, summary): (&String, &Value)| {
        let figure =
            |key: &str| summary[key].as_f64().ok_or_else(|| fault(&format!("`{name}` has no {key}")));
        Ok(Reference {
            name: from_zero(name).ok_or_else(|| fault(&format!("`{name}` is no name of a number")))?,
            mean: figure("mean")?,
            sd: figure("sd")?,
            mean_square: figure("mean_sq")?,
        })
    };
    all.iter().map(number).collect()
}

/// `beta[1]` to `beta[0]`.
fn from_zero(name: &str) -> Option<String> {
    let Some((site, place)) = name.split_once('[') else { return Some(name.to_owned()) };
    let place: usize = place.strip_suffix(']')?.parse().ok()?;
    Some(format!("{site}[{}]", place.checked_sub(1)?))
}
