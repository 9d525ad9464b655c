#!/usr/bin/env python3
"""Print a small SPDX 2.3 document that lists files with their SHA-256.

Usage: sbom.py NAME PATH... > sbom.spdx.json

The same files always give the same document: paths are sorted and the time is fixed,
or taken from SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path


def files_below(paths: list[str]) -> list[Path]:
    """List the regular files that the arguments name or contain, sorted."""
    found: set[Path] = set()
    for text in paths:
        path = Path(text)
        found.update(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else found.add(
            path
        )
    return sorted(found)


def describe(number: int, path: Path) -> dict[str, object]:
    """Describe one file in the terms of SPDX."""
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "SPDXID": f"SPDXRef-File-{number}",
        "fileName": f"./{path.as_posix()}",
        "checksums": [{"algorithm": "SHA256", "checksumValue": checksum}],
    }


def main() -> None:
    """Write the document to standard output."""
    name, *paths = sys.argv[1:]
    created = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://example.com/spdx/{name}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: sbom.py"]},
        "files": [describe(number, path) for number, path in enumerate(files_below(paths), start=1)],
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
