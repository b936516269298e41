"""AUTOTEST lines turned into tests by running the instructor's own solution, as nbgrader does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import NotebookError
from grader.notebook.check import kernel_of
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbformat import NotebookNode

    from grader.model import Files

SECONDS = 600
"""What one piece of the instructor's code may take."""

_PINNED = """\
import random as _random
_random.seed(0)
try:
    import numpy as _numpy
    _numpy.random.seed(0)
    del _numpy
except ImportError:
    pass
del _random
"""
_FIELDS = ("templates", "dispatch", "check", "normalize")


@dataclass(frozen=True, slots=True)
class _Client:
    """What nbgrader needs of a kernel's client, with an end to waiting and nobody to ask for input."""

    client: Any

    def execute_interactive(self, code: str, output_hook: Callable[[Any], None]) -> None:
        self.client.execute_interactive(code, output_hook=output_hook, allow_stdin=False, timeout=SECONDS)


def instantiate(notebook: NotebookNode, autotests: str | None, files: Files, name: str) -> None:
    """Write the tests that nbgrader makes of AUTOTEST lines into `notebook`.

    The kernel is the notebook's own, in a folder with exactly `files`; string hashes and the common random generators
    are seeded, so that the same notebook gets the same tests.
    """
    import jinja2
    from nbclient.exceptions import CellExecutionError

    kernel, name = kernel_of(notebook), escape(name)
    templates = _templates(autotests, kernel, name)
    with _kernel(kernel, files, name) as client:
        step = _step(_Client(client), kernel, templates)
        for number, cell in enumerate(notebook["cells"], 1):
            try:
                step.preprocess_cell(cell, {"kernel_name": kernel}, number - 1)
            except CellExecutionError as error:
                reason = (
                    f"its solution raised {escape(error.ename)}: {escape(error.evalue)}; AUTOTEST needs one that runs"
                )
                raise NotebookError(f"{name}: cell {number}: {reason}") from error
            except TimeoutError as error:
                raise NotebookError(f"{name}: cell {number}: AUTOTEST gave up after {SECONDS} s") from error
            except (jinja2.TemplateError, KeyError, TypeError, AttributeError, ValueError) as error:
                reason = f"autotests.yml gives no test for it: {escape(error)}; compare it with nbgrader's sample"
                raise NotebookError(f"{name}: cell {number}: {reason}") from error


def _templates(autotests: str | None, kernel: str, name: str) -> dict[str, Any]:
    """The part of `autotests.yml` that is for this kernel."""
    import yaml

    if autotests is None:
        raise NotebookError(f"{name}: it has AUTOTEST lines; put an autotests.yml beside it or into the course's root")
    try:
        document = yaml.safe_load(autotests)
    except yaml.YAMLError as error:
        raise NotebookError(f"{name}: autotests.yml is not valid YAML: {escape(error)}") from error
    templates = document.get(kernel) if isinstance(document, dict) else None
    if not isinstance(templates, dict):
        raise NotebookError(
            f"{name}: autotests.yml says nothing about the kernel '{escape(kernel)}'; add a section for it"
        )
    lacking = [field for field in _FIELDS if field not in templates]
    if lacking:
        raise NotebookError(f"{name}: autotests.yml lacks {', '.join(lacking)} for the kernel '{escape(kernel)}'")
    return templates


def _step(client: _Client, kernel: str, templates: dict[str, Any]) -> Any:
    """Give nbgrader's step what it would otherwise read from the working folder and start by itself."""
    from nbgrader.preprocessors import InstantiateTests

    step = InstantiateTests()
    step.kc = client
    step.sanitizer = step.sanitizers[kernel]
    step.global_tests_loaded = True
    step.test_templates_by_type = templates["templates"]
    step.dispatch_template = templates["dispatch"]
    step.check_template = templates["check"]
    step.normalize_template = templates["normalize"]
    step.success_code = templates.get("success")
    step.hash_template = templates.get("hash")
    step.setup_code = templates.get("setup")
    return step


@contextlib.contextmanager
def _kernel(kernel: str, files: Files, name: str) -> Iterator[Any]:
    """A client of a fresh kernel in a folder with exactly these files; both are gone afterwards."""
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.manager import start_new_kernel

    with tempfile.TemporaryDirectory(prefix="grader-autotest-") as folder:
        for path, data in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        try:
            manager, client = start_new_kernel(
                kernel_name=kernel,
                cwd=folder,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (NoSuchKernel, RuntimeError, OSError) as error:
            reason = f"AUTOTEST cannot start the kernel '{escape(kernel)}': {escape(error)}"
            raise NotebookError(f"{name}: {reason}; see `grader doctor`") from error
        try:
            if kernel.startswith("python"):
                client.execute_interactive(_PINNED, silent=True, allow_stdin=False, timeout=SECONDS)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
