"""Annotations in the tree are quoted as oras quotes them, and never break a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.model.text import escape
from ocictl.output.yaml import scalar

# Observed with oras 1.3.6, except for the rows of `test_what_could_drive_a_terminal_is_escaped`.
_ORAS = {
    "plain": "plain",
    "a b": "a b",
    "a:b": "a:b",
    "https://x/y?z#w": "https://x/y?z#w",
    "sha256:abc": "sha256:abc",
    "ünï": "ünï",
    "a\\b": "a\\b",
    "=": "=",
    "1.2.3": "1.2.3",
    "-x": "-x",
    "": '""',
    "123": '"123"',
    "1.5": '"1.5"',
    "0x10": '"0x10"',
    "010": '"010"',
    "1_000": '"1_000"',
    ".inf": '".inf"',
    "true": '"true"',
    "null": '"null"',
    "~": '"~"',
    "2020-01-01": '"2020-01-01"',
    "2026-11-24T17:36:37Z": '"2026-11-24T17:36:37Z"',
    "yes": "'yes'",
    "n": "'n'",
    "<<": "'<<'",
    "1:30": "'1:30'",
    "- x": "'- x'",
    "? x": "'? x'",
    "k: y": "'k: y'",
    "x:": "'x:'",
    "x #y": "'x #y'",
    "# c": "'# c'",
    "*x": "'*x'",
    "{a}": "'{a}'",
    ",x": "',x'",
    '"x"': "'\"x\"'",
    "'x'": "'''x'''",
    " lead ": "' lead '",
    "---": "'---'",
    "a\tb": '"a\\tb"',
}


@pytest.mark.parametrize(("text", "shown"), _ORAS.items())
def test_strings_are_quoted_as_oras_does(text: str, shown: str) -> None:
    """What oras leaves plain stays plain, and each kind of quote is used where oras uses it."""
    assert scalar(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", '"a\\nb"'),
        ("\x1b[2J", '"\\x1b[2J"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("\x9b2J", '"\\x9b2J"'),
        ('q"\n', '"q\\"\\n"'),
    ],
)
def test_what_could_drive_a_terminal_is_escaped(text: str, shown: str) -> None:
    """F10: a line end can't forge a line; escapes, C1 and bidirectional marks are shown, not sent."""
    assert scalar(text) == shown


@given(st.text())
def test_every_string_is_one_safe_line(text: str) -> None:
    """Whatever an annotation holds, its scalar needs no further escaping."""
    shown = scalar(text)
    assert escape(shown) == shown
    assert len(shown.splitlines()) == 1


@given(st.text(alphabet="ab01:#-?'\" ,.[]{}&*!|>%@`~=+_eE\\/Zn\t\n", max_size=8))
def test_scalars_read_back_as_the_same_string(text: str) -> None:
    """A YAML reader finds the annotation again, as a string."""
    yaml = pytest.importorskip("yaml")
    # PyYAML reads YAML 1.1 and resolves fewer words than oras quotes, never more, but for "=".
    if text != "=":
        assert yaml.safe_load(f"key: {scalar(text)}\n") == {"key": text}
