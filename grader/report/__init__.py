"""The report for staff: the class in numbers, plots and lists, as one self-contained page without scripts.

Pure: values in, numbers and HTML text out. Everything that a student or a notebook contributes is escaped.
"""

from grader.report.numbers import Bin, Summary, bins, summary
from grader.report.questions import Mark, Question, QuestionFigures, figures
from grader.report.render import render_report, render_report_body
from grader.report.standing import Absence, Risk, RiskRule, Spread, Trend, absences, at_risk, item_spreads, total_spread
from grader.report.standing import trends as trends_of
from grader.report.values import AssignmentQuestions, Durations, Remark, RemarkKind, Report, Waiting

__all__ = [
    "Absence",
    "AssignmentQuestions",
    "Bin",
    "Durations",
    "Mark",
    "Question",
    "QuestionFigures",
    "Remark",
    "RemarkKind",
    "Report",
    "Risk",
    "RiskRule",
    "Spread",
    "Summary",
    "Trend",
    "Waiting",
    "absences",
    "at_risk",
    "bins",
    "figures",
    "item_spreads",
    "render_report",
    "render_report_body",
    "summary",
    "total_spread",
    "trends_of",
]
