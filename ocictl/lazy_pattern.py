"""Regular expressions that are compiled when they are first used (docs/adr/0014-lazy-dataclasses.md).

Compiling takes a tenth of a millisecond to a whole one, and most runs need few of them.
"""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["pattern"]


class _Lazy:
    """Looks like a compiled pattern; each method is fetched once."""

    def __init__(self, text: str, flags: int) -> None:
        self._source = (text, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._source), name)
        setattr(self, name, value)
        return value


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression; a mistake in it shows at its first use.

    Args:
        text: as for `re.compile`.
        flags: as for `re.compile`.
    """
    return cast("re.Pattern[str]", _Lazy(text, flags))
