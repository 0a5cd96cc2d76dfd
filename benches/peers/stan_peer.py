"""Stan, from what is inside PyStan: its compiler, its library, and the C++ compiler of this machine.

PyStan's own interface takes milliseconds a call, so the log density is called in the loop of a small program, and
another one samples as CmdStan does.
"""

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path

from server import FEW, Prepared, Sampler, options, serve, use_cores

chosen = options()

import httpstan  # noqa: E402

PACKAGE = Path(httpstan.__file__).parent
HERE = Path(__file__).parent / "stan"
COMPILER = ["g++", "-std=c++17", "-O3", "-march=native", "-w", "-DBOOST_DISABLE_ASSERTS"]
COMPILER += ["-D_REENTRANT", "-DBOOST_PHOENIX_NO_VARIADIC_EXPRESSION"]
# The libraries of the package were built for older systems.
COMPILER += ["-D_GLIBCXX_USE_CXX11_ABI=0"]
LIBRARIES = [f"-L{PACKAGE / 'lib'}", f"-Wl,-rpath,{PACKAGE / 'lib'}", "-ltbb"]


def call(command):
    """Runs a command; of what it prints if it fails, the end is the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name}: {(done.stderr or done.stdout).strip()[-500:]}")


def executable(program, driver):
    """The compiled program with one of our drivers, from the cache if nothing has changed."""
    driver = HERE / driver
    what = "\n".join([program.read_text(), driver.read_text(), version("httpstan"), *COMPILER])
    built = Path(chosen.cache) / hashlib.sha256(what.encode()).hexdigest()[:16]
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        code, unfinished = built.with_suffix(".hpp"), built.with_suffix(".new")
        call([str(PACKAGE / "stanc"), "--O1", str(program), "--o", str(code)])
        include = ["-include", str(code), "-I", str(PACKAGE / "include")]
        call([*COMPILER, *include, str(driver), "-o", str(unfinished), *LIBRARIES])
        unfinished.rename(built)
    return built


def program_of(request):
    """posteriordb's program beside the data, or ours."""
    beside = Path(request["data"]).parent / "model.stan"
    return beside if beside.exists() else HERE / f"{request['work']}.stan"


class Driver:
    """The running program; ended with the server, whose end closes its input."""

    def __init__(self, built, data, folder=None):
        command = [built, Path(data).resolve()]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError("the compiled program ended")
        return [float(word) for word in answer]


def gradient(request):
    driver = Driver(executable(program_of(request), "driver.cpp"), request["data"])
    values, gradients = [], []
    for point in reversed(request["points"]):
        value, *slope = driver.ask("at", *point)
        values.insert(0, value)
        gradients.insert(0, slope)
    return Prepared(lambda calls: driver.ask("run", calls)[0], {"values": values, "gradients": gradients})


def sampler(request):
    built = executable(program_of(request), "sampler.cpp")
    use_cores(request["cores"])
    # Words of a command are separated by spaces, which a path may have and a name in it has not.
    into = Path(request["into"])
    driver = Driver(built, request["data"], into.parent)
    chains, cores, warmup, draws = (request[name] for name in ("chains", "cores", "warmup", "draws"))
    numbers = sum(size for _, size in request["numbers"])

    # Pages that a first run touches are there when it is timed.
    driver.ask(1, 1, FEW, FEW, 1, into.name)

    def sample(seed):
        answer = driver.ask(chains, cores, warmup, draws, seed, into.name)
        total, in_warmup, in_draws, *counts, parameters = answer
        if parameters != numbers:
            raise ValueError(f"the program has {parameters:.0f} numbers, not {numbers}")
        # Chains are at their draws while others warm up: a phase's share of the whole is its share of the chains' time.
        share = in_warmup / (in_warmup + in_draws)
        return [share * total, (1 - share) * total], counts[:2], counts[2]

    return Sampler(sample)


serve(f"Stan of httpstan {version('httpstan')}", {"gradient": gradient, "sampler": sampler})
