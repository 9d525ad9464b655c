"""The group `manifest index`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "create": Entry(
        "ocictl.cli.manifest_index_create:command", "Create an index of manifests that are there.", ("pack",)
    ),
    "update": Entry("ocictl.cli.manifest_index_update:command", "Change which manifests an index lists."),
}


@click.group("index", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Put indexes of manifests together."""
