//! A user's program as part of an automatic guide.

use std::fmt;
use std::sync::OnceLock;

use ppl_core::{Ctx, Error, Model, ParamStore, Record, Result, Site};

use crate::latent::Values;
use crate::marginal::{Marginal, Marginals};

type MedianFn = Box<dyn Fn(&ParamStore) -> Result<Values> + Send + Sync>;

/// A guide written by hand, as a part of an [`AutoGuideList`](crate::AutoGuideList). What the program returns is ignored:
/// its latent sites are recorded.
pub struct AutoCallable<G> {
    guide: G,
    median: Option<MedianFn>,
    sites: OnceLock<Vec<String>>,
}

impl<G> AutoCallable<G> {
    /// A program as a guide.
    pub fn new(guide: G) -> Self {
        Self { guide, median: None, sites: OnceLock::new() }
    }

    /// The same guide with its medians, by site, as a function of fitted parameters.
    #[must_use]
    pub fn with_median(
        mut self,
        median: impl Fn(&ParamStore) -> Result<Values> + Send + Sync + 'static,
    ) -> Self {
        self.median = Some(Box::new(median));
        self
    }
}

impl<G> fmt::Debug for AutoCallable<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites = self.sites.get();
        f.debug_struct("AutoCallable").field("sites", &sites).field("median", &self.median.is_some()).finish()
    }
}

impl<A: ?Sized, G: Model<A>> Model<A> for AutoCallable<G> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        let (recorded, _) = ctx.with(Record::new(), |ctx| self.guide.run(ctx, args))?;
        let run = recorded.into_trace();
        let latent = |site: &&Site| site.is_latent() && !site.is_auxiliary();
        let values: Values =
            run.sites().filter(latent).map(|site| (site.name.clone(), in_all_rows(site))).collect();
        self.sites.get_or_init(|| values.keys().cloned().collect());
        Ok(values)
    }
}

/// The value with one leading dimension for each plate and scan; axes of replicas stay.
fn in_all_rows(site: &Site) -> ppl_tensor::Tensor {
    let plates = site.frames.iter().filter(|frame| frame.has_rows());
    plates.rev().fold(site.value.clone(), |value, frame| value.to_positional(frame.axis))
}

impl<G> Marginals for AutoCallable<G> {
    fn sites(&self) -> Result<Vec<String>> {
        let unknown = || Error::argument("the guide has not run yet: its sites are not known");
        self.sites.get().cloned().ok_or_else(unknown)
    }

    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal> {
        let none = || Error::Unsupported {
            what: "a median".into(),
            of: "this AutoCallable: give it one with `AutoCallable::with_median`".into(),
        };
        let medians = self.median.as_ref().ok_or_else(none)?(params)?;
        let value = medians.get(site).ok_or_else(|| Error::unknown("median", site, medians.keys()))?;
        Ok(Marginal::with_median(value.clone()))
    }
}
