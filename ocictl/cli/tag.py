"""The command `tag`."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import concurrency_option

if TYPE_CHECKING:
    from ocictl.cli.targets import Location
    from ocictl.events import Event, EventSink


@click.command("tag", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.argument("tags", metavar="NEW_TAG...", nargs=-1)
@concurrency_option(5, "How many tags are written at once.")
@output_options("text", "json")
@remote_options()
def command(
    name: str,
    tags: tuple[str, ...],
    concurrency: int,
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
    from ocictl.errors import InvalidInputError
    from ocictl.events import discard
    from ocictl.ops.tag import tag
    from ocictl.output.records import TaggedRecord

    if name in ("list", "ls"):
        raise InvalidInputError(
            f"there is no command 'tag {name}'", hint="list the tags of a repository with: ocictl repo tags"
        )
    if not tags:
        raise InvalidInputError("no new tag is given", hint="run 'ocictl tag --help'")
    location, selector = locate_selected(name, remote, "tag")
    check_tags(location, tags)
    target = open_target(
        location, remote, output.console, output.notices(), writes=True, concurrency=concurrency
    )
    on_event = discard if output.quiet or output.as_record else _lines(output, location)
    result = tag(target, selector, tags, concurrency=concurrency, on_event=on_event)
    record = TaggedRecord.tagged(location.path, result.descriptor, result.tags)
    output.show(record, record.digest, list)


def _lines(output: OutputOptions, location: Location) -> EventSink:
    """Report each tag as it is written, so that a later failure does not hide the earlier ones."""
    from ocictl.events import TagWritten

    begun = False
    lock = Lock()

    def on_event(event: Event) -> None:
        nonlocal begun
        if not isinstance(event, TagWritten):
            return
        with lock:
            if not begun:
                begun = True
                output.console.line(f"Tagging {location.shown_digest(event.descriptor.digest)}")
            output.console.line(f"Tagged {event.tag}")

    return on_event
