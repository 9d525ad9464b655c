"""docs/network.md says what the program does."""

from __future__ import annotations

import re

import pytest

from ocictl.transport import certs_d
from ocictl.transport.config import Limits
from ocictl.transport.retry import TEMPORARY
from tests.support.generated_docs import DOCS, commands

PAGE = (DOCS / "network.md").read_text()
_ROWS = re.findall(r"^\| `(\w+)` \| ([\d.]+)(?: \w+)? \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("member", "value"), _ROWS)
def test_limits(member: str, value: str) -> None:
    """The numbers of the table are the defaults."""
    assert float(getattr(Limits(), member)) == float(value)


def test_the_table_is_there() -> None:
    """A table that can't be read would agree with everything."""
    assert len(_ROWS) == 18


def test_statuses() -> None:
    """The statuses that are tried again."""
    line = next(line for line in PAGE.splitlines() if line.startswith("- status "))
    assert {int(number) for number in re.findall(r"\d{3}", line)} == TEMPORARY


def test_directories() -> None:
    """The directories of certificates, in their order."""
    listed = re.findall(r"^- `(.*certs\.d)/HOST\[:PORT\]`$", PAGE, re.MULTILINE)
    found = [str(path) for path in certs_d.standard_directories()]
    assert [name.lstrip("~") for name in listed] == [found[0][-len(listed[0]) + 1 :], *found[1:]]


def test_options_exist() -> None:
    """Every option named is one of `pull`, and the variables are those of the program."""
    pull = commands()["pull"]
    known = {name for param in pull.params for name in param.opts}
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert named - {"--quiet"} <= known
    variables = {str(param.envvar) for param in pull.params if getattr(param, "envvar", None)}
    assert set(re.findall(r"OCICTL_[A-Z]+", PAGE)) == {"OCICTL_RETRIES", "OCICTL_TIMEOUT"} <= variables


def test_defaults_in_words() -> None:
    """The help and the page name the same defaults as the program has."""
    limits = Limits()
    assert f"`OCICTL_RETRIES`; {limits.attempts - 1} if neither" in PAGE
    assert f"`OCICTL_TIMEOUT`; {limits.idle_timeout:g} if neither" in PAGE
    helps = {
        name: param.help
        for param in commands()["pull"].params
        for name in param.opts
        if hasattr(param, "help")
    }
    assert f"Default: {limits.attempts - 1}." in str(helps["--retries"])
    assert f"Default: {limits.idle_timeout:g}." in str(helps["--timeout"])
