"""Any text is a template, or is refused properly; evaluating one ends."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocictl.errors import OcictlError
from ocictl.output.gotemplate import Limits, Template
from ocictl.output.gotemplate.library import FUNCTIONS
from tests.support.templates import cases, record

LIMITS = Limits(steps=20_000, text=20_000, output=20_000, depth=20)
DATA: dict[str, Any] = {**record(), "a": {"b": [1, None, "x"]}, "n": None}

_VALUES = st.sampled_from(
    [
        *(".", "$", ".a", ".a.b", ".n", ".missing", "$x", "$.content.x", "nil", "true", "now"),
        *("1", "-2", "1.5", "0x1F", "'a'", '""', '"x"', '"%5.2v|%[1]d"', '"(a|b)*"', '"2006"', "`raw`"),
        *("(list 1 `a` nil)", "(dict `a` .)"),
    ]
)
_NAMES = st.sampled_from(sorted(FUNCTIONS))
_CALLS = st.recursive(
    _VALUES,
    lambda inner: st.builds(
        lambda name, arguments, piped: (
            f"({arguments[0]} | {name} {' '.join(arguments[1:])})"
            if piped and arguments
            else f"({name} {' '.join(arguments)})"
        ),
        _NAMES,
        st.lists(inner, max_size=4),
        st.booleans(),
    ),
    max_leaves=8,
)
_ACTIONS = _CALLS.map(lambda call: f"{{{{{call}}}}}") | st.text(max_size=4)
_TEMPLATES = st.recursive(
    _ACTIONS,
    lambda inner: (
        st.builds(
            lambda word, call, bodies: f"{{{{{word} {call}}}}}{'{{else}}'.join(bodies)}{{{{end}}}}",
            st.sampled_from(["if", "with", "range", "range $i, $x :=", "if $x :=", "range $x ="]),
            _CALLS,
            st.lists(inner, min_size=1, max_size=2),
        )
        | st.lists(inner, max_size=4).map("".join)
    ),
    max_leaves=6,
).map("{{$x := .}}".__add__)


def outcome(template: str, data: object = DATA) -> bytes | OcictlError:
    """Parse and apply a template; nothing but our own error may come out."""
    try:
        return Template.parse(template).render(data, limits=LIMITS)
    except OcictlError as error:
        return error


def check(template: str) -> None:
    """Apply a template: there is an output, or an error with its place."""
    found = outcome(template)
    if isinstance(found, OcictlError):
        assert found.code == "template-invalid"
        assert set(found.details) == {"line", "column"}


@settings(max_examples=300, deadline=None)
@given(st.text())
@example("{{")
@example("{{\udcff}}")
@example('{{"\\')
@example("{{'")
@example("{{/*")
def test_any_text(text: str) -> None:
    """Characters of all kinds."""
    check(text)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*'{}()|.$-"`\\:=, \n', "{{", "}}", "{{- ", " -}}", "if", "end", "range", "x", "1"])
    )
)
def test_any_sequence_of_tokens(parts: list[str]) -> None:
    """Things that belong into templates, in any order."""
    check("".join(parts))


@settings(max_examples=300, deadline=None)
@given(_TEMPLATES)
def test_any_template(template: str) -> None:
    """Functions with all kinds of arguments, in all kinds of blocks."""
    check(template)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([case.template for case in cases()]), st.data())
def test_any_damaged_template(template: str, data: st.DataObject) -> None:
    """A piece of a real one is left out, or doubled."""
    start = data.draw(st.integers(0, len(template)))
    end = data.draw(st.integers(start, len(template)))
    check(template[:start] + template[end:])
    check(template[:end] + template[start:])


@settings(max_examples=300, deadline=None)
@given(
    st.text(), st.lists(st.sampled_from([1, -1, 2.5, "a\n", None, True, [1], {"k": 1}, 10**18]), max_size=3)
)
def test_any_format(text: str, values: list[Any]) -> None:
    """printf takes what it is given."""
    data = {"f": text.replace("a", "%"), "v": [*values, 1, 2, 3]}
    found = outcome("{{printf .f (index .v 0) (index .v 1) (index .v 2)}}", data)
    if isinstance(found, OcictlError):
        assert "not supported" in found.message or "longer than" in found.message


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_json_comes_back(value: Any) -> None:
    """`toJson` and `fromJson` undo each other, for all values that JSON has; on one line and on several."""
    for name in ("toJson", "toPrettyJson", "toRawJson"):
        written = Template.parse(f"{{{{{name} .}}}}").render(value)
        assert json.loads(written, parse_int=float) == value
    assert Template.parse("{{deepEqual . (fromJson (toJson .))}}").render(value) == b"true"
