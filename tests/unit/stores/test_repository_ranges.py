"""Parts of one large blob from a registry, over several connections: against the simulator and its faults."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocictl import content, hashing
from ocictl.content import copy_verified
from ocictl.errors import ContentError
from ocictl.events import Event, TransferAdvanced, discard
from ocictl.model.descriptor import Descriptor
from ocictl.model.reference import Reference
from ocictl.ops.partial import partial_name
from ocictl.ops.pull import pull
from ocictl.ranges import stream
from ocictl.ranges.gauge import Gauge
from ocictl.stores.repository import Repository
from ocictl.target import HasRanges
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.credentials import Anonymous
from ocictl.transport.hosts import HostAddress
from tests.support.proxy import BLOCK, Relay
from tests.support.registry import Fault, Quirks, Registry, Reply, Request
from tests.unit.stores.helpers_repository import NAME

KIB = 1024
SEGMENT = 256 * KIB
DATA = os.urandom(5 * 1024 * KIB + 777)
BLOB = Descriptor.of(DATA, "application/octet-stream")
QUICK = Limits(retry_base=0.0, retry_max=0.0)


class Eager(Gauge):
    """Wants another connection at every look."""

    def advise(self, now: float, received: int, waited: float, rest: int) -> int:
        if not self.settled and self.connections < self._most:
            self.connections += 1
        return self.connections


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, no pauses."""
    monkeypatch.setattr(content, "PARALLEL_FROM", SEGMENT)
    monkeypatch.setattr(content, "pause", lambda seconds: None)
    monkeypatch.setattr(stream, "SEGMENT", SEGMENT)
    monkeypatch.setattr(stream, "Gauge", Eager)


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with the blob, and an artifact `v1` that consists of it."""
    with Registry() as server:
        server.put_artifact(NAME, {"large.bin": DATA}, tag="v1")
        yield server
        assert server.violations == []


def open_at(host: str, *, connections: int = 4, loopback: bool = True) -> Repository:
    """A repository that fetches in parts from this machine as well."""
    config = TransportConfig(
        limits=QUICK,
        range_connections=connections,
        range_on_loopback=loopback,
        pool_size=4,
        credentials=Anonymous(),
    )
    return Repository(Reference(registry=host, repository=NAME), config)


def fetched(repository: Repository) -> bytes:
    """The blob as it arrives in a file."""
    file = io.BytesIO()
    copy_verified(repository, BLOB, file)
    repository.close()
    return file.getvalue()


def asked(registry: Registry) -> list[str | None]:
    """The ranges of all requests for the blob."""
    return [request.header("Range") for request in registry.matching("GET", "/blobs/")]


def test_a_repository_has_ranges(registry: Registry) -> None:
    """The repository of a registry offers parts."""
    assert isinstance(open_at(registry.host), HasRanges)


def test_several_connections(registry: Registry) -> None:
    """One request for the whole, then one for each part behind what it has brought; more than one connection."""
    assert fetched(open_at(registry.host)) == DATA
    first, *others = asked(registry)
    assert first is None
    spans = sorted(tuple(map(int, (text or "")[6:].split("-"))) for text in others)
    assert [begin for begin, _ in spans[1:]] == [end + 1 for _, end in spans[:-1]]
    assert spans[-1][1] == BLOB.size - 1
    assert 2 <= registry.connections <= 5


@pytest.mark.parametrize(("connections", "loopback"), [(1, True), (4, False)])
def test_one_connection(registry: Registry, connections: int, loopback: bool) -> None:
    """`--concurrency 1` is one connection; and so is everything on this machine."""
    assert fetched(open_at(registry.host, connections=connections, loopback=loopback)) == DATA
    assert asked(registry) == [None]
    assert registry.connections == 1


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000", "near.example"])
def test_what_is_near(host: str) -> None:
    """By name, by address, or by the address that the user gave for the name."""
    given = HostAddress.parse("near.example:443:127.0.0.1")
    config = TransportConfig(resolve=(given,), credentials=Anonymous())
    repository = Repository(Reference(registry=host, repository=NAME), config)
    assert repository.lines is None


def test_what_is_far() -> None:
    """Every other registry has lines, the same ones for all its blobs."""
    config = TransportConfig(range_connections=3, credentials=Anonymous())
    repository = Repository(Reference(registry="registry.example.com", repository=NAME), config)
    lines = repository.lines
    assert lines is not None
    assert lines.most == 3
    assert repository.lines is lines


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(ranges="ignored"),
        *(
            Quirks(faults=(Fault(path="/blobs/", skip=1, times=None, status=status),))
            for status in (403, 404, 416, 429, 500, 503)
        ),
        Quirks(faults=(Fault(path="/blobs/", skip=1, times=None, drop=True),)),
    ],
    ids=["ignored", "403", "404", "416", "429", "500", "503", "dropped"],
)
def test_no_ranges_to_be_had(registry: Registry, quirks: Quirks) -> None:
    """T6: the first connection, which is still there, goes on alone; nothing is asked for twice."""
    registry.configure(ranges=quirks.ranges, faults=quirks.faults)
    assert fetched(open_at(registry.host)) == DATA
    whole, *others = asked(registry)
    assert whole is None
    assert len(others) == len(set(others)) <= 3


@pytest.mark.parametrize(
    "value",
    [None, "bytes 0-9/10", f"bytes 0-{SEGMENT - 1}/{BLOB.size}", "bytes */5", "nonsense"],
    ids=str,
)
def test_another_range_than_asked_for(registry: Registry, value: str | None) -> None:
    """T6: a part that says it is another one, or does not say what it is, is not used."""

    def spoil(request: Request, reply: Reply, _registry: Registry) -> None:
        if request.header("Range"):
            reply.set("Content-Range", value)

    registry.configure(after=spoil)
    assert fetched(open_at(registry.host)) == DATA


def test_refused_in_the_middle(registry: Registry) -> None:
    """429 after some parts: one connection goes on from where the file ends, with the retries of always."""
    registry.configure(faults=(Fault(path="/blobs/", skip=9, times=4, status=429),))
    assert fetched(open_at(registry.host)) == DATA
    assert (asked(registry)[-1] or "").endswith(f"-{BLOB.size - 1}")


def test_cut_connections(registry: Registry) -> None:
    """Parts whose connections break off are completed from there, each by itself."""
    registry.configure(faults=(Fault(path="/blobs/", skip=2, times=5, cut_after=50_000),))
    assert fetched(open_at(registry.host)) == DATA
    begins = [int((text or "")[6:].split("-")[0]) for text in asked(registry)[1:]]
    continued = [begin for begin in begins if begin - 50_000 in begins]
    assert len(continued) == 5


def test_wrong_bytes(registry: Registry, tmp_path: Path) -> None:
    """A registry that serves other bytes in a part is found out, and nothing gets a name (I1)."""
    number = itertools.count()

    def spoil(request: Request, reply: Reply, _registry: Registry) -> None:
        if request.header("Range") and next(number) == 2:
            reply.body = bytes(len(reply.body))

    registry.configure(after=spoil)
    repository = open_at(registry.host)
    with pytest.raises(ContentError) as caught:
        pull(repository, "v1", tmp_path)
    repository.close()
    assert caught.value.code == "digest-mismatch"
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_to_a_storage(registry: Registry) -> None:
    """Every part is asked for at the registry, and comes from where that sends us."""
    with Registry() as storage:
        storage.put_blob(NAME, DATA)
        registry.configure(redirect_blobs=storage.url)
        assert fetched(open_at(registry.host)) == DATA
        assert set(asked(storage)) == set(asked(registry))
        assert len(asked(storage)) == len(asked(registry)) > 10


def test_the_partial_file_is_always_a_prefix(registry: Registry, tmp_path: Path) -> None:
    """What a run that is stopped leaves is the beginning of the content, and a later run goes on behind it."""

    class StopError(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, TransferAdvanced) and event.offset > 3 * 1024 * KIB:
            raise StopError

    repository = open_at(registry.host)
    with pytest.raises(StopError):
        pull(repository, "v1", tmp_path, on_event=stop)
    left = (tmp_path / partial_name(BLOB)).read_bytes()
    assert len(left) > 3 * 1024 * KIB
    assert left == DATA[: len(left)]
    before = len(asked(registry))
    pull(repository, "v1", tmp_path, on_event=discard)
    repository.close()
    assert (tmp_path / "large.bin").read_bytes() == DATA
    assert asked(registry)[before] == f"bytes={len(left)}-{BLOB.size - 1}"


class SlowRelay(Relay):
    """Lets bytes come down no faster than told, on each connection for itself."""

    def __init__(self, port: int, each: int) -> None:
        super().__init__(port)
        self._each = each
        self._never = threading.Event()
        self.used = 0

    def carry(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if upwards:
            super().carry(source, sink, upwards)
            return
        with self._lock:
            self.used += 1
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                self._never.wait(len(data) / self._each)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_a_link_that_limits_each_connection(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured for real: where the first connection is slow, others are opened, and the content is right."""

    class Quick(Gauge):
        WARM_UP = 0.05  # type: ignore[misc]
        WINDOW = 0.2  # type: ignore[misc]
        WORTH = 0.2  # type: ignore[misc]

    monkeypatch.setattr(stream, "Gauge", Quick)
    monkeypatch.setattr(hashing, "BUFFER", 64 * KIB)
    with SlowRelay(registry.port, 2 * 1024 * KIB) as relay:
        assert fetched(open_at(relay.host)) == DATA
        assert 2 <= relay.used <= 5
