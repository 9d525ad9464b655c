"""The command `restore`."""

from __future__ import annotations

from pathlib import Path

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import blob_concurrency_option


@click.command("restore", cls=OcictlCommand)
@click.argument("name", metavar="REPOSITORY[:TAG[,TAG...]]")
@click.option(
    "--input", "path", metavar="PATH", required=True, help="The backup: a directory or a tar archive."
)
@click.option("--exclude-referrers", is_flag=True, help="Leave out what is attached.")
@click.option("--dry-run", is_flag=True, help="Look whether the backup is complete, and push nothing.")
@blob_concurrency_option(5)
@output_options("text", "json", quiet="Print the digests of the tags alone.", progress=True)
@remote_options(referrers=True, layout=False, uploads=True)
def command(
    name: str,
    path: str,
    exclude_referrers: bool,  # noqa: FBT001 - click passes by name
    dry_run: bool,  # noqa: FBT001 - click passes by name
    concurrency: int | None,
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Restore a repository, or some of its tags, from a backup.

    Any OCI layout will do. What is attached comes along, and is listed at the registry in the way it needs.

    \b
    Examples:
      ocictl restore --input hello.tar localhost:5000/hello
      ocictl restore --input hello --dry-run localhost:5000/hello:v1,v2
    """
    from time import monotonic

    from ocictl.cli.sides import attributing
    from ocictl.cli.targets import locate_tags, open_layout, open_target
    from ocictl.ops.backup import Rehearsal, copy_tags, find_tags
    from ocictl.ops.parallel import Concurrency
    from ocictl.output.copy_lines import restored, size, tags_found, would_restore
    from ocictl.output.copy_records import RestoreRecord

    begin = monotonic()
    location = locate_tags(name, remote)
    with attributing({"source": f"[oci-layout] {path}", "destination": f"[registry] {location.path}"}):
        source = open_layout(path)
        if Path(path).is_file():
            output.tell([f"Loaded backup archive: {path} ({size(Path(path).stat().st_size)})"])
        roots = find_tags(source, location.tags)
        output.tell(tags_found([root.tag for root in roots], "the backup"))
        if dry_run:
            done = copy_tags(
                source, Rehearsal(source), roots, referrers=not exclude_referrers, concurrency=concurrency
            )
            output.tell(f"Dry run: would push tag {tag.tag} with {tag.referrers} referrer(s)" for tag in done)
        else:
            target = open_target(
                location, remote, output.console, output.notices(), writes=True, concurrency=concurrency
            )
            with output.transfers(copying="restore") as on_event:
                done = copy_tags(
                    source,
                    target,
                    roots,
                    referrers=not exclude_referrers,
                    concurrency=Concurrency.of(concurrency, 5),
                    on_event=on_event,
                )
    record = RestoreRecord.of(path, location.path, done, dry_run=dry_run)
    output.show_all(record, [str(tag.descriptor.digest) for tag in done])
    end = (
        would_restore(len(done), location.path)
        if dry_run
        else restored(len(done), location.path, monotonic() - begin)
    )
    output.tell([end])
