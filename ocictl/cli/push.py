"""The command `push`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.manifest_options import ManifestOptions, manifest_options
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import mount_option


@click.command("push", cls=OcictlCommand)
@click.argument("name", metavar="NAME[:TAG[,TAG...]]")
@click.argument("files", metavar="[FILE[:TYPE]]...", nargs=-1)
@manifest_options()
@click.option("--force", is_flag=True, help="Look for every blob even if the artifact is there already.")
@output_options("text", "json", progress=True)
@mount_option()
@remote_options(uploads=True)
def command(
    name: str,
    files: tuple[str, ...],
    manifest: ManifestOptions,
    force: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    mount_from: tuple[str, ...],
    remote: RemoteOptions,
) -> None:
    """Push files to a registry or an OCI layout.

    Each FILE becomes a layer; a directory becomes an archive. Without a FILE the artifact is empty. The same
    files always give the same digest.

    \b
    Examples:
      ocictl push localhost:5000/hello:v1 hello.txt
      ocictl push --artifact-type application/vnd.example.report \\
        ghcr.io/me/report:v1,latest report.json:application/json charts
    """
    from ocictl.cli.files import write_file
    from ocictl.cli.targets import locate_push, open_target
    from ocictl.cli.values import check_files, parse_files
    from ocictl.ops.pack import check_options
    from ocictl.ops.push import push
    from ocictl.output.records import TaggedRecord
    from ocictl.output.render import pushed

    location = locate_push(name, remote)
    arguments = parse_files(files)
    options = manifest.pack_options()
    check_options(arguments, options)
    check_files(arguments)
    target = open_target(
        location,
        remote,
        output.console,
        output.notices(),
        create=True,
        writes=True,
        concurrency=manifest.concurrency,
        mount_from=mount_from,
    )
    with output.transfers(None if files else "Uploading empty artifact") as on_event:
        result = push(
            target,
            arguments,
            tags=location.tags,
            options=options,
            force=force,
            concurrency=manifest.concurrency,
            on_event=on_event,
        )
    if manifest.export_manifest:
        write_file(manifest.export_manifest, result.manifest.raw)
    record = TaggedRecord.tagged(location.path, result.descriptor, result.tags)
    output.show(record, record.digest, lambda: pushed(record, location.shown, result.tags[1:]))
