"""Which submitted file is which of the assignment's notebooks: by name, by nearly the name, by content."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from grader.errors import NotebookError
from grader.model import Flag, Repair
from grader.notebook.metadata import meta_of, source_of
from grader.notebook.read import read
from grader.notebook.sources import Text, normal
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.model import Files, Notebook

_COPY_MARK = re.compile(
    r"^(?:copy of|kopie von|copie de|copia de)[ _]+"
    r"|[ _-]*(?:\(\d{1,3}\)|[ _-]copy(?:[ _-]?\d{0,3})(?:\(\d{1,3}\))?|-\d{1,3}|[ _-](?:kopie|copie|copia))$",
    re.IGNORECASE,
)
"""What systems and people add to the name of a copy: `Copy of x`, `x (1)`, `x-Copy1`, `x copy 2`, Canvas' `x-2`."""


class Name(IntEnum):
    """How well a file's name is a notebook's, best first."""

    EXACT = 0
    FOLDER = 1
    """The right name in a folder."""
    SPELLING = 2
    """The name up to case, accents, spaces and underscores."""
    COPY = 3
    """The name of a copy."""
    WITHIN = 4
    """The name among other words."""
    OTHER = 5


@dataclass(frozen=True, slots=True)
class FoundNotebooks:
    """Where the assignment's notebooks are among the submitted files."""

    found: Mapping[str, str]
    """Path by the notebook's name, both as given; a notebook that was not handed in is not in it."""
    repairs: tuple[Repair, ...] = ()
    flags: tuple[Flag, ...] = ()
    problems: tuple[str, ...] = ()
    """What is missing or could not be read, a sentence each."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds of one notebook of the assignment."""

    shared: float
    """Part of the release's cells that are in it, by id or text, 0 to 1."""
    answered: int
    """Solution cells that differ from the release."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A file that may be a certain notebook."""

    notebook: str
    path: str
    name: Name
    content: _Content | None
    """None where the file cannot be read."""

    @property
    def order(self) -> tuple[object, ...]:
        """Best first: readable, answered, by name, by what it shares and answers, then by path."""
        content = self.content or _Content(0.0, 0)
        return (
            self.content is None,
            content.answered == 0,
            self.name,
            -content.answered,
            -round(content.shared, 3),
            self.path.count("/"),
            self.path,
            self.notebook,
        )


def find_notebooks(files: Files, releases: Mapping[str, Notebook]) -> FoundNotebooks:
    """Find each of the assignment's notebooks, given by name with their release versions, among submitted files.

    Only `.ipynb` files count; hidden ones and those in folders that systems make do not. A file is read only where
    names alone do not settle the question. An answered notebook wins over an unanswered one, whatever their names.
    """
    paths = sorted(path for path in files if _counts(path))
    settled = {name: f"{name}.ipynb" for name in releases if f"{name}.ipynb" in paths}
    if len(settled) == len(releases) == len(paths):
        return FoundNotebooks(settled)
    content = _Contents(files, releases)
    pairs = [pair for name in sorted(releases) for pair in _pairs(name, paths, releases, content)]
    chosen: dict[str, _Pair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.order):
        if pair.notebook not in chosen and pair.path not in {other.path for other in chosen.values()}:
            chosen[pair.notebook] = pair
    return FoundNotebooks(
        {name: chosen[name].path for name in releases if name in chosen},
        tuple(repair for pair in chosen.values() if pair.name is not Name.EXACT for repair in _renamed(pair)),
        tuple(flag for pair in chosen.values() for flag in _doubts(pair, pairs, files)),
        (*_unreadable(chosen, content), *_missing(chosen, releases, files)),
    )


def _counts(path: str) -> bool:
    """Whether a path is that of a notebook that somebody wrote."""
    folders = path.split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in folders)
    return not hidden and path.casefold().endswith(".ipynb")


def _pairs(name: str, paths: Sequence[str], releases: Mapping[str, Notebook], contents: _Contents) -> Iterator[_Pair]:
    """The files that may be this notebook: by content those that are it most, else by name."""
    for path in paths:
        named = _name(path, name)
        shared = contents.of(path)
        if shared is None:
            if named is not Name.OTHER or len(paths) == len(releases) == 1:
                yield _Pair(name, path, named, None)
            continue
        own, best = shared[name].shared, max(content.shared for content in shared.values())
        alone = len(paths) == len(releases) == 1
        if alone or (own > 0 and own >= best) or (named is not Name.OTHER and best == 0):
            yield _Pair(name, path, named, shared[name])


class _Contents:
    """The submitted files as notebooks, each read once and only if asked for."""

    def __init__(self, files: Files, releases: Mapping[str, Notebook]) -> None:
        self._files = files
        self._releases = {name: _Release(release) for name, release in releases.items()}
        self._known: dict[str, dict[str, _Content] | None] = {}
        self.reasons: dict[str, str] = {}

    def of(self, path: str) -> dict[str, _Content] | None:
        """What the file holds of each notebook; None where it cannot be read."""
        if path not in self._known:
            try:
                submitted = read(self._files[path], path).notebook
            except NotebookError as error:
                self.reasons[path] = str(error)
                self._known[path] = None
            else:
                self._known[path] = {name: release.compared(submitted) for name, release in self._releases.items()}
        return self._known[path]


class _Release:
    """A release version, ready to be compared with many files."""

    def __init__(self, release: Notebook) -> None:
        self._sources: dict[str, Text] = {}
        self._stubs: dict[str, str] = {}
        for cell in release["cells"]:
            meta, text = meta_of(cell), Text(source_of(cell))
            if meta:
                self._sources[meta.grade_id] = text
                if meta.solution:
                    self._stubs[meta.grade_id] = text.normal
        self._plain = {normal(source_of(cell)) for cell in release["cells"]} - {""}
        self._names = frozenset(name for text in self._sources.values() for name in text.names)

    def compared(self, submitted: Notebook) -> _Content:
        """How much of the release is in a notebook, and how many of its solution cells it answers."""
        ids = {meta.grade_id: normal(source_of(cell)) for cell in submitted["cells"] if (meta := meta_of(cell))}
        texts = [Text(source_of(cell)) for cell in submitted["cells"]]
        present = {text.normal for text in texts}
        by_id = len(ids.keys() & self._sources.keys()) / len(self._sources) if self._sources else 0.0
        by_text = len(present & self._plain) / len(self._plain) if self._plain else 0.0
        defined = {name for text in texts for name in text.names}
        by_name = len(defined & self._names) / len(self._names) if self._names else 0.0
        answered = sum(ids[grade_id] not in {stub, ""} for grade_id, stub in self._stubs.items() if grade_id in ids)
        known = present - self._plain - {""}
        return _Content(max(by_id, by_text, 0.9 * by_name), answered if ids.keys() & self._stubs.keys() else len(known))


def _name(path: str, notebook: str) -> Name:
    """How well a path's last part is the notebook's name."""
    stem = path.rsplit("/", 1)[-1][: -len(".ipynb")]
    if path == f"{notebook}.ipynb":
        return Name.EXACT
    if stem == notebook:
        return Name.FOLDER
    if _plain(stem) == _plain(notebook):
        return Name.SPELLING
    bare = stem
    while (shorter := _COPY_MARK.sub("", bare).strip()) != bare:
        bare = shorter
        if _plain(bare) == _plain(notebook):
            return Name.COPY
    return Name.WITHIN if len(_plain(notebook)) > 2 and _plain(notebook) in _plain(stem) else Name.OTHER


def _plain(name: str) -> str:
    """A name's letters and digits, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _renamed(pair: _Pair) -> Iterator[Repair]:
    yield Repair("renamed", f"The file “{escape(pair.path)}” was taken as the notebook “{escape(pair.notebook)}”.")


def _doubts(pair: _Pair, pairs: Sequence[_Pair], files: Files) -> Iterator[Flag]:
    """Flags where another file might have been meant, or where this one hardly is the notebook."""
    rivals = [
        other
        for other in pairs
        if other.notebook == pair.notebook
        and files[other.path] != files[pair.path]
        and other.content
        and other.content.answered
    ]
    if rivals and pair.content and pair.content.answered:
        names = ", ".join(f"“{escape(other.path)}”" for other in rivals[:5])
        yield Flag(
            "several-notebooks",
            f"“{escape(pair.path)}” was taken as “{escape(pair.notebook)}”; also handed in with answers: {names}.",
        )
    if pair.content and pair.content.shared == 0:
        yield Flag("unlike-notebook", f"“{escape(pair.path)}” has nothing in common with “{escape(pair.notebook)}”.")


def _unreadable(chosen: Mapping[str, _Pair], contents: _Contents) -> Iterator[str]:
    taken = {pair.path for pair in chosen.values()}
    for path, reason in contents.reasons.items():
        if path not in taken:
            yield reason


def _missing(chosen: Mapping[str, _Pair], releases: Mapping[str, Notebook], files: Files) -> Iterator[str]:
    others = sorted(path for path in files if not _counts(path) and not path.startswith("."))
    beside = f" (handed in: {', '.join(escape(path, 60) for path in others[:5])})" if others and not chosen else ""
    for name in releases:
        if name not in chosen:
            yield f"The notebook “{escape(name)}” was not handed in{beside}."
