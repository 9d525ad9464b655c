"""Reading and choosing challenges (AUTH-02)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.transport.challenge import Challenge, choose, parse
from tests.support.shared import present, spec_rows


def shape(challenge: Challenge) -> dict[str, Any]:
    """A challenge in the form of the table."""
    if challenge.token68 is not None:
        return {"scheme": challenge.scheme, "token68": challenge.token68}
    return {"scheme": challenge.scheme, "params": dict(challenge.params)}


@pytest.mark.parametrize("row", spec_rows("headers.json", "www_authenticate"))
def test_rows(row: dict[str, Any] | None) -> None:
    """Every row of the table is read as it says; a row with policy `error` offers nothing to answer."""
    row = present(row)
    challenges = parse(row["values"])
    assert [shape(challenge) for challenge in challenges] == row["challenges"]
    if str(row.get("policy", "")).startswith("error"):
        assert choose(challenges) is None
    else:
        best = "bearer" if any(entry["scheme"] == "bearer" for entry in row["challenges"]) else "basic"
        chosen = choose(challenges)
        assert chosen is not None
        assert chosen.scheme == best


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("BASIC realm=Nexus", [{"scheme": "basic", "params": {"realm": "Nexus"}}]),
        (
            "Bearer realm=https://a/t?x=1,service=s",
            [{"scheme": "bearer", "params": {"realm": "https://a/t?x=1", "service": "s"}}],
        ),
        (
            'Bearer realm="https://a/t" service="s"',
            [{"scheme": "bearer", "params": {"realm": "https://a/t", "service": "s"}}],
        ),
        (
            'Bearer realm="https://a/t",service=,scope="x"',
            [{"scheme": "bearer", "params": {"realm": "https://a/t", "service": "", "scope": "x"}}],
        ),
        ('Bearer realm="https://a/t', [{"scheme": "bearer", "params": {"realm": "https://a/t"}}]),
        ('Bearer realm="a",realm="b"', [{"scheme": "bearer", "params": {"realm": "a"}}]),
        (
            "Negotiate YWI=, Basic",
            [{"scheme": "negotiate", "token68": "YWI="}, {"scheme": "basic", "params": {}}],
        ),
        ('"stray", Basic realm="r"', [{"scheme": "basic", "params": {"realm": "r"}}]),
        (", ,Basic", [{"scheme": "basic", "params": {}}]),
        ("NTLM, Negotiate", [{"scheme": "ntlm", "params": {}}, {"scheme": "negotiate", "params": {}}]),
    ],
)
def test_other_forms(value: str, expected: list[dict[str, Any]]) -> None:
    """Capitals, missing commas and quotes, empty values and stray parts, as registries send them."""
    assert [shape(challenge) for challenge in parse([value])] == expected


def test_scopes() -> None:
    """Several scopes are separated by blanks (AUTH-06)."""
    (challenge,) = parse(['Bearer realm="r",scope="repository:a:pull  repository:b:pull,push"'])
    assert challenge.scopes == ("repository:a:pull", "repository:b:pull,push")


@given(st.lists(st.text(alphabet='aB1=,"\\ \t:/~é', max_size=60), max_size=3))
def test_never_fails(values: list[str]) -> None:
    """No text makes the parser fail or hang."""
    for challenge in parse(values):
        assert challenge.scheme
