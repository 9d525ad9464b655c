"""Errors as a person or a program reads them, on standard error."""

from __future__ import annotations

from ocictl.errors import OcictlError
from ocictl.model.text import escape
from ocictl.output.console import Console, dump_line
from ocictl.output.program_records import ErrorRecord


def report(console: Console, error: OcictlError, exit_code: int) -> None:
    """Write an error to standard error: lines of text, or one JSON object where the console speaks JSON."""
    if console.as_json:
        console.diagnostic(dump_line(ErrorRecord.of(error, exit_code).to_json()))
    else:
        for line in error_lines(error):
            console.diagnostic(line)


def error_lines(error: OcictlError) -> list[str]:
    """What went wrong (if the registry says so, in its words), what was going on, what to do next.

    Each is a line of its own. The facts in `details` are for JSON.
    """
    lines = [f"error: {escape(error.message)}"]
    lines += [f"note: {escape(note)}" for note in getattr(error, "__notes__", ())]
    if error.hint:
        lines.append(f"hint: {escape(error.hint)}")
    return lines
