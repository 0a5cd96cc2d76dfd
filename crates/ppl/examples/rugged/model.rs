//! The regression, and the guide written by hand.

use ppl::prelude::*;

use crate::nations::Country;

impl Country {
    /// Imagined countries of given ruggedness, all in Africa or all elsewhere, with a GDP to be predicted.
    pub(crate) fn imagined(ruggedness: &[f64], in_africa: bool) -> Country {
        let cont_africa = vec![f64::from(u8::from(in_africa)); ruggedness.len()];
        Country { cont_africa: cont_africa.into(), ruggedness: ruggedness.into(), log_gdp: None }
    }
}

/// The latent sites, in order.
pub(crate) const SITES: [&str; 5] = ["a", "bA", "bR", "bAR", "sigma"];

/// Log GDP is linear in ruggedness, with another intercept and another slope in Africa.
pub(crate) fn model(ctx: &mut Ctx, countries: &Country) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 10.0))?;
    let b_a = ctx.sample("bA", Normal::new(0.0, 1.0))?;
    let b_r = ctx.sample("bR", Normal::new(0.0, 1.0))?;
    let b_ar = ctx.sample("bAR", Normal::new(0.0, 1.0))?;
    let sigma = ctx.sample("sigma", Uniform::new(0.0, 10.0))?;
    ctx.plate("data", countries, |ctx, c| {
        let mean = &a + &b_a * &c.cont_africa + &b_r * &c.ruggedness + &b_ar * &c.cont_africa * &c.ruggedness;
        ctx.observe("obs", Normal::new(mean, &sigma), &c.log_gdp)
    })?;
    Ok(())
}

/// A mean field: every latent value has a distribution of its own.
pub(crate) fn guide(ctx: &mut Ctx, _countries: &Country) -> Result<()> {
    let a_loc = ctx.param("a_loc", 0.0)?;
    let a_scale = ctx.param_in("a_scale", 0.1, constraints::positive())?;
    // The middle of the prior. From a small sigma the first gradients are so steep that Adam, which remembers their
    // squares for a thousand steps, would take only tiny steps afterwards.
    let sigma_loc = ctx.param("sigma_loc", 5.0_f64.ln())?;
    let weights_loc = ctx.param("weights_loc", Tensor::zeros([3]))?;
    let weights_scale = ctx.param_in("weights_scale", Tensor::full([3], 0.1), constraints::positive())?;

    ctx.sample("a", Normal::new(a_loc, a_scale))?;
    ctx.sample("bA", Normal::new(weights_loc.at(0), weights_scale.at(0)))?;
    ctx.sample("bR", Normal::new(weights_loc.at(1), weights_scale.at(1)))?;
    ctx.sample("bAR", Normal::new(weights_loc.at(2), weights_scale.at(2)))?;
    ctx.sample("sigma", LogNormal::new(sigma_loc, 0.05))?;
    Ok(())
}
