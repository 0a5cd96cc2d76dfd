//! The draws of chains, number by number.

use ppl_core::{Error, Result};

use super::{Chains, SiteDraws};

/// The draws of one number of a site.
#[derive(Debug, Clone)]
pub struct NumberDraws {
    name: String,
    /// Chain after chain.
    all: Vec<f64>,
    /// Number of draws of a chain.
    draws: usize,
}

impl NumberDraws {
    /// The site, with the place in its value: `theta[3]`, `w[0,2]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The draws of all chains, one after the other.
    pub fn all(&self) -> &[f64] {
        &self.all
    }

    /// The draws of each chain: what [`diagnostics`](crate::diagnostics) take.
    pub fn chains(&self) -> Vec<&[f64]> {
        self.all.chunks(self.draws.max(1)).collect()
    }
}

impl SiteDraws {
    /// The draws of each number of the site, row-major in its value; `site` is the site's name.
    ///
    /// # Errors
    /// If draws cannot be read.
    pub fn numbers(&self, site: &str) -> Result<impl Iterator<Item = NumberDraws>> {
        self.numbers_at(site, 0..self.element_count())
    }

    /// The same of the numbers at these places alone; places beyond its value are left out.
    ///
    /// # Errors
    /// If draws cannot be read.
    pub fn numbers_at(
        &self,
        site: &str,
        places: impl IntoIterator<Item = usize>,
    ) -> Result<impl Iterator<Item = NumberDraws>> {
        let (values, size) = (self.values.to_f64()?, self.element_count());
        let draws = self.values.shape().get(1).copied().unwrap_or(0);
        let places = places.into_iter().filter(move |place| *place < size);
        Ok(places.map(move |place| NumberDraws {
            name: self.element_name(site, place),
            all: values.iter().skip(place).step_by(size).copied().collect(),
            draws,
        }))
    }
}

impl Chains {
    /// A site with its draws.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn site(&self, name: &str) -> Result<&SiteDraws> {
        let found = self.sites().find(|(site, _)| *site == name);
        let known: Vec<String> = self.sites().map(|(site, _)| site.to_owned()).collect();
        found.map(|(_, drawn)| drawn).ok_or_else(|| Error::unknown("site", name, &known))
    }

    /// The site, and the place in its value, of the number that a summary calls so: `theta[3]`.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn locate(&self, number: &str) -> Result<(&str, usize)> {
        let owners = self.sites().filter(|(site, _)| number.starts_with(site));
        let mut places =
            owners.flat_map(|(site, drawn)| (0..drawn.element_count()).map(move |e| (site, drawn, e)));
        let found = places.find(|(site, drawn, element)| drawn.element_name(site, *element) == number);
        let known: Vec<String> = self.sites().map(|(site, _)| site.to_owned()).collect();
        found
            .map(|(site, _, place)| (site, place))
            .ok_or_else(|| Error::unknown("site or number", number, &known))
    }
}
