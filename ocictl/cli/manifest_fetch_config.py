"""The command `manifest fetch-config`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive, platform_option

if TYPE_CHECKING:
    from ocictl.model.descriptor import Descriptor
    from ocictl.target import ReadOnlyTarget


@click.command("fetch-config", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option(
    "-o", "--output", "file", metavar="PATH", help="File to write the config to; - for standard output."
)
@click.option("--descriptor", is_flag=True, help="Print the descriptor instead of the config.")
@click.option("--pretty", is_flag=True, help="Indent the JSON that is printed.")
@platform_option("Fetch the config of this platform's manifest")
@output_options("text", "json")
@cache_options()
@remote_options()
def command(
    name: str,
    file: str | None,
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    platform: str | None,
    output: OutputOptions,
    cache: CacheOptions,
    remote: RemoteOptions,
) -> None:
    """Print the config of a manifest.

    \b
    Examples:
      ocictl manifest fetch-config localhost:5000/hello:v1
      ocictl manifest fetch-config --pretty --platform linux/arm64 docker.io/library/alpine:3
    """
    from ocictl.cli.targets import locate_selected, open_source
    from ocictl.cli.values import parse_platform
    from ocictl.content import copy_verified, read_all
    from ocictl.ops.fetch import find_config
    from ocictl.output.records import ManifestRecord
    from ocictl.output.render import bare_descriptor, pretty_json

    alone = {f"--format {output.format}": output.as_record, "--quiet": output.quiet}
    check_exclusive({**alone, "--descriptor": descriptor, "--output -": file == "-"})
    check_exclusive({**alone, "--pretty": pretty})
    location, selector = locate_selected(name, remote, "manifest fetch-config")
    target = open_source(location, remote, cache, output.console, output.notices())
    config = find_config(target, selector, platform=parse_platform(platform))
    if file is not None and file != "-":
        _save(target, config, file)
    if output.quiet:
        output.console.line(str(config.digest))
    elif output.as_record:
        output.record(ManifestRecord.fetched(location.path, config, read_all(target, config)))
    elif descriptor:
        output.console.block(bare_descriptor(config, pretty=pretty))
    elif file is None or file == "-":
        if pretty:
            output.console.data(pretty_json(read_all(target, config)))
        else:
            copy_verified(target, config, output.console.binary)


def _save(target: ReadOnlyTarget, config: Descriptor, file: str) -> None:
    from ocictl.cli.files import replacing
    from ocictl.content import copy_verified

    with replacing(file) as opened:
        copy_verified(target, config, opened)
