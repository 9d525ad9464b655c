"""Errors as a person or a program reads them, on standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocictl.errors import OcictlError
from ocictl.model.text import escape
from ocictl.output.console import Console, dump_line
from ocictl.output.records import ErrorRecord


def report(console: Console, error: OcictlError, exit_code: int) -> None:
    """Write an error to standard error: lines of text, or one JSON object where the console speaks JSON."""
    if console.as_json:
        console.diagnostic(dump_line(ErrorRecord.of(error, exit_code).to_json()))
    else:
        for line in error_lines(error):
            console.diagnostic(line)


def error_lines(error: OcictlError) -> list[str]:
    """What went wrong, who says so, what was going on, what to do next; each on a line of its own."""
    lines = [f"error: {escape(error.message)}"]
    answer = _answer(error.details)
    if answer:
        lines.append(f"registry: {answer}")
    lines += [f"note: {escape(note)}" for note in getattr(error, "__notes__", ())]
    if error.hint:
        lines.append(f"hint: {escape(error.hint)}")
    return lines


def _answer(details: Mapping[str, Any]) -> str:
    """Say what the registry answered, if it is the registry that speaks: status, then codes and messages."""
    status = details.get("status")
    if status is None:
        return ""
    asked = " ".join(str(details[key]) for key in ("method", "url") if details.get(key))
    entries = [_entry(entry) for entry in details.get("errors") or () if isinstance(entry, Mapping)]
    said = "; ".join(entry for entry in entries if entry)
    return escape(f"{asked + ': ' if asked else ''}answered {status}{', ' + said if said else ''}")


def _entry(entry: Mapping[str, Any]) -> str:
    parts = [str(entry[key]) for key in ("code", "message") if entry.get(key)]
    detail = entry.get("detail")
    shown = f" ({detail})" if isinstance(detail, str) and detail else ""
    return ": ".join(parts) + shown
