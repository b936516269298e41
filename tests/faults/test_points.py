"""Whatever reaches the disk goes by a point at which a test can let it fail; nothing fails unless it is asked to."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import grader
from grader.errors import StoreError
from grader.store import faults
from grader.store.files import atomic_write

PACKAGE = Path(grader.__file__).parent

POINT_OF = {
    "fsync": {"sync", "sync folder"},
    "fdatasync": {"sync"},
    "rename": {"rename"},
    "renames": {"rename"},
    "replace": {"rename"},
    "link": {"rename"},
    "symlink": {"rename"},
    "move": {"rename"},
    "unlink": {"remove"},
    "remove": {"remove"},
    "rmdir": {"remove"},
    "rmtree": {"remove"},
    "mkdir": {"mkdir"},
    "makedirs": {"mkdir"},
    "mkdtemp": {"mkdir"},
    "write": {"write"},
    "pwrite": {"write"},
    "ftruncate": {"write"},
    "truncate": {"write"},
    "write_text": {"write"},
    "write_bytes": {"write"},
    "touch": {"write"},
    "copy": {"write"},
    "copy2": {"write"},
    "copyfile": {"write"},
    "copytree": {"write"},
    "commit": {"commit"},
}
"""What a call needs before it in the same function."""

ELSEWHERE = {
    "execution/": "the sandbox's file systems in memory, pipes, and folders of the moment outside the course",
    "pipeline/meeting.py:rmtree": "tidies the system's folder for temporary files, and may fail",
    "pipeline/meeting.py:unlink": "the same, at an end at once",
    "review/server.py:write": "a page of the moment that leads a browser in",
    "review/server.py:unlink": "the same",
    "store/snapshots.py:unlink": "removes the temporary copy, whatever else has failed",
    "store/snapshots.py:fsync": "whoever calls it tells the point",
    "store/copy.py:unlink": "removes the copy that has failed",
    "store/folder.py:rmtree": "removes the scratch folder, whatever else has failed",
}
"""What needs no point, and why."""


def calls(path: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Each call that reaches the disk: where it is, its name, the points that its function tells."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        inner = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        points = {
            node.args[0].value
            for node in inner
            if name_of(node) == "reached" and node.args and isinstance(node.args[0], ast.Constant)
        }
        for node in inner:
            if reaches_the_disk(node):
                yield path.relative_to(PACKAGE).as_posix(), name_of(node), points


def name_of(call: ast.Call) -> str:
    """The last part of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def reaches_the_disk(call: ast.Call) -> bool:
    """By its name; a text's `replace` and a list's `remove` have the same."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in POINT_OF:
        return False
    of = getattr(call.func.value, "id", "")
    if of in {"os", "shutil", "tempfile"}:
        return True
    if call.func.attr in {"replace", "rename"}:
        return len(call.args) == 1 and not call.keywords
    if call.func.attr == "write":
        return of in {"file", "handle", "out", "stream"}
    return call.func.attr not in {"remove", "copy", "link", "move"}


def test_everything_that_reaches_the_disk_goes_by_a_point() -> None:
    """Every write, sync, rename, removal and commit of the package."""
    found = [call for path in sorted(PACKAGE.rglob("*.py")) for call in calls(path)]
    without = {f"{where}:{name}" for where, name, points in found if not points & POINT_OF[name]}
    elsewhere = {call for call in without for known in ELSEWHERE if call.startswith(known)}
    assert set() == without - elsewhere
    assert [] == [known for known in ELSEWHERE if not any(call.startswith(known) for call in without)]
    assert len(found) > 40, "the check has lost sight of them"


def test_points_are_counted() -> None:
    """They are told as `faults.reached(...)`, which the enumeration can listen to."""
    assert [] == [path for path in PACKAGE.rglob("*.py") if "faults import reached" in path.read_text(encoding="utf-8")]


def test_nothing_fails_unless_it_is_asked_to(tmp_path: Path) -> None:
    """Without the variable every point is passed, however often."""
    for point in (*faults.POINTS, *faults.POINTS):
        faults.reached(point)  # type: ignore[arg-type] # all of them
    atomic_write(tmp_path / "a", b"a")


@pytest.mark.parametrize("text", ["1", "yes", "rename", "rename:3", "rename:x:kill", "rename:1:never", "crash:1:kill"])
def test_what_is_no_fault_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Set by accident to anything else, the variable stops the command in a line that says what it is."""
    monkeypatch.setenv(faults.VARIABLE, text)
    with pytest.raises(StoreError, match="unset it"):
        faults.reached("rename")


def test_a_fault_strikes_at_its_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second write fails, once; or each from the second on."""
    for text, fails in (("write:2:ENOSPC", [False, True, False, False]), ("write:2+:EIO", [False, True, True, True])):
        monkeypatch.setenv(faults.VARIABLE, text)
        assert fails == [refused(tmp_path / "file") for _ in fails]
        assert ["file"] == [path.name for path in tmp_path.iterdir()]


def test_every_point_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `kill -9` does: nothing more is done."""
    for point in faults.POINTS:
        child = os.fork()
        if child == 0:
            monkeypatch.setenv(faults.VARIABLE, f"{point}:1:kill")
            faults.reached(point)  # type: ignore[arg-type] # all of them
            os._exit(0)
        assert 9 == os.waitpid(child, 0)[1]


def refused(path: Path) -> bool:
    """Whether a file could not be written."""
    try:
        atomic_write(path, b"new")
    except StoreError:
        return True
    return False
