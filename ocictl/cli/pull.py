"""The command `pull`."""

from __future__ import annotations

from pathlib import Path

import click

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import blob_concurrency_option, platform_option


@click.command("pull", cls=OcictlCommand)
@click.argument("name", metavar="NAME{:TAG|@DIGEST}")
@click.option(
    "-o", "--output", "folder", metavar="DIR", default=".", show_default=True, help="Directory to write to."
)
@click.option("-k", "--keep-old-files", is_flag=True, help="Fail instead of replacing a file that is there.")
@click.option("-T", "--allow-path-traversal", is_flag=True, help="Allow files outside of the directory.")
@click.option("--include-subject", is_flag=True, help="Pull the files of the subject as well.")
@click.option("--config", metavar="PATH[:TYPE]", help="Write the config to this file in the directory.")
@platform_option("Pull this platform's manifest")
@blob_concurrency_option(3)
@click.option(
    "--unpack-limit",
    metavar="NAME=NUMBER",
    multiple=True,
    envvar="OCICTL_UNPACK_LIMITS",
    show_envvar=True,
    help="How much an archive may unpack to: entries, bytes or ratio; may be repeated.",
)
@output_options("text", "json", progress=True)
@cache_options()
@remote_options()
def command(
    name: str,
    folder: str,
    keep_old_files: bool,  # noqa: FBT001 - click passes by name
    allow_path_traversal: bool,  # noqa: FBT001 - click passes by name
    include_subject: bool,  # noqa: FBT001 - click passes by name
    config: str | None,
    platform: str | None,
    concurrency: int | None,
    unpack_limit: tuple[str, ...],
    output: OutputOptions,
    cache: CacheOptions,
    remote: RemoteOptions,
) -> None:
    """Pull files from a registry or an OCI layout.

    Every layer with a file name is written, verified against its digest first. Directories are unpacked.

    \b
    Examples:
      ocictl pull localhost:5000/hello:v1
      ocictl pull -o out ghcr.io/me/report@sha256:DIGEST
    """
    from ocictl.cli.targets import locate_selected, open_source
    from ocictl.cli.values import parse_files, parse_platform
    from ocictl.ops.limits import UnpackLimits
    from ocictl.ops.pull import pull
    from ocictl.output.records import PullRecord
    from ocictl.output.render import pulled

    limits = UnpackLimits.parse(unpack_limit)
    location, selector = locate_selected(name, remote, "pull")
    target = open_source(location, remote, cache, output.console, output.notices(), concurrency=concurrency)
    with output.transfers() as on_event:
        result = pull(
            target,
            selector,
            Path(folder),
            keep_existing=keep_old_files,
            allow_traversal=allow_path_traversal,
            include_subject=include_subject,
            config=parse_files([config])[0] if config else None,
            platform=parse_platform(platform),
            concurrency=concurrency,
            limits=limits,
            on_event=on_event,
        )
    record = PullRecord.of(location.path, result.descriptor, result.files)
    copy_all = _copy_command(name, remote) if result.untitled else None
    output.show(record, str(result.descriptor.digest), lambda: pulled(record, location.shown, copy_all))


def _copy_command(name: str, remote: RemoteOptions) -> str:
    """The command that copies an artifact with all that it has, in the words of oras."""
    import shlex

    words = ["ocictl", "copy", name]
    if remote.oci_layout:
        words = ["ocictl", "copy", "--from-oci-layout", name]
    elif remote.oci_layout_path is not None:
        words = ["ocictl", "copy", "--from-oci-layout-path", remote.oci_layout_path, name]
    return f"{shlex.join(words)} --to-oci-layout <layout-dir>"
