"""The group `blob`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "fetch": Entry("ocictl.cli.blob_fetch:command", "Fetch a blob as it is stored.", ("get",)),
    "push": Entry("ocictl.cli.blob_push:command", "Push a file as a blob."),
    "delete": Entry("ocictl.cli.blob_delete:command", "Delete a blob.", ("rm", "remove")),
}


@click.group("blob", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Work with single blobs."""
