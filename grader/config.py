"""`course.toml` as a value: parsed once, all that is wrong with it told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from grader.errors import ConfigError
from grader.gradebook.contradictions import contradictions
from grader.gradebook.policies import (
    DEFAULT_CATEGORY,
    CategoryPolicy,
    GradingPolicy,
    ItemPolicy,
    LatePolicy,
    Percent,
    Policies,
    Policy,
    Requirement,
    StudentException,
)
from grader.gradebook.toml import parse_toml
from grader.model import Limits
from grader.text import escape

FILE_NAME = "course.toml"
ONE_CATEGORY = DEFAULT_CATEGORY
"""The category of everything in a course that names no categories."""
_DEFAULT = Limits()


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{escape(name)}" is no time zone; write one like "Europe/Berlin"') from None
    return name


def _moment(value: object) -> object:
    """A due date may be a TOML date or date-time, or the same as text; a bare date means the end of that day."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > len("2026-01-31") else date.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(23, 59, 59))
    raise ValueError("is no date; write e.g. 2026-09-21T23:59:00")


def _module_name(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f'"{escape(name)}" is no module name')
    return name


Moment = Annotated[datetime, BeforeValidator(_moment)]
Points = Annotated[Decimal, Field(gt=0)]
ModuleName = Annotated[str, AfterValidator(_module_name)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _CourseTable(_Table):
    id: Annotated[str, Field(min_length=1)]
    title: str = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class _AssignmentTable(ItemPolicy):
    category: str | None = None
    due: Moment | None = None
    title: str = ""
    points: Points | None = None
    execute: bool = True
    requires: Annotated[tuple[ModuleName, ...], Field(strict=False)] = ()
    attempts: Literal["latest", "first", "best"] = "latest"

    @property
    def policy(self) -> ItemPolicy:
        """The keys that the gradebook looks at."""
        return ItemPolicy.model_validate({key: getattr(self, key) for key in ItemPolicy.model_fields})


class _LimitsTable(_Table):
    cell_seconds: Annotated[float, Field(gt=0)] = _DEFAULT.cell_seconds
    notebook_seconds: Annotated[float, Field(gt=0)] = _DEFAULT.notebook_seconds
    memory_mb: Annotated[int, Field(ge=128)] = _DEFAULT.memory_mb
    output_mb: Annotated[float, Field(gt=0)] = _DEFAULT.output_mb
    disk_mb: Annotated[int, Field(ge=1)] = _DEFAULT.disk_mb
    processes: Annotated[int, Field(ge=8)] = _DEFAULT.processes


class _DatabaseTable(_Table):
    url: str = "sqlite:///gradebook.db"


class _EngineTable(_Table):
    kind: Literal["auto", "forked", "stock"] = "auto"
    canaries: Literal["off", "normal", "all"] = "normal"
    scheduler: str = ""


class _CourseFile(_Table):
    course: _CourseTable
    categories: dict[str, CategoryPolicy] = {}
    assignments: dict[str, _AssignmentTable] = {}
    grading: GradingPolicy = GradingPolicy()
    late: LatePolicy = LatePolicy()
    letters: dict[str, Percent] = {}
    exceptions: list[StudentException] = []
    requirements: list[Requirement] = []
    limits: _LimitsTable = _LimitsTable()
    database: _DatabaseTable = _DatabaseTable()
    engine: _EngineTable = _EngineTable()


class Assignment(BaseModel):
    """One item of the gradebook: notebooks to grade, or scores that come from elsewhere."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    category: str
    due: datetime | None
    """With a time zone."""
    points: Decimal | None
    """The most points of an item without notebooks; None for notebooks, whose cells carry the points."""
    has_notebooks: bool
    execute: bool
    requires: tuple[str, ...]
    attempts: Literal["latest", "first", "best"] = "latest"
    """Which of a student's attempts counts."""


class Course(BaseModel):
    """What `course.toml` and the folders beside it say of a course."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    id: str
    title: str
    timezone: str
    categories: Mapping[str, Decimal]
    """Weight in percent by name, in the order of the file; they add up to 100, extra credit aside."""
    policies: Policies
    """All rules of the gradebook."""
    assignments: Mapping[str, Assignment]
    limits: Limits
    database_url: str
    engine: Literal["auto", "forked", "stock"]
    canaries: Literal["off", "normal", "all"] = "normal"
    """How many cells that must fail are run after tests that passed, to see tampering."""
    scheduler: str = ""
    """The address of a Dask scheduler whose workers grade; empty for this machine's own."""

    @property
    def zone(self) -> ZoneInfo:
        """The course's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def notebook_assignments(self) -> tuple[Assignment, ...]:
        """Those that are graded by running notebooks, in order."""
        return tuple(a for a in self.assignments.values() if a.has_notebooks)

    def chosen(self, names: Iterable[str]) -> tuple[Assignment, ...]:
        """The notebook assignments of these names, all of them for no name.

        Raises `ConfigError`, one line for each name that is none.
        """
        names = tuple(names)
        if not names:
            return self.notebook_assignments
        known = {a.name: a for a in self.notebook_assignments}
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(*(_unknown_assignment(name, known) for name in unknown))
        return tuple(known[name] for name in dict.fromkeys(names))


def parse_course(text: str, folders: Iterable[str], where: str = FILE_NAME) -> Course:
    """Read the text of a `course.toml` beside which `source_assignments/` has these folders.

    Raises `ConfigError` with one line for each problem: file, key, remedy.
    """
    raw = parse_toml(text, where)
    try:
        parsed = _CourseFile.model_validate(_floats(raw))
    except ValidationError as error:
        raise ConfigError(*(f"{where}: {line}" for line in _lines(error))) from None
    course = _course(parsed, tuple(folders))
    if problems := _contradictions(course, parsed):
        raise ConfigError(*(f"{where}: {line}" for line in problems))
    return course


def _floats(raw: dict[str, Any]) -> dict[str, Any]:
    """Limits are measured, not counted: a decimal there is a plain float; points are exact decimals."""
    limits, assignments = raw.get("limits"), raw.get("assignments")
    if isinstance(limits, dict):
        raw = {**raw, "limits": {k: float(v) if isinstance(v, Decimal) else v for k, v in limits.items()}}
    if isinstance(assignments, dict):
        raw = {
            **raw,
            "assignments": {
                name: {k: _exact(v) if k == "points" else v for k, v in table.items()}
                if isinstance(table, dict)
                else table
                for name, table in assignments.items()
            },
        }
    return raw


def _exact(value: object) -> object:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _course(parsed: _CourseFile, folders: tuple[str, ...]) -> Course:
    zone = ZoneInfo(parsed.course.timezone)
    tables = dict(parsed.assignments)
    for folder in sorted(folders):
        tables.setdefault(folder, _AssignmentTable())
    only = next(iter(parsed.categories)) if len(parsed.categories) == 1 else ""
    default = only or ("" if parsed.categories else ONE_CATEGORY)
    policies = Policies(
        categories=parsed.categories or {ONE_CATEGORY: CategoryPolicy(weight=Fraction(100))},
        assignments={name: table.policy for name, table in tables.items()},
        grading=parsed.grading,
        late=parsed.late,
        letters=parsed.letters,
        exceptions=tuple(parsed.exceptions),
        requirements=tuple(parsed.requirements),
    )
    return Course(
        id=parsed.course.id,
        title=parsed.course.title or parsed.course.id,
        timezone=parsed.course.timezone,
        categories={
            name: Decimal(category.weight.numerator) / category.weight.denominator
            for name, category in policies.categories.items()
        },
        policies=policies,
        assignments={
            name: Assignment(
                name=name,
                title=table.title or name.replace("_", " "),
                category=table.category or default,
                due=table.due if table.due is None or table.due.tzinfo else table.due.replace(tzinfo=zone),
                points=table.points,
                has_notebooks=name in folders,
                execute=table.execute,
                requires=table.requires,
                attempts=table.attempts,
            )
            for name, table in tables.items()
        },
        limits=Limits(**parsed.limits.model_dump()),
        database_url=parsed.database.url,
        engine=parsed.engine.kind,
        canaries=parsed.engine.canaries,
        scheduler=parsed.engine.scheduler,
    )


def _contradictions(course: Course, parsed: _CourseFile) -> list[str]:
    problems = list(contradictions(course.policies, {a.name: a.category for a in course.assignments.values()}))
    for a in course.assignments.values():
        key = f"[assignments.{a.name}]"
        if a.category not in course.categories:
            known = ", ".join(course.categories)
            problems.append(
                f'{key} category: "{escape(a.category)}" is no category; use one of {known}'
                if a.category
                else f"{key}: is in no category; add category = one of {known}"
            )
        if a.has_notebooks and a.points is not None:
            problems.append(f"{key} points: the cells of its notebooks carry the points; remove this key")
        if not a.has_notebooks and a.points is None:
            problems.append(
                f"{key}: has neither a folder source_assignments/{a.name} nor points; add points = 100, say"
            )
    if parsed.limits.cell_seconds > parsed.limits.notebook_seconds:
        problems.append(
            f"[limits]: cell_seconds {parsed.limits.cell_seconds:g} is more than notebook_seconds "
            f"{parsed.limits.notebook_seconds:g}; lower the one or raise the other"
        )
    return problems


def _lines(error: ValidationError) -> list[str]:
    return [_line(problem["loc"], problem["type"], problem["msg"], problem["input"]) for problem in error.errors()]


def _line(location: tuple[int | str, ...], kind: str, message: str, value: object) -> str:
    path = [escape(part) for part in location]
    key = f"[{'.'.join(path[:-1])}] {path[-1]}" if len(path) > 1 else f"[{path[0]}]" if path else "the file"
    if kind == "extra_forbidden":
        return f"{key}: unknown key{_nearest(path)}"
    if kind == "missing":
        return f"{key}: is missing; add it" if len(path) > 1 else f'{key}: is missing; add it with id = "my-course"'
    if kind == "value_error":
        said = message.removeprefix("Value error, ")
        return f"{key}: {said}" if said.startswith('"') else f'{key}: "{escape(value)}" {said}'
    wanted = "should be a number" if kind == "is_instance_of" else message.removeprefix("Input ").lower()
    shown = f"{value:f}" if isinstance(value, Decimal) else repr(value)
    return f"{key}: {wanted}, not {escape(shown, 60)}"


def _nearest(path: list[str]) -> str:
    tables: dict[str, type[_Table | Policy]] = {
        "course": _CourseTable,
        "categories": CategoryPolicy,
        "grading": GradingPolicy,
        "late": LatePolicy,
        "exceptions": StudentException,
        "requirements": Requirement,
        "assignments": _AssignmentTable,
        "limits": _LimitsTable,
        "database": _DatabaseTable,
        "engine": _EngineTable,
    }
    table = _CourseFile if len(path) == 1 else tables.get(path[0])
    known = list(table.model_fields) if table else []
    close = difflib.get_close_matches(path[-1], known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; known here: {', '.join(known)}"


def _unknown_assignment(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(known) or 'none'}"
    return f'"{escape(name)}" is no folder of source_assignments/: {hint}'
