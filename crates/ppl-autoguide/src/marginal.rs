//! What a fitted guide says of each site alone.

use ppl_core::{Error, ParamStore, Result};
use ppl_tensor::{Key, Tensor};

use crate::latent::{Latent, Values};

/// What a fitted guide says of each site alone, without draws. Any guide that has run once can be asked.
pub trait Marginals {
    /// The latent sites, in order.
    ///
    /// # Errors
    /// If the guide has not run.
    fn sites(&self) -> Result<Vec<String>>;

    /// The distribution of one site.
    ///
    /// # Errors
    /// If the site is unknown, or the guide has not run or has no parameters in `params`.
    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal>;

    /// Quantiles of every number of every site, on the constrained scale, at probabilities inside (0, 1): by site, of
    /// shape `[probabilities, plates…, value…]`.
    ///
    /// # Errors
    /// As [`Marginals::marginal`] and [`Marginal::quantiles`]; the message names the site.
    fn quantiles(&self, params: &ParamStore, probabilities: &[f64]) -> Result<Values> {
        each(self, params, |marginal| marginal.quantiles(probabilities))
    }

    /// The middle of every site, on the constrained scale: by site, of shape `[plates…, value…]`. See
    /// [`Marginal::median`].
    ///
    /// # Errors
    /// As [`Marginals::marginal`]; the message names the site.
    fn median(&self, params: &ParamStore) -> Result<Values> {
        each(self, params, Marginal::median)
    }
}

fn each<G: Marginals + ?Sized>(
    guide: &G,
    params: &ParamStore,
    f: impl Fn(&Marginal) -> Result<Tensor>,
) -> Result<Values> {
    let of = |site: String| {
        let value = guide.marginal(params, &site).and_then(|marginal| f(&marginal));
        Ok((site.clone(), value.map_err(|error| error.at_site(&site))?))
    };
    guide.sites()?.into_iter().map(of).collect()
}

/// The distribution of one site of a fitted guide.
#[derive(Debug, Clone)]
pub struct Marginal(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// The image of independent normal numbers: their means and standard deviations, of all rows.
    Normal { latent: Box<Latent>, loc: Tensor, scale: Tensor },
    /// Always this value.
    Point(Tensor),
    /// Nothing but its median is known.
    Median(Tensor),
}

impl Marginal {
    /// Always this value, of shape `[plates…, value…]`.
    pub fn point(value: Tensor) -> Self {
        Self(Kind::Point(value))
    }

    /// A distribution of which nothing but its median is known.
    pub(crate) fn with_median(value: Tensor) -> Self {
        Self(Kind::Median(value))
    }

    /// The image of normal numbers, whose means and standard deviations are given flat or in the shape of all rows.
    pub(crate) fn normal(latent: &Latent, loc: &Tensor, scale: &Tensor) -> Result<Self> {
        let shape = latent.all_rows(&latent.unconstrained);
        for numbers in [loc, scale] {
            let found = numbers.shape();
            if found.elements() != shape.elements() {
                let reason = format!("the parameters have shape {found}, the site's numbers {shape}");
                return Err(Error::Shape(reason).at_site(&latent.name));
            }
        }
        let [loc, scale] = [loc, scale].map(|numbers| numbers.reshape(&shape));
        let (loc, scale) = (loc.check()?.clone(), scale.check()?.clone());
        Ok(Self(Kind::Normal { latent: Box::new(latent.clone()), loc, scale }))
    }

    /// Quantiles of every number at probabilities inside (0, 1), of shape `[probabilities, plates…, value…]`. They are
    /// exact: a bijection of each number takes quantiles to quantiles.
    ///
    /// # Errors
    /// If a probability is not inside (0, 1), or the numbers of a value come from several unconstrained ones together, as
    /// those of a simplex do: take quantiles of draws.
    pub fn quantiles(&self, probabilities: &[f64]) -> Result<Tensor> {
        if let Some(p) = probabilities.iter().find(|p| !(0.0 < **p && **p < 1.0)) {
            return Err(Error::argument(format!(
                "a quantile is asked for at {p}, which is not inside (0, 1)"
            )));
        }
        if probabilities.is_empty() {
            return Err(Error::argument("quantiles are asked for at no probability"));
        }
        let unavailable = |of: String| Err(Error::Unsupported { what: "quantiles without draws".into(), of });
        let rows = match &self.0 {
            Kind::Point(value) => probabilities.iter().map(|_| value.clone()).collect::<Vec<_>>(),
            Kind::Median(_) => return unavailable("a guide that gives its median alone".into()),
            Kind::Normal { latent, loc, scale } => {
                if !is_elementwise(latent)? {
                    return unavailable(format!(
                        "values that are {}, whose numbers come from several unconstrained ones together",
                        latent.support.name()
                    ));
                }
                let quantile = |&p: &f64| {
                    let image = |z: f64| latent.forward(&(loc + scale * z));
                    let z = standard_normal_quantile(p.min(1.0 - p));
                    // A bijection of each number may turn it round.
                    let (a, b) = (image(z)?, image(-z)?);
                    Ok(if p < 0.5 { a.minimum(b) } else { a.maximum(b) })
                };
                probabilities.iter().map(quantile).collect::<Result<Vec<_>>>()?
            }
        };
        Ok(Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0).check()?.clone())
    }

    /// The middle, of shape `[plates…, value…]`: the image of the median of each unconstrained number, which is the
    /// median wherever [`Marginal::quantiles`] is defined.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub fn median(&self) -> Result<Tensor> {
        match &self.0 {
            Kind::Normal { latent, loc, .. } => latent.forward(loc),
            Kind::Point(value) | Kind::Median(value) => Ok(value.clone()),
        }
    }
}

/// Whether each number of a value comes from one unconstrained number of the same place. If so, mixing two points entry by
/// entry mixes their images.
fn is_elementwise(latent: &Latent) -> Result<bool> {
    let shape = latent.all_rows(&latent.unconstrained);
    let key = Key::new(0);
    let device = latent.place.device();
    let [a, b] = [0_i64, 1].map(|i| key.fold_in(i).normal(&shape, latent.place.dtype()).to_device(device));
    let images = [latent.forward(&a)?, latent.forward(&b)?];
    if images[0].shape() != shape {
        return Ok(false);
    }
    let odd = Tensor::from((0..shape.elements()).map(|i| i % 2 == 1).collect::<Vec<_>>());
    let odd = odd.to_device(device).reshape(&shape);
    let mixed = latent.forward(&odd.select(&a, &b))?;
    Ok(mixed.eq(odd.select(&images[0], &images[1])).all_all().to_scalar()? != 0.0)
}

/// The `z` below which a standard normal number lies with probability `p`, for `p` in (0, ½].
fn standard_normal_quantile(p: f64) -> f64 {
    // A rational approximation within 5e-4 (Abramowitz and Stegun, 26.2.23), which two of Halley's steps take to rounding.
    let t = (-2.0 * p.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    (0..2).fold(top / bottom - t, |z, _| {
        let error = 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2) - p;
        let newton = error * std::f64::consts::TAU.sqrt() * (0.5 * z * z).exp();
        z - newton / (1.0 + 0.5 * z * newton)
    })
}
