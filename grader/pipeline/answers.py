"""Answers as they were graded: read from `autograded/`, with what stands around them and what was asked."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from grader.grading import NOTEBOOK
from grader.marking import Group, Part, Question, Response, groups
from grader.model import Bundle, GradedKind, Notebook, Student
from grader.notebook import CellMeta, PointsCell, meta_of, points_cells, source_of
from grader.pipeline.bundle import load_bundle
from grader.store import valid_student_id

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse

Cell: TypeAlias = Mapping[str, Any]
"""A cell of nbformat 4."""

_KEPT_NOTEBOOKS = 40
_AROUND = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its instructor wrote it."""

    question: Question
    cell: PointsCell
    prompt: tuple[Cell, ...]
    """The cells that lead to it, from below the question before it."""
    scheme: tuple[Cell, ...]
    """The instructor's answer or mark scheme; for tests, the tests."""
    released: tuple[Cell, ...]
    """The answer's cells as they were handed out."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one student answered, as it was graded."""

    cells: tuple[Cell, ...]
    """The student's, with outputs; empty where a task has none below it, or the notebook could not be read."""
    before: tuple[Cell, ...] = ()
    """Up to three cells above."""
    after: tuple[Cell, ...] = ()
    """Up to three cells below."""
    places: tuple[int, ...] = ()
    """Where the student's cells stand in `notebook`."""
    notebook: Notebook = field(default_factory=dict)
    """The whole graded notebook; empty where there is none."""


class Answers:
    """Reads sources and graded notebooks, and remembers what it read while the files are the same."""

    def __init__(self, opened: OpenCourse) -> None:
        self._opened = opened
        self._bundles: dict[str, tuple[object, Bundle]] = {}
        self._notebooks: OrderedDict[tuple[str, str, str], tuple[object, Notebook]] = OrderedDict()
        self._responses: dict[Question, dict[str, tuple[object, Response]]] = {}
        self._groups: dict[Question, tuple[object, tuple[Group, ...]]] = {}
        self._asked: dict[Question, tuple[Bundle, Asked | None]] = {}
        self._roster = {student.student_id: student for student in opened.roster or ()}

    def bundle(self, assignment: str) -> Bundle:
        """The assignment's sources."""
        folder = self._opened.folder.source(assignment)
        stamp = tuple(sorted(_stamp_of(path) for path in folder.rglob("*"))) if folder.is_dir() else ()
        known = self._bundles.get(assignment)
        if known is None or known[0] != stamp:
            known = (stamp, load_bundle(self._opened, self._opened.course.chosen([assignment])[0]))
            self._bundles[assignment] = known
        return known[1]

    def questions(self, assignment: str) -> tuple[tuple[Question, PointsCell], ...]:
        """All cells with points, notebook by notebook, in their order."""
        return tuple(
            (Question(assignment, name, cell.grade_id), cell)
            for name, source in sorted(self.bundle(assignment).sources.items())
            for cell in points_cells(source)
        )

    def student(self, student_id: str) -> Student | None:
        """The student with this id; None for one who is not on the roster and has handed nothing in."""
        found = self._roster.get(student_id)
        if found is not None or not valid_student_id(student_id):
            return found
        return Student(student_id) if (self._opened.folder.submissions / student_id).is_dir() else None

    def asked(self, question: Question) -> Asked | None:
        """The question as its instructor wrote it; None where the sources have it no more."""
        bundle = self.bundle(question.assignment)
        known = self._asked.get(question)
        if known is None or known[0] is not bundle:
            known = self._asked[question] = (bundle, _asked(bundle, question))
        return known[1]

    def groups(self, question: Question, students: Sequence[str]) -> tuple[Group, ...]:
        """The students' answers in groups."""
        responses = tuple(self.responses(question, students))
        known = self._groups.get(question)
        if known is None or known[0] != responses:
            known = self._groups[question] = (responses, groups(responses))
        return known[1]

    def given(self, question: Question, student_id: str) -> Given:
        """What the student answered; nothing where the graded notebook is gone."""
        notebook = self.notebook(question, student_id)
        source = self.bundle(question.assignment).sources.get(question.notebook)
        if notebook is None or source is None:
            return Given(())
        cells = notebook["cells"]
        places = answer_places(notebook, source, question.grade_id)
        if not places:
            return Given((), notebook=notebook)
        first, last = places[0], places[-1]
        return Given(
            cells=tuple(cells[place] for place in places),
            before=tuple(cells[max(0, first - _AROUND) : first]),
            after=tuple(cells[last + 1 : last + 1 + _AROUND]),
            places=places,
            notebook=notebook,
        )

    def responses(self, question: Question, students: Sequence[str]) -> Iterator[Response]:
        """What each student answered, to be put into groups; those whose notebook is gone are left out."""
        known = self._responses.setdefault(question, {})
        asked = self.asked(question)
        released = _parts(asked.released) if asked else ()
        for student_id in students:
            stamp = self._stamp(question, student_id)
            if stamp is None:
                continue
            found = known.get(student_id)
            if found is None or found[0] != stamp:
                parts = _parts(self._cells(question, student_id))
                found = known[student_id] = (stamp, Response(student_id, parts, released))
            yield found[1]

    def notebook(self, question: Question, student_id: str) -> Notebook | None:
        """The student's graded notebook; None where it is gone or is no notebook any more."""
        stamp = self._stamp(question, student_id)
        if stamp is None:
            return None
        key = (question.assignment, question.notebook, student_id)
        known = self._notebooks.get(key)
        if known is None or known[0] != stamp:
            read = self._read(question, student_id)
            if read is None:
                return None
            known = (stamp, read)
            self._notebooks[key] = known
            while len(self._notebooks) > _KEPT_NOTEBOOKS:
                self._notebooks.popitem(last=False)
        return known[1]

    def _cells(self, question: Question, student_id: str) -> tuple[Cell, ...]:
        notebook = self._read(question, student_id)
        source = self.bundle(question.assignment).sources.get(question.notebook)
        if notebook is None or source is None:
            return ()
        return tuple(notebook["cells"][place] for place in answer_places(notebook, source, question.grade_id))

    def _read(self, question: Question, student_id: str) -> Notebook | None:
        # written by ourselves, canonical: nbformat's own reading takes ten times as long
        try:
            found = json.loads(self._path(question, student_id).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("cells"), list) else None

    def _path(self, question: Question, student_id: str) -> Any:
        home = self._opened.folder.autograded_of(student_id, question.assignment)
        return home / f"{question.notebook}{NOTEBOOK}"

    def _stamp(self, question: Question, student_id: str) -> object | None:
        try:
            status = self._path(question, student_id).stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino)


def _asked(bundle: Bundle, question: Question) -> Asked | None:
    source = bundle.sources.get(question.notebook)
    cell = next((c for c in points_cells(source) if c.grade_id == question.grade_id), None) if source else None
    if source is None or cell is None:
        return None
    released = bundle.releases[question.notebook]["cells"]
    own = tuple(c for c in released if (meta := meta_of(c)) and meta.grade_id == question.grade_id)
    handed_out = () if cell.kind is GradedKind.TASK else own
    return Asked(question, cell, _prompt(source, cell), (source["cells"][cell.index],), handed_out)


def answer_places(notebook: Notebook, source: Notebook, grade_id: str) -> tuple[int, ...]:
    """Where a student's answer stands in their graded notebook.

    A task is answered by the student's own cells below it; an answer by its cell and by own cells right below it; tests
    are about what the student wrote since the question before them.
    """
    cells = notebook["cells"]
    metas = [meta_of(cell) for cell in cells]
    start = next((place for place, meta in enumerate(metas) if meta and meta.grade_id == grade_id), None)
    if start is None:
        return ()
    ids = {cell.get("id") for cell in source["cells"]}
    texts = {source_of(cell) for cell in source["cells"]}
    end = start + 1
    while end < len(cells) and metas[end] is None and _own(cells[end], ids, texts):
        end += 1
    meta = metas[start]
    below = tuple(range(start + 1, end))
    if meta is not None and meta.kind is GradedKind.TASK:
        return below
    if meta is not None and meta.kind is GradedKind.ANSWER:
        return (start, *below)
    return (*_tested(cells, metas, start, lambda cell: _own(cell, ids, texts)), start)


def _tested(
    cells: Sequence[Cell], metas: Sequence[CellMeta | None], start: int, is_own: Callable[[Cell], bool]
) -> tuple[int, ...]:
    """The student's cells above tests, up to the question before."""
    found: list[int] = []
    for place in range(start - 1, -1, -1):
        meta = metas[place]
        if meta is not None and meta.kind is not None:
            break
        if (meta is not None and meta.solution) or (meta is None and is_own(cells[place])):
            found.append(place)
    return tuple(reversed(found))


def _own(cell: Cell, ids: set[Any], texts: set[str]) -> bool:
    return cell.get("id") not in ids and source_of(cell) not in texts


def _prompt(source: Notebook, cell: PointsCell) -> tuple[Cell, ...]:
    """The instructor's cells above a question, from below the one before it."""
    cells = source["cells"]
    start = cell.index
    while start > 0:
        meta = meta_of(cells[start - 1])
        if meta is not None and (meta.kind is not None or (meta.solution and cell.kind is not GradedKind.TESTS)):
            break
        start -= 1
    return tuple(cells[start : cell.index])


def _parts(cells: Sequence[Cell]) -> tuple[Part, ...]:
    return tuple(Part(cell.get("cell_type") == "code", source_of(cell), _attached(cell)) for cell in cells)


def _attached(cell: Cell) -> str:
    attachments = cell.get("attachments")
    if not attachments:
        return ""
    return hashlib.sha256(json.dumps(attachments, sort_keys=True).encode()).hexdigest()[:16]


def _stamp_of(path: Any) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), status.st_mtime_ns, status.st_size)
