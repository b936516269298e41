"""Files are written whole or not at all, and never through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import StoreError
from grader.store.files import atomic_write, remove_leftovers, write_beneath, write_folder


def tree(top: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_atomic_write_replaces_the_content(tmp_path: Path) -> None:
    """The file holds the new content, and nothing else is left beside it."""
    path = tmp_path / "gradebook.csv"
    path.write_text("old, and longer than the new content")
    atomic_write(path, "é\n")
    assert {"gradebook.csv": "é\n".encode()} == tree(tmp_path)


def test_atomic_write_keeps_permissions(tmp_path: Path) -> None:
    """A gradebook that its owner made private stays private."""
    path = tmp_path / "gradebook.csv"
    path.write_text("")
    path.chmod(0o600)
    atomic_write(path, b"new")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_atomic_write_replaces_a_link_instead_of_following_it(tmp_path: Path) -> None:
    """What a link points to is not touched."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to("precious")
    atomic_write(tmp_path / "link", b"new")
    assert {"precious": b"precious", "link": b"new"} == tree(tmp_path)
    assert not (tmp_path / "link").is_symlink()


def test_atomic_write_refuses_a_linked_folder(tmp_path: Path) -> None:
    """A folder that is a link is refused in one line that names the file."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(StoreError, match=r"link/a\.txt"):
        atomic_write(tmp_path / "link" / "a.txt", b"new")
    assert {} == tree(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_atomic_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """When the disk fails in the middle, the old content stands and no half file is left."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(StoreError, match="disk is full"):
        atomic_write(path, b"new")
    monkeypatch.undo()
    assert {"a.txt": b"old"} == tree(tmp_path)


def test_write_folder_removes_what_is_no_longer_there(tmp_path: Path) -> None:
    """Files, folders and links of an earlier run go; what a link points to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a").write_text("a")
    home = tmp_path / "autograded" / "ada" / "ps1"
    (home / "old").mkdir(parents=True)
    (home / "old" / "b").write_text("b")
    (home / "link").symlink_to(tmp_path / "precious")
    (home / "kept").mkdir()
    (home / "kept" / "stale").write_text("stale")
    write_folder(tmp_path / "autograded", PurePosixPath("ada/ps1"), {"kept/c": b"c", "d": b"d"})
    assert {"kept/c": b"c", "d": b"d"} == tree(home)
    assert ["d", "kept"] == sorted(path.name for path in home.iterdir())
    assert {"a": b"a"} == tree(tmp_path / "precious")


def test_write_folder_never_follows_a_link_on_the_way(tmp_path: Path) -> None:
    """A student's folder that is a link is replaced by a folder; the other end is not written to."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "autograded").mkdir()
    (tmp_path / "autograded" / "ada").symlink_to(tmp_path / "elsewhere")
    write_folder(tmp_path / "autograded", PurePosixPath("ada/ps1"), {"a": b"a"})
    assert {} == tree(tmp_path / "elsewhere")
    assert {"ada/ps1/a": b"a"} == tree(tmp_path / "autograded")


def test_write_folder_allows_the_instructor_to_link_the_top(tmp_path: Path) -> None:
    """`autograded` may be a link to a larger disk."""
    (tmp_path / "large").mkdir()
    (tmp_path / "autograded").symlink_to("large")
    write_folder(tmp_path / "autograded", PurePosixPath("ada/ps1"), {"a": b"a"})
    assert {"ada/ps1/a": b"a"} == tree(tmp_path / "large")


def test_write_folder_turns_a_file_into_a_folder_and_back(tmp_path: Path) -> None:
    """What stands where a folder has to be is replaced, and the other way round."""
    for files in ({"a": b"1"}, {"a/b": b"2"}, {"a": b"3"}):
        write_folder(tmp_path, PurePosixPath("x"), files)
        assert files == tree(tmp_path / "x")


def test_write_folder_leaves_equal_files_alone(tmp_path: Path) -> None:
    """Writing the same again changes no file's time."""
    for _ in range(2):
        write_folder(tmp_path, PurePosixPath("x"), {"a": b"1"})
        os.utime(tmp_path / "x" / "a", (1, 1))
    write_folder(tmp_path, PurePosixPath("x"), {"a": b"1"})
    assert 1 == (tmp_path / "x" / "a").stat().st_mtime


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "a//b", ".", "a\0b"])
def test_write_folder_refuses_paths_that_leave(tmp_path: Path, name: str) -> None:
    """No name leads out of the folder; nothing is written when one tries to."""
    with pytest.raises(StoreError, match="no path inside a folder"):
        write_folder(tmp_path / "x", PurePosixPath("y"), {"good": b"", name: b""})
    assert {} == tree(tmp_path)


names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 100
)


@settings(deadline=None, max_examples=50)
@given(files=st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=50), max_size=6))
def test_what_is_written_is_what_is_there(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    """Any names in any script hold exactly their content, as long as no file is also a folder."""
    files = {name: data for name, data in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    top = tmp_path_factory.mktemp("any")
    write_folder(top, PurePosixPath("x"), files)
    assert files == tree(top / "x")


def test_write_beneath_makes_the_folders(tmp_path: Path) -> None:
    """One file is written below folders that were not there."""
    write_beneath(tmp_path / "feedback", PurePosixPath("ada/index.html"), b"page")
    assert {"feedback/ada/index.html": b"page"} == tree(tmp_path)


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    """Temporary files of ours go, files of others stay."""
    (tmp_path / ".grader-tmp-0123").write_text("half")
    (tmp_path / "mine.tmp").write_text("mine")
    remove_leftovers(tmp_path)
    assert {"mine.tmp": b"mine"} == tree(tmp_path)
