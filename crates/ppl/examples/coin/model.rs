//! The program that tosses the coin, and the guide.

use ppl::prelude::*;

use crate::beta::BetaDensity;

/// What was seen: `true` for heads.
pub(crate) const TOSSES: &[bool] = &[true, true, true, true, true, true, false, false, false, false];

/// What is believed before: probably fair.
pub(crate) const PRIOR: BetaDensity = BetaDensity { alpha: 10.0, beta: 10.0 };

/// A coin of unknown fairness is tossed.
pub(crate) fn model(ctx: &mut Ctx, tosses: &Tensor) -> Result<()> {
    let fairness = ctx.sample("latent_fairness", Beta::new(PRIOR.alpha, PRIOR.beta))?;
    for i in 0..TOSSES.len() {
        ctx.observe(&format!("obs_{i}"), Bernoulli::new(&fairness), tosses.select_index(0, i))?;
    }
    Ok(())
}

/// The fairness after the tosses have been seen.
pub(crate) fn guide(ctx: &mut Ctx, _tosses: &Tensor) -> Result<()> {
    let alpha_q = ctx.param_in("alpha_q", 15.0, constraints::positive())?;
    let beta_q = ctx.param_in("beta_q", 15.0, constraints::positive())?;
    ctx.sample("latent_fairness", Beta::new(alpha_q, beta_q))?;
    Ok(())
}
