"""The shape of the package: imports go downward only, and the core touches no file, clock, network or database."""

import ast
from pathlib import Path

import pytest

import grader

ROOT = Path(grader.__file__).parent
LAYERS = (
    {"model", "errors", "text"},
    {"config", "roster", "matching", "notebook", "gradebook", "marking", "grading", "page"},
    {"execution", "store", "intake", "feedback", "report"},
    {"pipeline"},
    {"demo", "review"},
    {"cli", "__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
OWN_LEVEL_ALLOWED = {0, 1}
PURE = LAYERS[0] | LAYERS[1] | {"feedback", "report"}
IMPURE = {"os", "pathlib", "socket", "sqlite3", "sqlalchemy", "subprocess", "shutil", "tempfile", "urllib.request"}
MODULES = sorted(ROOT.rglob("*.py"))


def part_of(path: Path) -> str:
    """Name the top-level part of the package that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """List every module that a file imports anywhere."""
    tree = ast.parse(path.read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return named | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward_only(path: Path) -> None:
    """A module imports its own part and the layers below it; services do not know each other."""
    here = part_of(path)
    if here in {"__init__", "__main__"}:
        return
    parts = {name.split(".")[1] for name in imports_of(path) if name.startswith("grader.")}
    above = {
        there
        for there in parts - {here}
        if LEVEL[there] > LEVEL[here] or (LEVEL[there] == LEVEL[here] and LEVEL[here] not in OWN_LEVEL_ALLOWED)
    }
    assert set() == above


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part_of(path) in PURE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_core_is_pure(path: Path) -> None:
    """The core imports nothing that reaches files, processes, the network or a database."""
    assert set() == {name for name in imports_of(path) if name in IMPURE or name.split(".")[0] in IMPURE}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path: Path) -> None:
    """No module outside `cli` calls print."""
    if part_of(path) == "cli":
        return
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    assert [] == [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
