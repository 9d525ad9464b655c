"""Cuts a template into tokens, by the rules of Go's text/template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.output.gotemplate.problems import problem

KEYWORDS: Final = frozenset(
    ["block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"]
)
_SPACES: Final = " \t\r\n"
_OPEN: Final = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_CLOSE: Final = re.compile(r"([ \t\r\n]-)?\}\}")
_DIGIT: Final = re.compile(r"[0-9]")
_SPACE: Final = re.compile(r"(?:(?![ \t\r\n]-\}\})[ \t\r\n])+")
_WORD: Final = re.compile(r"\w+")
_NAMED: Final = re.compile(r"[.$]\w*")
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_RAW: Final = re.compile(r"`[^`]*`")
_CHARACTER: Final = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]*)?)i?"
)
_QUOTED: Final = {
    '"': (_STRING, "string", "quoted string"),
    "`": (_RAW, "string", "raw quoted string"),
    "'": (_CHARACTER, "character", "character constant"),
}
_SINGLE: Final = {"=": "=", "|": "|", "(": "(", ")": ")", ",": ","}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the template.

    Attributes:
        kind: `text`, `{{`, `}}`, `space`, `string`, `character`, `number`, `name`, `bool`, `field`, `variable`, `.`,
            `:=`, `=`, `|`, `(`, `)`, `,`, `end of template`, or a keyword.
        text: as it stands there; of `text` without what is trimmed.
        offset: of its first character.
    """

    kind: str
    text: str
    offset: int


def tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of a template, at last one of kind `end of template`.

    Raises:
        InvalidInputError: something is no token.
    """
    position = 0
    while (match := _OPEN.search(source, position)) is not None:
        text = source[position : match.start()]
        text = text.rstrip(_SPACES) if match[1] else text
        if text:
            yield Token("text", text, position)
        if source.startswith("/*", _after_marker(match)):
            position = _comment(source, match)
            continue
        yield Token("{{", match[0], match.start())
        position = match.end()
        lexer = _Action(source, match.start(), position)
        yield from lexer.tokens()
        position = lexer.position
    if position < len(source):
        yield Token("text", source[position:], position)
    yield Token("end of template", "", len(source))


def _after_marker(match: re.Match[str]) -> int:
    return match.end() + (1 if match[1] else 0)  # the marker brings one space


def _comment(source: str, match: re.Match[str]) -> int:
    end = source.find("*/", _after_marker(match) + 2)
    if end < 0:
        raise problem(source, match.start(), "the comment is not closed")
    close = _CLOSE.match(source, end + 2)
    if close is None:
        raise problem(source, end, "the comment ends before the closing braces")
    return _after_close(source, close)


def _after_close(source: str, close: re.Match[str]) -> int:
    end = close.end()
    if close[1]:
        while end < len(source) and source[end] in _SPACES:
            end += 1
    return end


class _Action:
    """Cuts what stands between braces; `position` moves on as tokens are taken."""

    def __init__(self, source: str, start: int, position: int) -> None:
        self._source = source
        self._start = start
        self._parentheses = 0
        self.position = position

    def tokens(self) -> Iterator[Token]:
        while (close := _CLOSE.match(self._source, self.position)) is None:
            token = self._next()
            self.position += len(token.text)
            yield token
        if self._parentheses:
            raise self._wrong("a parenthesis is not closed")
        self.position = _after_close(self._source, close)
        yield Token("}}", close[0], close.start())

    def _next(self) -> Token:
        source, position = self._source, self.position
        if position >= len(source):
            raise problem(source, self._start, "the action is not closed")
        first = source[position]
        if match := _SPACE.match(source, position):
            return Token("space", match[0], position)
        if first in _QUOTED:
            pattern, kind, name = _QUOTED[first]
            quoted = pattern.match(source, position)
            if quoted is None:
                raise self._wrong(f"the {name} is not closed")
            return Token(kind, quoted[0], position)
        if source.startswith(":=", position):
            return Token(":=", ":=", position)
        if first in _SINGLE:
            return self._single(first)
        if first == "$" or (first == "." and not _DIGIT.match(source, position + 1)):
            return self._named(first)
        if first in "+-." or first in "0123456789":
            return self._number()
        if match := _WORD.match(source, position):
            return self._word(match[0])
        raise self._wrong(f"unexpected {first!r}")

    def _single(self, first: str) -> Token:
        self._parentheses += {"(": 1, ")": -1}.get(first, 0)
        if self._parentheses < 0:
            raise self._wrong("unexpected right parenthesis")
        return Token(_SINGLE[first], first, self.position)

    def _named(self, first: str) -> Token:
        match = _NAMED.match(self._source, self.position)
        text = match[0] if match else first
        self._check_end(text)
        if text == ".":
            return Token(".", text, self.position)
        return Token("field" if first == "." else "variable", text, self.position)

    def _number(self) -> Token:
        match = _NUMBER.match(self._source, self.position)
        text = match[0] if match else ""
        following = self._source[self.position + len(text) : self.position + len(text) + 1]
        if _WORD.match(following) or following in {"+", "-"}:
            raise self._wrong(f"bad number syntax {text + following!r}")
        return Token("number", text, self.position)

    def _word(self, word: str) -> Token:
        self._check_end(word)
        if word in KEYWORDS:
            return Token(word, word, self.position)
        return Token("bool" if word in {"true", "false"} else "name", word, self.position)

    def _check_end(self, text: str) -> None:
        end = self.position + len(text)
        following = self._source[end : end + 1]
        if following and following not in " \t\r\n.,|:()" and not self._source.startswith("}}", end):
            raise problem(self._source, end, f"bad character {following!r} after {text!r}")

    def _wrong(self, message: str) -> InvalidInputError:
        return problem(self._source, self.position, message)
