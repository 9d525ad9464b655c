"""The group `repo`."""

from __future__ import annotations

from typing import Final

import click

from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "ls": Entry("ocictl.cli.repo_ls:command", "List the repositories of a registry.", ("list",)),
    "tags": Entry("ocictl.cli.repo_tags:command", "List the tags of a repository.", ("show-tags",)),
}


@click.group("repo", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """List repositories and tags."""
