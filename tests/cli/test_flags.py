"""Spellings that scripts written for oras use."""

from __future__ import annotations

from typing import Any

import click
import pytest

from ocictl.cli.command import OcictlCommand


def _parse(*arguments: str) -> dict[str, Any]:
    command = OcictlCommand(
        "x",
        params=[
            click.Argument(["names"], nargs=-1),
            click.Option(["--plain-http"], is_flag=True, flag_value=True, default=None),
            click.Option(["-k", "--keep"], is_flag=True),
            click.Option(["-a", "--annotation"], multiple=True),
            click.Option(["-o", "--output"]),
        ],
    )
    return command.make_context("x", list(arguments)).params


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], None),
        (["--plain-http"], True),
        (["--plain-http=true"], True),
        (["--plain-http=1"], True),
        (["--plain-http=T"], True),
        (["--plain-http=false"], False),
        (["--plain-http=0"], False),
        (["--plain-http", "--plain-http=false"], False),
        (["--plain-http=false", "--plain-http"], True),
        (["--", "--plain-http=false"], None),
    ],
)
def test_flags_take_the_booleans_of_go(arguments: list[str], value: bool | None) -> None:
    """`--flag=true` and `--flag=false` work; not given is told from given as false."""
    assert _parse(*arguments)["plain_http"] is value


def test_other_values_of_a_flag_are_refused() -> None:
    """A typing error is not taken for true."""
    with pytest.raises(click.BadParameter, match="'maybe' is not true or false"):
        _parse("--plain-http=maybe")


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["-o=out"], "output", "out"),
        (["-oout"], "output", "out"),
        (["-o", "=out"], "output", "=out"),
        (["--output=a=b"], "output", "a=b"),
        (["-a=k=v", "-a", "x=y"], "annotation", ("k=v", "x=y")),
        (["a", "-k", "b"], "keep", True),
        (["-k=true"], "keep", True),
        (["-k", "-k=false"], "keep", False),
        (["a", "-k", "b"], "names", ("a", "b")),
    ],
)
def test_short_options(arguments: list[str], name: str, value: object) -> None:
    """`-x=value` is read as Go reads it; options may stand after arguments."""
    assert _parse(*arguments)[name] == value
