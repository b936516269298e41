"""Small notebooks, a reader of pages that knows what may stand in one, and a browser."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from grader.feedback import NotebookPage, QuestionScore
from grader.feedback.plain import words
from grader.model import GradedKind

if TYPE_CHECKING:
    from collections.abc import Callable

OUR_IDS = re.compile(r"question-\d+|shape-[a-z-]+|score-by-question|your-notebook|assignments")
VOID = {"meta", "br", "hr", "img", "col", "wbr"}
OURS = words("""
    html head meta title style body header footer main section article div span p b h1 h2 bdi a code pre svg symbol
    circle path use rect table thead tbody tr th td dl dt dd
""")
FROM_NOTEBOOKS = words("""
    abbr bdo blockquote br caption center cite col colgroup del details dfn em figcaption figure h3 h4 h5 h6 hr i img
    ins kbd li mark ol q rp rt ruby s samp small strike strong sub summary sup tfoot tt u ul var wbr math maction
    menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts none mroot mrow ms mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover
""")
DANGEROUS_ATTRIBUTE = re.compile(r"on\w*|style|srcdoc|srcset|action|formaction|background|ping|poster|xlink.*|name")


@dataclass
class Inspected(HTMLParser):
    """What a page consists of, and everything in it that must not be there."""

    tags: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    text: str = ""
    stack: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count and check an element."""
        self.tags[tag] += 1
        if tag not in OURS | FROM_NOTEBOOKS:
            self.problems.append(f"element {tag}")
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            self._check(tag, name, value or "")

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"unbalanced {tag}")

    def handle_comment(self, data: str) -> None:
        """Comments are nobody's."""
        self.problems.append("comment")

    def handle_data(self, data: str) -> None:
        """Collect what is read."""
        if self.stack[-1:] != ["style"]:
            self.text += data

    def _check(self, tag: str, name: str, value: str) -> None:
        if (DANGEROUS_ATTRIBUTE.fullmatch(name) and tag != "meta") or (name == "id" and not OUR_IDS.fullmatch(value)):
            self.problems.append(f"attribute {tag} {name}={value[:40]}")
        if name == "href" and not re.match(r"#[a-z]|\./|https?://|mailto:", value, re.IGNORECASE):
            self.problems.append(f"link to {value[:40]}")
        if name == "src" and not re.match(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[\w+/]+=*$", value):
            self.problems.append(f"picture at {value[:40]}")


@pytest.fixture(scope="session")
def inspect() -> Callable[[str], Inspected]:
    """Read a page; fails when anything stands in it that must not."""

    def read(html: str) -> Inspected:
        found = Inspected()
        found.feed(html)
        found.close()
        assert [] == found.problems
        assert [] == found.stack
        once = {tag: found.tags[tag] for tag in ("html", "head", "body", "title", "style", "main", "h1", "meta")}
        assert {"html": 1, "head": 1, "body": 1, "title": 1, "style": 1, "main": 1, "h1": 1, "meta": 6} == once
        return found

    return read


class Make:
    """Makers of cells, outputs and pages."""

    @staticmethod
    def markdown(source: str, **extra: Any) -> dict[str, Any]:
        """A Markdown cell."""
        return {"cell_type": "markdown", "metadata": {}, "source": source} | extra

    @staticmethod
    def code(source: str = "", *outputs: dict[str, Any], **extra: Any) -> dict[str, Any]:
        """A code cell that ran first."""
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs), "execution_count": 1}
        return cell | extra

    @staticmethod
    def shown(data: dict[str, Any]) -> dict[str, Any]:
        """Something displayed."""
        return {"output_type": "display_data", "data": data, "metadata": {}}

    @staticmethod
    def printed(text: str, name: str = "stdout") -> dict[str, Any]:
        """Something printed."""
        return {"output_type": "stream", "name": name, "text": text}

    @staticmethod
    def page(*cells: dict[str, Any], **changes: Any) -> NotebookPage:
        """A page about these cells."""
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
        plain = {
            "course_title": "A course",
            "assignment_title": "Least squares",
            "student_name": "Ada Lovelace",
            "student_id": "ada",
            "notebook_name": "regression",
            "notebook": notebook,
            "questions": (),
            "score": 0.0,
            "max_score": 0.0,
        }
        return NotebookPage(**(plain | changes))

    @staticmethod
    def question(grade_id: str = "q", **changes: Any) -> QuestionScore:
        """A question that got one of two points."""
        plain = {"title": "Question", "kind": GradedKind.TESTS, "score": 1.0, "max_score": 2.0}
        return QuestionScore(grade_id=grade_id, **(plain | changes))

    @staticmethod
    def png(width: int = 3, height: int = 2) -> bytes:
        """A grey picture."""
        head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        rows = zlib.compress((b"\0" + b"\x80" * width) * height)
        chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )

    def png_base64(self, width: int = 3, height: int = 2) -> str:
        """The picture as a notebook holds it."""
        return base64.b64encode(self.png(width, height)).decode()


@pytest.fixture(scope="session")
def make() -> Make:
    """Makers of cells and pages."""
    return Make()
