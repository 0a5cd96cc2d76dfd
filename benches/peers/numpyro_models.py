"""The models in NumPyro, by name of the work. Sites are in the order of the Stan programs' parameters."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import lax
from numpyro import deterministic, factor, plate, sample
from numpyro.distributions import constraints

import features


def flat(support, shape=()):
    return dist.ImproperUniform(support, (), shape)


def rugged(data):
    a = sample("a", dist.Normal(0.0, 10.0))
    b_a = sample("bA", dist.Normal(0.0, 1.0))
    b_r = sample("bR", dist.Normal(0.0, 1.0))
    b_ar = sample("bAR", dist.Normal(0.0, 1.0))
    sigma = sample("sigma", dist.Uniform(0.0, 10.0))
    africa, rugged = data["cont_africa"], data["rugged"]
    mean = a + b_a * africa + b_r * rugged + b_ar * africa * rugged
    with plate("data", data["N"]):
        sample("obs", dist.Normal(mean, sigma), obs=data["log_gdp"])


def linreg(data):
    alpha = sample("alpha", dist.Normal(0.0, 100.0))
    beta = sample("beta", dist.Normal(0.0, 10.0).expand([data["K"]]).to_event(1))
    sigma = sample("sigma", dist.HalfNormal(10.0))
    with plate("rows", data["N"]):
        sample("obs", dist.Normal(alpha + data["X"] @ beta, sigma), obs=data["y"])


def logistic(data):
    alpha = sample("alpha", dist.Normal(0.0, 10.0))
    beta = sample("beta", dist.Normal(0.0, 2.5).expand([data["K"]]).to_event(1))
    with plate("rows", data["N"]):
        sample("y", dist.Bernoulli(logits=alpha + data["X"] @ beta), obs=data["y"])


def eight_schools(data):
    with plate("schools", data["J"]):
        theta_trans = sample("theta_trans", dist.Normal(0.0, 1.0))
    mu = sample("mu", dist.Normal(0.0, 5.0))
    tau = sample("tau", dist.HalfCauchy(5.0))
    with plate("rows", data["J"]):
        sample("y", dist.Normal(mu + tau * theta_trans, data["sigma"]), obs=data["y"])


def diamonds(data):
    features = data["X"][:, 1:]
    features = features - features.mean(0)
    b = sample("b", dist.Normal(0.0, 1.0).expand([features.shape[1]]).to_event(1))
    intercept = sample("Intercept", dist.StudentT(3.0, 8.0, 10.0))
    sigma = sample("sigma", flat(constraints.positive))
    factor("sigma_prior", dist.StudentT(3.0, 0.0, 10.0).log_prob(sigma))
    with plate("rows", data["N"]):
        sample("Y", dist.Normal(intercept + features @ b, sigma), obs=data["Y"])


def garch(data):
    y = data["y"]
    mu = sample("mu", flat(constraints.real))
    alpha0 = sample("alpha0", flat(constraints.positive))
    alpha1 = sample("alpha1", dist.Uniform(0.0, 1.0))
    share = sample("share", dist.Uniform(0.0, 1.0))
    factor("length", jnp.log1p(-alpha1))
    beta1 = deterministic("beta1", (1.0 - alpha1) * share)

    def step(variance, before):
        variance = alpha0 + alpha1 * (before - mu) ** 2 + beta1 * variance
        return variance, variance

    first = jnp.asarray(data["sigma1"], y.dtype) ** 2
    _, later = lax.scan(step, first, y[:-1])
    variance = jnp.concatenate([first[None], later])
    with plate("time", data["T"]):
        sample("y", dist.Normal(mu, jnp.sqrt(variance)), obs=y)


def gp_regr(data):
    x, n = data["x"], data["N"]
    rho = sample("rho", dist.Gamma(25.0, 4.0))
    alpha = sample("alpha", dist.HalfNormal(2.0))
    sigma = sample("sigma", dist.HalfNormal(1.0))
    distance = (x[:, None] - x) / rho
    covariance = alpha**2 * jnp.exp(-0.5 * distance**2) + sigma * jnp.eye(n)
    sample("y", dist.MultivariateNormal(jnp.zeros(n), scale_tril=jnp.linalg.cholesky(covariance)), obs=data["y"])


def ar_k(data):
    y, lags, steps = data["y"], data["K"], data["T"]
    alpha = sample("alpha", dist.Normal(0.0, 10.0))
    beta = sample("beta", dist.Normal(0.0, 10.0).expand([lags]).to_event(1))
    sigma = sample("sigma", dist.HalfCauchy(2.5))
    before = jnp.stack([y[lags - lag : steps - lag] for lag in range(1, lags + 1)], axis=-1)
    with plate("time", steps - lags):
        sample("y", dist.Normal(alpha + before @ beta, sigma), obs=y[lags:])


def gauss_mix(data):
    mu = sample("mu", flat(constraints.ordered_vector, (2,)))
    factor("mu_prior", dist.Normal(0.0, 2.0).log_prob(mu).sum())
    sigma = sample("sigma", dist.HalfNormal(2.0).expand([2]).to_event(1))
    theta = sample("theta", dist.Beta(5.0, 5.0))
    densities = dist.Normal(mu, sigma).log_prob(data["y"][:, None])
    mixed = jnp.logaddexp(jnp.log(theta) + densities[:, 0], jnp.log1p(-theta) + densities[:, 1])
    factor("y", mixed.sum())


def linear(rows, beta, sigma):
    x, y = rows
    with plate("rows", len(y)):
        sample("y", dist.Normal(x @ beta, sigma), obs=y)


def flat_regression(rows_of):
    """Coefficients and scale without a prior."""

    def model(data):
        x, y = rows_of(data)
        beta = sample("beta", flat(constraints.real_vector, (x.shape[1],)))
        sigma = sample("sigma", flat(constraints.positive))
        linear((x, y), beta, sigma)

    return model


def kidscore_momiq(data):
    beta = sample("beta", flat(constraints.real_vector, (2,)))
    sigma = sample("sigma", dist.HalfCauchy(2.5))
    linear(features.kidscore_momiq(data), beta, sigma)


def blr(data):
    beta = sample("beta", dist.Normal(0.0, 10.0).expand([data["D"]]).to_event(1))
    sigma = sample("sigma", dist.HalfNormal(10.0))
    linear(features.blr(data), beta, sigma)


MODELS = {
    "rugged": rugged,
    "linreg": linreg,
    "logistic": logistic,
    "eight_schools": eight_schools,
    "diamonds": diamonds,
    "garch": garch,
    "gp_regr": gp_regr,
    "arK": ar_k,
    "gauss_mix": gauss_mix,
    "kidscore_momiq": kidscore_momiq,
    "blr": blr,
    **{rows_of.__name__: flat_regression(rows_of) for rows_of in features.FLAT},
}
