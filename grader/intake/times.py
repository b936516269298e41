"""When something was handed in, as systems write it; a time without a zone is in the course's own."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_YEARS = (1970, 2999)
"""In which something may have been handed in: at the ends of the calendar a moment has no name in some zones."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BRIGHTSPACE = re.compile(
    r"(?:(?P<m1>[A-Za-z]{3,9})\.? (?P<d1>\d{1,2})|(?P<d2>\d{1,2}) (?P<m2>[A-Za-z]{3,9})\.?),? (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}?)[:_.]?(?P<minute>\d\d)(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?\s*(?P<zone>.{0,40})"
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d):?(\d\d)")


def read_stamp(text: str) -> datetime | None:
    """The moment of `2026-09-20 22:00:00.000000 UTC` and its relatives; None where it is none.

    The zone may be missing, an offset, `UTC`, `Z` or a name as `Europe/Berlin`.
    """
    found = _STAMP.fullmatch(text.strip())
    if not found or not _YEARS[0] <= int(found["day"][:4]) <= _YEARS[1]:
        return None
    zone = found["zone"].strip()
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['time']}")
        moment = moment.replace(microsecond=int((found["fraction"] or "0").ljust(6, "0")[:6]))
        if not zone:
            return moment
        if offset := _OFFSET.fullmatch(zone):
            apart = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return moment.replace(tzinfo=timezone(apart if offset[1] == "+" else -apart))
        return moment.replace(tzinfo=ZoneInfo("UTC" if zone in {"Z", "GMT"} else zone))
    except (ValueError, KeyError, OSError):
        return None


def read_dashes(text: str) -> datetime | None:
    """The moment of Blackboard's `2016-01-30-20-30-10`."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%d-%H-%M-%S")  # noqa: DTZ007 - it is in the course's zone
    except ValueError:
        return None
    return moment if _YEARS[0] <= moment.year <= _YEARS[1] else None


def read_brightspace(text: str) -> datetime | None:
    """The moment of `Sep 24, 2024 926 PM` or `24 September 2024 21:26`."""
    found = _BRIGHTSPACE.fullmatch(text.strip())
    if not found or not _YEARS[0] <= int(found["year"]) <= _YEARS[1]:
        return None
    month = (found["m1"] or found["m2"])[:3].lower()
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    try:
        return datetime(  # noqa: DTZ001 - it is in the course's zone
            int(found["year"]),
            _MONTHS.index(month) + 1,
            int(found["d1"] or found["d2"]),
            hour,
            int(found["minute"]),
        )
    except ValueError:
        return None


def in_zone(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """With a zone: the course's own where none was stated.

    A time that occurs twice, when clocks go back, is the earlier one: nobody is late by it.
    """
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone)
