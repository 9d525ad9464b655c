"""The group `cache`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "info": Entry("ocictl.cli.cache_info:command", "Show what a cache holds."),
    "prune": Entry("ocictl.cli.cache_prune:command", "Make a cache smaller."),
}


@click.group("cache", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Look after the cache of content."""
