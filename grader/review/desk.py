"""What every page works on: the course, its database, and how this run of the app was started."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.pipeline.answers import Answers
    from grader.pipeline.course import OpenCourse
    from grader.pipeline.marking import Marking
    from grader.store import Database


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run of the app was started."""

    port: int
    """Where it answers: a request for another host or port is refused."""
    grader: str = "grader"
    """Who grades."""
    read_only: bool = False
    """Every write is refused."""
    assignment: str = ""
    """Where the first page leads; the list of assignments for none."""
    token: str = field(default_factory=_secret, repr=False)
    """Opens the door once, in one browser."""

    @property
    def origin(self) -> str:
        """Where the app is, as the browser calls it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What opens the app in a browser, once."""
        return f"{self.origin}/?token={self.token}"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the handlers of pages work on."""

    opened: OpenCourse
    database: Database
    settings: Settings
    answers: Answers
    """What was read of sources and graded notebooks; one for all pages."""

    def marking(self) -> Marking:
        """Grading by hand, by whoever started this run."""
        from grader.pipeline.marking import Marking

        return Marking.of(self.opened, self.database, self.settings.grader, self.answers)


def desk_of(request: Request) -> Desk:
    """The desk of the app that answers this request."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk
