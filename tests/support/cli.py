"""Running the command line inside of the test's process: fast, and seen by the debugger."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ocictl.cli.main import cli

__all__ = ["Outcome", "ocictl", "schema", "strict"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run left."""

    code: int
    data: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """Standard output as text."""
        return self.data.decode()

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.stdout.splitlines()

    @property
    def json(self) -> Any:
        """Standard output, parsed."""
        return json.loads(self.data)

    @property
    def error(self) -> dict[str, Any]:
        """The error on standard error, which must be one JSON object."""
        found: dict[str, Any] = json.loads(self.stderr)["error"]
        return found


def ocictl(
    *arguments: str | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None, code: int | None = 0
) -> Outcome:
    """Run a command line.

    Args:
        arguments: without the program.
        stdin: what it can read.
        env: further environment variables.
        code: the exit code it must have; None for any.
    """
    output, errors = io.BytesIO(), io.BytesIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"),
        "stdout": io.TextIOWrapper(output, encoding="ascii"),
        "stderr": io.TextIOWrapper(errors, encoding="ascii"),
    }
    with patch.multiple(sys, **streams), patch.dict(os.environ, env or {}):
        try:
            cli.main([str(argument) for argument in arguments], prog_name="ocictl")
            found = -1
        except SystemExit as end:
            found = int(end.code or 0)
        for name in ("stdout", "stderr"):
            streams[name].flush()
    outcome = Outcome(code=found, data=output.getvalue(), stderr=errors.getvalue().decode())
    if code is not None:
        assert outcome.code == code, f"exit code {outcome.code}\n{outcome.data!r}\n{outcome.stderr}"
    return outcome


def schema(name: str) -> dict[str, Any]:
    """The published schema of a command's record."""
    import ocictl.output

    folder = Path(ocictl.output.__file__).with_name("schemas")
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def strict(found: Any) -> Any:
    """A copy of a schema that also forbids members it does not name."""
    if isinstance(found, dict):
        copy = {key: strict(value) for key, value in found.items()}
        if "properties" in found and found.get("type") == "object":
            copy.setdefault("additionalProperties", False)
        return copy
    if isinstance(found, list):
        return [strict(entry) for entry in found]
    return found
