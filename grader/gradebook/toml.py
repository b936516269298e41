"""TOML as people write it for a course: exact numbers, and none that no course needs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from grader.errors import ConfigError
from grader.text import escape

_LONGEST_NUMBER = 40
_LARGEST_EXPONENT = 30
_LARGEST_WHOLE = 10**_LARGEST_EXPONENT


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Read the text of a TOML file; decimals are exact.

    Raises `ConfigError` for what is no TOML, and for a number so large or so long that computing with it could take
    forever.
    """
    try:
        return _read(text, where)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(where, error) from None


def parse_value(text: str, where: str) -> Any:
    """Read one value as in `course.toml`; what is no TOML is a text. Raises `ConfigError` as `parse_toml` does."""
    try:
        found = _read(f"value = {text}", where)
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text


def _read(text: str, where: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text, parse_float=_decimal)
        _refuse_huge(found)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply; write fewer brackets in each other") from None
    except (ValueError, ArithmeticError) as error:
        raise _invalid(where, error) from None
    return found


def _invalid(where: str, error: Exception) -> ConfigError:
    return ConfigError(f"{where}: is not valid TOML: {escape(error, 300)}")


def _decimal(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= _LONGEST_NUMBER else None
    if number is None or (number.is_finite() and abs(number.adjusted()) > _LARGEST_EXPONENT):
        message = f"{escape(text, 40)} is too large, too small or too long a number"
        raise ValueError(message)
    return number


def _refuse_huge(value: object) -> None:
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        message = "a whole number in it is too large"
        raise ValueError(message)
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _refuse_huge(inner)
