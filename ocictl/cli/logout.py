"""The command `logout`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.grouping import app_of
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import debug_option


@click.command("logout", cls=OcictlCommand)
@click.argument("name", metavar="REGISTRY")
@click.option(
    "--registry-config",
    "files",
    metavar="PATH",
    multiple=True,
    help="Credential file to remove the login from.",
)
@output_options("text", "json", quiet=None)
@debug_option()
def command(name: str, files: tuple[str, ...], output: OutputOptions) -> None:
    """Remove what is stored for a registry.

    \b
    Example:
      ocictl logout ghcr.io
    """
    from pathlib import Path

    from ocictl.ops.login import logout, registry_name
    from ocictl.output.login_records import LogoutRecord
    from ocictl.transport.credential_lookup import also_known, login_file
    from ocictl.transport.credential_store import LoginStore

    environ = app_of(click.get_current_context()).environ
    registry = registry_name(name)
    paths = [Path(path) for path in files]
    store = LoginStore(login_file(paths, environ=environ), environ=environ)
    erased = logout(registry, store)
    if not erased.found:
        place = erased.helper or str(erased.path)
        output.console.message("notice", f"{place!r} holds no login for {registry!r}, so nothing was removed")
    others = also_known(registry, store.path, paths, environ=environ)
    for place in (*others.before, *others.after):
        output.console.message("warning", f"{place!r} holds another login for {registry!r}, which stays")
    output.show(LogoutRecord.of(registry, erased), "", list)
