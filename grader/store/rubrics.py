"""Rubrics as the database holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update

from grader.marking import Question, Rubric, RubricItem
from grader.store.mark_rows import StoredRubric
from grader.store.schema import RUBRIC, RUBRIC_ITEM


def of_question(table: Table, question: Question) -> ColumnElement[bool]:
    """Whether a row belongs to the question."""
    return and_(
        table.c.assignment == question.assignment,
        table.c.notebook == question.notebook,
        table.c.grade_id == question.grade_id,
    )


def rubric(connection: Connection, question: Question, *, lock: bool = False) -> StoredRubric:
    """The question's rubric; one from zero without items where nobody made one.

    Whoever writes locks it, so that no mark is made by items that are just being changed.
    """
    query = select(RUBRIC.c.start, RUBRIC.c.version).where(of_question(RUBRIC, question))
    head = connection.execute(query.with_for_update() if lock else query).first()
    if head is None:
        return StoredRubric(Rubric())
    rows = connection.execute(
        select(RUBRIC_ITEM).where(of_question(RUBRIC_ITEM, question)).order_by(RUBRIC_ITEM.c.position, RUBRIC_ITEM.c.id)
    )
    items = tuple(RubricItem(row.id, Decimal(row.points), row.text, row.position) for row in rows)
    return StoredRubric(Rubric(head.start, items), head.version)


def rubrics(connection: Connection, assignment: str) -> Mapping[Question, Rubric]:
    """All rubrics of an assignment."""
    heads = connection.execute(select(RUBRIC).where(RUBRIC.c.assignment == assignment)).all()
    items: dict[Question, list[RubricItem]] = {
        Question(row.assignment, row.notebook, row.grade_id): [] for row in heads
    }
    rows = select(RUBRIC_ITEM).where(RUBRIC_ITEM.c.assignment == assignment)
    for row in connection.execute(rows.order_by(RUBRIC_ITEM.c.position, RUBRIC_ITEM.c.id)):
        question = Question(row.assignment, row.notebook, row.grade_id)
        if question in items:
            items[question].append(RubricItem(row.id, Decimal(row.points), row.text, row.position))
    starts = {Question(row.assignment, row.notebook, row.grade_id): row.start for row in heads}
    return {question: Rubric(starts[question], tuple(found)) for question, found in items.items()}


def write(connection: Connection, question: Question, before: StoredRubric, after: Rubric) -> StoredRubric:
    """Put a rubric in the place of the one that stands."""
    place = asdict(question)
    version = before.version + 1
    if before.version == 0:
        connection.execute(insert(RUBRIC), {**place, "start": after.start, "version": version})
    else:
        head = update(RUBRIC).where(of_question(RUBRIC, question))
        connection.execute(head.values(start=after.start, version=version))
    known = {item.id: item for item in before.rubric.items}
    wanted = {item.id: item for item in after.items}
    for item_id in known.keys() - wanted.keys():
        connection.execute(delete(RUBRIC_ITEM).where(RUBRIC_ITEM.c.id == item_id))
    for item_id, item in wanted.items():
        values = {"points": f"{item.points:f}", "text": item.text, "position": item.position}
        if item_id not in known:
            connection.execute(insert(RUBRIC_ITEM), {"id": item_id, **place, **values})
        elif known[item_id] != item:
            connection.execute(update(RUBRIC_ITEM).where(RUBRIC_ITEM.c.id == item_id).values(values))
    return StoredRubric(after, version)


def told(rubric: Rubric) -> dict[str, Any]:
    """A rubric as plain values, to be put back one day."""
    return {
        "start": rubric.start,
        "items": [{**asdict(item), "points": f"{item.points:f}"} for item in rubric.ordered],
    }


def of_told(plain: Mapping[str, Any]) -> Rubric:
    """The rubric that `told` wrote down."""
    items = (RubricItem(**{**item, "points": Decimal(item["points"])}) for item in plain["items"])
    return Rubric(plain["start"], tuple(items))
