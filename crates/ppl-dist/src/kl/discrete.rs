//! Divergences of distributions of countable values.

use ppl_tensor::Tensor;

use crate::special::xlogy;
use crate::{Bernoulli, Binomial, Categorical, Geometric, Multinomial, Poisson};

/// `Σ p (ln p - ln q)` over both outcomes.
pub(super) fn bernoulli(p: &Bernoulli, q: &Bernoulli) -> Tensor {
    let (of_p, of_q) = (p.log_probs(), q.log_probs());
    term(&of_p[0], &of_q[0]) + term(&of_p[1], &of_q[1])
}

/// `Σ p (ln p - ln q)` over the categories.
pub(super) fn categorical(p: &Categorical, q: &Categorical) -> Tensor {
    term(&p.log_probs(), &q.log_probs()).sum(-1)
}

/// That of one trial, times their number. Of different numbers of trials there is no closed form.
pub(super) fn binomial(p: &Binomial, q: &Binomial) -> Option<Tensor> {
    same_count(p.total_count(), q.total_count())?;
    Some(p.total_count() * bernoulli(p.trial(), q.trial()))
}

/// That of one draw, times their number. Of different numbers of draws there is none.
pub(super) fn multinomial(p: &Multinomial, q: &Multinomial) -> Option<Tensor> {
    same_count(p.total_count(), q.total_count())?;
    Some(p.total_count() * categorical(p.category(), q.category()))
}

/// Something if two counts can be read and are the same. Failed ones pass: the divergence carries the error.
fn same_count(p: &Tensor, q: &Tensor) -> Option<()> {
    if p.error().is_some() || q.error().is_some() {
        return Some(());
    }
    let equal = p.detach().eq(q.detach());
    let rows = equal.axes().clone();
    let equal = rows.iter().fold(equal, |equal, &axis| equal.to_positional(axis));
    (equal.all_all().to_scalar().ok()? == 1.0).then_some(())
}

/// That of one trial, times the mean number of trials.
pub(super) fn geometric(p: &Geometric, q: &Geometric) -> Tensor {
    bernoulli(p.trial(), q.trial()) / p.probs()
}

/// `rₚ (ln rₚ - ln r_q) - rₚ + r_q` with the rates `r`.
pub(super) fn poisson(p: &Poisson, q: &Poisson) -> Tensor {
    let (r, r_q) = (p.rate(), q.rate());
    xlogy(r, r) - xlogy(r, r_q) - r + r_q
}

/// `p (ln p - ln q)`, 0 where `p` is 0 whatever `q` is.
fn term(log_p: &Tensor, log_q: &Tensor) -> Tensor {
    let absent = log_p.eq(f64::NEG_INFINITY);
    let difference = absent.select(0.0, log_p) - absent.select(0.0, log_q);
    absent.select(0.0, log_p.exp()) * difference
}
