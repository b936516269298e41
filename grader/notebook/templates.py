"""The instructor's cells beside what students were given of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import NotebookError
from grader.model import GradedKind
from grader.notebook.metadata import CellMeta, meta_of, source_of
from grader.notebook.sources import Text, normal
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grader.model import Notebook


@dataclass(frozen=True, slots=True)
class Template:
    """One cell of the instructor's notebook and its released version."""

    index: int
    instructor: Mapping[str, Any]
    released: Mapping[str, Any]
    meta: CellMeta | None
    text: Text
    """The released source."""
    distinctive: frozenset[str]
    """Lines of the released source that no other released cell has."""

    @property
    def fixed(self) -> bool:
        """Whether its source is the instructor's whatever the student does."""
        return self.meta is not None and self.meta.fixed

    @property
    def answer(self) -> bool:
        """Whether it is a solution cell."""
        return self.meta is not None and self.meta.solution

    @property
    def tests(self) -> bool:
        """Whether it is an autograder test."""
        return self.meta is not None and self.meta.kind is GradedKind.TESTS

    @property
    def task(self) -> bool:
        """Whether it is a task, answered in cells below it."""
        return self.meta is not None and self.meta.kind is GradedKind.TASK

    @property
    def originals(self) -> tuple[str, str]:
        """Its text as released and as the instructor has it: a cell with either of them was not changed."""
        return self.text.normal, normal(source_of(self.instructor))

    @property
    def manual(self) -> bool:
        """Whether it is an answer that a person grades."""
        return self.meta is not None and self.meta.kind is GradedKind.ANSWER

    @property
    def grade_id(self) -> str | None:
        """Its nbgrader id, if it has one."""
        return self.meta.grade_id if self.meta else None

    @property
    def kind(self) -> str:
        """Its cell type."""
        return str(self.instructor["cell_type"])


def templates_of(instructor: Notebook, released: Notebook) -> tuple[Template, ...]:
    """Each of the instructor's cells with its released version: that of the same id, else that of the same place."""
    cells = list(_paired(instructor, released))
    texts = [Text(source_of(given)) for _, given in cells]
    owners: dict[str, int] = {}
    for text in texts:
        for line in text.lines:
            owners[line] = owners.get(line, 0) + 1
    return tuple(
        Template(index, own, given, meta_of(own), text, frozenset(line for line in text.lines if owners[line] == 1))
        for index, ((own, given), text) in enumerate(zip(cells, texts, strict=True))
    )


def _paired(instructor: Notebook, released: Notebook) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    by_id = {meta.grade_id: cell for cell in released["cells"] if (meta := meta_of(cell))}
    parallel = len(instructor["cells"]) == len(released["cells"])
    for index, cell in enumerate(instructor["cells"]):
        meta = meta_of(cell)
        if meta and (meta.fixed or meta.solution or meta.grade_id in by_id):
            if meta.grade_id not in by_id:
                raise NotebookError(f"the release version lacks the cell {escape(meta.grade_id)}: release it again")
            yield cell, by_id[meta.grade_id]
        elif parallel and meta_of(released["cells"][index]) is None:
            yield cell, released["cells"][index]
        else:
            yield cell, cell
