"""nutpie: the function that its sampler calls, compiled by PyMC and numba, called by its address in a compiled loop.

It is the function of numba's C calling convention that nutpie gives to its Rust code, so no Python is timed.
"""

from server import Prepared, options, read_data, serve

chosen = options()

import ctypes  # noqa: E402

import numba  # noqa: E402
import numpy as np  # noqa: E402
import nutpie  # noqa: E402
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


def gradient(request):
    data = {
        name: np.asarray(value, float) if isinstance(value, list) else value
        for name, value in read_data(request).items()
    }
    with pm.Model() as model:
        MODELS[request["work"]](data)
    compiled = nutpie.compile_pymc_model(model, backend="numba")
    function = SIGNATURE(compiled.compiled_logp_func.address)
    user_data = np.asarray(compiled.user_data)
    at, slope, value = np.array(request["points"][0]), np.zeros(compiled.n_dim), np.zeros(())
    addresses = [array.ctypes.data for array in (at, slope, value, user_data)]

    def run(calls):
        codes = repeat(function, calls, compiled.n_dim, *addresses)
        if codes != 0:
            raise FloatingPointError(f"the log density returned codes that add up to {codes}")

    values, gradients = [], []
    for point in reversed(request["points"]):
        at[:] = point
        run(1)
        values.insert(0, float(value))
        gradients.insert(0, slope.tolist())
    return Prepared(run, {"values": values, "gradients": gradients})


serve(f"nutpie {nutpie.__version__}, PyMC {pm.__version__}", {"gradient": gradient})
