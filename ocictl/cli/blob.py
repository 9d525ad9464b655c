"""The group `blob`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "fetch": Entry("ocictl.cli.blob_fetch:command", "Fetch a blob as it is stored.", ("get",)),
}


@click.group("blob", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Work with single blobs."""
