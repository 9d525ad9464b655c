"""The command `manifest push`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive, check_stdin_is_free, concurrency_option


@click.command("push", cls=OcictlCommand)
@click.argument("name", metavar="NAME[:TAG[,TAG...]|@DIGEST]")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--media-type", metavar="TYPE", help="Media type; the member mediaType of the file if left out."
)
@click.option("--descriptor", is_flag=True, help="Print the descriptor.")
@click.option("--pretty", is_flag=True, help="Indent the descriptor.")
@concurrency_option(5, "How many tags are written at once.")
@output_options("text", "json")
@remote_options(referrers=True)
def command(
    name: str,
    file: str,
    media_type: str | None,
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    concurrency: int,
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Push a manifest or index from a file.

    The bytes stay as they are. What it points to must be there already; - reads standard input. A manifest that
    names a subject comes into the list of what is attached to that.

    \b
    Examples:
      ocictl manifest push localhost:5000/hello:v1,latest manifest.json
      ocictl manifest fetch localhost:5000/hello:v1 | ocictl manifest push --oci-layout hello:v1 -
    """
    from ocictl.cli.files import read_file
    from ocictl.cli.targets import locate_copy, open_target
    from ocictl.ops.manifest import push_manifest
    from ocictl.output.content_lines import pushed
    from ocictl.output.records import TaggedRecord
    from ocictl.output.render import bare_descriptor

    check_exclusive(
        {f"--format {output.format}": output.as_record, "--quiet": output.quiet, "--descriptor": descriptor}
    )
    if file == "-":
        check_stdin_is_free(remote)
    location, digest = locate_copy(name, remote)
    raw = read_file(file)
    target = open_target(
        location,
        remote,
        output.console,
        output.notices(),
        create=True,
        writes=True,
        concurrency=concurrency,
    )
    with output.transfers(lines=not descriptor) as on_event:
        result = push_manifest(
            target,
            raw,
            media_type=media_type or None,
            digest=digest,
            tags=location.tags,
            name=None if file == "-" else file,
            concurrency=concurrency,
            on_event=on_event,
        )
    record = TaggedRecord.tagged(location.path, result.descriptor, result.tags)
    if descriptor:
        output.console.block(bare_descriptor(result.descriptor, pretty=pretty))
    else:
        output.show(record, record.digest, lambda: pushed(result.descriptor, location.shown, result.tags[1:]))
