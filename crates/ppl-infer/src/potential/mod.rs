//! A model's log density as a compiled function of one vector of unconstrained numbers.

mod density;
mod latent;
mod unconstrain;
mod vectorized;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use ppl_core::{Ctx, Error, Model, Result, Statement, Trace};
use ppl_jit::Compiler;
use ppl_tensor::{DType, Device, Program, Shape, Tensor, grad, no_grad};

use crate::tracing::record;
use density::{Density, Forward};
use latent::Latent;
use unconstrain::Take;

pub use vectorized::VectorizedPotential;

/// The log density of a model's latent sites on unconstrained space, compiled with its gradient: what samplers of Markov
/// chains, Laplace's approximation and methods of one's own iterate.
///
/// At `x` in `R^d` it is `ln p(z, data) + Σ ln |det ∂z/∂x|` with `z` the values of the latent sites (a log density, to be
/// maximised; its negative is what physics calls the potential energy). Each site's part of `x` is mapped to the support of
/// its distribution, which may depend on sites before it. Arguments and parameters of the model are constants, as are draws
/// that handlers inside the model hide.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::{Exponential, Normal};
/// use ppl_infer::{Init, compile_potential};
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
///     let sd = ctx.sample("sd", Exponential::new(1.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
/// }
/// let y = Tensor::from([1.2, 0.4, 2.2]);
/// let mut potential = compile_potential(&model, &y)?;
/// let mut x = potential.unconstrain(Init::Mean.start(&model, &Ctx::new(0), &y)?.values())?;
/// let mut gradient = vec![0.0; potential.dimension()];
/// for _ in 0..1000 {
///     potential.value_and_gradient(&x, &mut gradient)?;
///     x.iter_mut().zip(&gradient).for_each(|(x, slope)| *x += 0.05 * slope);
/// }
/// let sd = potential.constrain(&x)?["sd"].to_scalar()?;
/// # assert!((sd - 0.68).abs() < 0.1, "{sd}");
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// A clone shares the compiled program, and may run on another thread.
#[derive(Clone)]
pub struct Potential {
    sites: Arc<[PotentialSite]>,
    dimension: usize,
    device: Device,
    quantities: Arc<[Quantity]>,
    density: Density,
    forward: Forward,
    inverse: Arc<Program<Tensor>>,
    compile_time: Duration,
}

/// A latent site of a [`Potential`], and its part of the vector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PotentialSite {
    /// Name of the site.
    pub name: String,
    /// The plates and scans around it, outermost first: its value has one leading dimension for each.
    pub plates: Vec<String>,
    /// Shape of its value, of all rows.
    pub shape: Shape,
    /// Shape of its unconstrained numbers, of all rows; row-major in the vector.
    pub unconstrained_shape: Shape,
    /// Its place in the vector.
    pub range: Range<usize>,
    /// Name of the bijection from its numbers to its value.
    pub transform: String,
    /// The ends of the support, infinite ones included, where it is one interval, the same for all of its numbers.
    pub bounds: Option<(f64, f64)>,
}

/// A value that a [`Potential`]'s model gives at a point: of a latent or of a deterministic site.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Quantity {
    /// Name of the site.
    pub name: String,
    /// The plates and scans around it, outermost first: its value has one leading dimension for each.
    pub plates: Vec<String>,
    /// Shape of its value, of all rows.
    pub shape: Shape,
    /// Its place, row-major, among the numbers of [`Potential::evaluate`].
    pub range: Range<usize>,
    /// Whether the site is latent, not deterministic.
    pub latent: bool,
    /// The ends of a latent site's support, as [`PotentialSite::bounds`].
    pub bounds: Option<(f64, f64)>,
}

/// The [`Potential`] of a model without parameters, or with those at the start, on the CPU in 64 bits.
///
/// # Errors
/// As [`Potential::compile`].
pub fn compile_potential<A: ?Sized, M: Model<A>>(model: &M, args: &A) -> Result<Potential> {
    Potential::compile(model, &Ctx::new(0), args)
}

impl Potential {
    /// The log density of a model with these arguments, with the parameters and on the device of `ctx`, apart from its
    /// handlers and plates.
    ///
    /// # Errors
    /// If the model fails, has no latent site or a discrete one, chooses rows of a plate, or cannot be traced because its
    /// structure depends on a latent value; or if the support of a site in a scan depends on the step or on other sites.
    /// The message names the site.
    pub fn compile<A: ?Sized, M: Model<A>>(model: &M, ctx: &Ctx, args: &A) -> Result<Self> {
        Self::compile_by(&Compiler::new(), model, ctx, args)
    }

    /// The same by a compiler with options.
    ///
    /// # Errors
    /// As [`Potential::compile`].
    pub fn compile_by<A: ?Sized, M: Model<A>>(
        compiler: &Compiler,
        model: &M,
        ctx: &Ctx,
        args: &A,
    ) -> Result<Self> {
        let start = Instant::now();
        let device = ctx.device();
        let program = Latent::find(model, ctx, args)?;
        let (sites, size, last) = (&program.sites, program.size(), &program.last);
        let explain = |error| last.explain("the log density cannot be compiled", error);
        let density = |x: &Tensor| {
            let x = x.tracked();
            let value = program.log_density(&x)?.cast(x.dtype());
            let gradient = grad(&value, &[&x])?.swap_remove(0);
            Ok((value.detach(), gradient))
        };
        let mut quantities = Vec::new();
        let forward = |x: &Tensor| {
            let (trace, _) = program.run(x)?;
            let (found, values) = quantities_of(&trace, sites, x.dtype())?;
            quantities = found;
            Ok(Tensor::concat(&values.iter().collect::<Vec<_>>(), 0).check()?.clone())
        };
        let inverse = |values: &Vec<Tensor>| {
            let take = Take::new(sites, values, last);
            let mut ctx = program.alone().validating(false);
            let (take, _) = ctx.with(take, |ctx| model.run(ctx, args))?;
            take.numbers()
        };
        let float = device.default_float();
        let zeros = |shape: &Shape| device.place(&Tensor::zeros(shape).cast(float));
        let shape = Shape::from([size]);
        let x = zeros(&shape)?;
        let values = sites.iter().map(|site| zeros(&site.shape)).collect::<ppl_tensor::Result<Vec<_>>>()?;
        let density = record(device, density, &x).map_err(explain)?;
        let density = Density::compile(compiler, density, device, shape)?;
        let forward = Forward::compile(no_grad(|| record(device, forward, &x)).map_err(explain)?, device)?;
        // Run once a chain: interpreting it costs no compilation.
        let inverse = no_grad(|| record(device, inverse, &values)).map_err(explain)?;
        let inverse = ppl_tensor::compile(inverse)?;
        Ok(Self {
            dimension: program.size(),
            sites: program.sites.into(),
            quantities: quantities.into(),
            device: device.clone(),
            density,
            forward,
            inverse: Arc::new(inverse),
            compile_time: start.elapsed(),
        })
    }

    /// Number `d` of unconstrained numbers.
    #[inline]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The latent sites, in the order of the vector and of the model.
    pub fn sites(&self) -> &[PotentialSite] {
        &self.sites
    }

    /// All that [`Potential::evaluate`] gives: the latent sites as [`Potential::sites`] has them, then the deterministic
    /// ones in the order of the model.
    pub fn quantities(&self) -> &[Quantity] {
        &self.quantities
    }

    /// Time that finding the sites, tracing and compiling took.
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// What the compiled log density and gradient do: fused loops, memory, and estimates of work.
    pub fn explain(&self) -> String {
        self.density.explain()
    }

    /// The log density in nats at `x` `[d]`; its gradient there is written to `gradient` `[d]`. Where the model says so
    /// they are not finite: that is no error here.
    ///
    /// # Errors
    /// If a slice has another length, or the device fails.
    #[inline]
    pub fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        if gradient.len() != x.len() {
            let (found, wanted) = (gradient.len(), x.len());
            return Err(Error::Shape(format!("the gradient has {found} numbers, the point {wanted}")));
        }
        self.check_length(x)?;
        let mut value = [0.0];
        self.density.at(x, &mut value, gradient)?;
        Ok(value[0])
    }

    /// The values of all latent sites at `x` `[d]`, each with one leading dimension for each plate and scan around.
    ///
    /// # Errors
    /// If the slice has another length, or the device fails.
    pub fn constrain(&self, x: &[f64]) -> Result<IndexMap<String, Tensor>> {
        let values = self.forward.run(&self.vector(x)?)?;
        let latent = self.quantities.iter().filter(|quantity| quantity.latent);
        let value = |quantity: &Quantity| values.slice(0, quantity.range.clone()).reshape(&quantity.shape);
        Ok(latent.map(|quantity| (quantity.name.clone(), value(quantity))).collect())
    }

    /// The values of all [`quantities`](Potential::quantities) at `x` `[d]`, written one after the other to `values`:
    /// what a sampler keeps of each draw, on the CPU without an allocation.
    ///
    /// # Errors
    /// If a slice has another length, or the device fails.
    pub fn evaluate(&mut self, x: &[f64], values: &mut [f64]) -> Result<()> {
        self.check_length(x)?;
        let wanted = self.quantities.last().map_or(0, |quantity| quantity.range.end);
        if values.len() != wanted {
            let found = values.len();
            return Err(Error::Shape(format!(
                "the quantities have {wanted} numbers, there is room for {found}"
            )));
        }
        self.forward.at(x, values)
    }

    /// The point `[d]` of values of all latent sites, each with one leading dimension for each plate and scan around, or
    /// without them to be the same in every row: as of [`Start::values`](crate::Start::values).
    ///
    /// # Errors
    /// If a site's value is missing, has another shape, or is not inside the support, of whose edge there is no point; or
    /// a value is of no latent site. The message names the site.
    pub fn unconstrain(&self, values: &IndexMap<String, Tensor>) -> Result<Vec<f64>> {
        let names = || self.sites.iter().map(|site| &site.name);
        if let Some(name) = values.keys().find(|name| names().all(|known| known != *name)) {
            return Err(Error::unknown("latent site", name, names()));
        }
        let value = |site: &PotentialSite| {
            let given = values.get(&site.name).ok_or_else(|| Error::argument("its value is missing"))?;
            site.whole(given, &self.device)
        };
        let named = |site: &PotentialSite| value(site).map_err(|error| error.at_site(&site.name));
        let values = self.sites.iter().map(named).collect::<Result<Vec<_>>>()?;
        let x = self.inverse.run(&values)?.to_f64()?;
        match self.sites.iter().find(|site| x[site.range.clone()].iter().any(|x| !x.is_finite())) {
            None => Ok(x),
            Some(site) => {
                let reason = format!("its value is not inside the support, the image of {}", site.transform);
                Err(Error::argument(reason).at_site(&site.name))
            }
        }
    }

    /// The argument of the programs.
    fn vector(&self, x: &[f64]) -> Result<Tensor> {
        self.check_length(x)?;
        Ok(self.device.place(&Tensor::from(x))?)
    }

    #[inline]
    fn check_length(&self, x: &[f64]) -> Result<()> {
        let (found, wanted) = (x.len(), self.dimension());
        match found == wanted {
            true => Ok(()),
            false => Err(Error::Shape(format!("the point has {found} numbers, the potential {wanted}"))),
        }
    }
}

/// The quantities of a run at a point and their values, flat: latent sites, then deterministic ones.
fn quantities_of(
    trace: &Trace,
    sites: &[PotentialSite],
    float: DType,
) -> Result<(Vec<Quantity>, Vec<Tensor>)> {
    let latent = sites.iter().map(|site| (site.name.clone(), site.plates.clone(), Some(site)));
    let deterministic = trace.sites().filter(|site| matches!(site.statement, Statement::Deterministic));
    let deterministic = deterministic.map(|site| {
        let plates = site.frames.iter().filter(|frame| frame.has_rows()).map(|frame| frame.name.clone());
        (site.name.clone(), plates.collect(), None)
    });
    let (mut quantities, mut values, mut end) = (Vec::new(), Vec::new(), 0);
    for (name, plates, site) in latent.chain(deterministic) {
        let (value, latent) = (trace.value(&name)?, site.is_some());
        let bounds = site.and_then(|site| site.bounds);
        let shape = site.map_or_else(|| value.shape().clone(), |site| site.shape.clone());
        let value = value.broadcast_to(shape.clone()).flatten().cast(float);
        let range = end..end + shape.elements();
        end = range.end;
        values.push(value.check().map_err(|error| Error::from(error).at_site(&name))?.clone());
        quantities.push(Quantity { name, plates, shape, range, latent, bounds });
    }
    Ok((quantities, values))
}

impl PotentialSite {
    /// A value of all rows, from one of all rows or of one.
    fn whole(&self, given: &Tensor, device: &Device) -> Result<Tensor> {
        let (found, row) = (given.check()?.shape(), &self.shape[self.plates.len()..]);
        let fits = found == self.shape || found[..] == *row;
        if !fits || !given.axes().is_empty() {
            let wanted = &self.shape;
            return Err(Error::Shape(format!("the value has shape {found}, the site {wanted}")));
        }
        let value = device.place(&given.cast(device.default_float()))?;
        Ok(value.broadcast_to(self.shape.clone()).check()?.clone())
    }
}
