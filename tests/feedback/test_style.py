"""The style sheet: readable for everybody, and nothing in it that fetches."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

PACKAGES = ("grader.page", "grader.feedback")
SHEET = "\n".join(files(name).joinpath("templates", "style.css").read_text(encoding="utf-8") for name in PACKAGES)
ROOTS = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
THEMES = {
    name: dict(re.findall(r"--([a-z]+): (#[0-9a-f]+)", root))
    for name, root in zip(("light", "dark", "print"), ROOTS, strict=True)
}
TEXT = ("ink", "quiet", "link", "good", "part", "none", "wait", "hush")
PROGRAM = ("keyword", "string", "remark", "number", "name", "builtin")


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_ground(theme: str) -> None:
    """At least 4.5 to 1 (WCAG AA) for each pair that occurs, by day, by night and on paper."""
    colours = THEMES[theme]
    pairs = [(front, ground) for front in TEXT for ground in ("paper", "tint", "stderr", "error")]
    pairs += [
        (front, ground) for front in (*PROGRAM, "quiet", "ink") for ground in ("sheet", "stderr", "error", "paper")
    ]
    too_faint = {
        pair: round(ratio, 2) for pair in pairs if (ratio := _contrast(colours[pair[0]], colours[pair[1]])) < 4.5
    }
    assert {} == too_faint


def test_every_theme_has_every_colour() -> None:
    """One that is missing would be the other theme's."""
    assert set(THEMES["light"]) == set(THEMES["dark"]) == set(THEMES["print"])


def test_the_sheet_fetches_nothing_and_ends_nowhere() -> None:
    """No import, no address, no way out of its element."""
    assert not re.search(r"@import|url\(|</|expression|@font-face", SHEET)
