"""The command `repo tags`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options

if TYPE_CHECKING:
    from ocictl.cli.targets import Location
    from ocictl.target import ReadOnlyTarget


@click.command("tags", cls=OcictlCommand)
@click.argument("name", metavar="NAME[:TAG|@DIGEST]")
@click.option("--last", metavar="TAG", help="List what comes after this tag.")
@click.option(
    "--exclude-digest-tags", is_flag=True, help="Leave out tags that are digests, such as sha256-1234…"
)
@output_options("text", "json", quiet=None)
@remote_options()
def command(
    name: str,
    last: str | None,
    exclude_digest_tags: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """List the tags of a repository.

    With a tag or digest, only the tags that point to the same manifest or index are listed; each tag is looked up
    for that.

    \b
    Examples:
      ocictl repo tags localhost:5000/hello
      ocictl repo tags localhost:5000/hello:latest
      ocictl repo tags --oci-layout hello
    """
    from ocictl.cli.targets import locate, open_readable
    from ocictl.ops.listing import LOOKUPS, list_tags
    from ocictl.output.registry_records import TagsRecord

    location = locate(name, remote)
    target = open_readable(location, remote, output.console, output.notices(), concurrency=LOOKUPS)
    prefix = _prefix(location)
    chosen = location.selector if not prefix else None
    tags = list_tags(target, last=last or None, prefix=prefix, digest_tags=not exclude_digest_tags)
    record = TagsRecord.of(tags if chosen is None else _same(target, chosen, tags))
    output.show(record, "", lambda: record.tags)


def _prefix(location: Location) -> str:
    """What the tags of a layout begin with that hold whole references, where a repository is named.

    `REGISTRY/REPOSITORY` as the tag of a layout is taken for a repository whose tags were kept there, as by
    `docker save` and `oras push --oci-layout-path`.
    """
    from ocictl.errors import InvalidInputError
    from ocictl.model.reference import Reference

    if location.reference is not None or location.selector is None:
        return ""
    try:
        reference = Reference.parse(location.selector)
    except InvalidInputError:
        return ""
    return "" if reference.selector else f"{reference.path}:"


def _same(target: ReadOnlyTarget, selector: str, tags: list[str]) -> list[str]:
    """Those of the tags that point to what the selector does."""
    from ocictl.model.digest import Digest
    from ocictl.ops.listing import tags_of

    is_digest = ":" in selector and selector not in tags
    digest = Digest.parse(selector) if is_digest else target.resolve(selector).digest
    return tags_of(target, tags, digest)
