"""Functions of Sprig about strings. Positions and lengths count bytes, as in Go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ocictl.output.gotemplate.formatting import joined, quote, show
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import (
    Budget,
    StringMap,
    Strings,
    Value,
    from_bytes,
    to_bytes,
)

SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def text_of(budget: Budget, value: Value) -> str:
    """A value as `toString` writes it."""
    return "<nil>" if value is None else show(budget, value)


def _by_character(change: Callable[[str], str]) -> Callable[[str], str]:
    """Change characters one by one; a change that would make several of one is left out, as in Go."""

    def convert(text: str) -> str:
        if text.isascii():
            return change(text)
        return "".join(new if len(new := change(old)) == 1 else old for old in text)

    return convert


_upper: Final = _by_character(str.upper)
_lower: Final = _by_character(str.lower)


def _title(text: str) -> str:
    parts: list[str] = []
    begins = True
    for character in text:
        parts.append(_upper(character) if begins else character)
        begins = not (character.isalnum() or character == "_") and (
            character.isascii() or character in SPACES
        )
    return "".join(parts)


def _untitle(text: str) -> str:
    parts: list[str] = []
    begins = True
    for character in text:
        if character in SPACES:
            begins = True
        elif begins:
            character = _lower(character)
            begins = False
        parts.append(character)
    return "".join(parts)


def _swapcase(text: str) -> str:
    parts: list[str] = []
    after_space = True
    for character in text:
        if character.isupper():
            parts.append(_lower(character))
            after_space = False
        elif character.islower():
            parts.append(_upper(character))
            after_space = False
        else:
            parts.append(character)
            after_space = character in SPACES or (after_space and character.isspace())
    return "".join(parts)


def _initials(text: str) -> str:
    parts: list[str] = []
    after_space = True
    for character in text:
        if after_space and character not in SPACES:
            parts.append(character)
        after_space = character in SPACES
    return "".join(parts)


def _trunc(_: Budget, count: int, text: str) -> str:
    data = to_bytes(text)
    if count < 0:
        return from_bytes(data[count:]) if len(data) + count > 0 else text
    return from_bytes(data[:count])


def _substr(_: Budget, start: int, end: int, text: str) -> str:
    data = to_bytes(text)
    if start < 0:
        start = 0
    elif end < 0 or end > len(data):
        end = len(data)
    if not 0 <= start <= end <= len(data):
        raise Fault(f"the bounds {start} and {end} are out of range")
    return from_bytes(data[start:end])


def _repeat(budget: Budget, count: int, text: str) -> str:
    if count < 0:
        raise Fault("a text can't be repeated a negative number of times")
    budget.text(count * len(text))
    return text * count


def _replace(budget: Budget, old: str, new: str, text: str) -> str:
    count = text.count(old) if old else len(text) + 1
    budget.text(len(text) + count * max(len(new) - len(old), 0))
    return text.replace(old, new)


def _indent(budget: Budget, spaces: int, text: str) -> str:
    if spaces < 0:
        raise Fault("a text can't be indented by a negative number")
    budget.text(len(text) + spaces * (text.count("\n") + 1))
    pad = " " * spaces
    return pad + text.replace("\n", "\n" + pad)


def _quoted(write: Callable[[Budget, Value], str]) -> Callable[..., str]:
    def call(budget: Budget, *values: Value) -> str:
        return joined(budget, [write(budget, value) for value in values if value is not None], " ")

    return call


def _quote(budget: Budget, value: Value) -> str:
    text = text_of(budget, value)
    budget.text(len(text) * 10)
    return quote(text)


def _cat(budget: Budget, *values: Value) -> str:
    return joined(budget, [show(budget, value) for value in values if value is not None], " ")


def split_text(budget: Budget, separator: str, text: str, count: int = -1) -> list[str]:
    """Split as Go does: at nothing it splits between all characters; -1 is no limit for the number of parts."""
    if count == 0:
        return []
    budget.spend(text.count(separator) + 1)
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if 0 < count < len(text):
        return [*text[: count - 1], text[count - 1 :]]
    return list(text)


def _as_map(parts: list[str]) -> StringMap:
    return StringMap((f"_{number}", part) for number, part in enumerate(parts))


def _abbreviated(data: bytes, offset: int, width: int) -> bytes:
    if len(data) <= width:
        return data
    offset = min(offset, len(data))
    if len(data) - offset < width - 3:
        offset = len(data) - (width - 3)
    if offset <= 4:
        return data[: width - 3] + b"..."
    if offset + width - 3 < len(data):
        return b"..." + _abbreviated(data[offset:], 0, width - 3)
    return b"..." + data[len(data) - (width - 3) :]


def _abbrev(_: Budget, width: int, text: str) -> str:
    return text if width < 4 else from_bytes(_abbreviated(to_bytes(text), 0, width))


def _abbrevboth(_: Budget, left: int, right: int, text: str) -> str:
    if right < 4 or (left > 0 and right < 7):
        return text
    return from_bytes(_abbreviated(to_bytes(text), left, right))


def _wrap(budget: Budget, width: int, text: str) -> str:
    return _wrapped(budget, text, width, "\n", cut=False)


def _wrap_with(budget: Budget, width: int, separator: str, text: str) -> str:
    return _wrapped(budget, text, width, separator or "\n", cut=True)


def _wrapped(budget: Budget, text: str, width: int, separator: str, *, cut: bool) -> str:
    """Break a text into lines at spaces; a word that is too long is cut, or stays as it is."""
    data, width = to_bytes(text), max(width, 1)
    lines: list[bytes] = []
    offset = 0
    while len(data) - offset > width:
        budget.spend()
        if data[offset] == 0x20:
            offset += 1
            continue
        space = data.rfind(b" ", offset, offset + width + 1)
        if space < 0 and cut:
            lines.append(data[offset : offset + width])
            offset += width
            continue
        space = data.find(b" ", offset + width) if space < 0 else space
        if space < 0:
            break
        lines.append(data[offset:space])
        offset = space + 1
    lines.append(data[offset:])
    return joined(budget, [from_bytes(line) for line in lines], separator)


def _on_text(change: Callable[[str], Any]) -> Function:
    """A function of one string."""
    return Function(lambda _, text: change(text), ("string",))


def _on_two(change: Callable[[str, str], Any]) -> Function:
    """A function of two strings, of which the second is the one that it is about."""
    return Function(lambda _, part, text: change(text, part), ("string", "string"))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "upper": _on_text(_upper),
    "lower": _on_text(_lower),
    "title": _on_text(_title),
    "untitle": _on_text(_untitle),
    "swapcase": _on_text(_swapcase),
    "initials": _on_text(_initials),
    "trim": _on_text(lambda text: text.strip(SPACES)),
    "nospace": _on_text(lambda text: "".join(part for part in text if part not in SPACES)),
    **dict.fromkeys(("trimAll", "trimall"), _on_two(str.strip)),
    "trimPrefix": _on_two(str.removeprefix),
    "trimSuffix": _on_two(str.removesuffix),
    "contains": _on_two(lambda text, part: part in text),
    "hasPrefix": _on_two(str.startswith),
    "hasSuffix": _on_two(str.endswith),
    "replace": Function(_replace, ("string", "string", "string")),
    "repeat": Function(_repeat, ("int", "string")),
    "trunc": Function(_trunc, ("int", "string")),
    "substr": Function(_substr, ("int", "int", "string")),
    "abbrev": Function(_abbrev, ("int", "string")),
    "abbrevboth": Function(_abbrevboth, ("int", "int", "string")),
    "wrap": Function(_wrap, ("int", "string")),
    "wrapWith": Function(_wrap_with, ("int", "string", "string")),
    "indent": Function(_indent, ("int", "string")),
    "nindent": Function(lambda budget, spaces, text: "\n" + _indent(budget, spaces, text), ("int", "string")),
    "quote": Function(_quoted(_quote), (), "any"),
    "squote": Function(_quoted(lambda budget, value: f"'{show(budget, value)}'"), (), "any"),
    "cat": Function(_cat, (), "any"),
    "plural": Function(lambda _, one, many, count: one if count == 1 else many, ("string", "string", "int")),
    "toString": Function(text_of, ("any",)),
    "splitList": Function(
        lambda budget, separator, text: Strings(split_text(budget, separator, text)), ("string", "string")
    ),
    "split": Function(
        lambda budget, separator, text: _as_map(split_text(budget, separator, text)), ("string", "string")
    ),
    "splitn": Function(
        lambda budget, separator, count, text: _as_map(split_text(budget, separator, text, count)),
        ("string", "int", "string"),
    ),
}
