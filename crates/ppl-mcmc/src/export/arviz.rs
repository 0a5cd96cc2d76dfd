//! Draws with what belongs to them, as ArviZ has them.

use std::path::Path;

use indexmap::{IndexMap, IndexSet};
use ppl_core::{Error, Result};
use ppl_infer::Draws;
use ppl_tensor::{Shape, Tensor};
use serde_json::json;

use super::labels::{Kind, Labels};
use super::zarr::Store;
use crate::{Chains, Transition};

/// Groups of named arrays with named dimensions, as [ArviZ](https://python.arviz.org) has them: `posterior` and
/// `sample_stats`, and what else is given. ArviZ opens the folder that is written.
///
/// Dimensions are named by plates, where they are known: of all sites of chains, and of draws that a program made. Names
/// are written as they are, with these exceptions. `/`, which [`scope`](ppl_core::scope) puts into names, and which stands for
/// groups there, becomes `.`; what no file can have in its name, or at its begin, becomes `_`; and a plate named as a
/// variable gets `_dim` at its end.
///
/// ```
/// # use ppl_core::{Ctx, Result};
/// # use ppl_dist::Normal;
/// # use ppl_infer::Predictive;
/// # use ppl_mcmc::{InferenceData, Mcmc, Nuts};
/// # use ppl_tensor::Tensor;
/// # fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
/// #     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
/// #     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
/// # }
/// # let y = Tensor::from([1.2, 0.4, 2.2]);
/// # let folder = std::env::temp_dir().join(format!("ppl-arviz-example-{}", std::process::id()));
/// let chains = Mcmc::new(Nuts::new()).warmup(200).draws(100).run(&model, &y)?;
/// let scores = Predictive::new(model).log_likelihood(&chains.draws(), &y)?;
/// InferenceData::new(&chains)
///     .observed("y", &y)
///     .log_likelihood(&scores)
///     .coords("rows", ["first", "second", "third"])
///     .write(&folder)?;
/// // In Python: xarray.open_datatree(folder, engine="zarr"); before ArviZ 1, arviz.from_zarr(folder)
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct InferenceData {
    chains: usize,
    draws: usize,
    groups: IndexMap<&'static str, IndexMap<String, Variable>>,
    dims: IndexMap<String, Vec<String>>,
    coords: IndexMap<String, Labels>,
}

/// An array that is to be written.
struct Planned {
    path: String,
    dims: Vec<String>,
    values: Kind,
}

#[derive(Debug, Clone)]
struct Variable {
    values: Tensor,
    /// Of the leading dimensions; the others are named for the variable.
    dims: Vec<String>,
}

impl InferenceData {
    /// The draws of all sites, with their statistics; and those of the warm-up, if they were kept.
    pub fn new(chains: &Chains) -> Self {
        let mut data = Self {
            chains: chains.chain_count(),
            draws: chains.draw_count(),
            groups: IndexMap::new(),
            dims: IndexMap::new(),
            coords: IndexMap::new(),
        };
        data.groups.insert("posterior", posterior(chains));
        data.groups.insert("sample_stats", statistics(chains));
        if let Some(warmup) = chains.warmup() {
            data.groups.insert("warmup_posterior", posterior(warmup));
            data.groups.insert("warmup_sample_stats", statistics(warmup));
        }
        data
    }

    /// The same with data that were observed.
    #[must_use]
    pub fn observed(mut self, name: &str, values: &Tensor) -> Self {
        let variable = Variable { values: values.clone(), dims: Vec::new() };
        self.groups.entry("observed_data").or_default().insert(name.to_owned(), variable);
        self
    }

    /// The same with log likelihoods ([`Predictive::log_likelihood`](ppl_infer::Predictive::log_likelihood)) at the draws.
    #[must_use]
    pub fn log_likelihood(self, draws: &Draws) -> Self {
        self.at_draws("log_likelihood", draws)
    }

    /// The same with new data at the draws
    /// ([`Predictive::posterior_predictive`](ppl_infer::Predictive::posterior_predictive)).
    #[must_use]
    pub fn posterior_predictive(self, draws: &Draws) -> Self {
        self.at_draws("posterior_predictive", draws)
    }

    /// The same with draws from the prior ([`Predictive::prior_predictive`](ppl_infer::Predictive::prior_predictive)), any
    /// number, as of one chain: those of the posterior's sites go to the group `prior`, the others, data that were drawn,
    /// to `prior_predictive`.
    #[must_use]
    pub fn prior(mut self, draws: &Draws) -> Self {
        for (name, values) in draws.iter() {
            let known = self.groups.get("posterior").and_then(|sites| sites.get(name));
            let (group, dims) = match known {
                Some(site) => ("prior", site.dims.clone()),
                None => ("prior_predictive", within(draws.plates(name))),
            };
            let variable = Variable { values: values.unsqueeze(0), dims };
            self.groups.entry(group).or_default().insert(name.clone(), variable);
        }
        self
    }

    /// The same with names of dimensions of a variable, after those of chains and draws, in all groups. Without them they
    /// are the plates around a site as far as they are known, and `name_dim_0`, `name_dim_1`, ….
    #[must_use]
    pub fn dims<S: Into<String>>(mut self, name: &str, dims: impl IntoIterator<Item = S>) -> Self {
        self.dims.insert(name.to_owned(), dims.into_iter().map(Into::into).collect());
        self
    }

    /// The same with labels of the places along a dimension, names or numbers, in all groups: `("schools", ["Choate", …])`.
    /// Without them places are counted from 0. The dimension is a plate's, or one that was named
    /// ([`InferenceData::dims`]).
    #[must_use]
    pub fn coords(mut self, dim: &str, labels: impl Into<Labels>) -> Self {
        self.coords.insert(dim.to_owned(), labels.into());
        self
    }

    fn at_draws(mut self, group: &'static str, draws: &Draws) -> Self {
        let variables = self.groups.entry(group).or_default();
        for (name, values) in draws.iter() {
            let rest = values.shape().get(1..).map_or_else(Shape::scalar, Shape::from);
            let values = values.reshape(Shape::from([self.chains, self.draws]).concat(&rest));
            variables.insert(name.clone(), Variable { values, dims: within(draws.plates(name)) });
        }
        self
    }

    /// Writes a folder in the format Zarr (version 2, without compression), which must not be there yet, or be empty. If it
    /// cannot be written whole, nothing is left of it.
    ///
    /// # Errors
    /// If it cannot be written; if a value failed, or the draws are not those of the chains; if names of dimensions are
    /// too many, are given twice, or stand for different sizes in one group; if there is no such variable or dimension, or
    /// labels are not as many as places; or if two names would be written alike. The message names the variable.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let known = |name: &String| self.groups.values().any(|variables| variables.contains_key(name));
        if let Some(name) = self.dims.keys().find(|name| !known(name)) {
            let names = self.groups.values().flat_map(IndexMap::keys);
            return Err(Error::unknown("variable", name, names));
        }
        if let Some(name) = self.coords.keys().find(|name| leading().contains(name)) {
            let reason = format!("labels of `{name}` are given: chains and draws are counted");
            return Err(Error::argument(reason));
        }
        let names = self.groups.values().flat_map(IndexMap::keys).map(|name| written(name)).collect();
        let (mut planned, mut found) = (Vec::new(), IndexSet::new());
        for (group, variables) in &self.groups {
            planned.push((*group, self.planned(group, variables, &names, &mut found)?));
        }
        if let Some(name) = self.coords.keys().find(|name| !found.contains(*name)) {
            let others = found.iter().filter(|dim| !leading().contains(dim));
            return Err(Error::unknown("dimension", name, others));
        }
        let mut store = Store::create(folder.as_ref())?;
        for (group, arrays) in planned {
            store.group(group, json!({ "inference_library": "ppl" }))?;
            for Planned { path, dims, values } in arrays {
                match values {
                    Kind::Numbers(numbers) => store.array(&path, &numbers, &dims)?,
                    Kind::Names(names) => store.texts(&path, &names, &dims.concat())?,
                }
            }
        }
        store.finish()
    }

    /// The arrays of a group, checked: its variables, and labels of their dimensions, whose names are added to `found`.
    /// `names` are those of all variables as they are written.
    fn planned(
        &self,
        group: &str,
        variables: &IndexMap<String, Variable>,
        names: &IndexSet<String>,
        found: &mut IndexSet<String>,
    ) -> Result<Vec<Planned>> {
        let (mut arrays, mut taken, mut sizes) = (Vec::new(), Taken::default(), IndexMap::new());
        for (name, variable) in variables {
            let named = |error: Error| error.at_site(name);
            let dims = self.names(name, variable).map_err(named)?;
            if let Some(twice) = dims.iter().enumerate().find(|(i, dim)| dims[..*i].contains(dim)) {
                let reason = format!("two of its dimensions are named `{}`, name them by `dims`", twice.1);
                return Err(named(Error::argument(reason)));
            }
            for (dim, &size) in dims.iter().zip(variable.values.shape().iter()) {
                let other = *sizes.entry(dim.clone()).or_insert(size);
                if other != size {
                    let reason = format!("dimension `{dim}` has size {size} here, and {other} in `{group}`");
                    return Err(named(Error::argument(reason)));
                }
            }
            let path = taken.path(group, name, written(name))?;
            let dims = dims.iter().map(|dim| dimension(dim, names)).collect();
            arrays.push(Planned { path, dims, values: Kind::Numbers(variable.values.clone()) });
        }
        for (dim, size) in sizes {
            let written = dimension(&dim, names);
            let values = match self.coords.get(&dim) {
                Some(labels) => {
                    let told = |error| Error::argument(format!("labels of `{dim}` in `{group}`: {error}"));
                    labels.check(size).map_err(told)?;
                    labels.0.clone()
                }
                None => Kind::Numbers(Tensor::from((0..size as i64).collect::<Vec<i64>>())),
            };
            let path = taken.path(group, &dim, written.clone())?;
            arrays.push(Planned { path, dims: vec![written], values });
            found.insert(dim);
        }
        Ok(arrays)
    }

    /// The names of all dimensions of a variable.
    fn names(&self, name: &str, variable: &Variable) -> Result<Vec<String>> {
        let rank = variable.values.check()?.rank();
        let mut dims = variable.dims.clone();
        if let Some(given) = self.dims.get(name) {
            // Chains and draws come first, where the variable has them.
            dims.truncate(if dims.starts_with(&leading()) { 2 } else { 0 });
            dims.extend(given.iter().cloned());
        } else if dims.is_empty() {
            // Data are in the plates of what is known of them at the draws.
            let others = self.groups.values().filter_map(|variables| variables.get(name));
            let plates = others.filter_map(|other| other.dims.get(2..)).find(|plates| !plates.is_empty());
            dims.extend(plates.filter(|plates| plates.len() <= rank).into_iter().flatten().cloned());
        }
        if dims.len() > rank {
            let names = dims.join(", ");
            return Err(Error::argument(format!("it has {rank} dimensions, the names are {names}")));
        }
        let own = |place| format!("{name}_dim_{place}");
        let named = dims.len();
        dims.extend((0..rank - named).map(own));
        Ok(dims)
    }
}

/// The names in one group, by how they are written.
#[derive(Default)]
struct Taken(IndexMap<String, String>);

impl Taken {
    /// The path of an array that is written so.
    fn path(&mut self, group: &str, name: &str, written: String) -> Result<String> {
        let path = format!("{group}/{written}");
        if let Some(other) = self.0.insert(written, name.to_owned()) {
            let reason =
                format!("`{other}` and `{name}` would both be written as `{path}`: rename one of them");
            return Err(Error::argument(reason));
        }
        Ok(path)
    }
}

/// A name as that of a file, in a format where `/` separates groups.
fn written(name: &str) -> String {
    let plain = |c: char| match c {
        '/' => '.',
        '\\' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let name: String = name.chars().map(plain).collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if name.is_empty() => "_".to_owned(),
        None => name,
    }
}

/// A dimension as it is written, beside variables of these names: one of its own would be taken for its labels.
fn dimension(name: &str, variables: &IndexSet<String>) -> String {
    let name = written(name);
    if variables.contains(&name) && !leading().contains(&name) { name + "_dim" } else { name }
}

fn leading() -> Vec<String> {
    vec!["chain".to_owned(), "draw".to_owned()]
}

/// Chains, draws, and these plates.
fn within(plates: &[String]) -> Vec<String> {
    leading().into_iter().chain(plates.iter().cloned()).collect()
}

fn posterior(chains: &Chains) -> IndexMap<String, Variable> {
    let variable = |(name, site): (&str, &crate::SiteDraws)| {
        (name.to_owned(), Variable { values: site.values.clone(), dims: within(&site.plates) })
    };
    chains.sites().map(variable).collect()
}

/// The statistics under ArviZ's names; energies if there are such.
fn statistics(chains: &Chains) -> IndexMap<String, Variable> {
    let all = || chains.transitions().iter().flatten();
    let whole = |values: Tensor| values.reshape([chains.chain_count(), chains.draw_count()]);
    let floats = |of: fn(&Transition) -> f64| whole(Tensor::from(all().map(of).collect::<Vec<f64>>()));
    let counts = |of: fn(&Transition) -> u32| {
        whole(Tensor::from(all().map(|t| i64::from(of(t))).collect::<Vec<i64>>()))
    };
    let truths = |of: fn(&Transition) -> bool| whole(Tensor::from(all().map(of).collect::<Vec<bool>>()));
    let mut variables = vec![
        ("lp", floats(|t| t.log_density)),
        ("acceptance_rate", floats(|t| t.acceptance)),
        ("step_size", floats(|t| t.step_size)),
        ("tree_depth", counts(|t| t.tree_depth)),
        ("n_steps", counts(|t| t.leapfrogs)),
        ("diverging", truths(|t| t.divergent)),
        ("reached_max_treedepth", truths(|t| t.saturated)),
    ];
    if let Some(energies) = chains.energies() {
        variables.push(("energy", whole(Tensor::from(energies.concat()))));
    }
    variables
        .into_iter()
        .map(|(name, values)| (name.to_owned(), Variable { values, dims: leading() }))
        .collect()
}
