"""What all peers share: requests as lines of JSON on the standard input, answers as lines on the standard output.

A request `{"do": "gradient", "work", "data", "sites", "points"}` compiles the log density of a model on unconstrained
space, with the bijections' volumes, and is answered by its values and gradients at the points. A request `{"do": "svi",
"work", "data", "guide", "particles", "learning_rate"}` compiles a step of variational inference. After either, `{"do":
"run", "calls"}` repeats it at the first point, or from where it stands, and is answered by the seconds it took, in the
peer's own loop.

A request `{"do": "sampler", "work", "data", "numbers", "chains", "cores", "warmup", "draws", "quick", "into"}` compiles
all that sampling needs; if it is quick, not also what may be faster. After it, `{"do": "sample", "seed"}` samples, and
is answered by the seconds, and the leapfrog steps, of the warm-up and of the draws, and the number of divergent draws.
The draws are in the file `into`, as numbers of 8 bytes [number, chain, draw], the numbers those of the sites and sizes
that the request lists, on the constrained scale.
"""

import argparse
import json
import os
import sys
import time
import traceback


def options():
    """Options of a peer's command line, obeyed before its libraries are loaded and start their threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dtype", choices=["f32", "f64"], default="f64")
    parser.add_argument("--one-thread", action="store_true", help="run on one core")
    parser.add_argument("--cache", help="folder of what may be kept for the next run")
    chosen = parser.parse_args()
    if chosen.one_thread:
        os.environ["OMP_NUM_THREADS"] = "1"
        os.sched_setaffinity(0, CORES[-1:])
    return chosen


# Transitions of a run that is there to have run.
FEW = 20

CORES = sorted(os.sched_getaffinity(0))


def use_cores(count):
    """Binds threads and processes that are started from now on to so many cores."""
    os.sched_setaffinity(0, CORES[-count:])


def read_data(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_draws(request, of):
    """Writes the draws that `of` gives of a site, as an array whose first dimensions are chain and draw."""
    import numpy as np

    chains, draws = request["chains"], request["draws"]
    with open(request["into"], "wb") as file:
        for name, size in request["numbers"]:
            numbers = np.asarray(of(name), dtype=np.float64).reshape(chains, draws, size)
            numbers.transpose(2, 0, 1).tofile(file)


class Prepared:
    """Compiled work: `run(calls)` does it so many times, and returns when all is done.

    It may return the seconds that took by a nearer clock than the server's.
    """

    def __init__(self, run, answer=None):
        self.run = run
        self.answer = answer or {}


class Sampler:
    """A compiled sampler: `sample(seed)` writes the draws, and returns seconds and leapfrog steps, each of warm-up and
    draws, and the number of divergent draws."""

    def __init__(self, sample, answer=None):
        self.sample = sample
        self.answer = answer or {}


def serve(version, prepare):
    """Answers requests until there are no more.

    `prepare` has a function for each kind of work, from a request to what is `Prepared`, or a `Sampler`.
    """
    # Whatever else a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"version": version})
    prepared = None
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        try:
            if request["do"] == "run":
                seconds = prepared.run(request["calls"])
                answer({"seconds": time.perf_counter() - start if seconds is None else seconds})
            elif request["do"] == "sample":
                seconds, leapfrogs, divergences = prepared.sample(request["seed"])
                counts = [int(count) for count in leapfrogs]
                answer({"seconds": seconds, "leapfrogs": counts, "divergences": int(divergences)})
            else:
                prepared = prepare[request["do"]](request)
                answer({"prepared": time.perf_counter() - start, **prepared.answer})
        except Exception as error:  # Any failure is an answer; the next request may be of another kind.
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"})
