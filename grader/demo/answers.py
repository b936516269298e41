"""What students answer: a catalogue for each assignment, in `answers/<assignment>.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from grader.demo.fates import Fate
from grader.errors import GraderError
from grader.text import escape


class Quality(StrEnum):
    """How good an answer in words is."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True, slots=True)
class CodeAnswers:
    """Bodies that may stand where the release says YOUR CODE HERE."""

    right: tuple[str, ...]
    """Besides the instructor's own solution."""
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer in words: one sentence of each list, in order."""

    sentences: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """Cells that a student adds below a task: code, if any, and words."""

    code: str
    text: TextAnswer


@dataclass(frozen=True, slots=True)
class Mishap:
    """The one cell that makes a fate come true, and what is in it."""

    grade_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that students may write into the notebooks of one assignment."""

    code: Mapping[str, CodeAnswers]
    """By grade_id, as the next two."""
    texts: Mapping[str, Mapping[Quality, TextAnswer]]
    tasks: Mapping[str, Mapping[Quality, tuple[TaskAnswer, ...]]]
    scratch: Mapping[str, tuple[str, ...]]
    """By notebook: cells that students add to try things out, with `$a` and `$b` for numbers."""
    mishaps: Mapping[Fate, Mishap]


def catalogue(assignment: str) -> Catalogue:
    """The catalogue of one of the demo's assignments."""
    entry = files("grader.demo") / "answers" / f"{assignment}.toml"
    if not entry.is_file():
        raise GraderError(f"{escape(assignment)}: no invented class knows its answers; demo grades its own course only")
    return _parse(tomllib.loads(entry.read_text(encoding="utf-8")))


def _parse(raw: Mapping[str, Any]) -> Catalogue:
    return Catalogue(
        code={
            grade_id: CodeAnswers(tuple(table["right"]), tuple(table["wrong"]))
            for grade_id, table in raw["code"].items()
        },
        texts={
            grade_id: {Quality(quality): _text(parts) for quality, parts in table.items()}
            for grade_id, table in raw["text"].items()
        },
        tasks={
            grade_id: {
                Quality(quality): tuple(TaskAnswer(entry.get("code", ""), _text(entry["text"])) for entry in entries)
                for quality, entries in table.items()
            }
            for grade_id, table in raw.get("task", {}).items()
        },
        scratch={name: tuple(cells) for name, cells in raw["scratch"].items()},
        mishaps={Fate(fate): Mishap(table["cell"], table["body"]) for fate, table in raw["fate"].items()},
    )


def _text(parts: list[list[str]]) -> TextAnswer:
    return TextAnswer(tuple(tuple(alternatives) for alternatives in parts))
