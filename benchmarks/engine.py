"""Compare the forked engine with the stock one, notebook by notebook, on the machine at hand.

    python benchmarks/engine.py [--pairs N] [WORKLOAD ...]

For each workload a number of submissions, each different and some failing, run in both engines in turn, so that what
else the machine does falls on both. One table: medians of the wall clock, the median ratio of the pairs, and how many
notebooks ended alike. For use by hand: it asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from nbformat.v4 import new_code_cell, new_notebook

from grader.execution import open_engine
from grader.model import Executed, Limits, Notebook

_LIMITS = Limits(cell_seconds=120)


def numpy_notebook(number: int) -> list[str]:
    """Ten small cells; every fourth submission fails a test."""
    wrong = number % 4 == 0
    return [
        "import numpy as np",
        f"def square(x):\n    return x * x + {number if wrong else 0} * 0.1",
        f"x = np.linspace(0, 1, {10 + number})\nx.mean()",
        "assert abs(square(2) - 4) < 1e-9",
        "assert square(-3) == 9",
        f"rows = np.arange({6 * (number + 1)}).reshape(-1, 3)\nrows",
        "rows.sum(axis=0)",
        "assert rows.sum() == rows.size * (rows.size - 1) // 2",
        "print('mean', x.mean(), 'sum', x.sum())",
        "np.testing.assert_allclose(np.linalg.inv(np.eye(3)), np.eye(3))",
    ]


def figure_notebook(number: int) -> list[str]:
    """A frame and a figure."""
    return [
        "import numpy as np, pandas as pd\nimport matplotlib.pyplot as plt",
        f"n = {20 + number}\ndata = pd.DataFrame({{'x': np.arange(n), 'g': [i % 3 for i in range(n)]}})\ndata.head()",
        "means = data.groupby('g').x.mean()\nmeans",
        f"plt.plot(data.x, data.x ** {1 + number % 3}, label='curve')\nplt.title('{number}')\nplt.legend();",
        f"assert len(means) == 3, {number}",
        f"assert means.sum() > {number % 5 * 20}",
    ]


def torch_notebook(number: int) -> list[str]:
    """A small training loop."""
    return [
        "import torch",
        f"x = torch.linspace(-1, 1, {32 + number}).unsqueeze(1)\ny = 2 * x + 1",
        "model = torch.nn.Linear(1, 1)\noptimiser = torch.optim.Adam(model.parameters(), lr=0.1)",
        "def step():\n    loss = ((model(x) - y) ** 2).mean()\n    loss.backward()\n    optimiser.step()",
        "for _ in range(100):\n    optimiser.zero_grad()\n    step()\nloss = ((model(x) - y) ** 2).mean()",
        "float(loss)",
        f"assert loss < {0.5 if number % 4 else 1e-12}",
    ]


def heavy_notebook(number: int) -> list[str]:
    """About a second of pure Python, which no engine can make faster."""
    return [
        *numpy_notebook(number),
        f"total = 0\nfor i in range({8_000_000 + 1000 * number}):\n    total += i & 3\ntotal",
    ]


_WORKLOADS: dict[str, tuple[Callable[[int], list[str]], tuple[str, ...]]] = {
    "numpy": (numpy_notebook, ("numpy", "numpy.testing")),
    "figure": (figure_notebook, ("numpy", "pandas", "matplotlib.pyplot")),
    "torch": (torch_notebook, ("torch",)),
    "heavy": (heavy_notebook, ("numpy", "numpy.testing")),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the workloads that were asked for and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", choices=[*_WORKLOADS, []], default=["numpy", "figure", "heavy"])
    parser.add_argument("--pairs", type=int, default=9, help="how many submissions run in both engines")
    options = parser.parse_args(arguments)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ms a notebook")
    print(f"{'workload':10} {'forked':>8} {'stock':>8} {'ratio':>7} {'alike':>8} {'warm-up s':>10}")
    for name in options.workloads:
        print(measured(name, options.pairs))


def measured(name: str, pairs: int) -> str:
    """Run one workload in both engines, in turn, and return its row of the table."""
    sources, preload = _WORKLOADS[name]
    began = time.perf_counter()
    with open_engine("forked", preload=preload) as forked, open_engine("stock") as stock:
        warm = time.perf_counter() - began
        times: list[tuple[float, float]] = []
        alike = 0
        for number in range(pairs):
            notebook = new_notebook(cells=[new_code_cell(source) for source in sources(number)])
            order = [forked, stock] if number % 2 else [stock, forked]
            runs = {engine.name: timed(engine, notebook) for engine in order}
            times.append((runs["forked"][0], runs["stock"][0]))
            alike += _verdicts(runs["forked"][1]) == _verdicts(runs["stock"][1])
    fast, slow = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    ratio = statistics.median(slow / fast for fast, slow in times)
    return f"{name:10} {fast:8.0f} {slow:8.0f} {ratio:6.1f}x {alike:5}/{pairs:<2} {warm:10.1f}"


def timed(engine: Any, notebook: Notebook) -> tuple[float, Executed]:
    """Run a notebook and say how long it took."""
    began = time.perf_counter()
    executed = engine.execute(notebook, {}, _LIMITS)
    return time.perf_counter() - began, executed


def _verdicts(executed: Executed) -> list[str]:
    return [run.status for run in executed.runs if run is not None]


if __name__ == "__main__":
    main()
