"""The command `attach`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.manifest_options import ManifestOptions, manifest_options
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import mount_option, platform_option


@click.command("attach", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.argument("files", metavar="[FILE[:TYPE]]...", nargs=-1)
@manifest_options(type_required=True)
@platform_option("Attach to this platform's manifest")
@output_options("text", "json", progress=True)
@mount_option()
@remote_options(referrers=True, uploads=True)
def command(
    name: str,
    files: tuple[str, ...],
    manifest: ManifestOptions,
    platform: str | None,
    output: OutputOptions,
    mount_from: tuple[str, ...],
    remote: RemoteOptions,
) -> None:
    """Attach files to an existing artifact.

    The new artifact points to the existing one, which does not change. Attaching the same again changes nothing.

    \b
    Examples:
      ocictl attach --artifact-type application/spdx+json localhost:5000/hello:v1 sbom.json
      ocictl attach --artifact-type example/approval -a by=me localhost:5000/hello:v1
    """
    from ocictl.cli.files import write_file
    from ocictl.cli.targets import locate_selected, open_target
    from ocictl.cli.values import check_files, parse_files, parse_platform
    from ocictl.errors import InvalidInputError
    from ocictl.ops.attach import attach
    from ocictl.ops.pack import check_options
    from ocictl.output.records import DescriptorRecord
    from ocictl.output.render import attached

    location, selector = locate_selected(name, remote, "attach")
    if not (files or manifest.annotation or manifest.annotation_file):
        raise InvalidInputError(
            "neither file nor annotation is provided", hint="name a file, or add --annotation KEY=VALUE"
        )
    arguments = parse_files(files)
    options = manifest.pack_options()
    check_options(arguments, options)
    check_files(arguments)
    target = open_target(
        location,
        remote,
        output.console,
        output.notices(),
        writes=True,
        concurrency=manifest.concurrency,
        mount_from=mount_from,
    )
    with output.transfers(None if files else "Uploading empty artifact") as on_event:
        result = attach(
            target,
            selector,
            arguments,
            options=options,
            platform=parse_platform(platform),
            concurrency=manifest.concurrency,
            on_event=on_event,
        )
    if manifest.export_manifest:
        write_file(manifest.export_manifest, result.manifest.raw)
    record = DescriptorRecord.of(location.path, result.descriptor)
    subject = location.shown_digest(result.subject.digest)
    output.show(record, record.digest, lambda: attached(record, subject, already=result.already_attached))
