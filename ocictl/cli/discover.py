"""The command `discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import platform_option

if TYPE_CHECKING:
    from ocictl.ops.discover import ReferrerNode


@click.command("discover", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option("--artifact-type", metavar="TYPE", help="Show referrers of this type only.")
@click.option(
    "--depth", type=click.IntRange(min=1), metavar="N", help="How many levels to show; all if left out."
)
@platform_option("Start at this platform's manifest")
@output_options(
    "tree",
    "json",
    "table",
    quiet="Print the digests of the referrers alone.",
    progress=True,
    old_spelling=True,
)
@remote_options(referrers=True)
def command(
    name: str,
    artifact_type: str | None,
    depth: int | None,
    platform: str | None,
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Show what is attached to an artifact, as a tree.

    What is attached to what is attached is shown too, unless --depth says how far to go.

    \b
    Examples:
      ocictl discover localhost:5000/hello:v1
      ocictl discover --artifact-type application/spdx+json --format json localhost:5000/hello:v1
    """
    from ocictl.cli.targets import locate_selected, open_readable
    from ocictl.cli.values import parse_platform
    from ocictl.model.media_types import check_media_type
    from ocictl.ops.discover import discover
    from ocictl.output.records import ReferrersRecord
    from ocictl.output.table import table_lines
    from ocictl.output.tree import show_tree

    is_table = output.format == "table" and not output.quiet
    if is_table:
        output.console.message("warning", "the format table is deprecated; use tree or json")
    location, selector = locate_selected(name, remote, "discover")
    if artifact_type:
        check_media_type(artifact_type, "artifact type")
    target = open_readable(location, remote, output.console, output.notices(), concurrency=4)
    node = discover(
        target,
        selector,
        artifact_type=artifact_type or None,
        depth=1 if is_table else depth or 0,
        platform=parse_platform(platform),
    )
    if not is_table and _is_cut(node):
        output.console.message(
            "warning", "the tree is deeper than ocictl goes by itself; use --depth to see more"
        )
    record = ReferrersRecord.tree(location.path, node)
    if output.quiet:
        for digest in record.digests():
            output.console.line(digest)
    elif output.as_record:
        output.record(record)
    elif is_table:
        output.tell(table_lines(record, location.name, metadata=not output.terse))
    else:
        show_tree(record, output.console, colour=not output.no_tty, annotations=not output.terse)


def _is_cut(node: ReferrerNode) -> bool:
    return node.truncated or any(_is_cut(child) for child in node.referrers)
