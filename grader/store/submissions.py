"""What a student handed in, read as what it is: files of a stranger."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from grader.model import Submission
from grader.store.files import IGNORED, NotRegularError, describe, open_beneath, read_regular
from grader.text import escape

TIMESTAMP = "timestamp.txt"
_MAX_DEPTH = 12
_MAX_NAMES = 100_000
_GAPS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2004, 2, 2, tzinfo=UTC))
"""What a date's missing parts are filled from: where the two give different dates, parts are missing."""
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z_+-]*(?:/[A-Za-z0-9_+-]+)*")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much of one submission is taken in; what goes beyond is refused entry by entry."""

    max_bytes: int = 100_000_000
    max_files: int = 1000


@dataclass(frozen=True, slots=True)
class _Found:
    """A regular file below a submission's folder."""

    parts: tuple[str, ...]
    size: int

    @property
    def path(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class _Refused:
    sentence: str


def read_submission(top: Path, student_id: str, assignment: str, limits: ReadLimits) -> Submission | None:
    """The regular files of `top/student_id/assignment`; None where nothing stands there.

    Nothing in there can make this fail, wait or look elsewhere: each entry that is no plain file within the limits
    is refused alone, with a sentence in `problems`, and all others are kept (notebooks first, when space is short).
    """
    home = (student_id, assignment)
    if not _stands(top, student_id, assignment):
        return None
    entries = list(_walk(top, home, limits.max_files))
    files, refused = _read_all(top, home, [entry for entry in entries if isinstance(entry, _Found)], limits)
    stamp = files.pop(TIMESTAMP, None)
    timestamp, stamp_problem = _parsed_stamp(stamp)
    problems = (*(entry.sentence for entry in entries if isinstance(entry, _Refused)), *refused, *stamp_problem)
    content = files if stamp is None else {**files, TIMESTAMP: stamp}
    return Submission(student_id, assignment, files, _digest(content, problems), timestamp, problems)


def _stands(top: Path, student_id: str, assignment: str) -> bool:
    try:
        (top / student_id / assignment).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _walk(top: Path, home: tuple[str, ...], max_files: int) -> Iterator[_Found | _Refused]:
    """Entries, those of outer folders first and notebooks before other files; at most `max_files`, folders included."""
    waiting: deque[tuple[str, ...]] = deque([()])
    room = max_files
    while waiting:
        inside = waiting.popleft()
        try:
            statuses = _listing(top, (*home, *inside))
        except OSError as error:
            yield _Refused(f"{_label(inside)} was not taken: {_reason(error)}.")
            continue
        for name, status in statuses:
            if room == 0:
                yield _Refused(f"The submission holds too many files: only the first {max_files} were looked at.")
                return
            room -= 1
            parts = (*inside, name)
            if stat.S_ISDIR(status.st_mode) and _readable(name) and len(parts) <= _MAX_DEPTH:
                waiting.append(parts)
            yield from _entry(parts, status)


def _label(parts: tuple[str, ...]) -> str:
    return escape("/".join(parts)) if parts else "The submission"


def _listing(top: Path, parts: tuple[str, ...]) -> list[tuple[str, os.stat_result]]:
    """Names and kinds in a folder, notebooks first, without what editors leave behind."""
    with open_beneath(top, parts) as folder:
        with os.scandir(folder) as listing:
            names = [entry.name for entry in islice(listing, _MAX_NAMES + 1) if entry.name not in IGNORED]
        if len(names) > _MAX_NAMES:
            raise OSError(errno.EMFILE, "too many files")
        names.sort(key=lambda name: (not name.endswith(".ipynb"), name))
        return [(name, os.stat(name, dir_fd=folder, follow_symlinks=False)) for name in names]


def _entry(parts: tuple[str, ...], status: os.stat_result) -> Iterator[_Found | _Refused]:
    what = describe(status.st_mode)
    if not _readable(parts[-1]):
        yield _Refused(f"{_label(parts)} was not taken: its name is not UTF-8.")
    elif what is None:
        yield _Found(parts, status.st_size)
    elif not stat.S_ISDIR(status.st_mode):
        yield _Refused(f"{_label(parts)} was not taken: it {what}.")
    elif len(parts) > _MAX_DEPTH:
        yield _Refused(f"{_label(parts)} was not taken: folders are nested too deeply.")
    elif parts[-1].endswith(".ipynb"):
        yield _Refused(f"{_label(parts)} was not taken: it is a folder, not a notebook.")


def _readable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_all(
    top: Path, home: tuple[str, ...], found: list[_Found], limits: ReadLimits
) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    problems: list[str] = []
    room = limits.max_bytes
    for entry in sorted(found, key=lambda entry: (not entry.path.endswith(".ipynb"), entry.parts)):
        if entry.size > room:
            problems.append(f"{escape(entry.path)} was not taken: it is too large ({_megabytes(entry.size)}).")
            continue
        try:
            with open_beneath(top, (*home, *entry.parts[:-1])) as folder:
                data = read_regular(folder, entry.parts[-1], room)
        except NotRegularError as error:
            problems.append(f"{escape(entry.path)} was not taken: it {error}.")
        except OSError as error:
            problems.append(f"{escape(entry.path)} was not taken: {_reason(error)}.")
        else:
            room -= len(data)
            files[entry.path] = data
    return files, sorted(problems)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _reason(error: OSError) -> str:
    reasons = {
        errno.ELOOP: "a link stands in its place",
        errno.ENOTDIR: "a link or a file stands where a folder should",
        errno.EACCES: "the permission to read it is missing",
        errno.ENOENT: "it vanished while it was read",
        errno.ENAMETOOLONG: "its path is too long",
        errno.EMFILE: "it holds too many files",
    }
    return reasons.get(error.errno or 0, f"the system could not read it ({error.strerror})")


def _parsed_stamp(stamp: bytes | None) -> tuple[datetime | None, tuple[str, ...]]:
    if stamp is None or not stamp.strip():
        return None, ()
    text = stamp[:201].decode(errors="replace").strip()
    try:
        return parse_timestamp(text), ()
    except ValueError:
        return None, (f"{TIMESTAMP} holds no date and time that can be understood: {escape(text, 60)!r}.",)


def parse_timestamp(text: str) -> datetime:
    """The moment that `timestamp.txt` names, in UTC, understood as nbgrader does: no zone means UTC.

    Raises `ValueError` for what is no full date; nbgrader would fill the gaps from today's date.
    """
    if len(text) > 200:
        raise ValueError("too long for a date")
    moments = {_parse(text, gaps) for gaps in _GAPS}
    if len(moments) != 1:
        raise ValueError(f"not a full date: {text}")
    return moments.pop()


def _parse(text: str, gaps: datetime) -> datetime:
    from dateutil import parser  # type: ignore[import-untyped]  # it has no types

    *front, last = text.split(" ")
    zone = _ZONE_NAME.fullmatch(last) if len(front) == 2 else None
    if zone is not None:
        # dateutil knows short names only; nbgrader lets it read "TZ" in the place of any name
        text = " ".join([*front, "TZ"])
    try:
        moment: datetime = parser.parse(
            text, default=gaps, tzinfos=lambda name, offset: _zone(zone[0] if zone else name, offset)
        )
        return moment.astimezone(UTC)
    except (OverflowError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def _zone(name: str | None, offset: int | None) -> tzinfo:
    if name is None and offset is None:
        return UTC
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    try:
        return UTC if name in ("UTC", "Z") else ZoneInfo(name or "")
    except (KeyError, OSError) as error:
        raise ValueError(f"unknown time zone: {name}") from error


def _digest(files: dict[str, bytes], problems: tuple[str, ...]) -> str:
    whole = hashlib.sha256()
    for part in (
        *(piece for path in sorted(files) for piece in (b"file", path.encode(), files[path])),
        *(piece for problem in problems for piece in (b"problem", problem.encode())),
    ):
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()
