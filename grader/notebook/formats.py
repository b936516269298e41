"""nbformat, imported without grammars that nobody here uses and that take longer than all the rest.

Importing nbformat imports jsonschema, which looks for packages that check URLs and durations in documents. Where they
are installed (with nbgrader they are), `rfc3987_syntax` builds 38 parsers, for more than a second; the others take a
fifth of the rest. The schemas of notebooks have no such formats.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GRAMMARS = ("rfc3987_syntax", "rfc3986_validator", "isoduration")


@contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Let optional modules look as if they were not installed, unless they are imported already."""
    hidden = [module for module in modules if module not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # how Python is told that an import fails
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]


with _without(*_GRAMMARS):
    from nbformat import from_dict
    from nbformat.v4 import writes_json
    from nbformat.v4.rwbase import split_lines

__all__ = ["from_dict", "split_lines", "writes_json"]
