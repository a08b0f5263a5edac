"""Measure the time and the memory that a TFLite model takes."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from ai_edge_litert.interpreter import Interpreter

WARM_UP = 20
"""Number of first runs, which are not timed."""

RUNS = 100
"""Number of runs that are timed."""


def measure(
    models: Mapping[str, bytes],
    runs: int,
    threads: int,
) -> pd.DataFrame:
    """Time models on one image at a time.

    The models take turns, so that other work of the machine affects all of them alike.

    Args:
        models: by name; each takes a uint8 image.
        runs: number of timed runs of each model.
        threads: number of threads of each interpreter.

    Returns:
        A row for each model, by name: `median` and `percentile_95` in milliseconds.
    """
    interpreters = {name: _interpreter(model, threads) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for run in range(WARM_UP + runs):
        for name, interpreter in interpreters.items():
            start = time.perf_counter()
            interpreter.invoke()
            seconds = time.perf_counter() - start
            if run >= WARM_UP:
                times[name].append(1000 * seconds)
    table = pd.DataFrame(times).quantile([0.5, 0.95]).T
    return table.set_axis(["median", "percentile_95"], axis=1)


def memory(file: Path) -> float:
    """Return the megabytes by which a new process grows when it loads a model and runs it."""
    command = [sys.executable, "-P", __file__, str(file)]
    return float(subprocess.check_output(command))


def _interpreter(model: bytes, threads: int) -> Interpreter:
    """Return an interpreter whose input is an image of noise."""
    interpreter = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    [image] = interpreter.get_input_details()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, image["shape"], dtype=np.uint8)
    interpreter.set_tensor(image["index"], noise)
    return interpreter


if __name__ == "__main__":
    content = Path(sys.argv[1]).read_bytes()
    process = psutil.Process()
    before = process.memory_info().rss
    interpreter = _interpreter(content, 1)
    for _ in range(WARM_UP):
        interpreter.invoke()
    print((process.memory_info().rss - before) / 1e6)
