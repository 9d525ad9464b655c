"""The command `cache prune`."""

from __future__ import annotations

import click
from click.core import ParameterSource

from ocictl.cli.cache_options import CacheOptions, cache_options
from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.values import check_exclusive


@click.command("prune", cls=OcictlCommand)
@cache_options(
    purpose="The cache to make smaller.",
    size="--max-size",
    size_purpose="How much may stay, for example 10GiB.",
)
@click.option("--all", "everything", is_flag=True, help="Remove everything.")
@output_options("text", "json", quiet=None)
def command(cache: CacheOptions, everything: bool, output: OutputOptions) -> None:  # noqa: FBT001 - a flag
    """Make a cache smaller.

    What was unused for longest goes first. Other processes may use the cache meanwhile.

    \b
    Examples:
      ocictl cache prune --cache ~/.cache/ocictl --max-size 10GiB
      ocictl cache prune --all
    """
    from ocictl.cli.targets import open_cache
    from ocictl.errors import InvalidInputError
    from ocictl.output.cache_records import PruneRecord

    source = click.get_current_context().get_parameter_source("cache__max_size")
    check_exclusive({"--max-size": source is ParameterSource.COMMANDLINE, "--all": everything})
    limit = 0 if everything else cache.max_size
    if limit is None:
        raise InvalidInputError("how much may stay is not said", hint="add --max-size SIZE or --all")
    opened = open_cache(cache.directory)
    record = PruneRecord.of(opened.path, opened.prune(limit))
    output.show(record, "", record.lines)
