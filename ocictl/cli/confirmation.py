"""Asking before something is deleted, and telling what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ocictl.cli.output_options import OutputOptions
from ocictl.errors import InvalidInputError

if TYPE_CHECKING:
    from ocictl.cli.targets import Location
    from ocictl.model.descriptor import Descriptor
    from ocictl.ops.delete import Confirm, DeleteResult

_YES: Final = ("y", "yes")


def check_descriptor_output(*, descriptor: bool, force: bool) -> None:
    """Accept `--descriptor` only where nobody is asked.

    Raises:
        InvalidInputError: `--force` is missing.
    """
    if descriptor and not force:
        raise InvalidInputError(
            "--descriptor needs --force", hint="add --force to delete without being asked"
        )


def confirming(output: OutputOptions, question: Callable[[Descriptor], str]) -> Confirm:
    """Ask whoever is at the terminal, or take the answer that comes through a pipe (DEL-08).

    Without a terminal only a yes will do: a script that confirms nothing must not succeed having done nothing.

    Args:
        output: where to; the question goes to standard error.
        question: what to ask.
    """

    def confirm(descriptor: Descriptor) -> bool:
        is_terminal = sys.stdin is not None and sys.stdin.isatty()
        if is_terminal and output.console.stderr is not None:
            output.console.stderr.write(f"{question(descriptor)} [y/N] ")
            output.console.stderr.flush()
        answer = sys.stdin.readline() if sys.stdin is not None else ""
        if answer.strip().lower() in _YES:
            return True
        if is_terminal:
            return False
        raise InvalidInputError(
            "the deletion is not confirmed, and standard input is not a terminal to ask on",
            hint="add --force to delete without being asked",
            details={"digest": str(descriptor.digest)},
        )

    return confirm


def show_deletion(
    result: DeleteResult, location: Location, output: OutputOptions, *, descriptor: bool, pretty: bool
) -> None:
    """Tell what came of it."""
    from ocictl.output.content_lines import deleted, missing
    from ocictl.output.registry_records import DeletedRecord
    from ocictl.output.render import bare_descriptor

    found = result.descriptor
    gone = result.outcome == "deleted"
    record = DeletedRecord(
        reference=location.name if found is None else f"{location.path}@{found.digest}",
        descriptor=found,
        deleted=gone,
    )
    if descriptor and found is not None:
        output.console.block(bare_descriptor(found.plain(), pretty=pretty))
    elif output.as_record:
        output.record(record)
    elif output.quiet:
        if gone and found is not None:
            output.console.line(str(found.digest))
    elif gone:
        output.tell(deleted(location.shown))
    else:
        output.tell(missing(location.name) if found is None else ["Operation cancelled."])
