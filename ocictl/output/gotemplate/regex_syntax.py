"""Regular expressions in the syntax of Go, parsed into a tree.

Python's own engine is not used: it may need exponential time, and its syntax is another one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final, NoReturn, TypeAlias

from ocictl.lazy_dataclass import dataclass, replace
from ocictl.output.gotemplate.problems import Fault

Test: TypeAlias = Callable[[str], bool]
_MOST: Final = 1000
"""Repetitions that may be written as a number."""
_DEEPEST: Final = 50
_CLASSES: Final[dict[str, str]] = {
    "d": "0123456789",
    "s": "\t\n\f\r ",
    "w": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
}
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAMED: Final[dict[str, str]] = {
    "alnum": "0123456789" + _UPPER + _UPPER.lower(),
    "alpha": _UPPER + _UPPER.lower(),
    "ascii": "".join(map(chr, range(128))),
    "blank": "\t ",
    "cntrl": "".join(map(chr, range(32))) + "\x7f",
    "digit": "0123456789",
    "graph": "".join(map(chr, range(33, 127))),
    "lower": _UPPER.lower(),
    "print": "".join(map(chr, range(32, 127))),
    "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "space": "\t\n\v\f\r ",
    "upper": _UPPER,
    "word": _CLASSES["w"],
    "xdigit": "0123456789ABCDEFabcdef",
}
_SIMPLE: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_COUNT: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAME: Final = re.compile(r"\(\?P?<([0-9A-Za-z_]+)>")
_NUMBER: Final = re.compile(r"\\(?:x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{2})|([1-7][0-7]{1,2}|0[0-7]{0,2}))")
_PROPERTY: Final = re.compile(r"\\([pP])(?:\{(\^?)(\w+)\}|([A-Z]))")


class PatternError(Fault):
    """This is no regular expression."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character that passes a test."""

    test: Test


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place: `start`, `end`, `line start`, `line end`, `word`, `no word`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The first that matches."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """Several times; `most` is None for any number."""

    part: Tree
    least: int
    most: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A part whose place is remembered."""

    part: Tree
    number: int


Tree: TypeAlias = Character | Assertion | Sequence | Choice | Repetition | Group


@dataclass(frozen=True, slots=True)
class _Flags:
    ignore_case: bool = False
    lines: bool = False
    dot_all: bool = False
    lazy: bool = False


class Parser:
    """Parses one regular expression; `names` are those of its groups afterwards."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0
        self._flags = _Flags()
        self._depth = 0
        self.names: dict[str, int] = {}
        self.groups = 0

    def parse(self) -> Tree:
        """Return the tree.

        Raises:
            PatternError: the pattern is none.
            Fault: it needs what is not supported.
        """
        tree = self._choice()
        if self._position < len(self._pattern):
            self._fail("unexpected )")
        return tree

    def _fail(self, message: str) -> NoReturn:
        raise PatternError(f"the regular expression {self._pattern!r} is not valid: {message}")

    def _at(self, text: str) -> bool:
        return self._pattern.startswith(text, self._position)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._pattern, self._position)
        if match is not None:
            self._position = match.end()
        return match

    def _choice(self) -> Tree:
        before = self._flags
        parts = [self._sequence()]
        while self._at("|"):
            self._position += 1
            parts.append(self._sequence())
        self._flags = before
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self._position < len(self._pattern) and not self._at("|") and not self._at(")"):
            if self._at("\\Q"):
                verbatim = self._verbatim()
                parts += verbatim[:-1]
                part = verbatim[-1] if verbatim else None
            else:
                part = self._atom()
            if part is not None:
                parts.append(self._repeated(part))
        return Sequence(tuple(parts))

    def _verbatim(self) -> list[Tree]:
        start = self._position + 2
        end = self._pattern.find("\\E", start)
        text = self._pattern[start:] if end < 0 else self._pattern[start:end]
        self._position = len(self._pattern) if end < 0 else end + 2
        return [self._character(character) for character in text]

    def _repeated(self, part: Tree) -> Tree:
        bounds = self._bounds()
        if bounds is None:
            return part
        greedy = not self._at("?")
        self._position += not greedy
        if self._bounds() is not None:
            self._fail("a repetition is repeated")
        least, most = bounds
        if max(least, most or 0) > _MOST or (most is not None and most < least):
            self._fail("a number of repetitions is too large, or they are the wrong way round")
        return Repetition(part, least, most, greedy != self._flags.lazy)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._at(sign):
                self._position += 1
                return bounds
        match = self._take(_COUNT)
        if match is None:
            return None
        if len(match[0]) > 20:
            self._fail("a number of repetitions is too large")
        most = (int(match[3]) if match[3] else None) if match[2] else int(match[1])
        return int(match[1]), most

    def _atom(self) -> Tree | None:
        character = self._pattern[self._position]
        if character == "(":
            return self._group()
        if character == "[":
            return Character(self._folded(self._set()))
        if character == "\\":
            return self._escape()
        if character in "*+?":
            self._fail(f"nothing to repeat before {character}")
        self._position += 1
        if character == ".":
            return Character((lambda _: True) if self._flags.dot_all else (lambda found: found != "\n"))
        if character == "^":
            return Assertion("line start" if self._flags.lines else "start")
        if character == "$":
            return Assertion("line end" if self._flags.lines else "end")
        return self._character(character)

    def _group(self) -> Tree | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Fault("a regular expression is nested too deeply")
        number = 0
        before = self._flags
        if match := self._take(_FLAGS):
            if not match[1] and not match[2] and match[3] == ")":
                self._fail("a group without flags")
            self._set_flags(match[1], match[2] or "")
            if match[3] == ")":
                self._depth -= 1
                return None
        elif match := self._take(_NAME):
            if match[1] in self.names:
                self._fail(f"two groups are called {match[1]}")
            self.groups += 1
            number = self.names[match[1]] = self.groups
        elif self._at("(?"):
            self._fail("unknown kind of group")
        else:
            self._position += 1
            self.groups += 1
            number = self.groups
        part = self._choice()
        self._flags = before
        if not self._at(")"):
            self._fail("missing )")
        self._position += 1
        self._depth -= 1
        return Group(part, number) if number else part

    def _set_flags(self, on: str, off: str) -> None:
        names = {"i": "ignore_case", "m": "lines", "s": "dot_all", "U": "lazy"}
        self._flags = replace(
            self._flags,
            **dict.fromkeys((names[flag] for flag in on), True),
            **dict.fromkeys((names[flag] for flag in off if flag not in on), False),
        )

    def _escape(self) -> Tree:
        following = self._pattern[self._position + 1 : self._position + 2]
        places = {"A": "start", "z": "end", "b": "word", "B": "no word"}
        if following in places and following:
            self._position += 2
            return Assertion(places[following])
        test = self._class()
        return Character(self._folded(test)) if test else self._character(self._escaped())

    def _class(self) -> Test | None:
        """Take `\\d` and the like, or a property, if one of them comes next."""
        if match := self._take(_PROPERTY):
            return _property(match[3] or match[4], negated=(match[1] == "P") != bool(match[2]))
        letter = self._pattern[self._position + 1 : self._position + 2]
        members = _CLASSES.get(letter.lower()) if letter else None
        if members is None:
            return None
        self._position += 2
        if letter.isupper():
            return lambda found: found not in members
        return lambda found: found in members

    def _escaped(self) -> str:
        """Take an escape that stands for one character."""
        if match := self._take(_NUMBER):
            number = int(match[1] or match[2], 16) if match[1] or match[2] else int(match[3], 8)
            if number > 0x10FFFF:
                self._fail("there is no such character")
            return chr(number)
        character = self._pattern[self._position + 1 : self._position + 2]
        self._position += 2
        if character in _SIMPLE:
            return _SIMPLE[character]
        if not character or character.isalnum() or character == "_" or not character.isascii():
            self._fail(f"unknown escape \\{character}")
        return character

    def _character(self, character: str) -> Character:
        return Character(self._folded(lambda found: found == character))

    def _folded(self, test: Test) -> Test:
        if not self._flags.ignore_case:
            return test
        return lambda found: test(found) or test(found.lower()) or test(found.upper())

    def _set(self) -> Test:
        self._position += 1
        negated = self._at("^")
        self._position += negated
        tests: list[Test] = []
        while not self._at("]") or not tests:
            if self._position >= len(self._pattern):
                self._fail("missing ]")
            tests.append(self._member())
        self._position += 1
        return lambda found: any(test(found) for test in tests) != negated

    def _member(self) -> Test:
        if self._at("[:") and (end := self._pattern.find(":]", self._position)) > 0:
            name = self._pattern[self._position + 2 : end]
            members = _NAMED.get(name.removeprefix("^"))
            if members is None:
                self._fail(f"there is no class {name}")
            self._position = end + 2
            return lambda found: (found in members) != name.startswith("^")
        if self._at("\\"):
            test = self._class()
            if test is not None:
                return test
        low = self._member_character()
        if not self._at("-") or self._pattern[self._position + 1 : self._position + 2] in {"]", ""}:
            return lambda found: found == low
        self._position += 1
        high = self._member_character()
        if high < low:
            self._fail(f"the range {low}-{high} is the wrong way round")
        return lambda found: low <= found <= high

    def _member_character(self) -> str:
        if self._at("\\"):
            return self._escaped()
        character = self._pattern[self._position : self._position + 1]
        if not character:
            self._fail("missing ]")
        self._position += 1
        return character


def _property(name: str, *, negated: bool) -> Test:
    if len(name) > 2 or name[:1] not in "CLMNPSZ":
        raise Fault(f"the class \\p{{{name}}} of regular expressions is not supported")
    return lambda found: unicodedata.category(found).startswith(name) != negated
