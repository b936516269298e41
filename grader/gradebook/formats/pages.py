"""The gradebook for people and programs: a workbook, a page of HTML, JSON."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from typing import Any

from grader.gradebook.book import Gradebook, Overall, StudentGrade
from grader.gradebook.exact import exact, rounded
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.plain import STUDENT_COLUMNS, header, line
from grader.text import escape

_STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 1rem; color: #1a1a1a; background: #fff }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; font-size: 1.3rem; padding: .4rem 0 }
th, td { border-bottom: 1px solid #d0d0d0; padding: .25rem .6rem; text-align: left; white-space: nowrap }
td.n { text-align: right } tbody tr:nth-child(even) { background: #f6f6f6 } thead th { vertical-align: bottom }
@media print { body { font-size: 9px; margin: 0 } .scroll { overflow: visible } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CORE = "docProps/core.xml"
_TIMES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_EPOCH = (2000, 1, 1, 0, 0, 0)


def to_page(gradebook: Gradebook, title: str) -> str:
    """Return one self-contained page with the class table; everything is escaped, and no script may run."""
    head = "".join(f'<th scope="col">{_shown(name)}</th>' for name in header(gradebook))
    body = "".join(f"<tr>{_cells(gradebook, row)}</tr>" for row in gradebook.rows)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in gradebook.notes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<div class="scroll"><table><caption>{html.escape(title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{f'<ul>{notes}</ul>' if notes else ''}</body></html>\n"
    )


def _cells(gradebook: Gradebook, row: StudentGrade) -> str:
    first, *others = line(gradebook, row)
    return f'<th scope="row">{_shown(first)}</th>' + "".join(_td(text) for text in others)


def _td(text: str) -> str:
    return f'<td class="n">{text}</td>' if _is_number(text) else f"<td>{_shown(text)}</td>"


def _shown(text: str) -> str:
    """On a page nothing is a formula, but text may still try to fool the eye."""
    return html.escape(escape(unsafe(text), 400))


def _is_number(text: str) -> bool:
    try:
        exact(text)
    except ValueError:
        return False
    return True


def to_json(gradebook: Gradebook) -> str:
    """Return the class as JSON with stable keys: numbers as shown, null where there are none."""
    digits = gradebook.policies.grading.digits
    table = {
        "items": [
            {"name": item.name, "title": item.title, "category": item.category, "points": _float(item.points, 6)}
            for item in gradebook.items
        ],
        "cut_offs": {letter: _float(at, digits) for letter, at in gradebook.cut_offs.items()},
        "notes": list(gradebook.notes),
        "students": [_record(row, digits) for row in gradebook.rows],
    }
    return json.dumps(table, ensure_ascii=False, indent=2) + "\n"


def _record(row: StudentGrade, digits: int) -> dict[str, Any]:
    student = row.student
    return {
        **{key: getattr(student, key) for key in STUDENT_COLUMNS},
        "total": _total(row.final, digits),
        "current": _total(row.current, digits),
        "letter": row.letter or None,
        "categories": {
            name: None if grade.fraction is None else _float(grade.fraction * 100, digits)
            for name, grade in row.final.categories.items()
        },
        "items": {
            name: {
                "status": str(grade.status),
                "score": None if grade.score is None else _float(grade.score, 6),
                "counted": _float(grade.counted, 6),
            }
            for name, grade in row.items.items()
        },
        "ungraded": list(row.ungraded),
    }


def _total(overall: Overall, digits: int) -> float | None:
    return None if overall.total is None else _float(overall.total, digits)


def _float(value: Any, digits: int) -> float | int:
    number = rounded(value, digits)
    return int(number) if number == number.to_integral_value() else float(number)


def to_workbook(gradebook: Gradebook) -> bytes:
    """Return the class table as xlsx: numbers are numbers, text is text and never a formula; same table, same bytes."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Gradebook")
    sheet.freeze_panes = "E2"
    text_columns = {*range(len(STUDENT_COLUMNS)), len(header(gradebook)) - 1}

    def written(value: str, place: int) -> Any:
        if value and place not in text_columns and _is_number(value):
            return WriteOnlyCell(sheet, value=float(value))
        made = WriteOnlyCell(sheet, value=_storable(unsafe(value)))
        made.data_type, made.quotePrefix = "s", 1
        return made

    for cells in (header(gradebook), *(line(gradebook, row) for row in gradebook.rows)):
        sheet.append([written(value, place) for place, value in enumerate(cells)])
    out = io.BytesIO()
    book.save(out)
    return _without_times(out.getvalue())


def _storable(text: str) -> str:
    """XML holds no control characters."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _without_times(data: bytes) -> bytes:
    """Pack the workbook anew with one fixed time, so that nothing in it tells when it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = _TIMES.sub(rb"\g<1>2000-01-01T00:00:00Z", old.read(name)) if name == _CORE else old.read(name)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
