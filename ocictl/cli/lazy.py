"""Groups that know their commands by name and summary, and import one only to run it or show its help."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from ocictl.cli.grouping import Helpful


class Entry(NamedTuple):
    """One row of a command table.

    Attributes:
        module: where the command is, as `MODULE:ATTRIBUTE`.
        summary: the first line of its help; a test compares.
        aliases: other names, not shown in the list.
    """

    module: str
    summary: str
    aliases: tuple[str, ...] = ()


class LazyGroup(Helpful, click.Group):
    """A group over a table of commands, and perhaps of others that are not listed."""

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, Entry],
        unlisted: Mapping[str, Entry] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        self.unlisted = unlisted or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Without a command the help is what was asked for, as in oras.
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        for name, entry in (*self.table.items(), *self.unlisted.items()):
            if cmd_name == name or cmd_name in entry.aliases:
                module, _colon, attribute = entry.module.partition(":")
                command = getattr(import_module(module), attribute)
                assert isinstance(command, click.Command)  # noqa: S101 - the table is ours
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        # The base class would load every command for its help.
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.table.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)
