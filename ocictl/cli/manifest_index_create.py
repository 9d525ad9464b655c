"""The command `manifest index create`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options


@click.command("create", cls=OcictlCommand)
@click.argument("name", metavar="NAME[:TAG[,TAG...]]")
@click.argument("sources", metavar="[TAG|DIGEST]...", nargs=-1)
@click.option("--artifact-type", metavar="TYPE", help="Artifact type of the index, as type/subtype.")
@click.option(
    "-a",
    "--annotation",
    "annotations",
    metavar="KEY=VALUE",
    multiple=True,
    help="Annotate the index; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    "file",
    metavar="PATH",
    help="Write the index to this file, - for standard output; don't push.",
)
@click.option("--pretty", is_flag=True, help="Indent the index on standard output.")
@output_options("text", "json")
@remote_options()
def command(
    name: str,
    sources: tuple[str, ...],
    artifact_type: str | None,
    annotations: tuple[str, ...],
    file: str | None,
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Create an index of manifests that are there.

    They are in the same repository or layout, and named by tag or digest. For images the index tells the platform
    of each.

    \b
    Examples:
      ocictl manifest index create localhost:5000/hello:v1 linux-amd64 linux-arm64
      ocictl manifest index create localhost:5000/hello --output - --pretty linux-amd64
    """
    from ocictl.cli.index_output import IndexOutput
    from ocictl.cli.targets import locate_push, open_target
    from ocictl.ops.annotations import Annotations
    from ocictl.ops.index import create_index

    way = IndexOutput(output=output, file=file, pretty=pretty)
    way.check()
    location = locate_push(name, remote)
    given = Annotations.from_pairs(annotations).manifest
    target = open_target(
        location,
        remote,
        output.console,
        output.notices(),
        create=file is None,
        writes=file is None,
    )
    index = create_index(
        target, sources, artifact_type=artifact_type, annotations=given, on_event=way.on_event
    )
    tag, more_tags = (location.tags[0], location.tags[1:]) if location.tags else (None, ())
    way.deliver(index, target, location, tag=tag, more_tags=more_tags, shown=location.shown)
