"""Errors say what went wrong, who says so and what to do next, on lines that nobody can forge."""

from __future__ import annotations

import io
import json

import jsonschema

from ocictl.errors import CODES, NotFoundError, OcictlError, RegistryError
from ocictl.output.console import Console
from ocictl.output.diagnostics import error_lines, report
from tests.support.cli import schema, strict


def test_a_plain_error() -> None:
    """Message and hint, each on its line."""
    assert error_lines(NotFoundError("no such tag 'v1'", hint="list them")) == [
        "error: no such tag 'v1'",
        "hint: list them",
    ]


def test_notes_stand_before_the_hint() -> None:
    """What was going on is added by those who knew."""
    error = OcictlError("x", hint="h")
    error.add_note("while reading 'a'")
    assert error_lines(error) == ["error: x", "note: while reading 'a'", "hint: h"]


def test_every_line_is_escaped() -> None:
    """F10: error texts come from a registry."""
    error = RegistryError(
        "a\nb",
        hint="h\x1b[2J",
        status=500,
        errors=[{"code": "X\n", "message": "\u202e", "detail": {"a": "\n"}}],
    )
    error.add_note("n\nhint: run evil")
    lines = error_lines(error)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_json_is_one_object_on_one_line() -> None:
    """With JSON output the error follows its schema, in a form programs find at the end of standard error."""
    stderr = io.StringIO()
    console = Console(None, stderr, {})
    console.as_json = True
    error = RegistryError("x\ny", hint="h", status=400, errors=[{"code": "X"}])
    error.add_note("n")
    report(console, error, 1)
    assert stderr.getvalue().count("\n") == 1
    found = json.loads(stderr.getvalue())
    jsonschema.validate(found, strict(schema("error")))
    assert found == {
        "error": {
            "code": "registry-error",
            "message": "x\ny",
            "exitCode": 1,
            "hint": "h",
            "notes": ["n"],
            "details": {"status": 400, "errors": [{"code": "X"}]},
        }
    }


def test_codes_are_words() -> None:
    """Codes can be looked up and typed."""
    assert all(code.replace("-", "").isalpha() and code.islower() for code in CODES)
