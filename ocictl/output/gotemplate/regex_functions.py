"""Functions of Sprig about regular expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ocictl.output.gotemplate.formatting import joined
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.regex import Found, Regex
from ocictl.output.gotemplate.regex_syntax import PatternError
from ocictl.output.gotemplate.values import Budget, NilList, Strings

_REFERENCE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")
_META: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")


def _matches(budget: Budget, pattern: str, text: str) -> bool:
    return Regex(budget, pattern).search(budget, text) is not None


def _matches_or_not(budget: Budget, pattern: str, text: str) -> bool:
    """Sprig takes what is no pattern for one that does not match."""
    try:
        return _matches(budget, pattern, text)
    except PatternError:
        return False


def _find(budget: Budget, pattern: str, text: str) -> str:
    found = Regex(budget, pattern).search(budget, text)
    return "" if found is None else text[found[0] : found[1]]


def _find_all(budget: Budget, pattern: str, text: str, count: int) -> list[str]:
    matches = Regex(budget, pattern).all_matches(budget, text, count)
    return Strings(text[found[0] : found[1]] for found in matches) or NilList()


def _replace(budget: Budget, pattern: str, text: str, replacement: str) -> str:
    regex = Regex(budget, pattern)

    def expanded(found: Found) -> str:
        return _REFERENCE.sub(lambda match: _reference(regex, match, text, found), replacement)

    return _replaced(budget, regex, text, expanded)


def _replace_literally(budget: Budget, pattern: str, text: str, replacement: str) -> str:
    return _replaced(budget, Regex(budget, pattern), text, lambda _: replacement)


def _reference(regex: Regex, match: re.Match[str], text: str, found: Found) -> str:
    if match[1]:
        return "$"
    name = match[2] or match[3]
    number = int(name) if name.isdecimal() and len(name) < 6 else regex.names.get(name, -1)
    if number < 0 or 2 * number >= len(found):
        return ""
    return text[found[2 * number] : found[2 * number + 1]] if found[2 * number] >= 0 else ""


def _replaced(budget: Budget, regex: Regex, text: str, replacement: Callable[[Found], str]) -> str:
    parts: list[str] = []
    size = position = last_end = 0
    while position <= len(text) and (found := regex.search(budget, text, position)) is not None:
        parts.append(text[last_end : found[0]])
        if found[1] > last_end or found[0] == 0:
            parts.append(replacement(found))
            size += len(parts[-1])
            budget.text(size)
        last_end = found[1]
        position = max(position + 1, found[1])
    parts.append(text[last_end:])
    return joined(budget, parts)


def _split(budget: Budget, pattern: str, text: str, count: int) -> list[str]:
    if count == 0:
        return NilList()
    if pattern and not text:
        return Strings([""])
    parts = Strings()
    start = end = 0
    for found in Regex(budget, pattern).all_matches(budget, text, count):
        if 0 < count == len(parts) + 1:
            break
        end = found[0]
        if found[1] != 0:
            parts.append(text[start:end])
        start = found[1]
    if end != len(text):
        parts.append(text[start:])
    return parts


def _quoted(budget: Budget, text: str) -> str:
    budget.text(2 * len(text))
    return _META.sub(r"\\\g<0>", text)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "regexMatch": Function(_matches_or_not, ("string", "string")),
    "mustRegexMatch": Function(_matches, ("string", "string")),
    **dict.fromkeys(("regexFind", "mustRegexFind"), Function(_find, ("string", "string"))),
    **dict.fromkeys(("regexFindAll", "mustRegexFindAll"), Function(_find_all, ("string", "string", "int"))),
    **dict.fromkeys(
        ("regexReplaceAll", "mustRegexReplaceAll"), Function(_replace, ("string", "string", "string"))
    ),
    **dict.fromkeys(
        ("regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"),
        Function(_replace_literally, ("string", "string", "string")),
    ),
    **dict.fromkeys(("regexSplit", "mustRegexSplit"), Function(_split, ("string", "string", "int"))),
    "regexQuoteMeta": Function(_quoted, ("string",)),
}
