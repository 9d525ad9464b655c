"""A layout that several processes change at once (LAY-06: nobody's tag may be lost)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ocictl.content import read_document
from ocictl.errors import ConflictError
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import build_manifest
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout

PREAMBLE = """
import sys
from ocictl.sources import BytesContent
from ocictl.model.descriptor import EMPTY_DESCRIPTOR
from ocictl.model.manifest import build_manifest
from ocictl.stores.layout import Layout

path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
"""
PUSH = """
layout = Layout(path, create=True)
layout.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
for number in range(10):
    document = build_manifest(
        config=EMPTY_DESCRIPTOR, layers=[EMPTY_DESCRIPTOR], artifact_type="a/b", annotations={"n": f"{name}-{number}"}
    )
    layout.push(document.descriptor(), BytesContent(document.raw), tag=f"{name}-{number}")
print("done", flush=True)
"""
HOLD = """
from pathlib import Path
from ocictl.stores._layout_files import LayoutFiles
with LayoutFiles(path, lock_timeout=30.0).locked():
    print("locked", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(script: str, path: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said "ready" and waits for a line."""
    command = [sys.executable, "-c", PREAMBLE + script, str(path), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            expect(running, "ready")
            yield running
        finally:
            running.kill()


def expect(running: subprocess.Popen[str], line: str) -> None:
    assert running.stdout is not None
    assert running.stdout.readline() == line + "\n"


def release(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()


def test_processes_lose_nothing(tmp_path: Path) -> None:
    """Four processes make one layout together, each with its own tags; all tags and documents are there."""
    path = tmp_path / "layout"
    with ExitStack() as stack:
        running = [stack.enter_context(process(PUSH, path, f"p{number}")) for number in range(4)]
        for each in running:
            release(each)
        for each in running:
            expect(each, "done")
            assert each.wait(timeout=60) == 0
    layout = Layout(path)
    wanted = {f"p{process}-{number}" for process in range(4) for number in range(10)}
    assert set(layout.tags()) == wanted
    assert {read_document(layout, layout.resolve(tag)).annotations["n"] for tag in wanted} == wanted
    assert {each.name for each in path.iterdir()} == {"blobs", "index.json", "oci-layout", ".ocictl.lock"}


def test_a_held_lock_times_out(tmp_path: Path) -> None:
    """Whoever waits too long gets a conflict that says what to do; reading is never held up."""
    path = tmp_path / "layout"
    document = build_manifest(config=EMPTY_DESCRIPTOR, layers=[], artifact_type="a/b")
    layout = Layout(path, create=True, lock_timeout=0.1)
    with process(HOLD, path, "") as holder:
        release(holder)
        expect(holder, "locked")
        with pytest.raises(ConflictError) as caught:
            layout.push(document.descriptor(), BytesContent(document.raw), tag="v1")
        assert caught.value.code == "layout-locked"
        assert ".ocictl.lock" in (caught.value.hint or "")
        assert list(layout.tags()) == []
        release(holder)
        assert holder.wait(timeout=60) == 0
    layout.push(document.descriptor(), BytesContent(document.raw), tag="v1")
    assert list(layout.tags()) == ["v1"]


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """A lock dies with its process, and what it left unfinished is in nobody's way."""
    path = tmp_path / "layout"
    layout = Layout(path, create=True, lock_timeout=60.0)
    (path / ".ocictl-0123456789abcdef.part").write_bytes(b"half")
    with process(HOLD, path, "") as holder:
        release(holder)
        expect(holder, "locked")
        holder.kill()
        holder.wait(timeout=60)
    blob = Descriptor.of(b"x", "a/b")
    layout.push(blob, BytesContent(b"x"), tag="v1")
    assert list(layout.tags()) == ["v1"]
