"""nbformat, imported without a grammar that nobody here uses and that takes longer than all the rest.

Importing nbformat imports jsonschema, which looks for `rfc3987_syntax` to check URLs in documents; where that optional
package is installed (with nbgrader it is), it builds 38 parsers, for more than a second. Notebooks hold no such URLs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GRAMMAR = "rfc3987_syntax"


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Let an optional module look as if it were not installed, unless it is imported already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # how Python is told that an import fails
    try:
        yield
    finally:
        del sys.modules[module]


with _without(_GRAMMAR):
    from nbformat import from_dict
    from nbformat.v4 import writes_json
    from nbformat.v4.rwbase import split_lines

__all__ = ["from_dict", "split_lines", "writes_json"]
