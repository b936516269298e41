"""Every path of a course, and reading and writing of its files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from grader.errors import StoreError
from grader.model import Files, Student, Submission
from grader.roster import read_roster, valid_student_id
from grader.store import faults
from grader.store.aside import replace_folder, settle
from grader.store.files import (
    IGNORED,
    TEMPORARY,
    NotRegularError,
    is_temporary,
    open_beneath,
    read_regular,
    remove_leftovers,
    write_beneath,
    write_folder,
)
from grader.store.lock import Holder, course_lock, holder, unfinished
from grader.store.refusals import storing
from grader.store.submissions import TIMESTAMP, ReadLimits, read_submission
from grader.text import escape

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CourseFolder:
    """A course on disk; the layout is nbgrader's, so that its own tools work on the same folders."""

    root: Path

    @property
    def config(self) -> Path:
        """`course.toml`."""
        return self.root / "course.toml"

    @property
    def roster(self) -> Path:
        """`roster.csv`, which need not exist."""
        return self.root / "roster.csv"

    @property
    def nbgrader_config(self) -> Path:
        """The configuration for nbgrader's own commands."""
        return self.root / "nbgrader_config.py"

    @property
    def database(self) -> Path:
        """The SQLite database of nbgrader's schema, where `course.toml` names no other."""
        return self.root / "gradebook.db"

    @property
    def gradebook(self) -> Path:
        """The weighted gradebook."""
        return self.root / "gradebook.csv"

    @property
    def private(self) -> Path:
        """Locks, attempts and caches: ours alone."""
        return self.root / ".grader"

    @property
    def _attempts(self) -> Path:
        return self.private / "attempts"

    @property
    def sources(self) -> Path:
        """Instructor versions by assignment."""
        return self.root / "source_assignments"

    @property
    def releases(self) -> Path:
        """Student versions by assignment."""
        return self.root / "release"

    @property
    def submissions(self) -> Path:
        """What came in, by student and assignment."""
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        """Rebuilt, executed and scored notebooks, by student and assignment."""
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        """Pages for students, by student and assignment."""
        return self.root / "feedback"

    def source(self, assignment: str) -> Path:
        """Folder of an assignment's instructor versions."""
        return self.sources / _named(assignment)

    def release(self, assignment: str) -> Path:
        """Folder of an assignment's student versions."""
        return self.releases / _named(assignment)

    def submission(self, student_id: str, assignment: str) -> Path:
        """Folder of what a student handed in."""
        return self.submissions / _named(student_id) / _named(assignment)

    def autograded_of(self, student_id: str, assignment: str) -> Path:
        """Folder of a submission's graded notebooks."""
        return self.autograded / _named(student_id) / _named(assignment)

    def feedback_of(self, student_id: str, assignment: str) -> Path:
        """Folder of a submission's feedback pages."""
        return self.feedback / _named(student_id) / _named(assignment)

    def feedback_index(self, student_id: str) -> Path:
        """The page that lists all assignments of a student."""
        return self.feedback / _named(student_id) / "index.html"

    def assignment_names(self) -> tuple[str, ...]:
        """Folders under `source_assignments`, sorted; hidden ones do not count."""
        return tuple(_folders(self.sources))

    def source_files(self, assignment: str) -> Files:
        """The instructor's notebooks and data files by path; what editors leave behind does not count."""
        top = self.source(assignment)
        if not top.is_dir():
            names = ", ".join(escape(name) for name in self.assignment_names()) or "none"
            raise StoreError(
                f"no assignment {escape(assignment)!r} in {escape(self.sources, 300)} (there are: {names})"
            )
        with storing(top):
            return {path.relative_to(top).as_posix(): path.read_bytes() for path in _plain_files(top)}

    def release_files(self, assignment: str) -> Files:
        """The student version as it was written last; empty where nothing was released."""
        top = self.release(assignment)
        with storing(top):
            return {path.relative_to(top).as_posix(): path.read_bytes() for path in _plain_files(top)}

    def submitters(self, assignment: str) -> tuple[str, ...]:
        """Ids of students with something at `submitted/<student>/<assignment>`, sorted."""
        _named(assignment)
        return tuple(
            name for name in self._submitted_names() if valid_student_id(name) and self._handed_in(name, assignment)
        )

    def unusable_submitters(self) -> tuple[str, ...]:
        """Entries of `submitted` whose name cannot be a student's id, escaped."""
        return tuple(escape(name) for name in self._submitted_names() if not valid_student_id(name))

    def read_submission(
        self, student_id: str, assignment: str, *, max_bytes: int = 100_000_000, max_files: int = 1000
    ) -> Submission | None:
        """What a student handed in: regular files only, within limits; None where there is nothing."""
        limits = ReadLimits(max_bytes, max_files)
        return read_submission(self.submissions, _named(student_id), _named(assignment), limits)

    def read_roster(self) -> tuple[Student, ...] | None:
        """The class; None where there is no `roster.csv`."""
        try:
            data = self.roster.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            with storing(self.roster):
                raise
        return read_roster(_decoded(data, self.roster), self.roster.name)

    def attempts(self, student_id: str, assignment: str) -> tuple[str, ...]:
        """Names of the attempts that are kept beside the one that counts, sorted."""
        return tuple(_folders(self._attempts / _named(student_id) / _named(assignment)))

    def read_attempts(self, student_id: str, assignment: str) -> tuple[Submission, ...]:
        """The attempts that are kept beside the one that counts, the latest first."""
        return tuple(self.named_attempts(student_id, assignment).values())

    def named_attempts(self, student_id: str, assignment: str) -> Mapping[str, Submission]:
        """The same, by their names."""
        home = self._attempts / _named(student_id)
        names = self.attempts(student_id, assignment)
        read = {name: read_submission(home, assignment, name, ReadLimits()) for name in names}
        found = {
            name: replace(attempt, student_id=student_id, assignment=assignment)
            for name, attempt in read.items()
            if attempt
        }
        order = sorted(found, key=lambda name: (found[name].timestamp or _LONG_AGO, found[name].digest), reverse=True)
        return {name: found[name] for name in order}

    def write_attempt(self, student_id: str, assignment: str, name: str, files: Files) -> None:
        """Keep an attempt beside the one that counts: all of it or nothing."""
        replace_folder(self._attempts, PurePosixPath(_named(student_id), _named(assignment), _named(name)), files)

    def write_submission(self, student_id: str, assignment: str, files: Files) -> None:
        """Make `submitted/<student>/<assignment>` hold exactly these files at once: never some of two attempts."""
        replace_folder(self.submissions, PurePosixPath(_named(student_id), _named(assignment)), files)

    def write_release(self, assignment: str, files: Files) -> None:
        """Make `release/<assignment>` hold exactly these files."""
        write_folder(self.releases, PurePosixPath(_named(assignment)), files)

    def write_autograded(self, student_id: str, assignment: str, files: Files) -> None:
        """Make `autograded/<student>/<assignment>` hold exactly these files and the submission's `timestamp.txt`.

        By the time nbgrader knows whether what it finds there is of the latest submission.
        """
        home = PurePosixPath(_named(student_id), _named(assignment))
        write_folder(self.autograded, home, {**self._stamp(home), **files})

    def write_feedback(self, student_id: str, assignment: str, files: Files) -> None:
        """Make `feedback/<student>/<assignment>` hold exactly these files."""
        write_folder(self.feedback, PurePosixPath(_named(student_id), _named(assignment)), files)

    def write_feedback_index(self, student_id: str, page: str) -> None:
        """Write the page that lists all assignments of a student."""
        write_beneath(self.feedback, PurePosixPath(_named(student_id), "index.html"), page.encode())

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold the course for one command; a second one is told who holds it.

        Whatever a command left that was killed is gone, or back in its place, before the next one begins.
        """
        with course_lock(self.private / "lock", command) as orderly:
            for top in (self.root, self.private, self.private / "cache"):
                remove_leftovers(top)  # where commands write that do not hold the course
            settle(self.submissions)
            if not orderly:
                self._settle()
            yield

    def holder(self) -> Holder | None:
        """Who holds the course now."""
        return holder(self.private / "lock")

    def unfinished(self) -> Holder | None:
        """Which command held the course last and did not come to its end, if none holds it now."""
        return unfinished(self.private / "lock")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for whoever holds the course: gone at the end or, where that was a kill, when the next begins."""
        with storing(self.private):
            faults.reached("mkdir")
            self.private.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=self.private))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def refuse_too_full(self, needed: int) -> None:
        """Raise `StoreError` if the disk has less room than that and one more copy of the database take."""
        with storing(self.root):
            free = shutil.disk_usage(self.root).free
            needed += self.database.stat().st_size if self.database.is_file() else 0
        if free < needed:
            raise StoreError(
                f"{escape(self.root, 300)}: the disk has {free / 1e6:,.1f} MB left, and these results need at least "
                f"{needed / 1e6:,.1f} MB; make room and run the same command again"
            )

    def write_page(self, page: str, html: str) -> None:
        """Write one page for a student, by its path below `feedback/`."""
        write_beneath(self.feedback, PurePosixPath(page), html.encode())

    def write_private(self, path: str, data: str) -> None:
        """Write one of our own files, by its path below `.grader/`."""
        write_beneath(self.private, PurePosixPath(path), data.encode())

    def _settle(self) -> None:
        """Remove what writers left that were killed; an attempt that was moved away and not yet replaced comes back.

        Students' own folders are not searched: they may name their files as they like; and snapshots have a lock.
        """
        for top in (self._attempts, self.private):
            settle(top)
        ours = (path for path in self.private.iterdir() if path.name not in {"attempts", "snapshots"})
        for top in (self.sources, self.releases, self.autograded, self.feedback, *ours):
            remove_leftovers(top, deep=True)

    def _stamp(self, home: PurePosixPath) -> Files:
        try:
            with open_beneath(self.submissions, home.parts) as folder:
                return {TIMESTAMP: read_regular(folder, TIMESTAMP, 200)}
        except (OSError, NotRegularError):
            return {}

    def _submitted_names(self) -> Iterator[str]:
        with storing(self.submissions):
            entries = sorted(self.submissions.iterdir()) if self.submissions.is_dir() else []
        return (entry.name for entry in entries if not entry.name.startswith("."))

    def _handed_in(self, student_id: str, assignment: str) -> bool:
        try:
            (self.submissions / student_id / assignment).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True


def _named(name: str) -> str:
    """A student's or an assignment's name, known to be one folder's name and no path."""
    if not valid_student_id(name):
        raise StoreError(f"{escape(name)!r} cannot be the name of a student or an assignment; rename it")
    return name


def _folders(top: Path) -> Iterator[str]:
    with storing(top):
        entries = sorted(top.iterdir()) if top.is_dir() else []
    return (_named(entry.name) for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__")))


def _plain_files(top: Path) -> Iterator[Path]:
    for entry in sorted(top.iterdir()) if top.is_dir() else []:
        if entry.name in IGNORED or is_temporary(entry.name):
            continue
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise StoreError(f"{escape(entry, 300)} is no plain file; put a copy of the file in its place")
        if entry.is_dir():
            yield from _plain_files(entry)
        else:
            yield entry


def _decoded(data: bytes, path: Path) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise StoreError(f"{escape(path, 300)}: not UTF-8 at byte {error.start}; save it as CSV UTF-8") from None
