"""Large blobs from a registry: read into memory that is used again, whatever the registry and the line do (PULL-08)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ocictl import content, hashing
from ocictl.content import copy_verified
from ocictl.errors import ContentError, OcictlError
from ocictl.model.descriptor import Descriptor
from tests.support.registry import Fault, Quirks, Registry
from tests.unit.stores.helpers_repository import NAME, QUICK, open_repository

DATA = os.urandom(5 * 1024 * 1024 + 321)
BLOB = Descriptor.of(DATA, "application/octet-stream")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "pause", lambda _seconds: None)


def fetched(registry: Registry, path: Path, *, kept: int = 0) -> bytes:
    """Fetch the blob into a file that has its first bytes already."""
    registry.put_blob(NAME, DATA)
    repository = open_repository(registry, limits=replace(QUICK, attempts=4))
    path.write_bytes(DATA[:kept])
    try:
        with path.open("r+b", buffering=0) as file:
            copy_verified(repository, BLOB, file, kept=kept)
    finally:
        repository.close()
    return path.read_bytes()


@pytest.mark.parametrize("kept", [0, 1, 1024 * 1024, len(DATA) - 1, len(DATA)])
@pytest.mark.parametrize("buffer", [4096, 1024 * 1024, 8 * 1024 * 1024])
def test_whole(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, buffer: int
) -> None:
    """Buffers smaller and larger than the blob, and a part that is there."""
    monkeypatch.setattr(hashing, "BUFFER", buffer)
    assert fetched(registry, tmp_path / "blob", kept=kept) == DATA


@pytest.mark.parametrize("cut", [0, 1, 300_000, 1024 * 1024, len(DATA) - 1])
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_breaks(registry: Registry, tmp_path: Path, cut: int, *, reset: bool) -> None:
    """T3: it goes on at the byte where it broke, and what came is not thrown away."""
    registry.configure(faults=(Fault(method="GET", path="/blobs/", cut_after=cut, reset=reset),))
    assert fetched(registry, tmp_path / "blob") == DATA
    ranges = [request.headers.get("Range") for request in registry.matching("GET", "/blobs/")]
    if cut:
        assert ranges[0] is None
        assert len(ranges) == 2


@pytest.mark.parametrize("quirks", [Quirks(gzip_blobs=True), Quirks(ranges="ignored")], indirect=True)
def test_other_ways_to_send_it(registry: Registry, tmp_path: Path) -> None:
    """PY-04: what was compressed on the way has the wrong bytes, and that is found; ignored ranges do no harm."""
    try:
        assert fetched(registry, tmp_path / "blob", kept=1000) == DATA
    except OcictlError as error:
        assert isinstance(error, ContentError) or error.code == "registry-protocol"


@pytest.mark.parametrize(
    "change",
    [
        lambda _digest, data: data[:-1] + b"?",
        lambda _digest, data: data[:-1],
        lambda _digest, data: data + b"?",
        lambda _digest, data: b"?" + data[1:],
    ],
    ids=["last byte", "short", "long", "first byte"],
)
def test_wrong_bytes_are_found(registry: Registry, tmp_path: Path, change: object) -> None:
    """DIG-05, DIG-06: one byte is enough."""
    registry.configure(blob_bytes=change)
    with pytest.raises(ContentError) as caught:
        fetched(registry, tmp_path / "blob")
    assert caught.value.code in ("digest-mismatch", "size-mismatch")
