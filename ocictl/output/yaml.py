"""Strings as YAML scalars, quoted as oras quotes them in its tree of referrers (ORAS.md 8)."""

from __future__ import annotations

import re
from typing import Final

from ocictl.model.text import escape

_OLD_WORDS: Final = frozenset(
    ["<<", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"]
)
_OTHER_TYPES: Final = re.compile(
    r"""
    ~ | null | Null | NULL | true | True | TRUE | false | False | FALSE
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)
    | [-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?             # a number
    | (?:[-+]_?)?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]+)?                   # with underscores
    | [-+]?0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}                                         # a date, perhaps with a time
      (?:(?:[Tt]|\ )[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?
    """,
    re.VERBOSE | re.ASCII,
)
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_INDICATORS: Final = frozenset("#,[]{}&*!|>'\"%@`")
_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def scalar(text: str) -> str:
    """Return the text as one line of YAML: plain where that reads back as the same string, else quoted.

    Control characters, C1 and bidirectional marks are escaped inside of double quotes (F10).
    """
    if not text or _OTHER_TYPES.fullmatch(text) or escape(text) != text:
        return _double(text)
    if text in _OLD_WORDS or _SEXAGESIMAL.fullmatch(text) or not _may_be_plain(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _may_be_plain(text: str) -> bool:
    if text[0] in _INDICATORS or text[0] == " " or text[-1] in " :" or text.startswith(("---", "...")):
        return False
    if text[0] in "?-" and text[1:2] in ("", " "):
        return False
    return ": " not in text and " #" not in text


def _double(text: str) -> str:
    # The escapes of YAML's double quotes are written like those of `escape`.
    return '"' + "".join(_ESCAPES.get(character) or escape(character) for character in text) + '"'
