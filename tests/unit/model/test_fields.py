"""Reading and writing JSON: strict in, stable out (section JSON)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model import _fields


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        pytest.param(b'{"a":1,"a":1}', "JSON-02", id="duplicate-name"),
        pytest.param(b'{"a":{"b":1,"b":2}}', "JSON-02", id="nested-duplicate-name"),
        pytest.param(b'{"a":NaN}', "JSON-01", id="NaN"),
        pytest.param(b'{"a":-Infinity}', "JSON-01", id="infinity"),
        pytest.param(b'{"a":1,}', "JSON-01", id="trailing-comma"),
        pytest.param(b"", "JSON-01", id="empty"),
        pytest.param(b"{} {}", "JSON-01", id="two-values"),
        pytest.param(b'{"a":"\xff"}', "JSON-01", id="not-utf-8"),
        pytest.param('{"a":1}'.encode("utf-16"), "JSON-01", id="utf-16"),
        pytest.param(b"\xef\xbb\xbf{}", "JSON-01", id="byte-order-mark"),
        pytest.param(b'{"a":"\\ud800"}', "JSON-01", id="lone-surrogate"),
        pytest.param(b'{"\\uDfff":1}', "JSON-01", id="lone-surrogate-in-name"),
        pytest.param(b"[" * 100_000, "JSON-01", id="very-deep"),
        pytest.param(b"9" * 5000, "JSON-01", id="endless-number"),
    ],
)
def test_load_is_strict(raw: bytes, rule: str) -> None:
    """PY-07: what the standard parser lets through is refused, with its rule."""
    with pytest.raises(ContentError) as caught:
        _fields.load(raw)
    assert caught.value.details["rule"] == rule
    assert caught.value.details["place"] == "$"


def test_load_takes_escaped_pairs() -> None:
    """A pair of escaped surrogates is one character, as Python's own encoder writes it."""
    assert _fields.load(json.dumps({"a": "😀"}).encode("ascii")) == {"a": "😀"}


def test_dump_writes_as_go_does() -> None:
    """JSON-03: compact, UTF-8, and with Go's escapes, so that equal input gives equal digests."""
    value = {"b": "<a&b>", "a": ["é", "\u2028\u2029", '"', 1]}
    assert _fields.dump(value) == (
        b'{"b":"\\u003ca\\u0026b\\u003e","a":["\xc3\xa9","\\u2028\\u2029","\\"",1]}'
    )
    assert _fields.load(_fields.dump(value)) == value


@pytest.mark.parametrize("value", [float("inf"), "\ud800"], ids=["infinity", "surrogate"])
def test_dump_refuses_what_json_cannot_hold(value: Any) -> None:
    """1e999 can be read, as infinity; writing it again would change the document."""
    with pytest.raises(ContentError, match="written as JSON"):
        _fields.dump({"a": value})


@pytest.mark.parametrize("value", [None, True, 7.0, "7", -1, 2**63, [7]])
def test_integer_is_a_non_negative_int64(value: Any) -> None:
    """DESC-04, PY-10: a boolean is not a size, neither is 7.0."""
    with pytest.raises(ContentError) as caught:
        _fields.Members({"size": value}, "$.x", rule="DESC-01").integer("size")
    assert caught.value.details == {"place": "$.x.size", "rule": "DESC-04"}


def test_members_are_taken_once_and_the_rest_is_left() -> None:
    """JSON-04: what nobody asked for is still there, in its order."""
    known = _fields.Members({"a": "x", "z": 1, "b": ["y"], "c": None}, "$", rule="R")
    assert known.string("a") == "x"
    assert known.optional_strings("b") == ("y",)
    assert known.optional_string("missing") is None
    assert list(known.rest().items()) == [("z", 1), ("c", None)]


def test_place_and_reason_are_cut() -> None:
    """A hostile document can't flood the terminal through its error."""
    error = _fields.malformed("$." + "a" * 10_000, "b" * 10_000, "R")
    assert len(error.message) < 1000


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (False, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
    ],
)
def test_kind_speaks_json(value: Any, name: str) -> None:
    """Messages use the words of JSON, not of Python."""
    assert _fields.kind(value) == name


def test_maps_are_sorted_as_go_sorts_them() -> None:
    """Go sorts keys by their bytes: U+FF61 comes before a character outside the basic plane."""
    keys = ["b", "a", "B", "\U0001f600", "\uff61"]
    assert list(_fields.sorted_map(dict.fromkeys(keys, ""))) == ["B", "a", "b", "\uff61", "\U0001f600"]
