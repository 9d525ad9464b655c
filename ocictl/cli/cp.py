"""The command `cp`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import Ends, both_remote_options
from ocictl.cli.values import blob_concurrency_option


@click.command("cp", cls=OcictlCommand)
@click.argument("name", metavar="FROM{:TAG|@DIGEST}")
@click.argument("destination", metavar="TO[:TAG[,TAG...]|@DIGEST]")
@click.option("-r", "--recursive", is_flag=True, help="Copy what is attached as well, and what to that.")
@click.option(
    "--platform",
    "platforms",
    metavar="PLATFORM",
    multiple=True,
    help="Copy this platform only: os[/arch[/variant]][:os_version]; may be repeated, or a list with commas.",
)
@click.option("--force", is_flag=True, help="Look at all that is there already, and mend what is incomplete.")
@blob_concurrency_option(3)
@output_options("text", "json", progress=True)
@both_remote_options()
def command(
    name: str,
    destination: str,
    recursive: bool,  # noqa: FBT001 - click passes by name
    platforms: tuple[str, ...],
    force: bool,  # noqa: FBT001 - click passes by name
    concurrency: int | None,
    output: OutputOptions,
    ends: Ends,
) -> None:
    """Copy an artifact from one place to another.

    With an index come all of its manifests. What the destination has already is not sent again.

    \b
    Examples:
      ocictl cp localhost:5000/hello:v1 ghcr.io/me/hello:v1,latest
      ocictl cp --recursive --to-oci-layout localhost:5000/hello:v1 downloaded:v1
      ocictl cp --from-oci-layout backup.tar:v1 localhost:5000/hello:v1
    """
    from ocictl.cli.sides import attributing
    from ocictl.cli.targets import locate_copy, locate_selected, open_readable, open_target
    from ocictl.cli.values import parse_platforms
    from ocictl.ops.copy_artifact import copy_artifact
    from ocictl.output.copy_lines import copied
    from ocictl.output.copy_records import CopyRecord

    source, selector = locate_selected(name, ends.source, "cp")
    target, digest = locate_copy(destination, ends.destination)
    chosen = parse_platforms(platforms)
    shown = {"source": source.shown, "destination": target.shown}
    prefixes = {"source": ends.source.prefix, "destination": ends.destination.prefix}
    notices = output.notices()
    with attributing(shown, prefixes):
        origin = open_readable(source, ends.source, output.console, notices, concurrency=concurrency)
        place = open_target(
            target,
            ends.destination,
            output.console,
            notices,
            create=True,
            writes=True,
            concurrency=concurrency,
        )
        with output.transfers(copying="cp") as on_event:
            result = copy_artifact(
                origin,
                selector,
                place,
                tags=target.tags,
                digest=digest,
                platforms=chosen,
                recursive=recursive,
                force=force,
                concurrency=concurrency,
                on_event=on_event,
            )
    if result.left_behind:
        output.console.message(
            "warning", "what is attached to the index stays behind: with some platforms it is another index"
        )
    record = CopyRecord.copied(source.path, target.path, result)
    # A digest that was narrowed down by --platform is not that of the copy.
    narrowed = source.selects_by_digest and selector != str(result.source.digest)
    begin = source.shown_digest(result.source.digest) if narrowed else source.shown
    output.show(record, record.digest, lambda: copied(record, begin, target.shown, target.tags[1:]))
