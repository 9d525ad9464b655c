"""docs/exit-codes.md and docs/errors.md list what the program has."""

from __future__ import annotations

import re

from ocictl.cli.exit_codes import ExitCode
from ocictl.errors import CODES
from tests.support.generated_docs import DOCS, expected, parts


def test_the_table_of_exit_codes_is_the_program_s() -> None:
    """`python -m tests.support.generated_docs` writes it anew."""
    page = DOCS / "exit-codes.md"
    assert parts(page.read_text()) == expected()[page]


def test_every_number_is_explained_once() -> None:
    """Number and meaning, in order."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)
    assert [(int(number), meaning) for number, meaning in rows] == [
        (code.value, code.meaning) for code in ExitCode
    ]


def test_the_table_of_error_codes_is_the_program_s() -> None:
    """`python -m tests.support.generated_docs` writes it anew."""
    page = DOCS / "errors.md"
    assert parts(page.read_text()) == expected()[page]


def test_every_code_is_explained_once() -> None:
    """No code is missing, none is left over."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+) \|$", parts((DOCS / "errors.md").read_text())["codes"], re.MULTILINE
    )
    assert dict(rows) == CODES
    assert len(rows) == len(CODES)
