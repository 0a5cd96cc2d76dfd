//! Drives in basketball: a chain of two hidden states, summed over by the forward recursion
//! (`bball_drive_event_0-hmm_drive_0` of posteriordb).

use ppl::core::{Ctx, Distribution, Result};
use ppl::dist::{Dirichlet, Exponential, Normal, constraints};
use ppl::infer::Init;
use ppl::mcmc::{Mcmc, Nuts};
use ppl::tensor::{Tensor, TensorTree};

use super::flat::Flat;
use super::{Data, Posterior};

/// One over the speed and the distance from the hoop: at the first moment, and at those after; with the concentrations of
/// the transitions' priors, a row a state.
#[derive(Debug, Clone, TensorTree)]
struct Drive {
    first: (Tensor, Tensor),
    moments: (Tensor, Tensor),
    concentration: Tensor,
}

fn model(ctx: &mut Ctx, drive: &Drive) -> Result<()> {
    let theta1 = ctx.sample("theta1", Dirichlet::new(drive.concentration.select_index(0, 0)))?;
    let theta2 = ctx.sample("theta2", Dirichlet::new(drive.concentration.select_index(0, 1)))?;
    let phi = ctx.sample("phi", Flat::new(constraints::positive_ordered_vector(), [2]))?;
    let lambda = ctx.sample("lambda", Flat::new(constraints::positive_ordered_vector(), [2]))?;
    let prior = Normal::new([0.0, 3.0], 1.0);
    ctx.factor("phi_prior", prior.log_prob(&phi))?;
    ctx.factor("lambda_prior", prior.log_prob(&lambda))?;

    // From a state, to a state.
    let transition = Tensor::stack(&[&theta1, &theta2], 0).log();
    let seen =
        |u: &Tensor, v: &Tensor| Exponential::new(&phi).log_prob(u) + Exponential::new(&lambda).log_prob(v);
    let first = seen(&drive.first.0, &drive.first.1);
    let (last, ()) = ctx.scan("moments", &drive.moments, &first, |_, forward: &Tensor, (u, v)| {
        let arrived = (forward.unsqueeze(-1) + &transition).logsumexp(0);
        Ok((arrived + seen(u, v), ()))
    })?;
    ctx.factor("process", last.logsumexp(-1))?;
    Ok(())
}

pub(super) const FOLDER: &str = "bball_drive_event_0-hmm_drive_0";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let (u, v) = (Tensor::from(data.numbers("u")?), Tensor::from(data.numbers("v")?));
    let n = u.size(0)?;
    let rows = data.rows("alpha")?;
    let drive = Drive {
        first: (u.select_index(0, 0), v.select_index(0, 0)),
        moments: (u.slice(0, 1..n), v.slice(0, 1..n)),
        concentration: Tensor::new([rows.len(), rows.len()], rows.concat())?,
    };
    Ok(Posterior::new(data, model, drive))
}

/// There is another mode, in which one state is hardly ever entered; a chain that leaves it late in its warm-up has learned
/// its scales there. It starts at the priors' means, in order.
pub(super) fn mcmc() -> Mcmc<Nuts> {
    let near = || Tensor::from([0.5, 3.0]);
    Mcmc::new(Nuts::new()).init(Init::values([("phi", near()), ("lambda", near())]))
}
