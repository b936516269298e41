"""AUTOTEST lines turned into tests by running the instructor's own solution, as nbgrader does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.errors import NotebookError
from grader.notebook.check import kernel_of
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

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
class Autotest:
    """What AUTOTEST lines need beyond their notebook."""

    templates: str | None
    """The text of `autotests.yml`; None where the course has none."""
    start_kernel: Callable[[str, Files], AbstractContextManager[Any]]
    """Gives the client of a fresh kernel of this name, in a folder with exactly these files."""
    files: Files = field(default_factory=dict)
    """The assignment's data files."""


@dataclass(frozen=True, slots=True)
class _Client:
    """What nbgrader needs of a kernel's client, with an end to waiting and nobody to ask for input."""

    client: Any

    def execute_interactive(self, code: str, output_hook: Callable[[Any], None]) -> None:
        self.client.execute_interactive(code, output_hook=output_hook, allow_stdin=False, timeout=SECONDS)


def instantiate(notebook: NotebookNode, autotest: Autotest, name: str) -> None:
    """Write the tests that nbgrader makes of AUTOTEST lines into `notebook`.

    The common random generators are seeded first, so that the same notebook gets the same tests.
    """
    kernel, name = kernel_of(notebook), escape(name)
    templates = _templates(autotest.templates, kernel, name)
    try:
        with autotest.start_kernel(kernel, autotest.files) as client:
            if kernel.startswith("python"):
                client.execute_interactive(_PINNED, silent=True, allow_stdin=False, timeout=SECONDS)
            step = _step(_Client(client), kernel, templates)
            for index, cell in enumerate(notebook["cells"]):
                _instantiate_cell(step, cell, index, kernel, name)
    except (KeyError, RuntimeError, OSError) as error:
        reason = f"AUTOTEST cannot start the kernel '{escape(kernel)}': {escape(error)}"
        raise NotebookError(f"{name}: {reason}; see `grader doctor`") from error


def _instantiate_cell(step: Any, cell: NotebookNode, index: int, kernel: str, name: str) -> None:
    """Run one cell, and write tests into it where it asks for them."""
    import jinja2
    from nbclient.exceptions import CellExecutionError

    where = f"{name}: cell {index + 1}"
    try:
        step.preprocess_cell(cell, {"kernel_name": kernel}, index)
    except CellExecutionError as error:
        reason = f"its solution raised {escape(error.ename)}: {escape(error.evalue)}; AUTOTEST needs one that runs"
        raise NotebookError(f"{where}: {reason}") from error
    except TimeoutError as error:
        raise NotebookError(f"{where}: AUTOTEST gave up after {SECONDS} s") from error
    except (jinja2.TemplateError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"autotests.yml gives no test for it: {escape(error)}; compare it with nbgrader's sample"
        raise NotebookError(f"{where}: {reason}") from error


def _templates(text: str | None, kernel: str, name: str) -> dict[str, Any]:
    """The part of `autotests.yml` that is for this kernel."""
    import yaml

    if text is None:
        raise NotebookError(f"{name}: it has AUTOTEST lines; put an autotests.yml beside it or into the course's root")
    try:
        document = yaml.safe_load(text)
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
