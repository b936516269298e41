"""The database of a course: nbgrader's schema and our tables, behind one face; the one writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from grader.model import Notebook, Outcome, Student
from grader.store import assignments, outcomes, scores
from grader.store.connection import open_engine, transaction
from grader.store.markbook import MarkBook
from grader.store.rows import AuditRow, ImportedScore, OutcomeRow, QuestionScore, ScoreChange, StoredScore, SyncReport
from grader.store.schema import Tables, create, described


class Database:
    """A course's database, opened: made where there is none, refused where it is not one that we understand.

    Each method is one transaction. Times are aware of their zone, going in and coming out; nbgrader's columns hold
    them in UTC. Failures are `StoreError`s of one line. Use it as a context manager, in one thread.
    """

    def __init__(
        self,
        where: Path | str,
        *,
        course_id: str = "default_course",
        before_migration: Callable[[], object] = lambda: None,
    ) -> None:
        """Open a SQLite file by its path, or any database by its SQLAlchemy URL.

        Where tables have to be made or changed, `before_migration` is called first.
        """
        self._course_id = course_id
        self._engine, self._label = open_engine(where)
        try:
            self._tables = self._opened(before_migration)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def sync_students(self, students: Iterable[Student]) -> None:
        """Make the database know the class, as the roster names it; nobody and no name is removed."""
        with self._writing() as connection:
            assignments.sync_students(connection, self._tables, students)

    def sync_assignment(
        self, name: str, *, due: datetime | None, notebooks: Mapping[str, tuple[Notebook, Notebook]]
    ) -> SyncReport:
        """Make the database hold this assignment: by notebook name, the instructor's version and the released one.

        Cells that are gone from the notebooks are removed with their automatic grades; those that a person graded
        are kept and reported. Without a due date, one that was set in the form grader stays.
        """
        heading = assignments.Heading(self._course_id, name, due)
        with self._writing() as connection:
            return assignments.sync_assignment(connection, self._tables, heading, notebooks)

    def record(  # noqa: PLR0913 - each is a fact about one result, all by name
        self,
        outcome: Outcome,
        *,
        key: str,
        engine: str,
        timestamp: datetime | None,
        finished_at: datetime,
        problems: Sequence[str] = (),
    ) -> None:
        """Write down what became of a submission; what a person entered is never overwritten.

        Where the work beneath a manual score has changed, that cell waits for a person again. A fault leaves the
        scores as they were and no key, so that a further run tries again. `problems` are the submission's.
        """
        provenance = outcomes.Provenance(key, engine, finished_at, timestamp, tuple(problems))
        with self._writing() as connection:
            outcomes.record(connection, self._tables, outcome, provenance)

    def keys(self, assignment: str) -> Mapping[str, str]:
        """By student, the key of the result that stands; those who have to be graded again are left out."""
        with self._reading() as connection:
            return outcomes.keys(connection, assignment)

    def outcomes(self, assignment: str | None = None, student_id: str | None = None) -> tuple[OutcomeRow, ...]:
        """Outcomes of one assignment or of all, of one student or of all, by assignment and student."""
        with self._reading() as connection:
            return outcomes.outcomes(connection, assignment, student_id)

    def question_scores(
        self, assignment: str | None = None, student_id: str | None = None
    ) -> tuple[QuestionScore, ...]:
        """Scores of every cell with points, by assignment, student, notebook and cell; of one of each or of all."""
        with self._reading() as connection:
            return scores.question_scores(connection, self._tables, assignment, student_id)

    def max_scores(self) -> Mapping[str, float]:
        """The points of each assignment, by its name."""
        with self._reading() as connection:
            return scores.max_scores(connection, self._tables)

    def score_changes(self, item: str, rows: Sequence[ImportedScore]) -> tuple[ScoreChange, ...]:
        """What `import_scores` would change, without changing it."""
        with self._reading() as connection:
            return scores.changes(connection, item, rows)

    def import_scores(
        self, item: str, rows: Sequence[ImportedScore], *, source: str, imported_at: datetime
    ) -> tuple[ScoreChange, ...]:
        """Take in scores from elsewhere; what changed, each with what was there before, goes to the audit trail."""
        with self._writing() as connection:
            return scores.import_scores(connection, item, rows, source, imported_at)

    def scores(self, item: str | None = None) -> tuple[StoredScore, ...]:
        """Imported scores of one item or of all, by item and student."""
        with self._reading() as connection:
            return scores.scores(connection, item)

    def audit(self, *, student_id: str | None = None, item: str | None = None) -> tuple[AuditRow, ...]:
        """Changes of scores, oldest first."""
        with self._reading() as connection:
            return scores.audit(connection, student_id, item)

    @property
    def marks(self) -> MarkBook:
        """What people give: marks, rubrics, comments, claims, requests for a regrade."""
        return MarkBook(self._tables, self._reading, self._writing)

    def _opened(self, before_migration: Callable[[], object]) -> Tables:
        with self._reading() as connection:
            tables = described(connection, self._label)
        if tables is not None:
            return tables
        before_migration()
        with self._writing() as connection:
            return create(connection, self._label)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with transaction(self._engine, self._label, writes=True) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with transaction(self._engine, self._label, writes=False) as connection:
            yield connection
