"""What is kept of an outcome beside its scores: JSON of bounded size, whatever the submission was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grader.model import Flag, Graded, GradedNotebook, Incident, IncidentKind, Outcome, Rejected, Repair
from grader.store.rows import NotebookFacts

_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Room:
    """How many entries of a list and how many characters of a text are kept."""

    entries: int
    characters: int


_ROOMS = (_Room(1000, 10_000), _Room(100, 1000), _Room(20, 200))


@dataclass(frozen=True, slots=True)
class Facts:
    """The decoded JSON."""

    notebooks: tuple[NotebookFacts, ...] = ()
    problems: tuple[str, ...] = ()
    abridged: bool = False


def encode_facts(outcome: Outcome, problems: Sequence[str]) -> str:
    """Facts as JSON of at most about a megabyte; what has to be left out for that is marked by `abridged`."""
    notebooks = outcome.notebooks if isinstance(outcome, Graded | Rejected) else ()
    whole = {"notebooks": [_notebook(notebook) for notebook in notebooks], "problems": list(problems)}
    text = json.dumps(whole)
    for room in _ROOMS:
        if len(text) <= _MAX_BYTES:
            return text
        text = json.dumps({**_cut(whole, room), "abridged": True})
    return text


def decode_facts(text: str) -> Facts:
    """Facts from JSON that `encode_facts` made."""
    whole = json.loads(text)
    return Facts(
        notebooks=tuple(_decoded(notebook) for notebook in whole["notebooks"]),
        problems=tuple(whole["problems"]),
        abridged=whole.get("abridged", False),
    )


def _notebook(notebook: GradedNotebook) -> dict[str, Any]:
    return {
        "name": notebook.name,
        "repairs": [asdict(repair) for repair in notebook.repairs],
        "flags": [asdict(flag) for flag in notebook.flags],
        "incidents": [asdict(incident) for incident in notebook.incidents],
        "reasons": {score.grade_id: score.reason for score in notebook.scores},
        "rejection": notebook.rejection,
        "seconds": round(notebook.seconds, 3),
        "cell_seconds": [None if spent is None else round(spent, 4) for spent in notebook.cell_seconds],
    }


def _decoded(notebook: Mapping[str, Any]) -> NotebookFacts:
    incidents = ({**incident, "kind": IncidentKind(incident["kind"])} for incident in notebook["incidents"])
    return NotebookFacts(
        name=notebook["name"],
        repairs=tuple(Repair(**repair) for repair in notebook["repairs"]),
        flags=tuple(Flag(**flag) for flag in notebook["flags"]),
        incidents=tuple(Incident(**incident) for incident in incidents),
        reasons=notebook["reasons"],
        rejection=notebook["rejection"],
        seconds=notebook["seconds"],
        cell_seconds=tuple(notebook["cell_seconds"]),
    )


def _cut(value: Any, room: _Room) -> Any:
    if isinstance(value, str):
        return value if len(value) <= room.characters else value[: room.characters - 1] + "…"
    if isinstance(value, list):
        return [_cut(entry, room) for entry in value[: room.entries]]
    if isinstance(value, dict):
        return {key: _cut(entry, room) for key, entry in value.items()}
    return value
