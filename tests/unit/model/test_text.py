"""Text from elsewhere can't forge output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.model.text import escape, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 日本 😀 a\u00a0b", "plain äöü 日本 😀 a\u00a0b"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("one\ntwo\r\tthree", "one\\x0atwo\\x0d\\x09three"),
        ("\x7f\x85\x9b", "\\x7f\\x85\\x9b"),
        ("\u202egpj.exe\u2066x\u061c", "\\u202egpj.exe\\u2066x\\u061c"),
        ("a\u2028b\u200bc\ufeff", "a\\u2028b\\u200bc\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    """Control, bidirectional and invisible characters are written out; all others stay."""
    assert escape(text) == shown


@given(st.text())
def test_one_line_and_encodable(text: str) -> None:
    """The result is always one line that UTF-8 can hold."""
    safe = escape(text)
    safe.encode("utf-8")
    assert len(safe.splitlines()) <= 1


def test_shorten() -> None:
    """A long text is cut, and the cut is visible."""
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."
