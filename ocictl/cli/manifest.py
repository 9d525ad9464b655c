"""The group `manifest`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "fetch": Entry("ocictl.cli.manifest_fetch:command", "Print a manifest as it is stored.", ("get", "show")),
}


@click.group("manifest", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Work with single manifests."""
