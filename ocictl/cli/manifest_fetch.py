"""The command `manifest fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive, platform_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocictl.model.descriptor import Descriptor


@click.command("fetch", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option(
    "-o", "--output", "file", metavar="PATH", help="File to write the manifest to; - for standard output."
)
@click.option("--descriptor", is_flag=True, help="Print the descriptor instead of the manifest.")
@click.option("--pretty", is_flag=True, help="Indent the JSON that is printed.")
@click.option("--media-type", metavar="TYPE[,TYPE...]", multiple=True, help="Accept these types only.")
@platform_option("Fetch this platform's manifest")
@output_options("text", "json")
@cache_options()
@remote_options()
def command(
    name: str,
    file: str | None,
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    media_type: tuple[str, ...],
    platform: str | None,
    output: OutputOptions,
    cache: CacheOptions,
    remote: RemoteOptions,
) -> None:
    """Print a manifest as it is stored.

    \b
    Examples:
      ocictl manifest fetch localhost:5000/hello:v1
      ocictl manifest fetch --descriptor --platform linux/arm64 docker.io/library/alpine:3
    """
    from ocictl.cli.files import write_file
    from ocictl.cli.targets import locate_selected, open_source
    from ocictl.cli.values import parse_platform
    from ocictl.errors import InvalidInputError
    from ocictl.ops.fetch import fetch_manifest
    from ocictl.output.records import ManifestRecord
    from ocictl.output.render import bare_descriptor, pretty_json

    alone = {f"--format {output.format}": output.as_record, "--quiet": output.quiet}
    check_exclusive({**alone, "--descriptor": descriptor, "--output -": file == "-"})
    check_exclusive({**alone, "--pretty": pretty})
    location, selector = locate_selected(name, remote, "manifest fetch")
    accepted = [name.strip() for names in media_type for name in names.split(",") if name.strip()]
    if accepted and location.reference is None:
        raise InvalidInputError(
            "--media-type can't be used with an OCI layout", hint="a layout holds one form of each manifest"
        )
    target = open_source(location, remote, cache, output.console, output.notices(), accept=accepted)
    found, raw = fetch_manifest(target, selector, platform=parse_platform(platform))
    _check_type(found, accepted)
    record = ManifestRecord.fetched(location.path, found, raw)
    if file is not None and file != "-":
        write_file(file, raw)
    if output.quiet or output.as_record:
        output.show(record, record.digest, list)
    elif descriptor:
        output.console.block(bare_descriptor(found, pretty=pretty))
    elif file is None or file == "-":
        output.console.data(pretty_json(raw) if pretty else raw)


def _check_type(found: Descriptor, wanted: Sequence[str]) -> None:
    """Registries may answer with a type that was not asked for; some do not even look."""
    from ocictl.errors import NotFoundError
    from ocictl.model.media_types import same

    if wanted and not any(same(found.media_type, name) for name in wanted):
        raise NotFoundError(
            f"manifest {found.digest} is {found.media_type!r}, which is not among the accepted types",
            hint=f"add --media-type {found.media_type}, or leave --media-type out",
            details={"mediaType": found.media_type, "accepted": list(wanted)},
        )
