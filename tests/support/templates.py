"""Templates and what oras makes of them: `cases.json` in tests/data/templates.

    python -m tests.support.templates

runs oras for every template in the file and writes down what it prints. To add a template, add an entry
without an output and run it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["REFERENCE", "Case", "cases", "document", "fetch", "layout", "record"]

_DATA = Path(__file__).resolve().parents[1] / "data" / "templates"
_MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A template and what oras prints for it; None when it refuses."""

    template: str
    output: bytes | None


def document() -> bytes:
    """A manifest with all kinds of values in it."""
    return (_DATA / "manifest.json").read_bytes()


_DIGEST = f"sha256:{hashlib.sha256(document()).hexdigest()}"
REFERENCE = f"lay@{_DIGEST}"
"""The manifest in a layout called `lay`."""


def record() -> dict[str, Any]:
    """What `manifest fetch --format json` prints for the manifest."""
    return {
        "reference": REFERENCE,
        "mediaType": _MEDIA_TYPE,
        "digest": _DIGEST,
        "size": len(document()),
        "content": json.loads(document()),
    }


def cases() -> list[Case]:
    """All cases of the file."""
    return [
        Case(
            template=entry["template"],
            output=None if entry["output"] is None else entry["output"].encode("utf-8", "surrogateescape"),
        )
        for entry in json.loads((_DATA / "cases.json").read_text())
    ]


def layout(folder: Path) -> None:
    """Write the manifest into a layout `lay` in a folder."""
    blobs = folder / "lay" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / _DIGEST.partition(":")[2]).write_bytes(document())
    (folder / "lay" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = {"mediaType": _MEDIA_TYPE, "digest": _DIGEST, "size": len(document())}
    (folder / "lay" / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def fetch(template: str) -> list[str]:
    """The arguments that apply a template to the manifest."""
    return ["manifest", "fetch", "--oci-layout", REFERENCE, "--format", f"go-template={template}"]


def main() -> None:
    """Write the outputs of oras into the file."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        layout(Path(folder))
        for entry in json.loads((_DATA / "cases.json").read_text()):
            done = subprocess.run(
                ["oras", *fetch(entry["template"])], cwd=folder, capture_output=True, check=False
            )
            output = done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
            found.append({"template": entry["template"], "output": output})
    (_DATA / "cases.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
