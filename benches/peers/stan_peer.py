"""Stan, from what is inside PyStan: its compiler, its library, and the C++ compiler of this machine.

PyStan's own interface takes milliseconds a call, so the log density is called in the loop of a small program.
"""

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path

from server import Prepared, options, serve

chosen = options()

import httpstan  # noqa: E402

PACKAGE = Path(httpstan.__file__).parent
HERE = Path(__file__).parent / "stan"
DRIVER = HERE / "driver.cpp"
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


def executable(program):
    """The compiled program, from the cache if nothing has changed."""
    what = "\n".join([program.read_text(), DRIVER.read_text(), version("httpstan"), *COMPILER])
    built = Path(chosen.cache) / hashlib.sha256(what.encode()).hexdigest()[:16]
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        code, unfinished = built.with_suffix(".hpp"), built.with_suffix(".new")
        call([str(PACKAGE / "stanc"), "--O1", str(program), "--o", str(code)])
        include = ["-include", str(code), "-I", str(PACKAGE / "include")]
        call([*COMPILER, *include, str(DRIVER), "-o", str(unfinished), *LIBRARIES])
        unfinished.rename(built)
    return built


def program_of(request):
    """posteriordb's program beside the data, or ours."""
    beside = Path(request["data"]).parent / "model.stan"
    return beside if beside.exists() else HERE / f"{request['work']}.stan"


class Driver:
    """The running program; ended with the server, whose end closes its input."""

    def __init__(self, built, data):
        self.process = subprocess.Popen([built, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError("the compiled program ended")
        return [float(word) for word in answer]


def gradient(request):
    driver = Driver(executable(program_of(request)), request["data"])
    values, gradients = [], []
    for point in reversed(request["points"]):
        value, *slope = driver.ask("at", *point)
        values.insert(0, value)
        gradients.insert(0, slope)
    return Prepared(lambda calls: driver.ask("run", calls)[0], {"values": values, "gradients": gradients})


serve(f"Stan of httpstan {version('httpstan')}", {"gradient": gradient})
