"""The command `help`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.grouping import app_of


@click.command("help", cls=OcictlCommand)
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command.

    \b
    Examples:
      ocictl help push
    """
    from ocictl.errors import InvalidInputError

    context = ctx.find_root()
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            raise InvalidInputError(f"there is no command {' '.join(words)!r}", hint="run 'ocictl --help'")
        names = context.help_option_names
        context = click.Context(found, info_name=word, parent=context, help_option_names=names)
    app_of(ctx).console.block(f"{context.get_help()}\n")
