"""Fields of a form by name; what is missing or makes no sense is told with the field's name."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from grader.review.errors import Refusal
from grader.text import escape

LONGEST = 20_000
_YES = {"on", "true", "yes", "1"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that a browser sent."""

    name: str
    """As its owner calls it; nothing is ever written under it."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What a browser sent, in order."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, Sent], ...] = ()

    def optional(self, name: str) -> str | None:
        """The field's text, None where it was not sent."""
        found = self.all(name)
        return found[-1] if found else None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value that was sent under a name: several boxes may be ticked."""
        return tuple(value for key, value in self.fields if key == name)

    def text(self, name: str, *, longest: int = LONGEST) -> str:
        """The field's text, with plain line ends."""
        value = self.optional(name)
        if value is None:
            raise _bad(name, "is missing")
        if len(value) > longest:
            raise _bad(name, f"is longer than {longest:,} characters")
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            raise _bad(name, "holds characters that are no text")
        return value.replace("\r\n", "\n").replace("\r", "\n")

    def file(self, name: str) -> Sent:
        """The file that was chosen."""
        found = next((sent for key, sent in self.files if key == name and sent.data), None)
        if found is None:
            raise _bad(name, "is missing, or empty: choose one")
        return found

    def number(self, name: str) -> float:
        """A finite number; a comma is read as a point."""
        text = self.text(name, longest=40).strip().replace(",", ".").replace("\N{MINUS SIGN}", "-")
        try:
            number = float(text)
        except ValueError:
            raise _bad(name, f'is no number: "{escape(text, 40)}"') from None
        if not math.isfinite(number):
            raise _bad(name, f'is no finite number: "{escape(text, 40)}"')
        return number

    def integer(self, name: str) -> int:
        """A whole number."""
        number = self.number(name)
        if number != int(number):
            raise _bad(name, f"is no whole number: {number:g}")
        return int(number)

    def choice(self, name: str, choices: Collection[str]) -> str:
        """One of a few words."""
        value = self.text(name, longest=100)
        if value not in choices:
            raise _bad(name, f'is "{escape(value, 40)}"; it may be {", ".join(sorted(choices))}')
        return value

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return (self.optional(name) or "").lower() in _YES


def _bad(name: str, what: str) -> Refusal:
    return Refusal(400, f"{escape(name, 40)} {what}")
