"""Gradescope's export: folders of numbers, and one file that says whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.errors import IntakeError
from grader.intake.entry import Entry, EntryError
from grader.intake.hand_ins import HandIn, Person, below
from grader.intake.layout import Context, Recognised
from grader.intake.times import read_stamp
from grader.text import escape

METADATA = "submission_metadata.yml"
_LONGEST_NAME = 500
_MOST_BYTES = 20_000_000
_DEEPEST = 100


def gradescope(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`submission_123/hw1.ipynb` beside `submission_metadata.yml`, which lists all members of a team."""
    metadata = next((entry for entry in entries if entry.path == (METADATA,)), None)
    if metadata is None:
        return None
    known = _read(metadata)
    folders: dict[str, list[tuple[tuple[str, ...], Entry]]] = defaultdict(list)
    loose = []
    for entry in entries:
        if len(entry.path) > 1:
            folders[entry.path[0]].append((entry.path[1:], entry))
        elif entry is not metadata:
            loose.append(entry)
    hand_ins = tuple(_hand_in(folder, below(files), known.get(folder), context) for folder, files in folders.items())
    return Recognised("gradescope", hand_ins, tuple(loose), fitting=len(folders) + 1)


def _hand_in(folder: str, files: Mapping[str, Entry], said: object, context: Context) -> HandIn:
    about: Mapping[str, object] = said if isinstance(said, dict) else {}
    people = tuple(_people(_field(about, "submitters"))) or (Person(folder),)
    created = _field(about, "created_at")
    return HandIn(
        people,
        files,
        f"{escape(context.source.name)}/{escape(folder)}",
        read_stamp(created) if isinstance(created, str) else None,
        names=(folder,),
    )


def _people(submitters: object) -> Iterator[Person]:
    for one in submitters if isinstance(submitters, list) else ():
        if not isinstance(one, dict):
            continue
        sid, email, name = (_text(_field(one, key)) for key in ("sid", "email", "name"))
        clues = (("sid", sid), ("student_id", sid), ("email", email), ("name", name))
        label = sid or email or name
        if label:
            yield Person(label, tuple((kind, value) for kind, value in clues if value))


def _text(value: object) -> str:
    """A scalar's text, as far as it can be anybody's name; a list that holds itself many times over is none."""
    return value[:_LONGEST_NAME].strip() if isinstance(value, str) else ""


def _field(about: Mapping[str, object], key: str) -> object:
    """A value under a Ruby symbol, or under the plain word."""
    return about.get(f":{key}", about.get(key))


def _read(metadata: Entry) -> Mapping[str, Any]:
    """Every scalar as text: an id keeps its leading zeros, and no tag makes an object of anything."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        text = metadata.read()
        _check(text, loader)
        content = yaml.load(text, Loader=loader)  # noqa: S506 - it builds text, lists and mappings alone
    except (yaml.YAMLError, EntryError, ValueError, RecursionError) as error:
        raise IntakeError(f"{METADATA} cannot be read: {escape(error)}; export the submissions again") from None
    if not isinstance(content, dict):
        raise IntakeError(f"{METADATA} does not say whose the submissions are; export them again")
    return {str(key): value for key, value in content.items()}


def _check(text: bytes, loader: type) -> None:
    """Refuse what could take all memory, or all of the stack on which the parser goes down into it."""
    import yaml

    if len(text) > _MOST_BYTES:
        raise EntryError(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise EntryError("it is nested too deeply")
