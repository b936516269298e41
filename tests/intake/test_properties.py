"""Whatever names and contents arrive: nothing is written outside of a student's folder, and twice is once."""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import IntakeError
from grader.intake import Action, CollectPlan
from grader.pipeline import collect
from grader.pipeline.course import OpenCourse, open_course
from grader.text import escape

PIECES = [
    "..", ".", "", "/", "\\", "ada", "bob", "ps1", "C:", "\x00", "\n", "\u202e", "é", "e\u0301", "CON", "timestamp.txt",
    "a.ipynb", "A.ipynb", "x" * 300, "~", "-rf", "${HOME}", "{{7*7}}%(x)s{0}", "=HYPERLINK(1)", ".git", "__MACOSX",
    "lovelaceada_1_2_a.ipynb", "Ada Lovelace_1_assignsubmission_file", "ps1_ada_attempt_2026-01-01-00-00-00_a.ipynb",
    "1-2 - Ada Lovelace - Sep 24, 2026 926 PM", "ada+ps1+2026-09-20 10:00:00 UTC", "submission_metadata.yml",
    "inner.zip", "work.tar.gz", "lovelaceada_1_3_..", "Ada Lovelace_1_assignsubmission_file_..", "lovelaceada_1_4_.git",
    "ps1_ada_attempt_2026-01-01-00-00-00_.", "ps1_ada_attempt_2026-01-01-00-00-00_.DS_Store",
]  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), min_size=1, max_size=5).map("/".join)
ENTRIES = st.lists(st.tuples(NAMES, st.binary(max_size=30)), min_size=1, max_size=8)


def make_course(root: Path) -> OpenCourse:
    """Make a course of two."""
    (root / "course" / "source_assignments" / "ps1").mkdir(parents=True)
    (root / "course" / "source_assignments" / "ps1" / "a.ipynb").write_text("{}")
    (root / "course" / "course.toml").write_text('[course]\nid = "x"\n')
    (root / "course" / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\nbob,Bee,Bob\n")
    return open_course(root / "course")


def zip_of(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Make a zip of entries whose names need not be any."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        seen: set[str] = set()
        for name, content in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("\x00", "?")
            if info.filename and info.filename not in seen:
                archive.writestr(info, content)
                seen.add(info.filename)
    return out.getvalue()


def planned(opened: OpenCourse, path: Path, request: collect.CollectRequest) -> CollectPlan | None:
    """Plan; an archive that cannot be taken ends in printable lines."""
    try:
        return collect.plan(opened, "ps1", [path], request)
    except IntakeError as error:
        unprintable = [line for line in error.messages if line != escape(line, 10_000)]
    if unprintable:
        raise AssertionError(unprintable)
    return None


def outside(root: Path) -> set[Path]:
    """List every file that is not below a known student's folder of the assignment."""
    allowed = [
        root / "course" / top / who / "ps1" for top in ("submitted", ".grader/attempts") for who in ("ada", "bob")
    ]
    found = {path for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}
    return {path for path in found if not any(folder in path.parents for folder in allowed)}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entries=ENTRIES, inner=ENTRIES, layout=st.sampled_from([None, "folders", "canvas", "moodle", "blackboard"]))
def test_nothing_is_written_outside_of_a_students_folder(
    entries: list[tuple[str, bytes]], inner: list[tuple[str, bytes]], layout: str | None
) -> None:
    """Nor does a second collection change anything, nor is a line of the account more than a line."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        opened = make_course(root)
        (root / "in.zip").write_bytes(zip_of([*entries, ("ada/work.zip", zip_of(inner))]))
        before = outside(root)
        request = collect.CollectRequest(layout=layout)
        plan = planned(opened, root / "in.zip", request)
        if plan is None:
            return
        done = list(collect.carry_out(opened, plan))
        assert before == outside(root)
        assert {arrival.student_id for arrival in done} <= {"ada", "bob"}
        told = [text for refused in plan.refused for text in (refused.name, refused.reason)]
        told += [found.hand_in.source for found in plan.unmatched]
        assert told == [escape(text, 10_000) for text in told]
        again = collect.plan(opened, "ps1", [root / "in.zip"], request)
        assert {Action.SAME} >= {arrival.action for arrival in again.arrivals}


@settings(max_examples=30, deadline=None)
@given(entries=ENTRIES, data=st.data())
def test_a_damaged_archive_is_an_error_of_one_line_or_taken_in_part(
    entries: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    """Cut off or with a wrong byte anywhere: no traceback."""
    raw = bytearray(zip_of([*entries, ("ada/hw1.ipynb", b"{}")]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with TemporaryDirectory() as folder:
        opened = make_course(Path(folder))
        path = Path(folder) / "in.zip"
        path.write_bytes(raw if data.draw(st.booleans()) else raw[:cut])
        plan = planned(opened, path, collect.CollectRequest())
        assert plan is None or {"ada", "bob"} >= {a.student_id for a in collect.carry_out(opened, plan)}
