"""Templates are cut into tokens; what is none is refused with its place."""

from __future__ import annotations

import pytest

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate.lexer import tokens


def kinds(source: str) -> list[str]:
    """The kinds of all tokens but spaces and the end."""
    return [token.kind for token in tokens(source) if token.kind not in {"space", "end of template"}]


def texts(source: str) -> list[str]:
    """What stands between actions."""
    return [token.text for token in tokens(source) if token.kind == "text"]


def test_all_kinds() -> None:
    """One of each."""
    assert kinds("a{{if $x.y | f 1 -2.5 \"s\" `r` 'c' true nil . (.z) := = , }}") == [
        *("text", "{{", "if", "variable", "field", "|", "name", "number", "number", "string", "string"),
        *("character", "bool", "nil", ".", "(", "field", ")", ":=", "=", ",", "}}"),
    ]


def test_an_empty_template_has_only_an_end() -> None:
    """It says where it is."""
    assert [(token.kind, token.offset) for token in tokens("")] == [("end of template", 0)]


def test_every_token_knows_its_place() -> None:
    """The offset is that of its text in the template."""
    source = 'text {{- range $i, $e := .a.b -}} {{printf "%d" 3 | len}} {{end}} more'
    found = list(tokens(source))
    assert len(found) > 20
    for token in found:
        assert source.startswith(token.text, token.offset)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a {{- 1}}", ["a"]),
        ("a {{-1}}", ["a "]),
        ("{{1 -}} \n b", ["b"]),
        ("{{1 -}}", []),
        (" {{- 1 -}} ", []),
        ("a {{- /* c */ -}} b", ["a", "b"]),
        ("a {{/* c */}} b", ["a ", " b"]),
        ("{{/* }} */}}x", ["x"]),
        ("{{\n- 1}}", []),
        ("\u00a0{{- 1}}", ["\u00a0"]),
    ],
)
def test_trimming(source: str, expected: list[str]) -> None:
    """A minus with a space next to it takes the spaces outside away: those of ASCII, others stay."""
    assert texts(source) == expected


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        ("a\n {{.b", (2, 2), "the action is not closed"),
        ("{{/* x", (1, 1), "the comment is not closed"),
        ("{{/* x */ y}}", (1, 8), "the comment ends before the closing braces"),
        ('{{ "x }}', (1, 4), "the quoted string is not closed"),
        ('{{ "x\n" }}', (1, 4), "the quoted string is not closed"),
        ("{{ `x }}", (1, 4), "the raw quoted string is not closed"),
        ("{{ 'x }}", (1, 4), "the character constant is not closed"),
        ("{{ (.x }}", (1, 8), "a parenthesis is not closed"),
        ("{{ .x) }}", (1, 6), "unexpected right parenthesis"),
        ("{{ .x! }}", (1, 6), "bad character '!' after '.x'"),
        ("{{ 3k }}", (1, 4), "bad number syntax '3k'"),
        ("{{ ? }}", (1, 4), "unexpected '?'"),
        ("{{ : }}", (1, 4), "unexpected ':'"),
        ("{{ \udc80 }}", (1, 4), "unexpected '\\udc80'"),
        ("{{ ٣ }}", None, ""),
    ],
)
def test_what_is_no_token(source: str, place: tuple[int, int] | None, message: str) -> None:
    """The error names line and column."""
    if place is None:
        assert kinds(source) == ["{{", "name", "}}"]
        return
    with pytest.raises(InvalidInputError) as refused:
        list(tokens(source))
    line, column = place
    assert refused.value.message == f"template, line {line}, column {column}: {message}"
    assert refused.value.details == {"line": line, "column": column}
    assert refused.value.code == "template-invalid"
