"""The command `tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options

if TYPE_CHECKING:
    from ocictl.cli.targets import Location
    from ocictl.events import Event, EventSink


@click.command("tag", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.argument("tags", metavar="NEW_TAG...", nargs=-1, required=True)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    default=5,
    show_default=True,
    help="Accepted for oras; has no effect.",
)
@output_options("text", "json")
@remote_options()
def command(
    name: str,
    tags: tuple[str, ...],
    concurrency: int,  # noqa: ARG001 - oras has it; here tags are written in order
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Add tags to an artifact that is there.

    \b
    Examples:
      ocictl tag localhost:5000/hello:v1.0.1 v1.0 v1
      ocictl tag --oci-layout hello@sha256:DIGEST latest
    """
    from ocictl.cli.targets import check_tags, locate_selected, open_target
    from ocictl.events import discard
    from ocictl.ops.tag import tag
    from ocictl.output.records import TaggedRecord

    location, selector = locate_selected(name, remote, "tag")
    check_tags(location, tags)
    target = open_target(location, remote, output.console, output.notices(), writes=True)
    on_event = discard if output.quiet or output.as_json else _lines(output, location)
    result = tag(target, selector, tags, on_event=on_event)
    record = TaggedRecord.tagged(location.path, result.descriptor, result.tags)
    output.show(record, record.digest, list)


def _lines(output: OutputOptions, location: Location) -> EventSink:
    """Report each tag as it is written, so that a later failure does not hide the earlier ones."""
    from ocictl.events import TagWritten

    begun = False

    def on_event(event: Event) -> None:
        nonlocal begun
        if not isinstance(event, TagWritten):
            return
        if not begun:
            begun = True
            output.console.line(f"Tagging {location.shown_digest(event.descriptor.digest)}")
        output.console.line(f"Tagged {event.tag}")

    return on_event
