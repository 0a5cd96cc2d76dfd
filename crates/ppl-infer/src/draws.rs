//! Draws by site.

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

/// Draws of several sites: each a tensor whose first dimension counts the draws, then one for each plate, then those of
/// one value.
#[derive(Debug, Clone, Default)]
pub struct Draws {
    sites: IndexMap<String, Tensor>,
}

impl Draws {
    /// The draws of a site.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.sites.get(name).ok_or_else(|| Error::unknown("site", name, self.sites.keys()))
    }

    /// All sites with their draws.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.sites.iter()
    }

    /// Names of the sites.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.sites.keys()
    }
}

impl FromIterator<(String, Tensor)> for Draws {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(sites: I) -> Self {
        Self { sites: sites.into_iter().collect() }
    }
}
