"""Everything that a kernel would do at its first cell, done once before the fork and without running a cell."""

# ipykernel and IPython are typed in part
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import gc
import importlib
import io
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from grader.execution import confine

_LATE = (
    # what ipykernel and IPython import only when a cell runs, fails or forks
    "concurrent.futures.process",
    "executing",
    "IPython.core.debugger",
    "IPython.core.magics",
    "IPython.core.pylabtools",
    "IPython.core.ultratb",
    "IPython.display",
    "ipykernel.debugger",
    "multiprocessing.pool",
    "pexpect",
    "psutil",
    "pygments.formatters.terminal256",
    "pygments.lexers.python",
    "pygments.styles.default",
    "stack_data",
    "tornado.platform.asyncio",
)
_RAISING_CELL = "def warm():\n    x = 1\n    raise AssertionError('warm')\nwarm()\n"


def import_modules(names: Sequence[str]) -> None:
    """Import what ipykernel needs late and what the instructor's notebook imports; what fails here fails in the cell.

    The shell exists already: pyplot registers with it as it is imported, and its figures would be lost otherwise.
    """
    for name in (*_LATE, *names):
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001, S112 - a module may raise anything; the cell that imports it will tell
            continue
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def warm_up(shell: Any) -> None:
    """Run once what is slow the first time, and leave no trace of it in the shell."""
    _remember_colours()
    _traceback(shell)
    for value in _values():
        shell.display_formatter.format(value)


def freeze() -> None:
    """Put all that exists out of the collector's sight, so that forks share it, and make it cheap to fork."""
    gc.collect()
    gc.freeze()
    confine.gather_pages()


def _remember_colours() -> None:
    """Have what colours a traceback worked out once: it is the same for every one, and takes longer than the rest."""
    import stack_data
    from pygments.formatters.terminal256 import Terminal256Formatter

    vars(stack_data).update(style_with_executing_node=cache(vars(stack_data)["style_with_executing_node"]))
    set_up = Terminal256Formatter._setup_styles  # noqa: SLF001 - Pygments offers no way to share a formatter's styles
    known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def set_up_once(formatter: Any) -> None:
        kind = (type(formatter), formatter.style, formatter.usebold, formatter.useunderline, formatter.useitalic)
        if kind not in known:
            set_up(formatter)
            known[kind] = dict(formatter.style_string)
        formatter.style_string = dict(known[kind])

    Terminal256Formatter._setup_styles = set_up_once  # noqa: SLF001


def _traceback(shell: Any) -> None:
    import linecache

    name = shell.compile.cache(_RAISING_CELL, 0)
    code = shell.compile(shell.transform_cell(_RAISING_CELL), name, "exec")
    try:
        exec(code, {"__name__": "__main__"})  # noqa: S102 - our own five lines
    except AssertionError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info(), tb_offset=1)
    linecache.cache.pop(name, None)
    shell.compile._filename_map.clear()  # noqa: SLF001 - IPython offers no way to forget a cell


def _values() -> Iterator[Any]:
    """Give values of the kinds that notebooks show; computing them warms the libraries that they come from."""
    yield from (1, (1.5, 2), "text", [1], {"a": 1})
    if "numpy" in sys.modules:
        yield from _numpy_values(sys.modules["numpy"])
    if "pandas" in sys.modules:
        yield from _pandas_values(sys.modules["pandas"])
    if "matplotlib" in sys.modules:
        _draw()
    if "torch" in sys.modules:
        yield from _torch_values(sys.modules["torch"])


def _numpy_values(np: Any) -> Iterator[Any]:
    np.random.seed(0)
    np.linalg.inv(np.eye(3))
    np.linalg.svd(np.eye(3))
    yield np.arange(6).reshape(2, 3)
    yield np.float64(1)
    yield np.random.default_rng(0).normal(size=4)


def _pandas_values(pd: Any) -> Iterator[Any]:
    frame = pd.read_csv(io.StringIO("x,g\n1,a\n2,b\n3,a\n"))
    yield frame
    yield frame.x
    yield frame.describe()
    yield frame.groupby("g").mean()


def _draw() -> None:
    from IPython.core.pylabtools import print_figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([1, 2], [1, 2], label="a")
    axes.legend()
    axes.set_title("title")
    axes.set_xlabel("x")
    print_figure(figure, fmt="png", bbox_inches="tight")


def _torch_values(torch: Any) -> Iterator[Any]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 1)
    for optimiser in (torch.optim.SGD(layer.parameters(), lr=0.1), torch.optim.Adam(layer.parameters())):
        layer(torch.zeros(3, 2)).sum().backward()
        optimiser.step()
    yield layer
    yield torch.zeros(2)
