"""Whatever a student hands in is read without harm: what is no plain file is refused alone."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import StoreError
from grader.model import Submission
from grader.store import CourseFolder
from grader.store.submissions import parse_timestamp


@pytest.fixture
def folder(tmp_path: Path) -> CourseFolder:
    """A course in which Ada handed in one notebook."""
    folder = CourseFolder(tmp_path)
    home = folder.submission("ada", "ps1")
    home.mkdir(parents=True)
    (home / "p1.ipynb").write_text("{}")
    return folder


def read(folder: CourseFolder, **limits: int) -> Submission:
    """Ada's submission."""
    submission = folder.read_submission("ada", "ps1", **limits)
    assert submission is not None
    return submission


def home_of(folder: CourseFolder) -> Path:
    """Ada's folder."""
    return folder.submission("ada", "ps1")


def test_plain_files_are_read(folder: CourseFolder) -> None:
    """Files are there by relative path, those in folders and with names of any script too; nothing is wrong."""
    (home_of(folder) / "données ✓").mkdir()
    (home_of(folder) / "données ✓" / "日本.csv").write_bytes(b"\x00\xff")
    (home_of(folder) / "empty.ipynb").touch()
    expected = {"p1.ipynb": b"{}", "empty.ipynb": b"", "données ✓/日本.csv": b"\x00\xff"}
    assert (expected, ()) == (read(folder).files, read(folder).problems)


def test_what_editors_leave_behind_is_ignored(folder: CourseFolder) -> None:
    """Checkpoints and the like are neither files nor problems."""
    for name in (".ipynb_checkpoints", "__pycache__", "__MACOSX"):
        (home_of(folder) / name).mkdir()
        (home_of(folder) / name / "p1-checkpoint.ipynb").write_text("{}")
    (home_of(folder) / ".DS_Store").write_text("x")
    assert ({"p1.ipynb": b"{}"}, ()) == (read(folder).files, read(folder).problems)


def test_nothing_handed_in(folder: CourseFolder) -> None:
    """A student without a folder has no submission; an empty folder is one without files."""
    folder.submission("eve", "ps1").mkdir(parents=True)
    assert folder.read_submission("bob", "ps1") is None
    assert folder.read_submission("ada", "ps2") is None
    empty = folder.read_submission("eve", "ps1")
    assert empty is not None
    assert {} == empty.files


def make_link(path: Path) -> None:
    """A link to the gradebook."""
    path.symlink_to(path.parents[3] / "gradebook.db")


def make_socket(path: Path) -> None:
    """A socket file; its name may have to be short."""
    with socket.socket(socket.AF_UNIX) as made, tempfile.TemporaryDirectory() as short:
        made.bind(f"{short}/s")
        Path(short, "s").rename(path)


ODD = {
    "link": (make_link, "is a link"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "is a link"),
    "loop": (lambda path: path.symlink_to(path.name), "is a link"),
    "pipe": (os.mkfifo, "is a pipe"),
    "socket": (make_socket, "is a socket"),
    "folder": (Path.mkdir, "is a folder, not a notebook"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_entries_are_refused_alone(folder: CourseFolder, kind: str) -> None:
    """A link, pipe, socket or folder in place of a notebook is named in one sentence, and all else is kept."""
    (folder.root / "gradebook.db").write_text("secret")
    make, what = ODD[kind]
    make(home_of(folder) / "p2.ipynb")
    submission = read(folder)
    assert {"p1.ipynb": b"{}"} == submission.files
    assert (f"p2.ipynb was not taken: it {what}.",) == submission.problems


@pytest.mark.parametrize("what", ["student", "assignment", "inner"])
def test_linked_folders_are_not_followed(folder: CourseFolder, tmp_path: Path, what: str) -> None:
    """A link in place of a folder gives no file of what it points to, but the student is not overlooked."""
    secret = tmp_path / "secret" / "ps1"
    secret.mkdir(parents=True)
    (secret / "answers.ipynb").write_text("{}")
    folder.submission("eve", "ps2").mkdir(parents=True)
    if what == "student":
        (folder.submissions / "mal").symlink_to(tmp_path / "secret")
    elif what == "assignment":
        (folder.submissions / "mal").mkdir()
        (folder.submissions / "mal" / "ps1").symlink_to(secret)
    else:
        folder.submission("mal", "ps1").mkdir(parents=True)
        (folder.submission("mal", "ps1") / "inner").symlink_to(secret)
    assert ("ada", "mal") == folder.submitters("ps1")
    submission = folder.read_submission("mal", "ps1")
    assert submission is not None
    assert ({}, 1) == (submission.files, len(submission.problems))
    assert "link" in submission.problems[0]


def test_too_large_files_are_refused_alone(folder: CourseFolder) -> None:
    """A file over the limit is refused before it is read; notebooks come before other files when space is short."""
    with (home_of(folder) / "a.bin").open("wb") as file:
        file.truncate(200_000_000_000)
    (home_of(folder) / "b.bin").write_bytes(bytes(60))
    (home_of(folder) / "z.ipynb").write_bytes(bytes(60))
    submission = read(folder, max_bytes=100)
    assert {"p1.ipynb", "z.ipynb"} == set(submission.files)
    assert (
        "a.bin was not taken: it is too large (200,000.0 MB).",
        "b.bin was not taken: it is too large (0.0 MB).",
    ) == submission.problems


def test_too_many_files(folder: CourseFolder) -> None:
    """Of more files than allowed, notebooks and the first are kept, and one sentence says so."""
    for number in range(30):
        (home_of(folder) / f"{number:02}.txt").touch()
    submission = read(folder, max_files=10)
    assert (10, True) == (len(submission.files), "p1.ipynb" in submission.files)
    assert ("The submission holds too many files: only the first 10 were looked at.",) == submission.problems


def test_many_nested_folders_are_bounded(folder: CourseFolder) -> None:
    """Folders count as entries, and those nested too deeply are refused; notebooks on top are still read."""
    deep = home_of(folder)
    for _ in range(40):
        deep /= "d"
        deep.mkdir()
    (deep / "hidden.ipynb").touch()
    submission = read(folder)
    assert {"p1.ipynb": b"{}"} == submission.files
    (problem,) = submission.problems
    assert "nested too deeply" in problem


def test_names_cannot_fool_a_reader(folder: CourseFolder) -> None:
    """Names with line breaks, colours and bytes that are no text are escaped; the latter are refused."""
    (home_of(folder) / "a\n\x1b[31mb").mkdir()
    os.mkfifo(home_of(folder) / "a\n\x1b[31mb" / "c\u202ed")
    (Path(os.fsdecode(os.fsencode(home_of(folder)) + b"/\xff.ipynb"))).touch()
    submission = read(folder)
    assert {"p1.ipynb": b"{}"} == submission.files
    assert 2 == len(submission.problems)
    assert all(problem.isprintable() and problem.isascii() for problem in submission.problems)


def test_unreadable_entries_are_refused_alone(as_nobody: Callable[[], AbstractContextManager[None]]) -> None:
    """A file or folder without permission to read is named, and all else is kept."""
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        home = Path(top) / "submitted" / "ada" / "ps1"
        (home / "closed").mkdir(parents=True)
        (home / "p1.ipynb").write_text("{}")
        (home / "secret.txt").write_text("x")
        (home / "secret.txt").chmod(0)
        (home / "closed").chmod(0)
        with as_nobody():
            submission = CourseFolder(Path(top)).read_submission("ada", "ps1")
    assert submission is not None
    assert {"p1.ipynb": b"{}"} == submission.files
    assert 2 == len(submission.problems)
    assert all("permission" in problem for problem in submission.problems)


def test_the_digest_tells_submissions_apart(folder: CourseFolder) -> None:
    """It is the same for the same work, and changes with a content, a name, a time and a refused entry."""
    seen = [read(folder).digest]
    assert seen[0] == read(folder).digest
    for change in (
        lambda home: (home / "p1.ipynb").write_text("{ }"),
        lambda home: (home / "p1.ipynb").rename(home / "p2.ipynb"),
        lambda home: (home / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC"),
        lambda home: os.mkfifo(home / "pipe"),
    ):
        change(home_of(folder))
        seen.append(read(folder).digest)
    assert len(seen) == len(set(seen))


def test_the_digest_knows_where_a_name_ends(tmp_path: Path) -> None:
    """Moving a byte from a file's name to its content makes another submission."""
    digests = set()
    for student, name, content in (("a", "ab", "c"), ("b", "a", "bc"), ("c", "abc", "")):
        home = tmp_path / "submitted" / student / "ps1"
        home.mkdir(parents=True)
        (home / name).write_text(content)
        submission = CourseFolder(tmp_path).read_submission(student, "ps1")
        assert submission is not None
        digests.add(submission.digest)
    assert 3 == len(digests)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 03:04:05 UTC", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05.678901 UTC\n", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05 +0100", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("2026-07-02 03:04:05 Europe/Berlin", datetime(2026, 7, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-07-02 03:04:05 America/New_York", datetime(2026, 7, 2, 7, 4, 5, tzinfo=UTC)),
    ],
)
def test_timestamps_are_understood(folder: CourseFolder, text: str, expected: datetime) -> None:
    """The forms that nbgrader and learning systems write, in UTC."""
    (home_of(folder) / "timestamp.txt").write_text(text)
    submission = read(folder)
    assert (expected, (), {"p1.ipynb"}) == (submission.timestamp, submission.problems, set(submission.files))


@pytest.mark.parametrize("text", ["2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05", "2026-01-02 03:04:05 EST"])
def test_timestamps_mean_what_they_mean_to_nbgrader(text: str) -> None:
    """The form grader compares its database with the file, so both have to read the same moment."""
    from nbgrader.utils import parse_utc

    assert parse_utc(text) == parse_timestamp(text).replace(tzinfo=None)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "5",
        "2026-01",
        "03:04",
        "2026-99-01 00:00:00",
        "\x1b[31m",
        "2026-01-02 03:04:05 /etc/passwd",
        "9" * 5000,
        "2026-01-02 03:04:05 Nowhere/City",
        "0000-00-00 00:00:00",
        "2026-01-02 03:04:05 XYZ",
        "(",
        "1e999999",
    ],
)
def test_nonsense_in_a_timestamp_is_a_problem(folder: CourseFolder, text: str) -> None:
    """What is no full date is told in one escaped sentence, and the rest of the submission stands."""
    (home_of(folder) / "timestamp.txt").write_text(text)
    submission = read(folder)
    assert (None, {"p1.ipynb"}, 1) == (submission.timestamp, set(submission.files), len(submission.problems))
    assert submission.problems[0].isprintable()


@settings(deadline=None)
@given(st.text())
def test_no_timestamp_breaks_the_reader(text: str) -> None:
    """Any text is a moment in UTC or a `ValueError`."""
    with suppress(ValueError):
        assert parse_timestamp(text).tzinfo is UTC


def test_submitters_are_sorted_and_named_safely(folder: CourseFolder) -> None:
    """Hidden folders do not count, names that cannot be an id are listed apart, escaped."""
    for name in ("zoë", ".hidden", "a\nb", " blank"):
        (folder.submissions / name / "ps1").mkdir(parents=True)
    (folder.submissions / "other" / "ps2").mkdir(parents=True)
    assert ("ada", "zoë") == folder.submitters("ps1")
    assert (" blank", "a\\x0ab") == folder.unusable_submitters()


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".x", "a\0", "a\nb", "a\\b", " a", "x" * 300, "\u202ea"])
def test_names_that_are_paths_are_refused(folder: CourseFolder, name: str) -> None:
    """No path is ever made from a name that is not one folder's name."""
    with pytest.raises(StoreError, match="cannot be the name"):
        folder.read_submission(name, "ps1")
    with pytest.raises(StoreError, match="cannot be the name"):
        folder.write_feedback("ada", name, {})
