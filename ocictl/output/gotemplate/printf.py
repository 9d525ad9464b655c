"""Go's Sprintf: a format with verbs, flags, widths, and numbers of arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ocictl.output.gotemplate.formatting import Form, Writer, joined
from ocictl.output.gotemplate.values import MISSING, Budget, Value, is_integer, type_name

_LARGEST: Final = 1_000_000
"""Widths and precisions above this are not taken."""
_FLAGS: Final = re.compile(r"[#0+\- ]*")
_DIGITS: Final = re.compile(r"[0-9]+")


def sprintf(budget: Budget, template: str, arguments: Sequence[Value]) -> str:
    """Write arguments into a format. What does not fit is told in the text, as Go does: `%!d(string=x)`."""
    return _Sprintf(budget, template, arguments).run()


class _Sprintf:
    def __init__(self, budget: Budget, template: str, arguments: Sequence[Value]) -> None:
        self._budget = budget
        self._format = template
        self._arguments = arguments
        self._position = 0
        self._next = 0
        self._reordered = False
        self._good = True
        self._after_index = False

    def run(self) -> str:
        parts: list[str] = []
        while (percent := self._format.find("%", self._position)) >= 0:
            parts.append(self._format[self._position : percent])
            self._position = percent + 1
            parts.append(self._verb())
        parts.append(self._format[self._position :])
        if not self._reordered and self._next < len(self._arguments):
            parts.append(self._extra())
        return joined(self._budget, parts)

    def _extra(self) -> str:
        shown = [
            "<nil>"
            if value is None or value is MISSING
            else f"{type_name(value)}={Writer(self._budget, Form()).argument(value, 'v')}"
            for value in self._arguments[self._next :]
        ]
        return f"%!(EXTRA {joined(self._budget, shown, ', ')})"

    def _verb(self) -> str:
        self._good = True
        form = self._flags()
        self._after_index = self._index()
        wrong = self._width(form) + self._precision(form)
        if not self._after_index:
            self._after_index = self._index()
        if self._position >= len(self._format):
            return wrong + "%!(NOVERB)"
        verb = self._format[self._position]
        self._position += 1
        return wrong + self._shown(form, verb)

    def _shown(self, form: Form, verb: str) -> str:
        if verb == "%":
            return "%"
        if not self._good:
            return f"%!{verb}(BADINDEX)"
        if self._next >= len(self._arguments):
            return f"%!{verb}(MISSING)"
        value = self._arguments[self._next]
        self._next += 1
        if verb in {"v", "w"}:
            form.go, form.sharp, form.plus = form.sharp, False, False
        return Writer(self._budget, form).argument(value, verb)

    def _flags(self) -> Form:
        match = _FLAGS.match(self._format, self._position)
        flags = match[0] if match else ""
        self._position += len(flags)
        return Form(
            sharp="#" in flags, zero="0" in flags, plus="+" in flags, minus="-" in flags, space=" " in flags
        )

    def _width(self, form: Form) -> str:
        if self._at("*"):
            form.width = self._number_argument()
            if form.width is None:
                return "%!(BADWIDTH)"
            if form.width < 0:
                form.width, form.minus, form.zero = -form.width, True, False
            return ""
        form.width = self._number()
        if self._after_index and form.width is not None:
            self._good = False
        return ""

    def _precision(self, form: Form) -> str:
        if self._position + 1 >= len(self._format) or not self._at("."):
            return ""
        if self._after_index:
            self._good = False
        self._after_index = self._index()
        if self._at("*"):
            form.precision = self._number_argument()
            if form.precision is not None and form.precision < 0:
                form.precision = None
            return "%!(BADPREC)" if form.precision is None else ""
        form.precision = self._number() or 0
        return ""

    def _at(self, character: str) -> bool:
        """Take a character if it comes next."""
        if self._format[self._position : self._position + 1] != character:
            return False
        self._position += 1
        return True

    def _number(self) -> int | None:
        match = _DIGITS.match(self._format, self._position)
        if match is None:
            return None
        if len(match[0].lstrip("0")) > 7 or int(match[0]) > _LARGEST * 10:
            self._position = len(self._format)
            return None
        self._position = match.end()
        return int(match[0])

    def _number_argument(self) -> int | None:
        self._after_index = False
        if self._next >= len(self._arguments):
            return None
        value = self._arguments[self._next]
        self._next += 1
        if not is_integer(value) or abs(value) > _LARGEST:
            return None
        return int(value)

    def _index(self) -> bool:
        """Take `[n]`, which says which argument comes next; tell whether there was one."""
        if not self._at("["):
            return False
        self._reordered = True
        start = self._position
        end = self._format.find("]", start)
        if end < 0:
            self._good = False
            return False
        text = self._format[start:end]
        self._position = end + 1
        if not _DIGITS.fullmatch(text) or len(text) > 7:
            self._good = False
            return False
        number = int(text) - 1
        if not 0 <= number < len(self._arguments):
            self._good = False
            return True
        self._next = number
        return True
