"""Chance that is the same every time."""

from __future__ import annotations

from random import Random


def dice(seed: int, *what: object) -> Random:
    """Dice of one purpose: what is thrown for one student or assignment changes nothing for another."""
    return Random("/".join(str(part) for part in (seed, *what)))  # noqa: S311 - invents a class, keeps no secret
