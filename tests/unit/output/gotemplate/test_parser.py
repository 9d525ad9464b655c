"""Templates are parsed by Go's grammar; what is not allowed is refused with its place."""

from __future__ import annotations

import pytest

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate import nodes
from ocictl.output.gotemplate.parser import MAIN, parse


def known(name: str) -> str | None:
    """Functions have names that begin with f."""
    return None if name.startswith("f") else f"no function {name}"


def body(source: str) -> nodes.Body:
    """The nodes of a template."""
    return parse(source, known)[MAIN]


def test_a_pipeline() -> None:
    """Commands are in order, their operands as well."""
    (action,) = body("{{$x := .a.b | f 1 $.c (f .).d}}")
    assert isinstance(action, nodes.Action)
    assert (action.pipe.variables, action.pipe.assigns) == (("$x",), False)
    first, second = action.pipe.commands
    assert first.operands == (nodes.Field(8, ("a", "b")),)
    assert second.operands[0] == nodes.Function(15, "f")
    assert second.operands[2] == nodes.Variable(19, "$", ("c",))
    chain = second.operands[3]
    assert isinstance(chain, nodes.Chain)
    assert chain.names == ("d",)


@pytest.mark.parametrize(
    ("text", "integer", "real", "plain"),
    [
        ("1", 1, 1.0, 1),
        ("-0x1F", -31, -31.0, -31),
        ("0b1_0", 2, 2.0, 2),
        ("017", 15, 15.0, 15),
        ("0o17", 15, 15.0, 15),
        ("1_000", 1000, 1000.0, 1000),
        ("1.5", None, 1.5, 1.5),
        ("2.0", 2, 2.0, 2.0),
        ("1e3", 1000, 1000.0, 1000.0),
        (".5", None, 0.5, 0.5),
        ("0x1p-2", None, 0.25, 0.25),
        ("'a'", 97, 97.0, 97),
        (r"'\x41'", 65, 65.0, 65),
        ("9223372036854775807", 2**63 - 1, float(2**63), 2**63 - 1),
    ],
)
def test_numbers(text: str, integer: int | None, real: float, plain: float) -> None:
    """A constant is what it is used as: an integer, a real number, or either."""
    (action,) = body(f"{{{{{text}}}}}")
    assert isinstance(action, nodes.Action)
    number = action.pipe.commands[0].operands[0]
    assert number == nodes.Number(2, text, integer, real, plain)
    assert isinstance(number, nodes.Number)
    assert type(number.plain) is type(plain)


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        (r'"a\tb\n\"\\"', 'a\tb\n"\\'),
        (r'"\x41\101é\U0001F600"', "AAé😀"),
        (r'"\xff"', "\udcff"),
        (r'"\xc3\xa9"', "é"),
        ("`a\\n\r\nb`", "a\\n\nb"),
        (r'"\a\b\f\r\v"', "\a\b\f\r\v"),
    ],
)
def test_strings(quoted: str, value: str) -> None:
    """Escapes are those of Go; bytes that make up a character become one."""
    (action,) = body(f"{{{{{quoted}}}}}")
    assert isinstance(action, nodes.Action)
    assert action.pipe.commands[0].operands == (nodes.String(2, value),)


def test_else_if_is_an_if_inside_of_else() -> None:
    """One end is enough for all."""
    (branch,) = body("{{if .a}}1{{else if .b}}2{{else}}3{{end}}")
    assert isinstance(branch, nodes.Branch)
    assert branch.other is not None
    (inner,) = branch.other
    assert isinstance(inner, nodes.Branch)
    assert inner.other == (nodes.Text(33, "3"),)


def test_definitions_are_found_by_name() -> None:
    """A blank one gives way to one that is not; a block is defined and called."""
    bodies = parse('{{define "a"}} {{end}}{{define "a"}}x{{end}}{{block "b" .}}y{{end}}', known)
    assert bodies["a"] == (nodes.Text(36, "x"),)
    assert bodies["b"] == (nodes.Text(59, "y"),)
    assert [node.name for node in bodies[MAIN] if isinstance(node, nodes.Call)] == ["b"]


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        ("{{end}}", (1, 3), "unexpected {{end}}"),
        ("{{else}}", (1, 3), "unexpected {{else}}"),
        ("x\n{{if .a}}", (2, 10), "an {{end}} is missing"),
        ("{{if}}{{end}}", (1, 5), "a value is missing in {{if}}"),
        ("{{}}", (1, 3), "a value is missing in an action"),
        ("{{| f}}", (1, 3), "an empty command"),
        ("{{g}}", (1, 3), "no function g"),
        ("{{.a\n| g}}", (2, 3), "no function g"),
        ("{{$x}}", (1, 3), "undefined variable '$x'"),
        ("{{if true}}{{$x := 1}}{{end}}{{$x}}", (1, 32), "undefined variable '$x'"),
        ('{{define "t"}}{{$x := 1}}{{end}}{{$x}}', (1, 35), "undefined variable '$x'"),
        ("{{break}}", (1, 3), "{{break}} outside of {{range}}"),
        (
            '{{range .}}{{block "b" .}}{{continue}}{{end}}{{end}}',
            (1, 29),
            "{{continue}} outside of {{range}}",
        ),
        ("{{1 | 2}}", (1, 7), "'2' is no function and can't take what comes before it"),
        ('{{"a".b}}', (1, 6), "a constant has no fields"),
        ("{{$a, $b := .}}", (1, 5), "too many variables in an action"),
        ("{{range $a, $b, $c := .}}{{end}}", (1, 15), "too many variables in {{range}}"),
        ("{{range $a, .b}}{{end}}", (1, 13), "unexpected '.b' in {{range}}"),
        ("{{.a := 1}}", (1, 6), "unexpected ':=' in an action"),
        ('{{if true}}{{define "x"}}{{end}}{{end}}', (1, 14), "unexpected 'define' in an action"),
        ('{{define "x"}}{{else}}{{end}}', (1, 17), "unexpected {{else}} in a definition"),
        ('{{define "t"}}a{{end}}{{define "t"}}b{{end}}', (1, 32), "template 't' is defined twice"),
        ("{{define x}}{{end}}", (1, 10), "unexpected 'x' in a definition"),
        ("{{template x}}", (1, 12), "unexpected 'x' in {{template}}"),
        ("{{if .}}{{else with .}}{{end}}", (1, 16), "unexpected with after {{else}}"),
        ("{{if .}}{{else}}{{else}}{{end}}", (1, 19), "unexpected {{else}}, an {{end}} is missing"),
        (r'{{"\q"}}', (1, 3), r"unknown escape \q in a constant"),
        (r'{{"\400"}}', (1, 3), r"\400 in a constant is more than a byte"),
        (r'{{"\ud800"}}', (1, 3), r"\ud800 in a constant is no character"),
        ("{{'ab'}}", (1, 3), "malformed character constant 'ab'"),
        ("{{''}}", (1, 3), "malformed character constant ''"),
        ("{{1i}}", (1, 3), "complex numbers like 1i are not supported"),
        ("{{089}}", (1, 3), "illegal number syntax '089'"),
        ("{{0b12}}", (1, 3), "bad number syntax '0b12'"),
        ("{{9223372036854775808}}", (1, 3), "9223372036854775808 is too large for an integer"),
        ("{{1e999}}", (1, 3), "illegal number syntax '1e999'"),
        ("{{-}}", (1, 3), "illegal number syntax '-'"),
    ],
)
def test_what_is_not_allowed(source: str, place: tuple[int, int], message: str) -> None:
    """The error names line and column, and what is wrong in the words of the template."""
    with pytest.raises(InvalidInputError) as refused:
        parse(source, known)
    assert refused.value.message == f"template, line {place[0]}, column {place[1]}: {message}"


@pytest.mark.parametrize(
    "opening", ["{{if .}}", "{{with .}}", '{{block "b" .}}', "{{if .}}{{else if .}}", "{{(("]
)
def test_nesting_ends_somewhere(opening: str) -> None:
    """Thousands of levels are refused before the parser itself gets too deep."""
    source = opening * 5000 if opening != "{{((" else "{{" + "(" * 5000
    with pytest.raises(InvalidInputError, match="nested more than 50 levels deep"):
        parse(source, known)


def test_some_nesting_is_fine() -> None:
    """Nobody writes more than this."""
    assert body("{{" + "(" * 40 + "1" + ")" * 40 + "}}")
    assert body("{{if .}}" * 40 + "{{end}}" * 40)
    assert body("{{if .}}" + "{{else if .}}" * 40 + "{{end}}")
