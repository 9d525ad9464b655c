"""The command `resolve`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import platform_option


@click.command("resolve", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option("-l", "--full-reference", is_flag=True, help="Print NAME@DIGEST instead of the digest.")
@platform_option("Print the digest of this platform's manifest")
@output_options("text", "json")
@remote_options()
def command(
    name: str,
    full_reference: bool,  # noqa: FBT001 - click passes by name
    platform: str | None,
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Print the digest that a tag points to.

    \b
    Examples:
      ocictl resolve localhost:5000/hello:v1
      ocictl resolve --full-reference --platform linux/arm64 docker.io/library/alpine:3
    """
    from ocictl.cli.targets import locate_selected, open_readable
    from ocictl.cli.values import parse_platform
    from ocictl.ops.resolve import resolve
    from ocictl.output.records import DescriptorRecord

    location, selector = locate_selected(name, remote, "resolve")
    target = open_readable(location, remote, output.console, output.notices())
    descriptor = resolve(target, selector, platform=parse_platform(platform))
    record = DescriptorRecord.of(location.path, descriptor)
    output.show(record, record.digest, lambda: [record.reference if full_reference else record.digest])
