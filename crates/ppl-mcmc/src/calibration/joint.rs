//! Joint distributions of parameters and data, from which both can be drawn.

use std::collections::HashMap;

use indexmap::IndexMap;
use ppl_core::{
    Condition, Ctx, Error, Model, ParamStore, Record, Result, Site, Statement, Substitute, Trace, Uncondition,
};
use ppl_infer::{Potential, PotentialSite};
use ppl_tensor::{Device, Key, KeyStream, Tensor, no_grad};

use crate::LogDensity;

/// A prior and a likelihood, written so that parameters and data can be drawn: what [`Geweke`](super::Geweke) takes.
pub trait Joint {
    /// What is observed.
    type Data;

    /// The log density of the parameters given some data.
    type Density: LogDensity;

    /// A draw of the parameters `[d]` from the prior, in the coordinates of the log density.
    ///
    /// # Errors
    /// If none can be made.
    fn prior(&self, stream: &mut KeyStream) -> Result<Vec<f64>>;

    /// A draw of the data given parameters `[d]`.
    ///
    /// # Errors
    /// If none can be made.
    fn data(&self, parameters: &[f64], stream: &mut KeyStream) -> Result<Self::Data>;

    /// The log density of the parameters given data, up to a constant.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn density(&self, data: &Self::Data) -> Result<Self::Density>;
}

/// The sites of a model that are data, if all that it says can be simulated.
///
/// # Errors
/// If the model fails, or weighs its log density otherwise than by statements that can be drawn from.
pub(super) fn observed<A: ?Sized, M: Model<A>>(
    model: &M,
    args: &A,
    params: &ParamStore,
) -> Result<Vec<String>> {
    let mut ctx = Ctx::new(0).with_params(params.clone());
    let (recorded, _) = no_grad(|| ctx.with(Record::new(), |ctx| model.run(ctx, args)))?;
    let trace = recorded.into_trace();
    let refused = |site: &Site, what: &str| {
        let reason = format!("{what}: data cannot be simulated from it, write it as `sample` or `observe`");
        Err(Error::argument(reason).at_site(&site.name))
    };
    for site in trace.sites() {
        let weighed = site.weight.is_some() || site.scale != 1.0;
        match site.statement {
            Statement::Factor => return refused(site, "a factor changes the log density"),
            Statement::Sample { .. } if weighed => return refused(site, "its log density is weighted"),
            Statement::Sample { observed: false, .. } if site.mask.is_some() => {
                return refused(site, "a latent site is masked");
            }
            _ => {}
        }
    }
    Ok(trace.sites().filter(|site| site.is_observed()).map(|site| site.name.clone()).collect())
}

/// A model whose data are those given.
pub(super) struct Given<'a, M> {
    pub(super) model: &'a M,
    pub(super) data: Condition,
}

impl<A: ?Sized, M: Model<A>> Model<A> for Given<'_, M> {
    type Output = M::Output;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<M::Output> {
        Ok(ctx.with(self.data.clone(), |ctx| self.model.run(ctx, args))?.1)
    }
}

/// A model with its arguments as a [`Joint`], in the coordinates of its [`Potential`]. Its observed sites are drawn anew;
/// whatever else the arguments hold stays. For each data set the log density is compiled, which takes milliseconds.
pub struct ModelJoint<'a, M, A: ?Sized> {
    model: &'a M,
    args: &'a A,
    params: ParamStore,
    observed: Vec<String>,
    /// For its coordinates: they do not depend on the data.
    potential: Potential,
}

impl<'a, A: ?Sized, M: Model<A>> ModelJoint<'a, M, A> {
    /// A model with its arguments, whose data are those of one run.
    ///
    /// # Errors
    /// If the model has no log density on unconstrained space ([`Potential::compile`]); or has a `factor` statement, or
    /// weights, or masked latent sites, of which nothing can be simulated. The message names the site.
    pub fn new(model: &'a M, args: &'a A) -> Result<Self> {
        let params = ParamStore::new();
        let observed = observed(model, args, &params)?;
        let potential = ppl_infer::compile_potential(model, args)?;
        Ok(Self { model, args, params, observed, potential })
    }

    /// A run in which nothing is data.
    fn simulate(&self, values: Option<IndexMap<String, Tensor>>, stream: &mut KeyStream) -> Result<Trace> {
        // 53 bits of the stream: another key for each run.
        let key = Key::new((stream.uniform() * 2f64.powi(53)) as u64);
        let mut ctx = Ctx::with_key(&Device::cpu(), key).with_params(self.params.clone());
        let values = Substitute::new(values.unwrap_or_default().into_iter().collect());
        let run = |ctx: &mut Ctx| Ok(ctx.with(Uncondition, |ctx| self.model.run(ctx, self.args))?.1);
        let run = |ctx: &mut Ctx| Ok(ctx.with(values, run)?.1);
        Ok(no_grad(|| ctx.with(Record::new(), run))?.0.into_trace())
    }
}

impl<A: ?Sized, M: Model<A>> Joint for ModelJoint<'_, M, A> {
    type Data = HashMap<String, Tensor>;
    type Density = Potential;

    fn prior(&self, stream: &mut KeyStream) -> Result<Vec<f64>> {
        let trace = self.simulate(None, stream)?;
        let value = |site: &PotentialSite| Ok((site.name.clone(), trace.value(&site.name)?));
        let values = self.potential.sites().iter().map(value).collect::<Result<_>>()?;
        self.potential.unconstrain(&values)
    }

    fn data(&self, parameters: &[f64], stream: &mut KeyStream) -> Result<Self::Data> {
        let trace = self.simulate(Some(self.potential.constrain(parameters)?), stream)?;
        self.observed.iter().map(|name| Ok((name.clone(), trace.value(name)?))).collect()
    }

    fn density(&self, data: &Self::Data) -> Result<Potential> {
        let given = Given { model: self.model, data: Condition::new(data.clone()) };
        let ctx = Ctx::new(0).with_params(self.params.clone());
        Potential::compile(&given, &ctx, self.args)
    }
}
