"""NumPyro: everything in one compiled loop, so that no time is spent in Python between two calls."""

import time
from functools import partial

from server import Prepared, Sampler, options, read_data, serve, write_draws

chosen = options()
# Most chains that run in parallel: each needs a device.
DEVICES = 1 if chosen.one_thread else 4

import jax  # noqa: E402

jax.config.update("jax_num_cpu_devices", DEVICES)
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", chosen.dtype == "f64")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import numpyro  # noqa: E402
from jax import lax  # noqa: E402
from numpyro.infer import NUTS, SVI, Trace_ELBO, autoguide  # noqa: E402
from numpyro.infer.util import initialize_model  # noqa: E402

from numpyro_models import MODELS  # noqa: E402

# Densities are checked when a model is written, not in each step.
numpyro.enable_validation(False)
FLOAT = np.float32 if chosen.dtype == "f32" else np.float64


def arrays(request):
    """Numbers stay numbers, so that they may be sizes; lists become arrays."""
    data = read_data(request["data"])
    return {name: jnp.asarray(value, FLOAT) if isinstance(value, list) else value for name, value in data.items()}


def gradient(request):
    data = arrays(request)
    model = MODELS[request["work"]]
    made = initialize_model(jax.random.key(0), model, model_args=(data,), validate_grad=False)
    evaluate = jax.value_and_grad(made.potential_fn)
    shapes = {name: value.shape for name, value in made.param_info.z.items()}

    def tree(point):
        """A point by sites, from its numbers in the order of the sites."""
        point, by_site = list(point), {}
        for name, size in request["sites"]:
            by_site[name] = jnp.asarray(point[:size], FLOAT).reshape(shapes[name])
            del point[:size]
        return by_site

    @jax.jit
    def repeat(calls, still, start):
        # Moves by nothing, which the compiler cannot know: else it would evaluate once.
        def step(_, carry):
            at, total = carry
            value, slope = evaluate(at)
            return jax.tree.map(lambda x, g: x + still * g, at, slope), total + value

        return lax.fori_loop(0, calls, step, (start, jnp.zeros((), FLOAT)))

    points = [tree(point) for point in request["points"]]
    values, gradients = [], []
    for point in points:
        value, slope = jax.jit(evaluate)(point)
        values.append(-float(value))
        gradients.append([-float(g) for name, _ in request["sites"] for g in np.ravel(slope[name])])
    still = jnp.zeros((), FLOAT)

    def run(calls):
        jax.block_until_ready(repeat(calls, still, points[0]))

    run(1)
    return Prepared(run, {"values": values, "gradients": gradients})


def svi(request):
    data = arrays(request)
    model = MODELS[request["work"]]
    guide = getattr(autoguide, request["guide"])(model)
    objective = Trace_ELBO(num_particles=request["particles"])
    fit = SVI(model, guide, numpyro.optim.Adam(request["learning_rate"]), objective)
    state = fit.init(jax.random.key(0), data)

    @jax.jit
    def repeat(calls, state):
        def step(_, carry):
            return fit.update(carry[0], data)

        return lax.fori_loop(0, calls, step, (state, jnp.zeros((), FLOAT)))

    def run(calls):
        nonlocal state
        state, loss = jax.block_until_ready(repeat(calls, state))
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}")

    run(1)
    return Prepared(run)


def chains_of(request, kernel, method):
    """One run from a seed: NUTS as `MCMC` runs it, but for what that does in Python: a phase is one compiled call."""
    ways = {"one": jax.jit, "parallel": jax.pmap, "vectorized": lambda of_chain: jax.jit(jax.vmap(of_chain))}
    way = ways[method]
    warmup, draws = request["warmup"], request["draws"]
    begin = way(lambda key: kernel.init(key, warmup, None, (), {}))

    def advance(transitions, state):
        def step(state, _):
            state = kernel.sample(state, (), {})
            return state, (state.z, state.num_steps, state.diverging)

        return lax.scan(step, state, None, length=transitions)

    phase = {transitions: way(partial(advance, transitions)) for transitions in (warmup, draws)}
    constrain = way(lambda z: jax.vmap(kernel.postprocess_fn((), {}))(z))

    def run(seed):
        key = jax.random.key(seed)
        keys = key if method == "one" else jax.random.split(key, request["chains"])
        start = time.perf_counter()
        state, (_, steps_before, _) = phase[warmup](begin(keys))
        jax.block_until_ready(state)
        warm = time.perf_counter()
        _, (z, steps, diverging) = phase[draws](state)
        sites = jax.block_until_ready(constrain(z))
        end = time.perf_counter()
        return sites, [warm - start, end - warm], [steps_before.sum(), steps.sum()], diverging.sum()

    return run


def sampler(request):
    data = arrays(request)
    model = MODELS[request["work"]]
    kernel = NUTS(lambda: model(data))
    if request["chains"] == 1:
        methods = ["one"]
    elif request.get("quick"):
        methods = ["parallel"]
    else:
        methods = ["parallel", "vectorized"]
    runs, times = {}, {}
    for method in methods:
        runs[method] = chains_of(request, kernel, method)
        # The first run compiles, which does not matter beside minutes.
        times[method] = sum(runs[method](1)[1])
        if times[method] < 60.0:
            times[method] = sum(runs[method](2)[1])
    fastest = min(times, key=times.get)

    def sample(seed):
        sites, seconds, leapfrogs, divergences = runs[fastest](seed)
        write_draws(request, lambda name: sites[name])
        return seconds, leapfrogs, divergences

    return Sampler(sample, {"how": f"chains {fastest}"} if request["chains"] > 1 else {})


serve(f"NumPyro {numpyro.__version__}, JAX {jax.__version__}", {"gradient": gradient, "svi": svi, "sampler": sampler})
