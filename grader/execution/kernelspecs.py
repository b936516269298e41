"""Which kernel a notebook asks for, and how it is started so that a submission cannot shadow what it imports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import ExecutionFault
from grader.execution import view
from grader.model import Notebook
from grader.text import escape

PYTHON = "python"
_IPYKERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
IPYKERNEL_OPTIONS = (
    "--HistoryManager.enabled=False",
    # the working folder comes after the interpreter's own and the installed modules: a submission's numpy.py shadows
    # nothing; and exit() or quit() in a cell ends no kernel, or the cells after it would pay for it
    "--IPKernelApp.exec_lines=__import__('sys').path.append(''); get_ipython().ask_exit = lambda: None",
)


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """How to start a kernel of one language."""

    name: str
    language: str
    argv: tuple[str, ...]
    """Contains `{connection_file}`."""
    environment: Mapping[str, str]
    interrupt_by_message: bool
    paths: tuple[Path, ...]
    """What it needs to see beyond the usual view."""


def spec_for(notebook: Notebook) -> KernelSpec:
    """Return the kernel that the notebook names; for an unknown name, one of its language.

    Raises ExecutionFault with what to install where there is none.
    """
    wanted = _mapping(notebook.get("metadata", {}), "kernelspec")
    name = str(wanted.get("name") or "python3")
    language = _language(notebook)
    installed = installed_kernels()
    if name in installed:
        return installed[name]
    if language == PYTHON:
        return python_kernel()
    for spec in installed.values():
        if spec.language == language:
            return spec
    raise ExecutionFault(
        f"The notebook asks for the kernel '{escape(name)}' ({escape(language)}), which is not installed; "
        f"installed are: {', '.join(sorted(installed)) or 'none'}."
    )


def is_python(notebook: Notebook) -> bool:
    """Tell whether the notebook is for this environment's own Python kernel."""
    name = _mapping(notebook.get("metadata", {}), "kernelspec").get("name") or "python3"
    if _language(notebook) != PYTHON:
        return False
    return name == "python3" or name not in installed_kernels()


def python_kernel() -> KernelSpec:
    """Return the kernel of the Python that grader itself runs in."""
    argv = (view.PYTHON, "-P", *_IPYKERNEL, *IPYKERNEL_OPTIONS)
    return KernelSpec("python3", PYTHON, argv, {}, interrupt_by_message=False, paths=())


def installed_kernels() -> dict[str, KernelSpec]:
    """Read the installed kernels, by name."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    found = {"python3": python_kernel()}
    for name in sorted(manager.find_kernel_specs()):
        try:
            found.setdefault(name, _spec(name, manager.get_kernel_spec(name)))
        except (NoSuchKernel, OSError, ValueError, KeyError):
            continue  # a broken installation of a kernel that nobody may have asked for
    return found


def _spec(name: str, found: Any) -> KernelSpec:
    argv = tuple(str(part).replace("{resource_dir}", found.resource_dir) for part in found.argv)
    environment = {str(key): str(value) for key, value in found.env.items()}
    if "ipykernel_launcher" in argv:
        argv = (*argv, *IPYKERNEL_OPTIONS)
        environment["PYTHONSAFEPATH"] = "1"
    program = shutil.which(argv[0])
    paths = [Path(found.resource_dir)]
    if program is not None:
        paths += [Path(program).parent, Path(os.path.realpath(program)).parent.parent]
    by_message = found.interrupt_mode == "message"
    return KernelSpec(name, found.language.lower(), argv, environment, by_message, tuple(paths))


def _language(notebook: Notebook) -> str:
    metadata = notebook.get("metadata", {})
    told = _mapping(metadata, "kernelspec").get("language") or _mapping(metadata, "language_info").get("name")
    return str(told or PYTHON).lower()


def _mapping(metadata: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = metadata.get(key)
    return found if isinstance(found, Mapping) else {}
