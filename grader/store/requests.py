"""Requests for a regrade: each with its thread, what was decided, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from grader.errors import StaleError, StoreError
from grader.marking import Question
from grader.store.assignments import new_id
from grader.store.mark_rows import By, Message, Request, RequestStatus
from grader.store.schema import MESSAGE, REQUEST
from grader.store.slots import utc
from grader.text import escape


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request that came in."""

    assignment: str
    question: Question | None
    student_id: str
    message: str
    points: Decimal | None
    """What the student has now."""


def add(connection: Connection, new: NewRequest, by: By) -> Request | None:
    """Take a request in; None where the same student has asked the same in the same words before."""
    digest = _digest(new)
    if connection.scalar(select(REQUEST.c.id).where(REQUEST.c.digest == digest)) is not None:
        return None
    made = new_id()
    question = new.question or Question(new.assignment, "", "")
    row = {
        "id": made,
        **asdict(question),
        "student_id": new.student_id,
        "status": RequestStatus.OPEN.value,
        "version": 1,
        "opened_at": utc(by),
        "before": None if new.points is None else f"{new.points:f}",
        "after": None,
        "digest": digest,
    }
    connection.execute(insert(REQUEST), row)
    _say(connection, made, new.student_id, new.message, RequestStatus.OPEN, by)
    return one(connection, made)


def answer(  # noqa: PLR0913, PLR0917 - what an answer consists of
    connection: Connection,
    request_id: str,
    text: str,
    status: RequestStatus,
    after: Decimal | None,
    seen: int,
    by: By,
) -> Request:
    """Write the next message of a thread, and what the request becomes with it."""
    request = one(connection, request_id, lock=True)
    if request.version != seen:
        said = request.messages[-1]
        who, when = escape(said.author, 60), f"{said.time:%H:%M:%S UTC on %d %B %Y}"
        raise StaleError(f"the request: {who} wrote at {when}; read it and decide again")
    closing = status is not RequestStatus.OPEN
    values = {
        "status": status.value,
        "version": seen + 1,
        "after": f"{after:f}" if closing and after is not None else None,
    }
    connection.execute(update(REQUEST).where(REQUEST.c.id == request_id).values(values))
    _say(connection, request_id, by.grader, text, status, by)
    return one(connection, request_id)


def one(connection: Connection, request_id: str, *, lock: bool = False) -> Request:
    """The request with this id."""
    query = select(REQUEST).where(REQUEST.c.id == request_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise StoreError(f"there is no request {escape(request_id, 40)!r}; load the list again")
    said = select(MESSAGE).where(MESSAGE.c.request_id == request_id).order_by(MESSAGE.c.id)
    return _request(row, tuple(_message(message) for message in connection.execute(said)))


def requests(connection: Connection, assignment: str | None = None) -> tuple[Request, ...]:
    """All requests, those that are open first, then by time."""
    query = select(REQUEST).order_by(REQUEST.c.opened_at, REQUEST.c.id)
    if assignment is not None:
        query = query.where(REQUEST.c.assignment == assignment)
    threads: dict[str, list[Message]] = defaultdict(list)
    for row in connection.execute(select(MESSAGE).order_by(MESSAGE.c.id)):
        threads[row.request_id].append(_message(row))
    found = [_request(row, tuple(threads[row.id])) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda request: request.status is not RequestStatus.OPEN))


def _say(  # noqa: PLR0913, PLR0917 - a row's columns
    connection: Connection, request_id: str, author: str, text: str, status: RequestStatus, by: By
) -> None:
    row = {"request_id": request_id, "time": utc(by), "author": author, "text": text, "status": status.value}
    connection.execute(insert(MESSAGE), row)


def _digest(new: NewRequest) -> str:
    told = [new.assignment, str(new.question), new.student_id, " ".join(new.message.split())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _request(row: Row[*tuple[Any, ...]], messages: tuple[Message, ...]) -> Request:
    return Request(
        id=row.id,
        assignment=row.assignment,
        question=Question(row.assignment, row.notebook, row.grade_id) if row.grade_id else None,
        student_id=row.student_id,
        status=RequestStatus(row.status),
        version=row.version,
        opened_at=row.opened_at.replace(tzinfo=UTC),
        before=None if row.before is None else Decimal(row.before),
        after=None if row.after is None else Decimal(row.after),
        messages=messages,
    )


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(row.time.replace(tzinfo=UTC), row.author, row.text, RequestStatus(row.status))
