"""Merging and comparing resource scopes (AUTH-14, AUTH-15)."""

from __future__ import annotations

import pytest

from ocictl.transport.scopes import covers, describe, merge, only_pulls


@pytest.mark.parametrize(
    ("groups", "merged"),
    [
        ([["repository:a:pull"], ["repository:a:push,pull"]], ("repository:a:pull,push",)),
        ([["repository:a:*"], ["repository:a:pull"]], ("repository:a:*",)),
        ([["repository:a:pull"], ["repository:b:pull"]], ("repository:a:pull", "repository:b:pull")),
        (
            [["repository:host:5000/a:pull"], ["repository:host:5000/a:push"]],
            ("repository:host:5000/a:pull,push",),
        ),
        (
            [["repository(plugin):a:pull"], ["repository:a:pull"]],
            ("repository(plugin):a:pull", "repository:a:pull"),
        ),
        ([["aws"], ["aws"]], ("aws",)),
        ([[], []], ()),
    ],
)
def test_merge(groups: list[list[str]], merged: tuple[str, ...]) -> None:
    """Actions are united by type and name; the last colon ends the name; odd scopes are kept."""
    assert merge(*groups) == merged


@pytest.mark.parametrize(
    ("held", "wanted", "answer"),
    [
        (["repository:a:pull,push"], ["repository:a:pull"], True),
        (["repository:a:pull"], ["repository:a:pull,push"], False),
        (["repository:a:*"], ["repository:a:delete"], True),
        (["repository:a:pull"], ["repository:b:pull"], False),
        (["aws"], ["aws"], True),
        (["repository:a:pull"], ["aws"], False),
        (["repository:a:pull"], [], True),
    ],
)
def test_covers(held: list[str], wanted: list[str], answer: bool) -> None:
    """A token for more serves less, never the reverse."""
    assert covers(held, wanted) is answer


def test_only_pulls() -> None:
    """Reading is recognised, writing too."""
    assert only_pulls(["repository:a:pull"])
    assert not only_pulls(["repository:a:pull", "repository:b:pull,push"])


def test_describe() -> None:
    """A message can name action and repository (AUTH-18)."""
    assert describe(["repository:a/b:push,pull"]) == "'pull,push' on repository 'a/b'"
    assert describe(["aws"]) == "'aws'"
    assert describe([]) == ""
