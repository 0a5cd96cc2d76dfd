//! The regression, with parameters instead of latent values.

use ppl::prelude::*;

use crate::nations::Country;

/// The parameters, in order.
pub(crate) const COEFFICIENTS: [&str; 5] = ["a", "bA", "bR", "bAR", "sigma"];

/// Log GDP is linear in ruggedness, with another intercept and another slope in Africa.
pub(crate) fn model(ctx: &mut Ctx, countries: &Country) -> Result<()> {
    let a = ctx.param("a", 0.0)?;
    let b_a = ctx.param("bA", 0.0)?;
    let b_r = ctx.param("bR", 0.0)?;
    let b_ar = ctx.param("bAR", 0.0)?;
    let sigma = ctx.param_in("sigma", 1.0, constraints::positive())?;
    ctx.plate("data", countries, |ctx, c| {
        let mean = &a + &b_a * &c.cont_africa + &b_r * &c.ruggedness + &b_ar * &c.cont_africa * &c.ruggedness;
        ctx.observe("obs", Normal::new(mean, &sigma), &c.log_gdp)
    })?;
    Ok(())
}

/// There is no latent value to guide.
pub(crate) fn guide(_ctx: &mut Ctx, _countries: &Country) -> Result<()> {
    Ok(())
}
