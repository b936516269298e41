"""The roster: who is in the class, and which ids can be a student's."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from grader.errors import ConfigError
from grader.model import Student
from grader.text import escape

_COLUMNS = ("student_id", "last_name", "first_name", "email")
MOST_COLUMNS = 500
MOST_STUDENTS = 100_000
_MOST_NAMED = 30
_REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ID_RULE = "an id has 1 to 128 characters, no slash, no control character, no blank at its ends, no dot in front"


def valid_student_id(text: str) -> bool:
    """Whether this can be a student's id, and so the name of one folder and nothing more than that."""
    return (
        0 < len(text) <= 128
        and text == text.strip()
        and not text.startswith(".")
        and not any(character in "/\\" or unicodedata.category(character) in _REFUSED for character in text)
        and len(text.encode()) <= 200
    )


def read_roster(text: str, name: str = "roster.csv") -> tuple[Student, ...]:
    """Students in the order of the roster's rows; all that is wrong with it is raised at once, a line each.

    Columns are separated by commas, semicolons or tabs, and found by title: `student_id`, and if there are any
    `last_name`, `first_name` and `email` (any capitals, blanks for underscores). Further columns are kept as text.
    """
    lines = text.removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=_delimiter(lines), strict=True)
    try:
        titles = tuple(title.strip() for title in next(rows, []))
        numbered = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ConfigError(
            f"{name}, line {rows.line_num}: not a CSV file ({escape(error)}); save it as CSV again"
        ) from None
    if len(titles) > MOST_COLUMNS or len(numbered) > MOST_STUDENTS:
        raise ConfigError(f"{name}: has more than {MOST_COLUMNS:,} columns or {MOST_STUDENTS:,} rows; is it a roster?")
    fields = tuple(_field(title) for title in titles)
    problems = [*_title_problems(name, fields), *_row_problems(name, fields, numbered)]
    if problems:
        raise ConfigError(*problems)
    return tuple(_student(fields, titles, row) for _, row in numbered)


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _field(title: str) -> str:
    """The field that a title means; its own text for a further column."""
    plain = title.lower().replace(" ", "_").replace("-", "_")
    return plain if plain in _COLUMNS else title


def _title_problems(name: str, fields: Sequence[str]) -> Iterator[str]:
    if "student_id" not in fields:
        seen = ", ".join(escape(field, 40) for field in fields[:_MOST_NAMED]) or "nothing"
        seen += ", …" if len(fields) > _MOST_NAMED else ""
        yield f"{name}, line 1: no column `student_id` (the titles are: {seen}); name the column of ids so"
    for field in dict.fromkeys(field for field in fields if field and fields.count(field) > 1):
        yield f"{name}, line 1: two columns are called `{escape(field, 40)}`; rename or delete one"


def _row_problems(name: str, fields: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> Iterator[str]:
    if "student_id" not in fields:
        return
    column = fields.index("student_id")
    seen: dict[str, int] = {}
    for line, row in rows:
        if any(cell.strip() for cell in row[len(fields) :]):
            yield f"{name}, line {line}: {len(row)} cells under {len(fields)} titles; put text with commas in quotes"
        student_id = row[column].strip() if column < len(row) else ""
        if not student_id:
            yield f"{name}, line {line}: no student_id; fill it in or delete the row"
        elif not valid_student_id(student_id):
            yield f"{name}, line {line}: {escape(student_id, 60)!r} cannot be a student_id: {_ID_RULE}"
        else:
            first = seen.setdefault(unicodedata.normalize("NFC", student_id), line)
            if first != line:
                yield f"{name}, line {line}: {escape(student_id, 60)} is in line {first} too; keep one"


def _student(fields: Sequence[str], titles: Sequence[str], row: Sequence[str]) -> Student:
    cells: Mapping[str, str] = {
        field: row[index].strip() if index < len(row) else "" for index, field in enumerate(fields)
    }
    return Student(
        **{field: cells.get(field, "") for field in _COLUMNS},
        extra={
            title: cells[field] for field, title in zip(fields, titles, strict=True) if title and field not in _COLUMNS
        },
    )
