"""What people give: questions, rubrics, marks; a fair order, groups of equal answers, requests. Pure values."""

from __future__ import annotations

from grader.marking.groups import Group, Near, Part, Response, groups
from grader.marking.marks import (
    Mark,
    Question,
    Rubric,
    RubricItem,
    Start,
    checked,
    exact_points,
    full,
    in_order,
    shown_points,
    tidy,
    total,
    with_points,
    zero,
)
from grader.marking.order import fair_order
from grader.marking.remarks import Remark, offered
from grader.marking.requests import ReadRequests, RequestRow, read_requests, student_named

__all__ = [
    "Group",
    "Mark",
    "Near",
    "Part",
    "Question",
    "ReadRequests",
    "Remark",
    "RequestRow",
    "Response",
    "Rubric",
    "RubricItem",
    "Start",
    "checked",
    "exact_points",
    "fair_order",
    "full",
    "groups",
    "in_order",
    "offered",
    "read_requests",
    "shown_points",
    "student_named",
    "tidy",
    "total",
    "with_points",
    "zero",
]
