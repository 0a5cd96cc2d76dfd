//! Draws by site.

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

/// Draws of several sites: each a tensor whose first dimension counts the draws, then one for each plate, then those of
/// one value.
#[derive(Debug, Clone, Default)]
pub struct Draws {
    sites: IndexMap<String, Site>,
}

#[derive(Debug, Clone)]
struct Site {
    values: Tensor,
    plates: Vec<String>,
}

impl Draws {
    /// The draws of a site.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        let found = self.sites.get(name).map(|site| &site.values);
        found.ok_or_else(|| Error::unknown("site", name, self.sites.keys()))
    }

    /// The plates and scans around a site, outermost first, as far as they are known: draws of a program know them, those
    /// put together from tensors do not.
    pub fn plates(&self, name: &str) -> &[String] {
        self.sites.get(name).map_or(&[], |site| &site.plates)
    }

    /// All sites with their draws.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.sites.iter().map(|(name, site)| (name, &site.values))
    }

    /// Names of the sites.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.sites.keys()
    }
}

impl FromIterator<(String, Tensor)> for Draws {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(sites: I) -> Self {
        sites.into_iter().map(|(name, values)| (name, values, Vec::new())).collect()
    }
}

/// Names, draws, and the plates around.
impl FromIterator<(String, Tensor, Vec<String>)> for Draws {
    fn from_iter<I: IntoIterator<Item = (String, Tensor, Vec<String>)>>(sites: I) -> Self {
        let site = |(name, values, plates)| (name, Site { values, plates });
        Self { sites: sites.into_iter().map(site).collect() }
    }
}
