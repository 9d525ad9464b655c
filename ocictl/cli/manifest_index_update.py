"""The command `manifest index update`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive


@click.command("update", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option("--add", metavar="TAG|DIGEST", multiple=True, help="List this manifest too; may be repeated.")
@click.option(
    "--merge", metavar="TAG|DIGEST", multiple=True, help="List what this index lists; may be repeated."
)
@click.option(
    "--remove", metavar="DIGEST", multiple=True, help="List this manifest no longer; may be repeated."
)
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Another tag for the new index; may be repeated."
)
@click.option("--artifact-type", metavar="TYPE", help='New artifact type of the index; "" for none.')
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
    add: tuple[str, ...],
    merge: tuple[str, ...],
    remove: tuple[str, ...],
    tags: tuple[str, ...],
    artifact_type: str | None,
    file: str | None,
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Change which manifests an index lists.

    The tag moves to the new index; the old one stays under its digest. Everything is in the same repository or
    layout.

    \b
    Examples:
      ocictl manifest index update localhost:5000/hello:v1 --add linux-arm64 --remove sha256:DIGEST
      ocictl manifest index update localhost:5000/hello:v1 --merge v1-windows --tag latest
    """
    from ocictl.cli.index_output import IndexOutput
    from ocictl.cli.targets import check_tags, locate_selected, open_target
    from ocictl.model.digest import Digest
    from ocictl.ops.index import IndexChanges, update_index
    from ocictl.output.records import TaggedRecord

    way = IndexOutput(output=output, file=file, pretty=pretty, updated=True)
    way.check()
    check_exclusive({"--tag": bool(tags), "--output": file is not None})
    digests = [Digest.parse(text) for text in remove]
    changes = IndexChanges(add=add, merge=merge, remove=digests, artifact_type=artifact_type)
    location, selector = locate_selected(name, remote, "manifest index update")
    check_tags(location, tags)
    if changes.is_empty:
        output.tell(["Nothing to update as no change is requested"])
        if not (output.as_record or output.quiet):
            return
    target = open_target(location, remote, output.console, output.notices(), writes=file is None)
    if changes.is_empty:
        record = TaggedRecord.tagged(location.path, target.resolve(selector), ())
        output.show(record, record.digest, list)
        return
    index = update_index(target, selector, changes, on_event=way.on_event)
    if location.selects_by_digest:
        shown = f"[{location.kind}] {location.path}"
        way.deliver(index, target, location, tag=None, more_tags=tags, shown=shown)
    else:
        way.deliver(index, target, location, tag=selector, more_tags=tags, shown=location.shown)
