"""The command `blob fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive

if TYPE_CHECKING:
    from ocictl.model.descriptor import Descriptor
    from ocictl.target import ReadOnlyTarget


@click.command("fetch", cls=OcictlCommand)
@click.argument("name", metavar="NAME@DIGEST")
@click.option(
    "-o", "--output", "file", metavar="PATH", help="File to write the blob to; - for standard output."
)
@click.option("--descriptor", is_flag=True, help="Print the descriptor.")
@click.option("--pretty", is_flag=True, help="Indent the descriptor.")
@output_options("text", "json", progress=True)
@cache_options()
@remote_options()
def command(
    name: str,
    file: str | None,
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    cache: CacheOptions,
    remote: RemoteOptions,
) -> None:
    """Fetch a blob as it is stored.

    A file gets its name when the blob is complete and verified. On standard output the blob is verified at its
    end: exit code 6 says that what was printed is wrong.

    \b
    Examples:
      ocictl blob fetch --output data.bin localhost:5000/hello@sha256:DIGEST
      ocictl blob fetch --descriptor localhost:5000/hello@sha256:DIGEST
    """
    from ocictl.cli.targets import locate_blob, open_source
    from ocictl.content import copy_verified
    from ocictl.errors import InvalidInputError
    from ocictl.output.records import FileRecord, absolute
    from ocictl.output.render import bare_descriptor

    alone = {f"--format {output.format}": output.as_record, "--quiet": output.quiet}
    check_exclusive({**alone, "--descriptor": descriptor, "--output -": file == "-"})
    check_exclusive({**alone, "--pretty": pretty})
    if file is None and not (descriptor or output.as_record or output.quiet):
        raise InvalidInputError(
            "neither --output nor --descriptor is provided",
            hint="write --output PATH, or --output - to print it",
        )
    location, digest = locate_blob(name, remote, "blob fetch")
    target = open_source(location, remote, cache, output.console, output.notices(), concurrency=4)
    found = target.resolve_blob(digest)
    if file == "-":
        copy_verified(target, found, output.console.binary)
    elif file is not None:
        _save(target, found, file, output)
    record = FileRecord.written(location.path, found, absolute(Path(file)) if file is not None else None)
    if output.quiet or output.as_record:
        output.show(record, record.digest, list)
    elif descriptor:
        output.console.block(bare_descriptor(found, pretty=pretty))


def _save(target: ReadOnlyTarget, blob: Descriptor, file: str, output: OutputOptions) -> None:
    from ocictl.cli.files import replacing
    from ocictl.content import copy_verified
    from ocictl.events import TransferAdvanced, TransferFinished, TransferStarted

    with output.transfers(lines=False) as on_event, replacing(file) as opened:
        on_event(TransferStarted(descriptor=blob, direction="pull"))
        copy_verified(
            target,
            blob,
            opened,
            lambda count: on_event(TransferAdvanced(descriptor=blob, offset=count)),
        )
        on_event(TransferFinished(descriptor=blob, direction="pull"))
