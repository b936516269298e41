"""Names of files, judged before anything is read: none may lead elsewhere, on any file system."""

from __future__ import annotations

import re
import unicodedata

TIMESTAMP = "timestamp.txt"
"""The course's own file in a submission; nobody hands one in."""
DEEPEST = 12
"""Names in a path within one hand-in, as many as are read again from the course folder."""
_DEEPEST_ENTRY = 24
_LONGEST_NAME = 255
_IGNORED = frozenset({"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git", ".DS_Store", "Thumbs.db", "desktop.ini"})
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?", re.IGNORECASE)


def parts_of(name: str) -> tuple[str, ...]:
    """The names in a path of an archive, in composed form; some systems write backslashes.

    A name that is too long is left as it is: composing takes time that is quadratic in marks that follow each other.
    """
    parts = name.replace("\\", "/").split("/")
    return tuple(unicodedata.normalize("NFC", part) if len(part) <= _LONGEST_NAME else part for part in parts)


def unsafe_path(parts: tuple[str, ...]) -> str | None:
    """Why a path cannot be one below its folder; None where it can."""
    if parts[0] == "" or (len(parts[0]) == 2 and parts[0][1] == ":"):
        return "its path is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "its path leads out of its folder"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for part in parts for character in part):
        return "its name holds control characters"
    if len(parts) > _DEEPEST_ENTRY:
        return "its folders are nested too deeply"
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return "its name is too long"
    return None


def unsafe_in_hand_in(parts: tuple[str, ...]) -> str | None:
    """Why a path cannot be one of a student's files; None where it can.

    A name that a system made may have been a harmless whole of which the student's part is not.
    """
    if reason := unsafe_path(parts):
        return reason
    if fold(parts) == TIMESTAMP:
        return "the course writes this file itself"
    if any(_DEVICE.fullmatch(part.rstrip(" .")) for part in parts):
        return "its name is a device's on some systems"
    return "its folders are nested too deeply" if len(parts) > DEEPEST else None


def fold(parts: tuple[str, ...]) -> str:
    """A path as file systems know it that tell neither capitals nor Unicode's forms apart."""
    return unicodedata.normalize("NFKC", "/".join(parts)).casefold()


def ignored(parts: tuple[str, ...]) -> bool:
    """Whether it is something that operating systems and editors leave behind."""
    return parts[-1].startswith("._") or not _IGNORED.isdisjoint(parts)
