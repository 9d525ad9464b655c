"""Values as text, as Go's fmt writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ocictl.lazy_dataclass import dataclass
from ocictl.output.gotemplate.numbers import digits_of, float_text
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.time_layout import moment_text
from ocictl.output.gotemplate.values import (
    MISSING,
    Budget,
    Moment,
    NilList,
    NilMap,
    Uint8,
    Value,
    is_integer,
    to_bytes,
    type_name,
)

_BASES: Final = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


@dataclass(slots=True)
class Form:
    """The flags and numbers between `%` and the verb. `go` is `%#v`."""

    sharp: bool = False
    zero: bool = False
    plus: bool = False
    minus: bool = False
    space: bool = False
    go: bool = False
    width: int | None = None
    precision: int | None = None


def show(budget: Budget, value: Value) -> str:
    """Write one value as `{{value}}` and `%v` do."""
    if isinstance(value, str):
        return value
    if value is MISSING:
        return "<no value>"
    return Writer(budget, Form()).argument(value, "v")


def show_all(budget: Budget, values: Sequence[Value]) -> str:
    """Write values one after the other, with a space between two that are no strings."""
    parts: list[str] = []
    after_string = True
    for value in values:
        is_string = isinstance(value, str)
        if not is_string and not after_string:
            parts.append(" ")
        parts.append(_bare(budget, value))
        after_string = is_string
    return joined(budget, parts)


def show_line(budget: Budget, values: Sequence[Value]) -> str:
    """Write values with a space between them and a line end at the end."""
    budget.text(sum(len(value) for value in values if isinstance(value, str)))
    return " ".join(_bare(budget, value) for value in values) + "\n"


def joined(budget: Budget, parts: Sequence[str], separator: str = "") -> str:
    """Put texts together, if the result is not too long."""
    budget.text(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


def _bare(budget: Budget, value: Value) -> str:
    return "<nil>" if value is None or value is MISSING else show(budget, value)


def quote(text: str, mark: str = '"', *, ascii_only: bool = False) -> str:
    """Write a constant of Go's syntax."""
    return mark + "".join(_quoted(character, mark, ascii_only) for character in text) + mark


def _quoted(character: str, mark: str, ascii_only: bool) -> str:  # noqa: FBT001 - handed on from the flag of a form
    if character == mark:
        return "\\" + character
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"  # a byte that is not UTF-8
    if character.isprintable() and not (ascii_only and number > 0x7E):
        return character
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


class Writer:
    """Writes values for one verb of a format."""

    def __init__(self, budget: Budget, form: Form) -> None:
        self._budget = budget
        self._form = form

    def argument(self, value: Value, verb: str) -> str:
        """Write a value that stands by itself."""
        if value is None or value is MISSING:
            return self._pad("<nil>") if verb in {"T", "v"} else f"%!{verb}(<nil>)"
        if verb == "T":
            return self._pad(self._cut(type_name(value)))
        if verb == "p" and isinstance(value, list | dict):
            raise Fault("the verb 'p' of lists and maps is not supported")
        return self.value(value, verb)

    def value(self, value: Value, verb: str, depth: int = 0) -> str:
        """Write a value that may stand in another one."""
        self._budget.spend()
        self._budget.level(depth)
        if isinstance(value, str):
            return self._string(value, verb)
        if isinstance(value, bool):
            shown = "true" if value else "false"
            return self._pad(shown) if verb in {"t", "v"} else self._bad(value, verb)
        if isinstance(value, float):
            return self._float(value, verb)
        if is_integer(value):
            return self._integer(value, verb)
        if isinstance(value, Moment):
            return self._moment(value, verb)
        if isinstance(value, dict):
            return self._map(value, verb, depth)
        if isinstance(value, list):
            return self._list(value, verb, depth)
        return "interface {}(nil)" if self._form.go else "<nil>"

    def _bad(self, value: Value, verb: str) -> str:
        return f"%!{verb}({type_name(value)}={self.value(value, 'v')})"

    def _moment(self, value: Moment, verb: str) -> str:
        if verb not in {"v", "s", "q", "x", "X"} or self._form.go:
            raise Fault(f"the verb {verb!r} of a time is not supported")
        return self._string(moment_text(value), verb)

    def _list(self, value: list[Value], verb: str, depth: int) -> str:
        name = type_name(value) if self._form.go else ""
        if self._form.go and isinstance(value, NilList):
            return f"{name}(nil)"
        entries = [self.value(entry, verb, depth + 1) for entry in value]
        return self._enclosed(name or "", entries, "[]")

    def _map(self, value: dict[str, Value], verb: str, depth: int) -> str:
        name = type_name(value) if self._form.go else "map"
        if self._form.go and isinstance(value, NilMap):
            return f"{name}(nil)"
        entries = [
            self.value(key, verb, depth + 1) + ":" + self.value(value[key], verb, depth + 1)
            for key in sorted(value)
        ]
        return self._enclosed(name, entries, "[]")

    def _enclosed(self, name: str, entries: Sequence[str], brackets: str) -> str:
        if self._form.go:
            return f"{name}{{{joined(self._budget, entries, ', ')}}}"
        return f"{name}{brackets[0]}{joined(self._budget, entries, ' ')}{brackets[1]}"

    # Strings

    def _string(self, value: str, verb: str) -> str:
        form = self._form
        if verb == "s" or (verb == "v" and not form.go):
            return self._pad(self._cut(value))
        if verb in {"q", "v"}:
            cut = self._cut(value)
            self._budget.text(len(cut) * 10)
            if form.sharp and _may_stand_in_back_quotes(cut):
                return self._pad(f"`{cut}`")
            return self._pad(quote(cut, ascii_only=form.plus))
        if verb in {"x", "X"}:
            return self._hexadecimal(to_bytes(value), verb)
        return self._bad(value, verb)

    def _hexadecimal(self, data: bytes, verb: str) -> str:
        form = self._form
        data = data[: form.precision] if form.precision is not None else data
        self._budget.text(len(data) * 5)
        prefix = f"0{verb}" if form.sharp else ""
        encode = "{:02X}".format if verb == "X" else "{:02x}".format
        if not data:
            return self._pad("")
        if form.space:
            return self._pad(" ".join(prefix + encode(byte) for byte in data))
        return self._pad(prefix + "".join(map(encode, data)))

    def _cut(self, text: str) -> str:
        return text if self._form.precision is None else text[: self._form.precision]

    def _pad(self, text: str) -> str:
        form = self._form
        if not form.width:
            return text
        self._budget.text(form.width)
        if form.minus:
            return text.ljust(form.width)
        return text.rjust(form.width, "0" if form.zero else " ")

    # Numbers

    def _integer(self, value: int, verb: str) -> str:
        form = self._form
        if verb == "c":
            return self._pad(_character(value))
        if verb == "q":
            return self._pad(quote(_character(value), "'", ascii_only=form.plus))
        if verb == "U":
            return self._unicode(value)
        if verb not in _BASES:
            return self._bad(value, verb)
        if verb == "v" and form.go and isinstance(value, Uint8):
            return f"0x{value:x}"
        return self._digits(value, verb)

    def _digits(self, value: int, verb: str) -> str:
        form = self._form
        digits = digits_of(abs(value), _BASES[verb])
        digits = digits.upper() if verb == "X" else digits
        if form.precision is not None:
            if form.precision == 0 and value == 0:
                return " " * (form.width or 0)
            digits = digits.rjust(form.precision, "0")
        elif form.zero and not form.minus and form.width:
            digits = digits.rjust(form.width - (value < 0 or form.plus or form.space), "0")
        if form.sharp:
            prefixes = {2: "0b", 8: "" if digits.startswith("0") else "0", 16: f"0{verb}"}
            digits = prefixes.get(_BASES[verb], "") + digits
        if verb == "O":
            digits = "0o" + digits
        sign = "-" if value < 0 else "+" if form.plus else " " if form.space else ""
        return self._pad_with_spaces(sign + digits)

    def _unicode(self, value: int) -> str:
        form = self._form
        number = value % 2**64
        shown = "U+" + f"{number:X}".rjust(max(form.precision or 0, 4), "0")
        if form.sharp and number <= 0x10FFFF and chr(number).isprintable():
            shown += f" '{chr(number)}'"
        return self._pad_with_spaces(shown)

    def _pad_with_spaces(self, text: str) -> str:
        if self._form.width is None:
            return text
        self._budget.text(self._form.width)
        return text.ljust(self._form.width) if self._form.minus else text.rjust(self._form.width)

    def _float(self, value: float, verb: str) -> str:
        form = self._form
        if verb in {"b", "x", "X"}:
            raise Fault(f"the verb {verb!r} of a number with a fraction is not supported")
        letter, precision = {"v": ("g", -1), "F": ("f", 6), "f": ("f", 6), "e": ("e", 6), "E": ("E", 6)}.get(
            verb, (verb, -1)
        )
        if letter not in {"g", "G", "f", "e", "E"}:
            return self._bad(value, verb)
        text = float_text(value, letter, precision if form.precision is None else form.precision)
        if text in {"NaN", "+Inf", "-Inf"}:
            return self._infinite(text)
        text = text if text.startswith("-") else f"+{text}"
        if form.sharp:
            text = _with_point(text, letter, form.precision)
        if text[0] == "+" and not form.plus:
            text = f" {text[1:]}" if form.space else text[1:]
        if form.zero and not form.minus and form.width and text[0] in "+- ":
            return text[0] + text[1:].rjust(form.width - 1, "0")
        return self._pad(text)

    def _infinite(self, text: str) -> str:
        form = self._form
        if text == "NaN":
            text = "+NaN" if form.plus else " NaN" if form.space else text
        elif text == "+Inf":
            text = text if form.plus else " Inf" if form.space else text
        return self._pad_with_spaces(text)


def _character(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"


def _may_stand_in_back_quotes(text: str) -> bool:
    return not re.search(r"[\x00-\x08\x0a-\x1f\x7f`\ufeff\udc80-\udcff]", text)


def _with_point(text: str, letter: str, precision: int | None) -> str:
    """What the flag `#` does: keep the point and, with `g`, the zeros at the end."""
    mantissa, mark, exponent = text.partition("E" if letter in "EG" else "e")
    digits = len(mantissa.lstrip("+-0.").replace(".", ""))
    if "." not in mantissa:
        mantissa += "."
        digits += mantissa in {"+0.", "-0."}
    if letter in "gG":
        mantissa += "0" * max((6 if precision is None else precision) - digits, 0)
    return mantissa + mark + exponent


def strings_of(budget: Budget, value: Value) -> list[str]:
    """Every entry of a list as text, nil left out; anything else as the only entry."""
    if value is None or value is MISSING:
        return []
    if not isinstance(value, list):
        return [show(budget, value)]
    return [show(budget, entry) for entry in value if entry is not None]
