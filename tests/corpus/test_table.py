"""What `docs/security.md` says of the corpus is what the corpus is."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.corpus.assignment import HONEST_POINTS
from tests.corpus.entry import entries

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
_ROW = re.compile(r"^\| `(?P<category>\w+)`: [^|]+ \| (?P<entries>\d+) \| (?P<held>\d+)\b[^|]* \|", re.MULTILINE)


def test_the_table_counts_what_is_there() -> None:
    """Each class of attack with its entries and those that end as they should, and their sum in the text."""
    page = PAGE.read_text(encoding="utf-8")
    told = {row["category"]: (int(row["entries"]), int(row["held"])) for row in _ROW.finditer(page)}
    found = entries()
    counted = Counter(entry.category for entry in found)
    held = Counter(entry.category for entry in found if not entry.falls_short)
    assert {category: (number, held[category]) for category, number in counted.items()} == told
    assert f"hands in {len(found)} hostile" in page


def test_tampering_that_pays_is_named() -> None:
    """The tricks that may keep all points until a person has looked stand in the text with their ids, every one."""
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    tricks = [entry for entry in entries("tamper") if "flag" in entry.ends]
    paying = [entry.id for entry in tricks if entry.at_most == HONEST_POINTS]
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert f"{words[len(tricks)]} tamper" in page
    assert f"{words[len(paying)]} of them (" + ", ".join(f"`{one}`" for one in paying) + ")" in page
