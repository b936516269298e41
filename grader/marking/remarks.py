"""The bank of comments: what was said before and can be said again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that is offered."""

    text: str
    uses: int
    """How many answers of the question carry it."""
    kept: bool = False
    """Whether somebody put it into the bank; others are there because they were used."""


def offered(used: Iterable[str], kept: Iterable[str], most: int = 50) -> tuple[Remark, ...]:
    """The comments of a question's marks and those of its bank, each once: the most used first, then by their text."""
    counts = Counter(text.strip() for text in used)
    bank = {text.strip() for text in kept}
    texts = {text for text in {*counts, *bank} if text}
    remarks = (Remark(text, counts[text], text in bank) for text in texts)
    return tuple(sorted(remarks, key=lambda remark: (-remark.uses, not remark.kept, remark.text)))[:most]
