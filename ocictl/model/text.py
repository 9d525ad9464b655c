"""Text from elsewhere, made safe to show."""

from __future__ import annotations

import re

from ocictl.lazy_pattern import pattern

_UNSAFE = pattern(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # bidirectional, invisible, line separators
    "\ufff9-\ufffb\ud800-\udfff"  # interlinear annotation; lone surrogates, which no stream can encode
    "\U000e0000-\U000e007f]"  # tags: invisible copies of ASCII
)


def escape(text: str) -> str:
    r"""Return the text with every character that could forge or hide output written as `\x1b` or `\u202e`.

    That is: control characters (line ends and tabs too), C1, bidirectional and invisible marks, lone surrogates.
    All other characters stay, so the text remains readable in any language.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(_code, text)


def shorten(text: str, limit: int) -> str:
    """Return the text escaped, cut to about `limit` characters with `...` at the end."""
    return escape(text if len(text) <= limit else text[: max(limit - 3, 0)] + "...")


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
