//! Divergences of distributions of countable values.

use ppl_tensor::Tensor;

use crate::{Bernoulli, Categorical};

/// `Σ p (ln p - ln q)` over both outcomes.
pub(super) fn bernoulli(p: &Bernoulli, q: &Bernoulli) -> Tensor {
    let (of_p, of_q) = (p.log_probs(), q.log_probs());
    term(&of_p[0], &of_q[0]) + term(&of_p[1], &of_q[1])
}

/// `Σ p (ln p - ln q)` over the categories.
pub(super) fn categorical(p: &Categorical, q: &Categorical) -> Tensor {
    term(&p.log_probs(), &q.log_probs()).sum(-1)
}

/// `p (ln p - ln q)`, 0 where `p` is 0 whatever `q` is.
fn term(log_p: &Tensor, log_q: &Tensor) -> Tensor {
    let absent = log_p.eq(f64::NEG_INFINITY);
    let difference = absent.select(0.0, log_p) - absent.select(0.0, log_q);
    absent.select(0.0, log_p.exp()) * difference
}
