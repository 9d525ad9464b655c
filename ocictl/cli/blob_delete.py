"""The command `blob delete`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive


@click.command("delete", cls=OcictlCommand)
@click.argument("name", metavar="NAME@DIGEST")
@click.option("-f", "--force", is_flag=True, help="Don't ask; that there is no such blob is no error.")
@click.option("--descriptor", is_flag=True, help="Print the descriptor; needs --force.")
@click.option("--pretty", is_flag=True, help="Indent the descriptor.")
@output_options("text", "json")
@remote_options()
def command(
    name: str,
    force: bool,  # noqa: FBT001 - click passes by name
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Delete a blob.

    Manifests that point to it are not looked for. Without --force the deletion has to be confirmed, at the
    terminal or by a y on standard input.

    \b
    Examples:
      ocictl blob delete localhost:5000/hello@sha256:DIGEST
      ocictl blob delete --force --oci-layout hello@sha256:DIGEST
    """
    from ocictl.cli.confirmation import check_descriptor_output, confirming, show_deletion
    from ocictl.cli.targets import locate_blob, open_target
    from ocictl.errors import NotFoundError
    from ocictl.ops.delete import DeleteResult, always, delete_blob

    check_exclusive(
        {f"--format {output.format}": output.as_record, "--quiet": output.quiet, "--descriptor": descriptor}
    )
    check_descriptor_output(descriptor=descriptor, force=force)
    location, digest = locate_blob(name, remote, "blob delete")
    missing_ok = force and not descriptor
    ask = confirming(output, lambda found: f'Are you sure you want to delete the blob "{found.digest}"?')
    try:
        target = open_target(location, remote, output.console, output.notices())
    except NotFoundError:
        if not missing_ok:
            raise
        result = DeleteResult(outcome="missing")
    else:
        result = delete_blob(target, digest, missing_ok=missing_ok, confirm=always if force else ask)
    show_deletion(result, location, output, descriptor=descriptor, pretty=pretty)
