//! Several guides for the parts of one model.

use std::fmt;
use std::sync::Arc;

use ppl_core::{Block, Ctx, Error, Message, Model, ParamStore, Result};

use crate::latent::Values;
use crate::marginal::{Marginal, Marginals};

type Chooses = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A model of which only some latent sites are seen: what a part of an [`AutoGuideList`] guides.
#[derive(Clone)]
pub struct PartOf<M> {
    model: M,
    chooses: Chooses,
}

impl<M> fmt::Debug for PartOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartOf").finish_non_exhaustive()
    }
}

impl<A: ?Sized, M: Model<A>> Model<A> for PartOf<M> {
    type Output = M::Output;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<M::Output> {
        let chooses = self.chooses.clone();
        let hides = move |message: &Message| message.is_latent() && !chooses(&message.name);
        Ok(ctx.with(Block::new(hides), |ctx| self.model.run(ctx, args))?.1)
    }
}

/// A guide that is several guides, each for some of a model's latent sites, run one after another.
///
/// ```
/// use ppl_autoguide::{AutoDelta, AutoGuideList, AutoNormal};
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::{Gamma, Normal};
/// use ppl_infer::{Adam, Svi, TraceElbo};
///
/// fn model(ctx: &mut Ctx, y: &f64) -> Result<()> {
///     let scale = ctx.sample("scale", Gamma::new(2.0, 2.0))?;
///     let z = ctx.sample("z", Normal::new(0.0, scale))?;
///     ctx.observe("y", Normal::new(z, 1.0), *y).map(|_| ())
/// }
/// // A point for the scale, a distribution for all else.
/// let guide = AutoGuideList::new(model).on(["scale"], AutoDelta::new).rest(AutoNormal::new);
/// let mut svi = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new());
/// svi.run(10, &1.5)?;
/// let names: Vec<_> = svi.params().names().collect();
/// assert_eq!(names, ["AutoDelta.scale", "AutoNormal.locs.z", "AutoNormal.scales.z"]);
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// Two parts of one joint kind need names of their own: [`AutoContinuous::prefix`](crate::AutoContinuous::prefix).
pub struct AutoGuideList<'a, M, A: ?Sized> {
    model: M,
    parts: Vec<Box<dyn Part<A> + 'a>>,
    named: Vec<String>,
    chosen: Vec<Chooses>,
}

/// A guide of a part.
trait Part<A: ?Sized>: Model<A, Output = Values> + Marginals {}

impl<A: ?Sized, G: Model<A, Output = Values> + Marginals> Part<A> for G {}

impl<'a, M: Clone, A: ?Sized> AutoGuideList<'a, M, A> {
    /// A guide for a model, without parts yet.
    pub fn new(model: M) -> Self {
        Self { model, parts: Vec::new(), named: Vec::new(), chosen: Vec::new() }
    }

    /// The same guide with one more part, for the sites of these names. `make` makes it of the model of which those sites
    /// alone are seen; an [`AutoCallable`](crate::AutoCallable) needs no model.
    #[must_use]
    pub fn on<S: Into<String>, G: Model<A, Output = Values> + Marginals + 'a>(
        mut self,
        sites: impl IntoIterator<Item = S>,
        make: impl FnOnce(PartOf<M>) -> G,
    ) -> Self {
        let sites: Vec<String> = sites.into_iter().map(Into::into).collect();
        self.named.extend(sites.iter().cloned());
        self.on_sites(move |site| sites.iter().any(|chosen| chosen == site), make)
    }

    /// The same guide with one more part, for the sites whose names a predicate chooses.
    #[must_use]
    pub fn on_sites<G: Model<A, Output = Values> + Marginals + 'a>(
        mut self,
        chooses: impl Fn(&str) -> bool + Send + Sync + 'static,
        make: impl FnOnce(PartOf<M>) -> G,
    ) -> Self {
        let chooses: Chooses = Arc::new(chooses);
        let part = PartOf { model: self.model.clone(), chooses: chooses.clone() };
        self.parts.push(Box::new(make(part)));
        self.chosen.push(chooses);
        self
    }

    /// The same guide with one more part, for all sites that no part before has.
    #[must_use]
    pub fn rest<G: Model<A, Output = Values> + Marginals + 'a>(
        self,
        make: impl FnOnce(PartOf<M>) -> G,
    ) -> Self {
        let chosen = self.chosen.clone();
        self.on_sites(move |site| !chosen.iter().any(|chooses| chooses(site)), make)
    }
}

impl<M, A: ?Sized> fmt::Debug for AutoGuideList<'_, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoGuideList").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<M, A: ?Sized> Model<A> for AutoGuideList<'_, M, A> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        let mut values = Values::new();
        for part in &self.parts {
            for (site, value) in part.run(ctx, args)? {
                if values.insert(site.clone(), value).is_some() {
                    return Err(Error::argument("two parts of the guide have it").at_site(&site));
                }
            }
        }
        match self.named.iter().find(|name| !values.contains_key(*name)) {
            None => Ok(values),
            Some(name) => Err(Error::unknown("latent site", name, values.keys())),
        }
    }
}

impl<M, A: ?Sized> Marginals for AutoGuideList<'_, M, A> {
    fn sites(&self) -> Result<Vec<String>> {
        Ok(self.parts.iter().map(|part| part.sites()).collect::<Result<Vec<_>>>()?.concat())
    }

    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal> {
        for part in &self.parts {
            if part.sites()?.iter().any(|name| name == site) {
                return part.marginal(params, site);
            }
        }
        Err(Error::unknown("latent site", site, &self.sites()?))
    }
}
