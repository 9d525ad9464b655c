"""Command lines of each program for pushing and pulling the same files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.runner import Bench, Command
from tests.benchmarks.servers import Place

__all__ = ["BARE", "CURL_OPENSSL", "CURL_SHA256SUM", "layer_digests", "pull_line", "push_line"]

CURL_OPENSSL = "curl + openssl"
CURL_SHA256SUM = "curl + sha256sum"
BARE = "bare Python"

_PUSH_PY = """
import sys
from oras.client import OrasClient
OrasClient(insecure=True).push(target=sys.argv[1], files=sys.argv[2:], quiet=True)
"""
_PULL_PY = """
import sys
from oras.client import OrasClient
OrasClient(insecure=True).pull(target=sys.argv[1], outdir=sys.argv[2])
"""
_HASH = {CURL_OPENSSL: "openssl dgst -sha256 -r", CURL_SHA256SUM: "sha256sum"}


def push_line(
    bench: Bench,
    program: str,
    place: Place,
    repository: str,
    names: Sequence[str],
    layout: Path | None = None,
) -> Command:
    """The command line that pushes these files, which are in the working directory.

    Args:
        layout: where they are packed already, for skopeo.
    """
    artifact = place.artifact(repository)
    trust = ["--ca-file", str(place.authority)] if place.authority else []
    if program in ("ocictl", "oras"):
        return [bench.tool(program), "push", *trust, artifact, *names]
    if program == "oras-py":
        return [bench.tool(program), "-c", _PUSH_PY, artifact, *names]
    if program == "skopeo":
        copy = [bench.tool(program), "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
        return [*copy, f"oci:{layout}:v1", f"docker://{artifact}"]
    return _curl_up(bench, program, place, repository, names)


def pull_line(
    bench: Bench, program: str, place: Place, repository: str, out: Path, digests: Sequence[str]
) -> Command:
    """The command line that pulls an artifact into a directory; skopeo makes a layout there.

    Args:
        digests: of its layers, for programs that know nothing of manifests.
    """
    artifact = place.artifact(repository)
    trust = ["--ca-file", str(place.authority)] if place.authority else []
    if program in ("ocictl", "oras"):
        return [bench.tool(program), "pull", *trust, artifact, "-o", str(out)]
    if program == "oras-py":
        return [bench.tool(program), "-c", _PULL_PY, artifact, str(out)]
    if program == BARE:
        script = str(Path(__file__).with_name("bare.py"))
        return [sys.executable, "-I", "-S", script, place.host, f"bench/{repository}", "v1", str(out)]
    if program == "skopeo":
        copy = [bench.tool(program), "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"]
        return [*copy, f"docker://{artifact}", f"oci:{out}:v1"]
    return _curl_down(bench, program, place, repository, out, digests)


def layer_digests(bench: Bench, place: Place, repository: str) -> list[str]:
    """The digests of the layers of an artifact."""
    trust = ["--ca-file", str(place.authority)] if place.authority else []
    shown = bench.run(
        [bench.tool("ocictl"), "manifest", "fetch", *trust, place.artifact(repository)], bench.scratch
    )
    return [layer["digest"] for layer in json.loads(shown)["layers"]]


def _curl(bench: Bench, place: Place) -> tuple[str, str]:
    trust = f"--cacert {place.authority} " if place.authority else ""
    scheme = "https" if place.authority else "http"
    return f"{bench.tool('curl')} -sS -f {trust}", f"{scheme}://{place.host}/v2/bench"


def _curl_up(bench: Bench, program: str, place: Place, repository: str, names: Sequence[str]) -> Command:
    """Hash a file, ask for an upload, send it; one after the other, and no manifest."""
    curl, url = _curl(bench, place)
    script = (
        f"set -e; for name in {' '.join(names)}; do "
        f"digest=$({_HASH[program]} $name | cut -d' ' -f1); "
        f"place=$({curl} -X POST -D - -o /dev/null {url}/{repository}/blobs/uploads/"
        " | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'); "
        f'{curl} -o /dev/null -T $name "$place&digest=sha256:$digest"; done'
    )
    return ["sh", "-c", script]


def _curl_down(
    bench: Bench, program: str, place: Place, repository: str, out: Path, digests: Sequence[str]
) -> Command:
    """Fetch the blobs into files, then hash the files and compare."""
    curl, url = _curl(bench, place)
    script = (
        f"set -e; mkdir -p {out}; for digest in {' '.join(digests)}; do "
        f"{curl} -o {out}/$digest {url}/{repository}/blobs/$digest; "
        f"test sha256:$({_HASH[program]} {out}/$digest | cut -d' ' -f1) = $digest; done"
    )
    return ["sh", "-c", script]
