"""The command `completion`, which scripts written for oras may call when a shell starts."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.grouping import app_of

_VARIABLE = "_OCICTL_COMPLETE"


@click.command("completion", cls=OcictlCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--no-descriptions", is_flag=True, hidden=True, expose_value=False)
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that completes command lines.

    \b
    Examples:
      source <(ocictl completion bash)
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell!r}.", ctx=ctx)
    root = ctx.find_root()
    script = kind(root.command, {}, "ocictl", _VARIABLE).source()
    app_of(ctx).console.block(script)
