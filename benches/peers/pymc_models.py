"""The models in PyMC, by name of the work. Variables are in the order of the Stan programs' parameters."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.transforms import ordered

import features


def rugged(data):
    africa, rugged = data["cont_africa"], data["rugged"]
    a = pm.Normal("a", 0.0, 10.0)
    b_a = pm.Normal("bA", 0.0, 1.0)
    b_r = pm.Normal("bR", 0.0, 1.0)
    b_ar = pm.Normal("bAR", 0.0, 1.0)
    sigma = pm.Uniform("sigma", 0.0, 10.0)
    mean = a + b_a * africa + b_r * rugged + b_ar * africa * rugged
    pm.Normal("obs", mean, sigma, observed=data["log_gdp"])


def linreg(data):
    alpha = pm.Normal("alpha", 0.0, 100.0)
    beta = pm.Normal("beta", 0.0, 10.0, shape=data["K"])
    sigma = pm.HalfNormal("sigma", 10.0)
    pm.Normal("obs", alpha + data["X"] @ beta, sigma, observed=data["y"])


def logistic(data):
    alpha = pm.Normal("alpha", 0.0, 10.0)
    beta = pm.Normal("beta", 0.0, 2.5, shape=data["K"])
    pm.Bernoulli("y", logit_p=alpha + data["X"] @ beta, observed=data["y"].astype(int))


def eight_schools(data):
    theta_trans = pm.Normal("theta_trans", 0.0, 1.0, shape=data["J"])
    mu = pm.Normal("mu", 0.0, 5.0)
    tau = pm.HalfCauchy("tau", 5.0)
    pm.Normal("y", mu + tau * theta_trans, data["sigma"], observed=data["y"])


def diamonds(data):
    features = data["X"][:, 1:]
    features = features - features.mean(0)
    b = pm.Normal("b", 0.0, 1.0, shape=features.shape[1])
    intercept = pm.StudentT("Intercept", nu=3.0, mu=8.0, sigma=10.0)
    sigma = pm.HalfStudentT("sigma", nu=3.0, sigma=10.0)
    pm.Normal("Y", intercept + features @ b, sigma, observed=data["Y"])


def garch(data):
    y = data["y"]
    mu = pm.Flat("mu")
    alpha0 = pm.HalfFlat("alpha0")
    alpha1 = pm.Uniform("alpha1", 0.0, 1.0)
    share = pm.Uniform("share", 0.0, 1.0)
    pm.Potential("length", pt.log1p(-alpha1))
    beta1 = pm.Deterministic("beta1", (1.0 - alpha1) * share)

    def step(before, variance, mu, alpha0, alpha1, beta1):
        return alpha0 + alpha1 * (before - mu) ** 2 + beta1 * variance

    first = pt.as_tensor(np.float64(data["sigma1"]) ** 2)
    later = pytensor.scan(
        step,
        sequences=[pt.as_tensor(y[:-1])],
        outputs_info=[first],
        non_sequences=[mu, alpha0, alpha1, beta1],
        strict=True,
        return_updates=False,
    )
    variance = pt.concatenate([first[None], later])
    pm.Normal("y", mu, pt.sqrt(variance), observed=y)


def gp_regr(data):
    x, n = data["x"], data["N"]
    rho = pm.Gamma("rho", 25.0, 4.0)
    alpha = pm.HalfNormal("alpha", 2.0)
    sigma = pm.HalfNormal("sigma", 1.0)
    distance = (x[:, None] - x) / rho
    covariance = alpha**2 * pt.exp(-0.5 * distance**2) + sigma * pt.eye(n)
    pm.MvNormal("y", np.zeros(n), chol=pt.linalg.cholesky(covariance), observed=data["y"])


def ar_k(data):
    y, lags, steps = data["y"], data["K"], data["T"]
    alpha = pm.Normal("alpha", 0.0, 10.0)
    beta = pm.Normal("beta", 0.0, 10.0, shape=lags)
    sigma = pm.HalfCauchy("sigma", 2.5)
    before = np.stack([y[lags - lag : steps - lag] for lag in range(1, lags + 1)], axis=-1)
    pm.Normal("y", alpha + before @ beta, sigma, observed=y[lags:])


def gauss_mix(data):
    mu = pm.Normal("mu", 0.0, 2.0, shape=2, transform=ordered, initval=[-1.0, 1.0])
    sigma = pm.HalfNormal("sigma", 2.0, shape=2)
    theta = pm.Beta("theta", 5.0, 5.0)
    pm.NormalMixture("y", w=pt.stack([theta, 1.0 - theta]), mu=mu, sigma=sigma, observed=data["y"])


def flat_regression(rows_of):
    """Coefficients and scale without a prior."""

    def model(data):
        x, y = rows_of(data)
        beta = pm.Flat("beta", shape=x.shape[1])
        sigma = pm.HalfFlat("sigma")
        pm.Normal("y", x @ beta, sigma, observed=y)

    return model


def kidscore_momiq(data):
    x, y = features.kidscore_momiq(data)
    beta = pm.Flat("beta", shape=2)
    sigma = pm.HalfCauchy("sigma", 2.5)
    pm.Normal("y", x @ beta, sigma, observed=y)


def blr(data):
    x, y = features.blr(data)
    beta = pm.Normal("beta", 0.0, 10.0, shape=data["D"])
    sigma = pm.HalfNormal("sigma", 10.0)
    pm.Normal("y", x @ beta, sigma, observed=y)


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
