"""Refusals with the HTTP status that they deserve."""

from __future__ import annotations

from grader.errors import GraderError


class Refusal(GraderError):  # noqa: N818 - it is what the app does
    """What was asked for cannot be; `status` is HTTP's number for why."""

    def __init__(self, status: int, *messages: str) -> None:
        """Carry the status and one line a problem."""
        super().__init__(*messages)
        self.status = status


def not_found(what: str) -> Refusal:
    """Refuse what is not there."""
    return Refusal(404, what)
