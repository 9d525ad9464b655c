"""The running machine, in the words of OCI."""

from __future__ import annotations

import os

_MACHINES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "i386": "386",
    "i686": "386",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "loongarch64": "loong64",
}


def machine_architecture() -> str:
    """The running machine's architecture, in the names of Go."""
    machine = (
        os.uname().machine.lower() if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    )
    return _MACHINES.get(machine, machine) or "unknown"
