"""The command `repo ls`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options


@click.command("ls", cls=OcictlCommand)
@click.argument("name", metavar="REGISTRY[/NAMESPACE]")
@click.option("--last", metavar="NAME", help="List what comes after this full repository name.")
@output_options("text", "json", quiet=None)
@remote_options(layout=False)
def command(name: str, last: str | None, output: OutputOptions, remote: RemoteOptions) -> None:
    """List the repositories of a registry.

    With a namespace, only what is below it is listed, and as text without it. Many registries do not list their
    repositories, or only to some users.

    \b
    Examples:
      ocictl repo ls localhost:5000
      ocictl repo ls --format json localhost:5000/team
    """
    from ocictl.cli.targets import locate_registry, open_catalog
    from ocictl.ops.listing import list_repositories
    from ocictl.output.registry_records import RepositoriesRecord

    registry, namespace = locate_registry(name, remote)
    catalog = open_catalog(registry, remote, output.console, output.notices())
    names = list_repositories(catalog, namespace=namespace, last=last or None)
    record = RepositoriesRecord(registry=registry, repositories=tuple(names))
    output.show(
        record, "", lambda: [repository.removeprefix(f"{namespace}/") for repository in record.repositories]
    )
