"""Help: there for every command, and the same in the table and in the command."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from ocictl.cli.lazy import Entry, LazyGroup
from ocictl.cli.main import cli
from tests.support.cli import ocictl


def _commands(
    group: LazyGroup, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Entry, click.Command]]:
    context = click.Context(group)
    for name, entry in group.table.items():
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), entry, command
        if isinstance(command, LazyGroup):
            yield from _commands(command, (*path, name))


COMMANDS = list(_commands(cli))


@pytest.mark.parametrize(
    ("path", "entry", "command"), COMMANDS, ids=[" ".join(path) for path, *_ in COMMANDS]
)
def test_the_summary_is_the_first_line_of_the_help(
    path: tuple[str, ...], entry: Entry, command: click.Command
) -> None:
    """The table is what `--help` of the group shows without importing the command."""
    assert (command.help or "").splitlines()[0] == entry.summary
    assert command.name == path[-1]


@pytest.mark.parametrize(
    ("path", "entry", "command"), COMMANDS, ids=[" ".join(path) for path, *_ in COMMANDS]
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_each_help_works(path: tuple[str, ...], entry: Entry, command: click.Command, flag: str) -> None:
    """Help is on standard output and a success."""
    outcome = ocictl(*path, flag)
    assert outcome.stdout.startswith(f"Usage: ocictl {' '.join(path)} ")
    assert entry.summary in outcome.stdout
    assert outcome.stderr == ""


@pytest.mark.parametrize("path", [[], ["manifest"], ["blob"], ["cache"]])
def test_a_group_without_a_command_shows_its_help(path: list[str]) -> None:
    """As oras does, with success."""
    assert ocictl(*path).stdout == ocictl(*path, "--help").stdout


LEAVES = [(path, command) for path, _entry, command in COMMANDS if not isinstance(command, LazyGroup)]


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_each_command_has_an_example_a_format_and_explained_options(
    path: tuple[str, ...], command: click.Command
) -> None:
    """Nobody has to guess."""
    assert f"  ocictl {' '.join(path)} " in (command.help or "")
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert "--format" in [name for option in options for name in option.opts]
    assert all(option.help for option in options if not option.hidden)


@pytest.mark.parametrize(
    ("path", "same"),
    [
        (("digest",), ("resolve",)),
        (("copy",), ("cp",)),
        (("manifest", "get"), ("manifest", "fetch")),
        (("manifest", "show"), ("manifest", "fetch")),
        (("blob", "get"), ("blob", "fetch")),
    ],
)
def test_aliases(path: tuple[str, ...], same: tuple[str, ...]) -> None:
    """The other names of oras work and are not listed."""
    group: click.Group = cli
    commands = []
    for names in (path, same):
        command: click.Command = group
        for name in names:
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), name)
            assert found is not None
            command = found
        commands.append(command)
    assert commands[0] is commands[1]
    assert f"\n  {path[-1]} " not in ocictl(*path[:-1], "--help").stdout


def test_completion_offers_names_without_importing() -> None:
    """Shell completion lists commands by the table."""
    offered = cli.shell_complete(click.Context(cli), "p")
    assert [item.value for item in offered] == ["push", "pull"]
    assert offered[0].help == cli.table["push"].summary
