"""Credential helpers for tests: real programs, small shell scripts in a directory for PATH."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HelperFolder"]

# What it was asked is appended to NAME.log: the argument, then what came in, each on a line of its own.
_RECORDING = """#!/bin/sh
input=$(cat)
printf '%s\\n%s\\n' "$1" "$input" >> "$0.log"
"""

_KEEPING = """#!/bin/sh
# Keeps one login per server, as files.
input=$(cat)
printf '%s\\n%s\\n' "$1" "$input" >> "$0.log"
case "$1" in
  store)
    server=${input#*'"ServerURL":"'}; server=${server%%'"'*}
    printf '%s' "$input" > "$0.kept.$(printf '%s' "$server" | tr '/:' '__')" ;;
  get)
    kept="$0.kept.$(printf '%s' "$input" | tr '/:' '__')"
    if [ -f "$kept" ]; then cat "$kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
  erase)
    kept="$0.kept.$(printf '%s' "$input" | tr '/:' '__')"
    if [ -f "$kept" ]; then rm "$kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
esac
"""


@dataclass(frozen=True)
class HelperFolder:
    """A directory of helper programs.

    Attributes:
        path: the directory; `environ` has it first on PATH.
    """

    path: Path

    @property
    def search_path(self) -> str:
        """PATH with this directory, and the tools that scripts need."""
        return f"{self.path}:/usr/bin:/bin"

    @property
    def environ(self) -> dict[str, str]:
        """An environment in which the helpers are found."""
        return {"PATH": self.search_path}

    def script(self, suffix: str, body: str) -> Path:
        """Write a helper that runs these lines of shell. It takes what comes in first, and logs it."""
        return self._write(suffix, _RECORDING + body)

    def raw(self, suffix: str, text: str) -> Path:
        """Write a helper whose text is exactly this."""
        return self._write(suffix, text)

    def says(self, suffix: str, output: str, *, status: int = 0) -> Path:
        """Write a helper that prints this, whatever it is asked."""
        return self.script(suffix, f"printf '%s' {shlex.quote(output)}\nexit {status}\n")

    def answers(self, suffix: str, username: str, secret: str) -> Path:
        """Write a helper that knows one login for every server."""
        return self.says(suffix, json.dumps({"Username": username, "Secret": secret}))

    def keeps(self, suffix: str) -> Path:
        """Write a helper that really stores, finds and erases."""
        return self._write(suffix, _KEEPING)

    def log(self, suffix: str) -> list[str]:
        """What a helper was asked: argument and input in turn."""
        log = self.path / f"docker-credential-{suffix}.log"
        return log.read_text().splitlines() if log.exists() else []

    def _write(self, suffix: str, text: str) -> Path:
        self.path.mkdir(exist_ok=True)
        program = self.path / f"docker-credential-{suffix}"
        program.write_text(text)
        program.chmod(0o700)
        return program
