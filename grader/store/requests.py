"""Requests for a regrade: each with its thread, what was decided, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.sql import func

from grader.errors import StaleError, StoreError
from grader.marking import Question
from grader.store.assignments import new_id
from grader.store.mark_rows import By, Message, Request, RequestStatus, StoredMark
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
    (made,) = add_all(connection, [(new, by)])
    return made


def add_all(connection: Connection, arrived: Iterable[tuple[NewRequest, By]]) -> tuple[Request | None, ...]:
    """Take requests in, in their order; None for each that its student has asked in the same words before."""
    known = set(connection.scalars(select(REQUEST.c.digest)))
    rows: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    taken: list[Request | None] = []
    for new, by in arrived:
        digest = _digest(new)
        if digest in known:
            taken.append(None)
            continue
        known.add(digest)
        made = Request(
            id=new_id(),
            assignment=new.assignment,
            question=new.question,
            student_id=new.student_id,
            status=RequestStatus.OPEN,
            version=1,
            opened_at=utc(by).replace(tzinfo=UTC),
            before=new.points,
            after=None,
            messages=(Message(utc(by).replace(tzinfo=UTC), new.student_id, new.message, RequestStatus.OPEN),),
        )
        rows.append(_row(made, digest))
        said.append(_said(made.id, new.student_id, new.message, RequestStatus.OPEN, by))
        taken.append(made)
    if rows:
        connection.execute(insert(REQUEST), rows)
        connection.execute(insert(MESSAGE), said)
    return tuple(taken)


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
    check_seen(one(connection, request_id, lock=True), seen)
    closing = status is not RequestStatus.OPEN
    values = {
        "status": status.value,
        "version": seen + 1,
        "after": f"{after:f}" if closing and after is not None else None,
    }
    connection.execute(update(REQUEST).where(REQUEST.c.id == request_id).values(values))
    connection.execute(insert(MESSAGE), _said(request_id, by.grader, text, status, by))
    return one(connection, request_id)


def check_seen(request: Request, seen: int) -> None:
    """Refuse a version that is not the one that stands: `StaleError` says who wrote since."""
    if request.version != seen:
        said = request.messages[-1]
        who, when = escape(said.author, 60), f"{said.time:%H:%M:%S UTC on %d %B %Y}"
        raise StaleError(f"the request: {who} wrote at {when}; read it and decide again")


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


def places(connection: Connection) -> tuple[tuple[str, RequestStatus], ...]:
    """The ids of all requests in the order of `requests`, and where each stands; quick, as it is asked often."""
    query = select(REQUEST.c.id, REQUEST.c.status).order_by(REQUEST.c.opened_at, REQUEST.c.id)
    found = [(row.id, RequestStatus(row.status)) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda place: place[1] is not RequestStatus.OPEN))


def count_open(connection: Connection) -> int:
    """How many requests nobody has decided."""
    query = select(func.count()).select_from(REQUEST).where(REQUEST.c.status == RequestStatus.OPEN.value)
    return connection.scalar(query) or 0


def points_of(rows: Iterable[StoredMark], question: Question | None) -> Decimal | None:
    """What one student has by these rows, of a question or of all, with extra credit; None while there is nothing."""
    chosen = [row for row in rows if question is None or row.question == question]
    given = [row.points + row.extra_credit for row in chosen if row.points is not None]
    return sum(given, Decimal(0)) if given else None


def _row(request: Request, digest: str) -> dict[str, Any]:
    return {
        "id": request.id,
        **asdict(request.question or Question(request.assignment, "", "")),
        "student_id": request.student_id,
        "status": request.status.value,
        "version": request.version,
        "opened_at": request.opened_at.replace(tzinfo=None),
        "before": None if request.before is None else f"{request.before:f}",
        "after": None,
        "digest": digest,
    }


def _said(request_id: str, author: str, text: str, status: RequestStatus, by: By) -> dict[str, Any]:
    return {"request_id": request_id, "time": utc(by), "author": author, "text": text, "status": status.value}


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
