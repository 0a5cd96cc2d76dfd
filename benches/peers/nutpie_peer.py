"""nutpie: its sampler, and the function that it calls, compiled by PyMC and numba, in a compiled loop of our own.

The function is called by its address. It is the one of numba's C calling convention that nutpie gives to its Rust code,
so no Python is timed.
"""

import time
from functools import lru_cache

from server import FEW, Prepared, Sampler, options, read_data, serve, use_cores, write_draws

chosen = options()

import ctypes  # noqa: E402

import numba  # noqa: E402
import numpy as np  # noqa: E402
import nutpie  # noqa: E402
import pyarrow  # noqa: E402
import pymc as pm  # noqa: E402

from pymc_models import MODELS  # noqa: E402

SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


@numba.njit
def repeat(function, calls, dim, at, slope, value, user_data):
    """The sum of the codes that the calls return: 0 if all is well."""
    codes = 0
    for _ in range(calls):
        codes += function(dim, at, slope, value, user_data)
    return codes


@lru_cache(maxsize=1)
def compiled_model(work, file):
    data = {
        name: np.asarray(value, float) if isinstance(value, list) else value
        for name, value in read_data(file).items()
    }
    with pm.Model() as model:
        MODELS[work](data)
    return nutpie.compile_pymc_model(model, backend="numba")


def gradient(request):
    compiled = compiled_model(request["work"], request["data"])
    function = SIGNATURE(compiled.compiled_logp_func.address)
    user_data = np.asarray(compiled.user_data)
    at, slope, value = np.array(request["points"][0]), np.zeros(compiled.n_dim), np.zeros(())
    # What is passed by address has to live as long as the function is called.
    arrays = (at, slope, value, user_data)

    def run(calls):
        codes = repeat(function, calls, compiled.n_dim, *(array.ctypes.data for array in arrays))
        if codes != 0:
            raise FloatingPointError(f"the log density returned codes that add up to {codes}")

    values, gradients = [], []
    for point in reversed(request["points"]):
        at[:] = point
        run(1)
        values.insert(0, float(value))
        gradients.insert(0, slope.tolist())
    return Prepared(run, {"values": values, "gradients": gradients})


def sampler(request):
    compiled = compiled_model(request["work"], request["data"])
    use_cores(request["cores"])
    warmup = request["warmup"]

    def sample(seed, draws, warmup=warmup):
        """Draws and statistics, a batch of Arrow's a chain, and the seconds."""
        start = time.perf_counter()
        trace = nutpie.sample(
            compiled,
            draws=draws,
            tune=warmup,
            chains=request["chains"],
            cores=request["cores"],
            seed=seed,
            progress_bar=False,
            return_raw_trace=True,
        )
        seconds = time.perf_counter() - start
        return [[pyarrow.record_batch(batch) for batch in batches] for batches in trace.get_arrow_trace()], seconds

    def measured(seed):
        (draws, statistics), seconds = sample(seed, request["draws"])
        # The same chains without their draws: what the warm-up took.
        _, in_warmup = sample(seed, 1)

        def of(name):
            column = [batch.column(name) for batch in draws]
            numbers = [c.flatten() if pyarrow.types.is_nested(c.type) else c for c in column]
            return [np.asarray(n).reshape(warmup + request["draws"], -1)[warmup:] for n in numbers]

        write_draws(request, of)
        steps = np.array([batch.column("n_steps").to_numpy() for batch in statistics])
        diverging = np.array([batch.column("diverging").to_numpy(zero_copy_only=False) for batch in statistics])
        leapfrogs = [steps[:, :warmup].sum(), steps[:, warmup:].sum()]
        in_warmup = min(in_warmup, seconds)
        return [in_warmup, seconds - in_warmup], leapfrogs, diverging[:, warmup:].sum()

    # Pages that a first run touches are there when it is timed.
    sample(1, FEW, FEW)
    return Sampler(measured)


serve(f"nutpie {nutpie.__version__}, PyMC {pm.__version__}", {"gradient": gradient, "sampler": sampler})
