"""Regular expressions find what Go's find, in linear time."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.regex import Found, Regex
from ocictl.output.gotemplate.regex_syntax import PatternError
from ocictl.output.gotemplate.values import Budget, Limits


def search(pattern: str, text: str) -> Found | None:
    """Find the first match."""
    budget = Budget(Limits())
    return Regex(budget, pattern).search(budget, text)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a|ab", "ab", "a"),
        ("a*?b", "aab", "aab"),
        ("(?U)a+", "aaa", "a"),
        ("(?U)a+?", "aaa", "aaa"),
        ("(?i)[a-c]+X", "ABCx", "ABCx"),
        ("(?i:a)b", "Ab", "Ab"),
        ("(?i)a(?-i)b", "AB", None),
        ("a.c", "a\nc", None),
        ("(?s)a.c", "a\nc", "a\nc"),
        ("^b", "a\nb", None),
        ("(?m)^b$", "a\nb\nc", "b"),
        ("b$", "b\n", None),
        (r"\Ab\z", "b", "b"),
        (r"\bb\B", "a bc", "b"),
        (r"[\d-]+", "a1-2", "1-2"),
        (r"[^\W_]+", "_ab_", "ab"),
        ("[]-]+", "a]-", "]-"),
        ("[^]a]", "]ab", "b"),
        ("[[:^digit:]]+", "12ab", "ab"),
        (r"\x{e9}\xe9\351", "ééé", "ééé"),
        (r"\pL+\p{Nd}\P{L}\p{^L}", "äö5..", "äö5.."),
        ("a{2}", "aaa", "aa"),
        ("a{2,}", "aaaa", "aaaa"),
        ("a{1,2}?", "aaa", "a"),
        ("a{", "a{", "a{"),
        ("a{,1}", "a{,1}", "a{,1}"),
        (r"\Qa.b\E*", "a.bbb", "a.bbb"),
        (r"\Q\E+?", "x", None),
        (r"\Qa+", "a+", "a+"),
        ("(|a)*", "aa", ""),
        ("(a|b)*?c", "abac", "abac"),
        ("", "abc", ""),
        ("()|.", "abc", ""),
    ],
)
def test_search(pattern: str, text: str, found: str | None) -> None:
    r"""The syntax of Go: `\z`, `(?U)`, `\pL`, classes, flags that end with their group."""
    if pattern.startswith(r"\Q\E+"):
        with pytest.raises(PatternError):
            search(pattern, text)
        return
    match = search(pattern, text)
    assert (None if match is None else text[match[0] : match[1]]) == found


def test_groups() -> None:
    """Their places are remembered; those that took no part have none."""
    assert search("(a)|(?P<name>b)(c)?", "xb") == (1, 2, -1, -1, 1, 2, -1, -1)
    assert Regex(Budget(Limits()), "(?<x>a)(?P<y>b)").names == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "a)", "(?", "(?x)a", "(?)", "(?P<n", "(?P<n>a)(?P<n>b)", "(?P=n)", "(?=a)", "(?!a)"),
        *("*", "a**", "a+*", "a|*", "^*+", "a{2}{3}", "a{1001}", "a{2,1}", "a{99999999999999999999}"),
        *("[", "[]", "[^]", "[a", "[b-a]", "[[:foo:]]", "[a-", r"[\8]", r"[a-\d]"),
        *("\\", r"\8", r"\1", r"\k", r"\Z", r"\x{110000}", r"\xg", r"\é", r"\_"),
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    """Go refuses the same."""
    with pytest.raises(PatternError, match="is not valid"):
        Regex(Budget(Limits()), pattern)


def test_scripts_are_not_supported() -> None:
    """They are valid, so this is told apart."""
    with pytest.raises(Fault, match="Greek") as refused:
        Regex(Budget(Limits()), r"\p{Greek}")
    assert not isinstance(refused.value, PatternError)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(a)", "(?:b)", "(ab)", "(a|b)", r"\w"])
_PLACES = st.sampled_from([r"\b", "^", "$"])  # Python does not repeat them
_PIECES = st.builds(
    "{}{}".format,
    _ATOMS,
    st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,1}?"]),
)
_PATTERNS = st.lists(st.lists(_PIECES | _PLACES, max_size=4).map("".join), min_size=1, max_size=3).map(
    "|".join
)


@settings(max_examples=300, deadline=None)
@given(_PATTERNS, st.text("abc\n", max_size=8))
def test_python_finds_the_same(pattern: str, text: str) -> None:
    """Where the languages agree, so do the engines: which match, and what the groups hold."""
    match = re.search(pattern.replace("$", r"\Z"), text)
    found = search(pattern, text)
    assert (found is None) == (match is None)
    if match is not None and found is not None:
        assert found == tuple(
            place for group in range((match.re.groups or 0) + 1) for place in match.span(group)
        )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20) | st.text("()[]{}*+?|\\^$.:-,Pi<>aQE19dw", max_size=20), st.text(max_size=10))
def test_any_pattern_ends(pattern: str, text: str) -> None:
    """It matches, it does not, or it is refused."""
    budget = Budget(Limits(steps=50_000))
    with suppress(Fault):
        list(Regex(budget, pattern).all_matches(budget, text))
