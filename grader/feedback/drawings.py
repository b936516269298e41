"""How much a browser draws for an SVG, told without its tree: a few bytes may stand for any number of elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.handler import ContentHandler

MAX_SVG_ELEMENTS = 200_000
TOO_MANY = MAX_SVG_ELEMENTS + 1
_MAX_NESTING = 1_000


class NoDrawingError(Exception):
    """It is no SVG, or one beyond any honest use."""


class Drawing(ContentHandler):
    """Counts an SVG's elements by parts: the whole is one, and so is each element with an id, which others may use."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._sizes: list[int] = []
        """Of each part: its elements but those of parts within it."""
        self._inner: list[list[int | str]] = []
        """Of each part: the parts within it, by number, and what it uses, by id."""
        self._by_id: dict[str, int] = {}
        self._open: list[int] = []
        """The part of each element that is open."""

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - as the standard library calls it
        """Count an element; raises `NoDrawingError` where there are too many, or one has no place in an SVG."""
        local = name.rpartition(":")[2]
        self._count += 1
        if (not self._open and local != "svg") or len(self._open) > _MAX_NESTING or self._count > MAX_SVG_ELEMENTS:
            raise NoDrawingError
        part = self._part(attrs.get("id"))
        self._open.append(part)
        self._sizes[part] += 1
        if local == "use":
            address = attrs.get("href") or attrs.get("xlink:href") or ""
            self._inner[part].append(address.removeprefix("#"))

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - as the standard library calls it
        """Close the element that is open."""
        self._open.pop()

    def drawn(self) -> int:
        """How many elements are drawn once every `<use>` is followed; a circle, or a chain too long, is `TOO_MANY`."""
        sizes: dict[int, int] = {}
        under_way: dict[int, Iterator[int | str]] = {0: iter(self._inner[0])}
        while under_way:
            part = next(reversed(under_way))
            wanted = self._unknown(under_way[part], sizes)
            if wanted is None:
                del under_way[part]
                sizes[part] = self._total(part, sizes)
                if sizes[part] > MAX_SVG_ELEMENTS:
                    return TOO_MANY
            elif wanted in under_way or len(under_way) > _MAX_NESTING:
                return TOO_MANY
            else:
                under_way[wanted] = iter(self._inner[wanted])
        return sizes[0]

    def _part(self, name: str | None) -> int:
        """The part of an element that begins: one of its own where it has an id."""
        if self._open and not name:
            return self._open[-1]
        part = len(self._sizes)
        self._sizes.append(0)
        self._inner.append([])
        if self._open:
            self._inner[self._open[-1]].append(part)
        if name:
            self._by_id.setdefault(name, part)
        return part

    def _number(self, inner: int | str) -> int | None:
        return inner if isinstance(inner, int) else self._by_id.get(inner)

    def _unknown(self, inner: Iterator[int | str], sizes: dict[int, int]) -> int | None:
        """The next part whose size is not known yet."""
        numbers = (self._number(one) for one in inner)
        return next((number for number in numbers if number is not None and number not in sizes), None)

    def _total(self, part: int, sizes: dict[int, int]) -> int:
        numbers = (self._number(one) for one in self._inner[part])
        return self._sizes[part] + sum(sizes[number] for number in numbers if number is not None)
