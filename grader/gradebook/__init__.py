"""The gradebook: scores and rules in, one weighted grade a student out. All of it is pure."""

from __future__ import annotations

from grader.gradebook.anonymous import anonymous
from grader.gradebook.book import CategoryGrade, Gradebook, ItemGrade, Overall, Step, StudentGrade
from grader.gradebook.compare import Difference, compare, diff, with_changes
from grader.gradebook.compute import compute
from grader.gradebook.contradictions import contradictions
from grader.gradebook.exact import exact, rounded, shown, total
from grader.gradebook.explain import Explanation, Line, explain
from grader.gradebook.formats.export import Exported, export
from grader.gradebook.formats.pages import to_json, to_page, to_workbook
from grader.gradebook.formats.plain import to_csv
from grader.gradebook.formats.plan import Change, ImportPlan, Matched, Problem
from grader.gradebook.formats.reading import read_scores
from grader.gradebook.participation import read_attendance
from grader.gradebook.policies import (
    CategoryPolicy,
    GradingPolicy,
    ItemPolicy,
    LatePolicy,
    Policies,
    Requirement,
    StudentException,
)
from grader.gradebook.rubrics import Criterion, Rubric, parse_rubric, read_sheet, template
from grader.gradebook.scores import Item, ItemScore, Scores, Status
from grader.gradebook.statement import to_fragment, to_html, to_plain_text
from grader.gradebook.teams import Teams, parse_teams

__all__ = [
    "CategoryGrade",
    "CategoryPolicy",
    "Change",
    "Criterion",
    "Difference",
    "Explanation",
    "Exported",
    "Gradebook",
    "GradingPolicy",
    "ImportPlan",
    "Item",
    "ItemGrade",
    "ItemPolicy",
    "ItemScore",
    "LatePolicy",
    "Line",
    "Matched",
    "Overall",
    "Policies",
    "Problem",
    "Requirement",
    "Rubric",
    "Scores",
    "Status",
    "Step",
    "StudentException",
    "StudentGrade",
    "Teams",
    "anonymous",
    "compare",
    "compute",
    "contradictions",
    "diff",
    "exact",
    "explain",
    "export",
    "parse_rubric",
    "parse_teams",
    "read_attendance",
    "read_scores",
    "read_sheet",
    "rounded",
    "shown",
    "template",
    "to_csv",
    "to_fragment",
    "to_html",
    "to_json",
    "to_page",
    "to_plain_text",
    "to_workbook",
    "total",
    "with_changes",
]
