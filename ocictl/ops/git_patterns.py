"""Patterns of a `.gitignore`, turned into regular expressions over the bytes of a path (gitignore(5)).

Written here because a walk asks for each entry by itself, from the top down, as Git does: libraries that match whole
paths of files can't tell `!*/`, and directories could not be passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["GitPattern", "parse_patterns"]

_ANY_BUT_SLASH: Final = b"[^/]"
_CLASSES: Final[dict[bytes, bytes]] = {
    b"alnum": b"0-9A-Za-z",
    b"alpha": b"A-Za-z",
    b"blank": b" \\t",
    b"cntrl": b"\\x00-\\x1f\\x7f",
    b"digit": b"0-9",
    b"graph": b"!-~",
    b"lower": b"a-z",
    b"print": b" -~",
    b"punct": b"!-/:-@\\[-`{-~",
    b"space": b" \\t\\n\\v\\f\\r",
    b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}


class _NeverError(Exception):
    """The pattern matches nothing."""


class GitPattern(NamedTuple):
    """One line.

    Attributes:
        regex: matches the whole path, or where there is no slash in the pattern, the whole name.
        negated: it takes back what patterns before it say.
        directories_only: it is about directories.
        name_only: it is compared with the name alone.
    """

    regex: re.Pattern[bytes]
    negated: bool
    directories_only: bool
    name_only: bool


def parse_patterns(text: bytes) -> list[GitPattern]:
    """Read the lines of a `.gitignore`. Every text is one; a line that makes no sense matches nothing."""
    patterns = []
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        pattern = _without_blanks(line.removesuffix(b"\r"))
        if not pattern or pattern.startswith(b"#"):
            continue
        negated = pattern.startswith(b"!")
        pattern = pattern[negated:]
        directories_only = pattern.endswith(b"/")
        pattern = pattern[: len(pattern) - directories_only]
        name_only = b"/" not in pattern
        try:
            regex = b"".join(_translated(pattern.removeprefix(b"/"), paths=not name_only))
        except _NeverError:
            continue
        compiled = re.compile(regex, re.DOTALL)
        patterns.append(GitPattern(compiled, negated, directories_only, name_only))
    return patterns


def _without_blanks(line: bytes) -> bytes:
    """Take away blanks at the end, unless a backslash is before them."""
    end = at = 0
    while at < len(line):
        if line[at : at + 1] == b"\\" and at + 1 < len(line):
            at += 1
            end = at + 1
        elif line[at : at + 1] != b" ":
            end = at + 1
        at += 1
    return line[:end]


def _translated(pattern: bytes, *, paths: bool) -> Iterator[bytes]:
    """Yield the parts of the regular expression.

    Raises:
        _NeverError: it can't match.
    """
    if not pattern:
        raise _NeverError
    one = _ANY_BUT_SLASH if paths else b"."
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        if char == b"*":
            end = at + 1
            while pattern[end : end + 1] == b"*":
                end += 1
            part, at = _stars(pattern, at, end, one) if paths else (b".*", end)
            yield part
            continue
        if char == b"[":
            part, at = _bracket(pattern, at + 1)
            yield b"(?!/)" + part if paths else part
            continue
        if char == b"?":
            yield one
        else:
            if char == b"\\":
                at += 1
                char = pattern[at : at + 1]
                if not char:
                    raise _NeverError
            yield re.escape(char)
        at += 1


def _stars(pattern: bytes, start: int, end: int, one: bytes) -> tuple[bytes, int]:
    """What stars from `start` to `end` stand for, and where to go on."""
    alone = end - start > 1 and pattern[max(0, start - 1) : start] in (b"", b"/")
    rest = pattern[end:]
    if alone and rest.startswith(b"/"):
        return b"(?:.*/)?", end + 1
    if alone and (not rest or rest.startswith(b"\\/")):
        return b".*", end
    return one + b"*", end


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int]:
    """What the set that begins here stands for, and where to go on."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    ranges: list[bytes] = []
    previous = -1
    first = True
    while first or pattern[at : at + 1] != b"]":
        first = False
        if (
            pattern.startswith(b"[:", at)
            and (end := pattern.find(b"]", at + 2)) > at + 2
            and pattern[end - 1] == 0x3A
        ):
            name = pattern[at + 2 : end - 1]
            if name not in _CLASSES:
                raise _NeverError
            ranges.append(_CLASSES[name])
            previous, at = -1, end + 1
            continue
        if pattern[at : at + 1] == b"-" and previous >= 0 and pattern[at + 1 : at + 2] not in (b"", b"]"):
            last, at = _member(pattern, at + 1)
            if previous <= last:
                ranges.append(b"\\x%02x-\\x%02x" % (previous, last))
            previous = -1
            continue
        previous, at = _member(pattern, at)
        ranges.append(b"\\x%02x" % previous)
    inside = b"".join(ranges)
    if inside:
        return b"[" + (b"^" if negated else b"") + inside + b"]", at + 1
    if not negated:
        raise _NeverError
    return b".", at + 1


def _member(pattern: bytes, at: int) -> tuple[int, int]:
    if pattern[at : at + 1] == b"\\":
        at += 1
    if at >= len(pattern):
        raise _NeverError
    return pattern[at], at + 1
