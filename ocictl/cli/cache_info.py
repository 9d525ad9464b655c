"""The command `cache info`."""

from __future__ import annotations

import click

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options


@click.command("info", cls=OcictlCommand)
@cache_options(purpose="The cache to look at.", size_purpose="The limit to show, for example 10GiB.")
@output_options("text", "json", quiet=None)
def command(cache: CacheOptions, output: OutputOptions) -> None:
    """Show what a cache holds.

    \b
    Examples:
      ocictl cache info --cache ~/.cache/ocictl
      ocictl cache info --format json
    """
    from ocictl.cli.targets import open_cache
    from ocictl.output.cache_records import CacheRecord

    opened = open_cache(cache.directory)
    record = CacheRecord.of(opened.path, opened.usage(), cache.max_size)
    output.show(record, "", record.lines)
