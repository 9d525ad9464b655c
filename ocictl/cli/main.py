"""The program: the table of commands, and the one place where a failure becomes a message and a number."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from ocictl.cli.app import App
from ocictl.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "push": Entry("ocictl.cli.push:command", "Push files to a registry or an OCI layout."),
    "pull": Entry("ocictl.cli.pull:command", "Pull files from a registry or an OCI layout."),
    "attach": Entry("ocictl.cli.attach:command", "Attach files to an existing artifact."),
    "discover": Entry("ocictl.cli.discover:command", "Show what is attached to an artifact, as a tree."),
    "resolve": Entry("ocictl.cli.resolve:command", "Print the digest that a tag points to.", ("digest",)),
    "tag": Entry("ocictl.cli.tag:command", "Add tags to an artifact that is there."),
    "cp": Entry("ocictl.cli.cp:command", "Copy an artifact from one place to another.", ("copy",)),
    "backup": Entry(
        "ocictl.cli.backup:command", "Back up a repository, or some of its tags, to this machine."
    ),
    "restore": Entry(
        "ocictl.cli.restore:command", "Restore a repository, or some of its tags, from a backup."
    ),
    "manifest": Entry("ocictl.cli.manifest:command", "Work with single manifests."),
    "blob": Entry("ocictl.cli.blob:command", "Work with single blobs."),
    "repo": Entry("ocictl.cli.repo:command", "List repositories and tags.", ("repository",)),
    "login": Entry("ocictl.cli.login:command", "Check credentials with a registry and store them."),
    "logout": Entry("ocictl.cli.logout:command", "Remove what is stored for a registry."),
    "cache": Entry("ocictl.cli.cache:command", "Look after the cache of content."),
    "version": Entry("ocictl.cli.version:command", "Print the version of ocictl."),
}


UNLISTED: Final = {
    "completion": Entry("ocictl.cli.completion:command", "Print a script that completes command lines."),
    "help": Entry("ocictl.cli.help:command", "Show the help of a command."),
}
"""What every program made with the library of oras has."""


class RootGroup(LazyGroup):
    """The outermost group: every failure below ends here."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run a command line; unless `standalone_mode` is off, end the process with the exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        app = App(sys.stdout, sys.stderr, os.environ, arguments)

        def run() -> Any:
            return LazyGroup.main(
                self, arguments, prog_name, complete_var, standalone_mode=False, obj=app, **extra
            )

        if not standalone_mode:
            return run()
        sys.exit(app.guard(run))


@click.group(
    cls=RootGroup,
    table=COMMANDS,
    unlisted=UNLISTED,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def cli() -> None:
    """Push, pull, attach and discover files as OCI artifacts.

    Every command takes --format json, and ends with the exit codes of docs/exit-codes.md.
    """
