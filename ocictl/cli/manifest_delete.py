"""The command `manifest delete`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive


@click.command("delete", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option("-f", "--force", is_flag=True, help="Don't ask; that there is no such manifest is no error.")
@click.option("--descriptor", is_flag=True, help="Print the descriptor; needs --force.")
@click.option("--pretty", is_flag=True, help="Indent the descriptor.")
@output_options("text", "json")
@remote_options(referrers=True)
def command(
    name: str,
    force: bool,  # noqa: FBT001 - click passes by name
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Delete a manifest with all its tags.

    What is attached to something leaves the list of what is attached to that, too. From an OCI layout goes along
    what is attached to the manifest, and what nothing else there leads to. Without --force the deletion has to be
    confirmed, at the terminal or by a y on standard input.

    \b
    Examples:
      ocictl manifest delete localhost:5000/hello:v1
      ocictl manifest delete --force --oci-layout hello@sha256:DIGEST
    """
    from ocictl.cli.confirmation import check_descriptor_output, confirming, show_deletion
    from ocictl.cli.targets import locate_selected, open_target
    from ocictl.errors import NotFoundError
    from ocictl.ops.delete import DeleteResult, always, delete_manifest

    check_exclusive(
        {f"--format {output.format}": output.as_record, "--quiet": output.quiet, "--descriptor": descriptor}
    )
    check_descriptor_output(descriptor=descriptor, force=force)
    location, selector = locate_selected(name, remote, "manifest delete")
    missing_ok = force and not descriptor
    ask = confirming(
        output,
        lambda found: (
            f'Are you sure you want to delete the manifest "{found.digest}" and all tags associated with it?'
        ),
    )
    try:
        target = open_target(location, remote, output.console, output.notices())
    except NotFoundError:
        if not missing_ok:
            raise
        result = DeleteResult(outcome="missing")
    else:
        result = delete_manifest(target, selector, missing_ok=missing_ok, confirm=always if force else ask)
    show_deletion(result, location, output, descriptor=descriptor, pretty=pretty)
