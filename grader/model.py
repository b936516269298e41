"""The words of the domain as frozen values; every layer speaks in these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

Notebook: TypeAlias = Mapping[str, Any]
"""An nbformat-4 notebook (in practice `nbformat.NotebookNode`). Functions take one and return a new one."""

Files: TypeAlias = Mapping[str, bytes]
"""Content by relative POSIX path: already checked, so a path in it never leaves its folder."""


class GradedKind(StrEnum):
    """How a cell that carries points gets its score."""

    TESTS = "tests"
    """Autograder tests: graded by running them."""
    ANSWER = "answer"
    """A manually graded answer (code or text)."""
    TASK = "task"
    """A manually graded task: the student's own cells below an instructor's cell."""


class RunStatus(StrEnum):
    """What became of one code cell."""

    COMPLETED = "completed"
    RAISED = "raised"
    STOPPED = "stopped"
    """A limit was reached or the kernel died while it ran."""
    NOT_RUN = "not-run"


class IncidentKind(StrEnum):
    """Which limit was reached, that the kernel died, or that the machine lacks what the notebook asks for."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    DISK = "disk"
    PROCESSES = "processes"
    CRASH = "crash"
    ENVIRONMENT = "environment"
    """A module, a file or the network is not there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use. All are of the whole sandbox, not of one process in it."""

    cell_seconds: float = 60
    notebook_seconds: float = 600
    memory_mb: int = 2048
    output_mb: float = 5
    """Of one notebook's outputs, in transit and at rest."""
    disk_mb: int = 256
    processes: int = 128


@dataclass(frozen=True, slots=True)
class Repair:
    """A change made to a mangled notebook, in a sentence that its student understands."""

    kind: str
    sentence: str
    grade_id: str | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a person should look at; for staff only, and never a change of score."""

    kind: str
    sentence: str
    grade_id: str | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """A limit that was reached, a kernel that died, or something that the machine lacks, at one cell."""

    kind: IncidentKind
    sentence: str
    cell: int
    """Index of the cell in the executed notebook."""
    grade_id: str | None = None


@dataclass(frozen=True, slots=True)
class CellRun:
    """How one code cell ran."""

    status: RunStatus
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook with its outputs, and how each of its cells ran."""

    notebook: Notebook
    runs: tuple[CellRun | None, ...]
    """One a cell, in order; None for a cell that is no code."""
    incidents: tuple[Incident, ...] = ()
    probes: Mapping[int, tuple[ProbeRun, ...]] = field(default_factory=dict)
    """By the cell that they followed: fewer than were asked for once one did not raise, or time was up."""


class Canaries(StrEnum):
    """How many cells that must fail are run after tests that passed."""

    OFF = "off"
    NORMAL = "normal"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """How a probe ran: a cell that is in no notebook, and of which nothing is recorded but its error."""

    status: RunStatus
    replied: str = ""
    """The text of its error by the kernel's answer."""
    shown: str = ""
    """The text of the error that it showed."""


Probes: TypeAlias = Mapping[int, Sequence[str]]
"""Sources to run after a cell, by its index, if it ran to its end."""


class Execute(Protocol):
    """Run a notebook's code cells beside these files, under these limits.

    The student's failures are in the value that is returned; a failure of our own raises `ExecutionFault`.
    The working folder holds exactly `Files` when the first cell runs. Where there are no probes, none need be passed.
    """

    def __call__(self, notebook: Notebook, files: Files, limits: Limits, probes: Probes = ..., /) -> Executed:
        """See the class."""


@dataclass(frozen=True, slots=True)
class CellScore:
    """The automatic verdict on one cell that carries points."""

    grade_id: str
    kind: GradedKind
    max_score: float
    auto_score: float | None
    """None where only a person can tell."""
    needs_manual: bool
    reason: str
    """Why it is what it is, in words that may be shown to the student."""
    comment: str | None = None
    """nbgrader's automatic comment ("No response.")."""


@dataclass(frozen=True, slots=True)
class GradedNotebook:
    """One notebook of a submission: rebuilt, executed and scored."""

    name: str
    """As the instructor calls it, without `.ipynb`."""
    notebook: Notebook
    """What goes to `autograded/`: hidden tests included, for staff only."""
    scores: tuple[CellScore, ...]
    repairs: tuple[Repair, ...] = ()
    flags: tuple[Flag, ...] = ()
    incidents: tuple[Incident, ...] = ()
    seconds: float = 0.0
    rejection: str | None = None
    """Why nothing of the student's could be read; every score is 0 then."""
    cell_seconds: tuple[float | None, ...] = ()
    unanswered: tuple[str, ...] = ()
    """Ids of answers, graded by hand or by tests, that were left as released."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student handed in for one assignment: regular files only, within size limits."""

    student_id: str
    assignment: str
    files: Files
    digest: str
    """SHA-256 over paths and contents."""
    timestamp: datetime | None = None
    problems: tuple[str, ...] = ()
    """Entries that were not taken, each in one escaped sentence."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that a worker needs to know of an assignment to grade any submission to it."""

    assignment: str
    sources: Mapping[str, Notebook]
    """Instructor versions by notebook name."""
    releases: Mapping[str, Notebook]
    """Release versions by notebook name."""
    files: Files
    """The assignment's data files."""
    limits: Limits
    execute: bool
    digest: str
    """SHA-256 over all of the above."""
    canaries: Canaries = Canaries.OFF


@dataclass(frozen=True, slots=True)
class Graded:
    """A submission that was read, run and scored."""

    student_id: str
    assignment: str
    notebooks: tuple[GradedNotebook, ...]
    seconds: float = 0.0
    attempt: int = 0
    """Which of the student's attempts it is, where the best counts: 0 is the latest."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A submission of which no notebook could be read: every score is 0, and the reason is told."""

    student_id: str
    assignment: str
    reason: str
    notebooks: tuple[GradedNotebook, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Missing:
    """A student on the roster who handed in nothing."""

    student_id: str
    assignment: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """The grader itself failed; the submission stands ungraded and a further run tries again."""

    student_id: str
    assignment: str
    reason: str


Outcome: TypeAlias = Graded | Rejected | Missing | Faulted
"""What became of one submission."""


@dataclass(frozen=True, slots=True)
class Student:
    """One row of the roster."""

    student_id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """The roster's further columns, by title."""

    @property
    def name(self) -> str:
        """First and last name, or the id where there are none."""
        return f"{self.first_name} {self.last_name}".strip() or self.student_id
