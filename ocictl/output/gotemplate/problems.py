"""What can be wrong with a template: without a place where it is found, with one where it is reported."""

from __future__ import annotations

from typing import Final

from ocictl.errors import InvalidInputError

CODE: Final = "template-invalid"
_HINT: Final = "docs/templates.md tells what templates can do"


class Fault(Exception):  # noqa: N818 - not an error of ours: whoever knows the place makes one of it
    """Something is wrong at a place that is known further up.

    Attributes:
        message: one line, lower case.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def place(source: str, offset: int) -> tuple[int, int]:
    """Return line and column of a character of the template; both begin with 1."""
    before = source[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def problem(source: str, offset: int, message: str) -> InvalidInputError:
    """Make the error for something that is wrong at a place of the template."""
    line, column = place(source, offset)
    return InvalidInputError(
        f"template, line {line}, column {column}: {message}",
        code=CODE,
        hint=_HINT,
        details={"line": line, "column": column},
    )
