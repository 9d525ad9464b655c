"""The command `backup`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import blob_concurrency_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocictl.events import TagCopied
    from ocictl.ops.backup import TaggedRoot
    from ocictl.target import ReadOnlyTarget


@click.command("backup", cls=OcictlCommand)
@click.argument("name", metavar="REPOSITORY[:TAG[,TAG...]]")
@click.option(
    "-o",
    "--output",
    "path",
    metavar="PATH",
    required=True,
    help="Where to: a tar archive if it ends in .tar, else an OCI layout in a directory.",
)
@click.option("--include-referrers", is_flag=True, help="Back up what is attached as well.")
@blob_concurrency_option(3)
@output_options("text", "json", quiet="Print the digests of the tags alone.", progress=True)
@remote_options(referrers=True, layout=False)
def command(
    name: str,
    path: str,
    include_referrers: bool,  # noqa: FBT001 - click passes by name
    concurrency: int | None,
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Back up a repository, or some of its tags, to this machine.

    An archive appears under its name when it is complete. A directory may be a backup already: what it has is not
    fetched again.

    \b
    Examples:
      ocictl backup --include-referrers --output hello.tar localhost:5000/hello
      ocictl backup --output hello localhost:5000/hello:v1,v2
    """
    from time import monotonic

    from ocictl.cli.sides import attributing
    from ocictl.cli.targets import locate_tags, open_target
    from ocictl.errors import InvalidInputError
    from ocictl.ops.backup import find_tags
    from ocictl.output.copy_lines import backed_up, tags_found
    from ocictl.output.copy_records import BackupRecord

    begin = monotonic()
    location = locate_tags(name, remote)
    if not path:
        raise InvalidInputError(
            "the output path is empty", hint="write --output DIRECTORY or --output FILE.tar"
        )
    with attributing({"source": f"[registry] {location.path}", "destination": f"[oci-layout] {path}"}):
        source = open_target(location, remote, output.console, output.notices(), concurrency=concurrency)
        roots = find_tags(source, location.tags)
        output.tell(tags_found([root.tag for root in roots], location.path))
        done = _copy(
            source, path, roots, output, include_referrers=include_referrers, concurrency=concurrency
        )
    output.show_all(BackupRecord.of(location.path, path, done), [str(tag.descriptor.digest) for tag in done])
    output.tell([backed_up(len(done), location.path, path, monotonic() - begin)])


def _copy(
    source: ReadOnlyTarget,
    path: str,
    roots: Sequence[TaggedRoot],
    output: OutputOptions,
    *,
    include_referrers: bool,
    concurrency: int | None,
) -> tuple[TagCopied, ...]:
    from ocictl.ops.backup import copy_tags
    from ocictl.output.copy_lines import size
    from ocictl.stores.layout import Layout
    from ocictl.stores.layout_tar import NewTarLayout

    with ExitStack() as stack:
        archive = stack.enter_context(NewTarLayout(path)) if path.lower().endswith(".tar") else None
        destination = archive or Layout(path, create=True)
        with output.transfers(copying="backup") as on_event:
            done = copy_tags(
                source,
                destination,
                roots,
                referrers=include_referrers,
                concurrency=concurrency,
                on_event=on_event,
            )
        if archive is not None:
            output.tell([f"Exporting to {path}"])
            output.tell([f"Exported to {path} ({size(archive.commit())})"])
    return done
