"""Pyro with its just-in-time compiler, which compiles the objective; the optimiser's update runs step by step."""

from server import Prepared, options, read_data, serve

chosen = options()

import pyro  # noqa: E402
import pyro.distributions as dist  # noqa: E402
import torch  # noqa: E402
from pyro.infer import SVI, JitTrace_ELBO, autoguide  # noqa: E402

if chosen.one_thread:
    torch.set_num_threads(1)
torch.set_default_dtype(torch.float32 if chosen.dtype == "f32" else torch.float64)
pyro.enable_validation(False)


def rugged(data):
    a = pyro.sample("a", dist.Normal(0.0, 10.0))
    b_a = pyro.sample("bA", dist.Normal(0.0, 1.0))
    b_r = pyro.sample("bR", dist.Normal(0.0, 1.0))
    b_ar = pyro.sample("bAR", dist.Normal(0.0, 1.0))
    sigma = pyro.sample("sigma", dist.Uniform(0.0, 10.0))
    africa, rugged = data["cont_africa"], data["rugged"]
    mean = a + b_a * africa + b_r * rugged + b_ar * africa * rugged
    with pyro.plate("data", data["N"]):
        pyro.sample("obs", dist.Normal(mean, sigma), obs=data["log_gdp"])


def linreg(data):
    alpha = pyro.sample("alpha", dist.Normal(0.0, 100.0))
    beta = pyro.sample("beta", dist.Normal(torch.zeros(data["K"]), 10.0).to_event(1))
    sigma = pyro.sample("sigma", dist.HalfNormal(10.0))
    # Vectorised particles have a dimension in front of the rows, which the matrix product takes as it is.
    slopes = beta.squeeze(-2) if beta.dim() > 1 else beta
    mean = alpha + slopes @ data["X"].T
    with pyro.plate("rows", data["N"]):
        pyro.sample("obs", dist.Normal(mean, sigma), obs=data["y"])


MODELS = {"rugged": rugged, "linreg": linreg}


def svi(request):
    data = {
        name: torch.tensor(value, dtype=torch.get_default_dtype()) if isinstance(value, list) else value
        for name, value in read_data(request["data"]).items()
    }
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    work = MODELS[request["work"]]

    # Without arguments the data are constants of the compiled objective.
    def model():
        work(data)

    particles = request["particles"]
    objective = JitTrace_ELBO(
        num_particles=particles,
        vectorize_particles=particles > 1,
        max_plate_nesting=1,
        ignore_jit_warnings=True,
    )
    guide = getattr(autoguide, request["guide"])(model)
    fit = SVI(model, guide, pyro.optim.Adam({"lr": request["learning_rate"]}), objective)

    def run(calls):
        for _ in range(calls):
            fit.step()

    # The compiler observes a few steps before it is done.
    run(5)
    return Prepared(run)


serve(f"Pyro {pyro.__version__}, PyTorch {torch.__version__}", {"svi": svi})
