"""The group `manifest`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "fetch": Entry("ocictl.cli.manifest_fetch:command", "Print a manifest as it is stored.", ("get", "show")),
    "fetch-config": Entry(
        "ocictl.cli.manifest_fetch_config:command", "Print the config of a manifest.", ("get-config",)
    ),
    "push": Entry("ocictl.cli.manifest_push:command", "Push a manifest or index from a file."),
    "delete": Entry(
        "ocictl.cli.manifest_delete:command", "Delete a manifest with all its tags.", ("rm", "remove")
    ),
    "index": Entry("ocictl.cli.manifest_index:command", "Put indexes of manifests together."),
}


@click.group("manifest", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Work with single manifests."""
