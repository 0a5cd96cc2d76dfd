//! A full-rank guide: one multivariate normal over all unconstrained numbers.

use ppl_core::{Ctx, Error, FrameKind, Model, ParamStore, Result};
use ppl_dist::{Delta, DistributionExt, MultivariateNormal, constraints};
use ppl_tensor::{Shape, Tensor};

use crate::latent::{Latent, Latents, Values, in_plates};

const PREFIX: &str = "AutoMultivariateNormal";

/// A guide with one multivariate normal distribution over all latent numbers on unconstrained space, cut into sites and
/// mapped to their supports.
///
/// Supports are taken from one run of the model, so they must not depend on other sites.
///
/// Parameters: `AutoMultivariateNormal.loc` `[d]` (starts at 0) and `AutoMultivariateNormal.scale_tril` `[d, d]`, the
/// lower Cholesky factor of the covariance (starts at 0.1 times the identity). Numbers are ordered by site, as
/// [`AutoMultivariateNormal::sites`] tells.
#[derive(Debug)]
pub struct AutoMultivariateNormal<M> {
    model: M,
    latents: Latents,
    init_scale: f64,
}

impl<M> AutoMultivariateNormal<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self { model, latents: Latents::default(), init_scale: 0.1 }
    }

    /// The same guide with another scale at the start, positive.
    #[must_use]
    pub fn init_scale(self, init_scale: f64) -> Self {
        Self { init_scale, ..self }
    }

    /// The fitted mean on unconstrained space, `[d]`.
    ///
    /// # Errors
    /// If the guide has not run.
    pub fn loc(&self, params: &ParamStore) -> Result<Tensor> {
        params.get(&format!("{PREFIX}.loc"))
    }

    /// The fitted covariance on unconstrained space, `[d, d]`.
    ///
    /// # Errors
    /// If the guide has not run.
    pub fn covariance(&self, params: &ParamStore) -> Result<Tensor> {
        let factor = params.get(&format!("{PREFIX}.scale_tril"))?;
        Ok(factor.matmul(factor.t()).check()?.clone())
    }

    /// The latent sites with the range of each in the joint vector.
    ///
    /// # Errors
    /// If the model fails or has no latent site.
    pub fn sites<A: ?Sized>(&self, ctx: &Ctx, args: &A) -> Result<Vec<(String, std::ops::Range<usize>)>>
    where
        M: Model<A>,
    {
        let latents = self.latents.of(&self.model, ctx, args)?;
        Ok(ranges(latents).map(|(latent, range)| (latent.name.clone(), range)).collect())
    }
}

fn ranges(latents: &[Latent]) -> impl Iterator<Item = (&Latent, std::ops::Range<usize>)> {
    latents.iter().scan(0, |start, latent| {
        let range = *start..*start + latent.size();
        *start = range.end;
        Some((latent, range))
    })
}

/// The numbers of one site out of the joint draw: one leading dimension for each plate.
fn cut(joint: &Tensor, latent: &Latent, range: std::ops::Range<usize>) -> Tensor {
    let sizes = latent.plates.iter().map(|plate| plate.axis.size);
    let shape: Shape = sizes.chain(latent.unconstrained.iter().copied()).collect();
    joint.slice(-1, range).reshape(shape)
}

impl<A: ?Sized, M: Model<A>> Model<A> for AutoMultivariateNormal<M> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        if self.init_scale.is_nan() || self.init_scale <= 0.0 {
            return Err(Error::argument(format!("init_scale is {}, must be positive", self.init_scale)));
        }
        let latents = self.latents.of(&self.model, ctx, args)?;
        if let Some((latent, plate)) = latents
            .iter()
            .find_map(|latent| latent.plates.iter().find(|p| p.is_subsampled()).map(|p| (latent, p)))
        {
            let reason = format!("`{}` is local to its subsampled rows: use AutoNormal", latent.name);
            return Err(Error::Plate { plate: plate.name.clone(), reason });
        }
        let size: usize = latents.iter().map(Latent::size).sum();
        let loc = ctx.param(&format!("{PREFIX}.loc"), Tensor::zeros([size]))?;
        let start = Tensor::eye(size) * self.init_scale;
        let scale_tril =
            ctx.param_in(&format!("{PREFIX}.scale_tril"), start, constraints::lower_cholesky())?;
        let joint = ctx.sample_auxiliary(
            &format!("{PREFIX}.latent"),
            MultivariateNormal::with_scale_tril(loc, scale_tril),
        )?;

        let mut volume = Tensor::from(0.0);
        let mut values = Values::new();
        for (latent, range) in ranges(latents) {
            let unconstrained = cut(&joint, latent, range);
            let whole = latent.bijection.forward(&unconstrained);
            volume = volume + latent.bijection.log_abs_det_forward(&unconstrained, &whole).sum_all();
            in_plates(ctx, &latent.plates, &mut |ctx| {
                let plates = ctx.frames().iter().filter(|frame| frame.kind == FrameKind::Plate);
                let row = plates
                    .map(|frame| frame.axis.id)
                    .try_fold(whole.clone(), |row, id| row.to_implicit(id))?;
                let event = row.rank();
                ctx.sample(&latent.name, Delta::new(row).to_event(event)).map(|_| ())
            })?;
            values.insert(latent.name.clone(), whole);
        }
        // The density of the cuts is that of the joint draw under the change of volume.
        ctx.factor(&format!("{PREFIX}.volume"), -volume)?;
        Ok(values)
    }
}
