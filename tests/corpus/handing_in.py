"""A whole class made of the corpus: handed in, graded, told and put into the gradebook by `grader` itself."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

from grader.model import Limits
from grader.notebook import instructor_version, release
from grader.pipeline.course import OpenCourse, open_course
from grader.roster import valid_student_id
from grader.store import OutcomeRow
from tests.corpus import preparations
from tests.corpus.assignment import RIGHT, make_work, source
from tests.corpus.entry import Entry
from tests.making import solved

HONEST = ("aaa-honest", "bob", "n-honest", "zzz-honest")
"""They stand before, among and after the others; `bob` has a twin in capitals."""
SECRET = {"GRADER_TEST_SECRET": "s3cr3t-env"}
_MADE = ("autograded", "feedback", "gradebook.db", "gradebook.csv", ".grader")
_HOST = ("/", "/usr", "/etc", "/home", "/tmp", "/dev/shm", "/var/tmp", str(Path.home()), ".")

_MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status if status >= 0 else 128 - status)
"""
"""A process of no size between the tests and the grader: what it reports is not what the tests take themselves."""

_WIDE = "cell_seconds = 20\nmemory_mb = 2048\noutput_mb = 1\nprocesses = 64\ndisk_mb = 16"
_NARROW = "cell_seconds = 4\nnotebook_seconds = 60\nmemory_mb = 512\nprocesses = 64\noutput_mb = 1\ndisk_mb = 16"
GROUPS = {
    "files": (("package", "format", "meta"), _WIDE),
    "texts": (("flood", "output", "misc"), _WIDE),
    "code": (("resource", "kill", "read", "net", "write", "tamper"), _NARROW),
}
"""Classes of attack that are graded together, and under which limits: the code of `code` takes whatever it gets."""


@dataclass(frozen=True)
class Said:
    """What one command said, and how it ended."""

    command: str
    status: int
    text: str
    largest_mb: int
    """Of the largest process that it started, on either side of the sandbox's walls."""

    @property
    def refused(self) -> bool:
        """Whether it told that it did not take something, and lived to tell."""
        return self.status != 0 and "Traceback" not in self.text


@dataclass
class Class:
    """A course whose students are the entries, graded."""

    root: Path
    entries: tuple[Entry, ...]
    limits: Limits
    said: list[Said] = field(default_factory=list)
    collected: dict[str, Said] = field(default_factory=dict)
    """By entry, for what went through `grader collect`."""
    rows: Mapping[str, OutcomeRow] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    host_before: frozenset[str] = frozenset()
    host_after: frozenset[str] = frozenset()

    def ends(self, entry: Entry) -> set[str]:
        """Say in the words of `Entry.ends` how it ended."""
        ends = {"rejected"} if entry.id in self.collected and self.collected[entry.id].refused else set()
        row = self.rows.get(entry.student)
        if row is None:
            return ends
        incidents = {str(incident.kind) for notebook in row.notebooks for incident in notebook.incidents}
        ends |= {str(row.status)} | {kind if kind == "crash" else f"limit:{kind}" for kind in incidents}
        return ends | ({"flag"} if any(notebook.flags for notebook in row.notebooks) else set())

    def shown(self, entry: Entry) -> str:
        """Return all that its student, or whoever looks over a shoulder, may see."""
        pages = sorted((self.root / "feedback" / entry.student).rglob("*.html")) if entry.student in self.rows else []
        texts = [page.read_text(encoding="utf-8") for page in pages]
        terminal = (indent(said.text, "> ") for said in self.said)
        return "\n".join([*texts, (self.root / "gradebook.csv").read_text(), *terminal])


def hold_class(folder: Path, chosen: Iterable[Entry], engine: str, limits: str) -> Class:
    """Make a course, hand every entry in, and take it from `grade` to the gradebook."""
    klass = Class(folder / "course", tuple(chosen), Limits(**tomllib.loads(limits)))
    released = _make_course(klass.root, limits, klass.entries)
    elsewhere = folder / "elsewhere"
    klass.host_before = _on_host()
    for entry in klass.entries:
        _hand_in(klass, entry, released, elsewhere)
    klass.before = _tree(folder)
    for arguments in (
        ["grade", "--engine", engine, "--jobs", "2", "--json"],
        ["status", "ps1"],
        ["feedback"],
        ["gradebook"],
    ):
        klass.said.append(_grader(klass.root, *arguments))
    klass.after = _tree(folder)
    klass.host_after = _on_host()
    klass.rows, klass.points = _results(open_course(klass.root))
    return klass


def _make_course(root: Path, limits: str, chosen: Iterable[Entry]) -> dict[str, object]:
    (root / "source_assignments" / "ps1").mkdir(parents=True)
    (root / "source_assignments" / "ps1" / "p1.ipynb").write_text(json.dumps(source()))
    (root / "course.toml").write_text(f'[course]\nid = "corpus"\n[limits]\n{limits}\n')
    released = json.loads(json.dumps(release(instructor_version(source()))))
    for student in HONEST:
        folder = root / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        (folder / "p1.ipynb").write_text(json.dumps(solved(released, **RIGHT)))
    ids = [*HONEST, *(entry.student for entry in chosen if valid_student_id(entry.student))]
    quoted = ['"' + student.replace('"', '""') + '"' for student in dict.fromkeys(ids)]
    rows = [f'{student},"=HYPERLINK(""//x.invalid"")",<b>Eve</b>\n' for student in quoted]
    (root / "roster.csv").write_text("student_id,last_name,first_name\n" + "".join(rows))
    return released


def _hand_in(klass: Class, entry: Entry, released: dict[str, object], elsewhere: Path) -> None:
    prepare = getattr(preparations, entry.prepare) if entry.prepare else None
    plain = valid_student_id(entry.student) and entry.prepare not in preparations.ARCHIVES
    home = klass.root / "submitted" / entry.student / "ps1" if plain else elsewhere / entry.id
    work = make_work(entry, released, home, prepare)
    if not plain:
        said = _grader(klass.root, "collect", "ps1", str(work.archive or home), "--student", entry.student)
        klass.said.append(said)
        klass.collected[entry.id] = said


def _grader(root: Path, *arguments: str) -> Said:
    command = [sys.executable, "-m", "grader", "-C", str(root), *arguments]
    with tempfile.NamedTemporaryFile("r") as measured:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MEASURE, measured.name, *command],
            cwd=root,
            env=os.environ | SECRET,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        largest = int(measured.read())
    return Said(" ".join(arguments), done.returncode, done.stdout + done.stderr, largest >> 10)


def _results(opened: OpenCourse) -> tuple[Mapping[str, OutcomeRow], Mapping[str, float]]:
    points: dict[str, float] = {}
    with opened.database() as database:
        for question in database.question_scores("ps1"):
            points[question.student_id] = points.get(question.student_id, 0.0) + (question.auto_score or 0.0)
        return {row.student_id: row for row in database.outcomes("ps1")}, points


def _tree(folder: Path) -> Mapping[str, str]:
    """Hash everything below a folder but what the grader makes in its course; links are not followed."""
    found: dict[str, str] = {}
    for top, folders, files in os.walk(folder):
        if Path(top) == folder / "course":
            folders[:] = [name for name in folders if name not in _MADE]
        for name in (*folders, *files):
            path = Path(top) / name
            if Path(top) != folder / "course" or not name.startswith(_MADE):
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                found[str(path)] = f"{path.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}"
    return found


def _on_host() -> frozenset[str]:
    """List what the entries would have left behind: all their files are called h4-something."""
    return frozenset(
        f"{top}/{name}" for top in _HOST if Path(top).is_dir() for name in _names(top) if name.startswith("h4")
    )


def _names(folder: str) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]
