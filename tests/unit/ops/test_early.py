"""Large files that are sent while they are hashed (PUSH-06): one read, where that is known to work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocictl.errors import StorageError
from ocictl.events import Event, FileAdvanced, TransferFinished
from ocictl.model.reference import Reference
from ocictl.ops import early
from ocictl.ops.pack import FileArgument
from ocictl.ops.push import PushResult, push
from ocictl.stores.repository import Repository
from ocictl.transport.config import Limits, TransportConfig
from tests.support.registry import DISTRIBUTION_2_8, GGCR, Fault, Quirks, Registry

DATA = bytes(range(256)) * 2000
LIMITS = Limits(retry_base=0.0, retry_max=0.0)
NAME = "team/app"


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half a megabyte counts as large; names are relative."""
    monkeypatch.setattr(early, "LARGE", 100_000)
    monkeypatch.chdir(tmp_path)


def pushed(
    registry: Registry,
    *names: str,
    events: list[Event] | None = None,
    chunk_size: int | None = None,
    mount_from: tuple[str, ...] = (),
) -> PushResult:
    """Push files under the tag v1, and check that the registry has all of them."""
    target = Repository(
        Reference(registry=registry.host, repository=NAME),
        TransportConfig(limits=LIMITS, chunk_size=chunk_size),
        mount_from=mount_from,
        sleep=lambda _seconds: None,
    )
    files = [FileArgument.parse(name) for name in names]
    try:
        result = push(target, files, tags=("v1",), on_event=([] if events is None else events).append)
    finally:
        target.close()
    for layer, name in zip(result.manifest.layers, names, strict=True):
        assert registry.repositories[NAME].blobs[str(layer.digest)] == Path(name).read_bytes()
    return result


def patches(registry: Registry) -> int:
    return len(registry.matching("PATCH"))


def whole_puts(registry: Registry) -> int:
    """How many large blobs went by PUT."""
    found = registry.matching("PUT", "/blobs/uploads/")
    return sum(int(request.headers.get("Content-Length") or 0) >= early.LARGE for request in found)


@with_quirks(DISTRIBUTION_2_8)
def test_new_repository(registry: Registry) -> None:
    """One PATCH for each large file, a closing PUT without a body, no question whether it is there."""
    Path("a.bin").write_bytes(DATA)
    Path("b.bin").write_bytes(DATA[::-1])
    Path("small.txt").write_bytes(b"small")
    events: list[Event] = []
    result = pushed(registry, "a.bin", "small.txt", "b.bin", events=events)
    assert (patches(registry), whole_puts(registry)) == (2, 0)
    asked = [request.target.rpartition("/")[2] for request in registry.matching("HEAD", "/blobs/")]
    large = {str(layer.digest) for layer in result.manifest.layers if layer.size >= early.LARGE}
    assert large.isdisjoint(asked)
    offsets = [event.offset for event in events if isinstance(event, FileAdvanced) and event.name == "a.bin"]
    assert offsets == sorted(offsets)
    assert offsets[-1] == len(DATA)
    finished = [event.descriptor.title for event in events if isinstance(event, TransferFinished)]
    assert {"a.bin", "b.bin", "small.txt"} <= set(finished)


@with_quirks(DISTRIBUTION_2_8)
def test_the_digest_is_the_same_either_way(registry: Registry) -> None:
    """How a file is sent changes nothing in what is written."""
    Path("a.bin").write_bytes(DATA)
    first = pushed(registry, "a.bin")
    again = pushed(registry, "a.bin")
    assert first.descriptor == again.descriptor
    assert patches(registry) == 1


@with_quirks(DISTRIBUTION_2_8)
def test_known_repository_is_asked_first(registry: Registry) -> None:
    """Where something was pushed before, the file may be there, so it is hashed first."""
    registry.put_artifact(NAME, {"x": b"x"}, tag="old")
    Path("a.bin").write_bytes(DATA)
    pushed(registry, "a.bin")
    assert (patches(registry), whole_puts(registry)) == (0, 1)


@with_quirks(GGCR, Quirks(), replace(DISTRIBUTION_2_8, upload_query="none"))
def test_other_registries(registry: Registry) -> None:
    """Only a location as Distribution gives it is evidence that a large PATCH works."""
    Path("a.bin").write_bytes(DATA)
    pushed(registry, "a.bin")
    assert (patches(registry), whole_puts(registry)) == (0, 1)


@with_quirks(DISTRIBUTION_2_8)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="PATCH", status=413),
        Fault(method="PATCH", status=500),
        Fault(method="PATCH", cut_request_after=50_000),
        Fault(method="PATCH", drop=True, after=True),
        Fault(method="PUT", path="/blobs/uploads/.*digest=", status=400),
        Fault(method="GET", path="/tags/list", status=403),
        Fault(method="POST", path="/blobs/uploads/", status=500, times=1),
    ],
)
def test_whatever_fails_is_done_in_the_usual_way(registry: Registry, fault: Fault) -> None:
    """A failure costs time and nothing else, and is not provoked again."""
    Path("a.bin").write_bytes(DATA)
    Path("b.bin").write_bytes(DATA[::-1])
    registry.configure(faults=(fault,))
    pushed(registry, "a.bin", "b.bin")
    assert patches(registry) + whole_puts(registry) in (2, 3, 4)


@with_quirks(DISTRIBUTION_2_8)
def test_equal_files_are_sent_once(registry: Registry) -> None:
    """PUSH-02: files that may be equal are hashed first."""
    for name in ("a.bin", "b.bin"):
        Path(name).write_bytes(DATA)
    pushed(registry, "a.bin", "b.bin")
    assert (patches(registry), whole_puts(registry)) == (0, 1)


@with_quirks(DISTRIBUTION_2_8)
def test_nothing_is_sent_if_a_file_is_missing(registry: Registry) -> None:
    """A mistake in the command line is found before gigabytes have moved."""
    Path("a.bin").write_bytes(DATA)
    with pytest.raises(StorageError):
        pushed(registry, "a.bin", "missing.bin")
    assert patches(registry) == 0


@with_quirks(DISTRIBUTION_2_8)
@pytest.mark.parametrize("options", [{"chunk_size": 50_000}, {"mount_from": ("team/base",)}])
def test_options_that_need_the_digest(registry: Registry, options: dict[str, object]) -> None:
    """Chunks and mounts are what the user asked for."""
    Path("a.bin").write_bytes(DATA)
    pushed(registry, "a.bin", **options)  # type: ignore[arg-type]
    assert all(
        int(request.headers.get("Content-Length") or 0) <= 50_000 for request in registry.matching("PATCH")
    )


@with_quirks(DISTRIBUTION_2_8)
def test_a_file_that_changes(registry: Registry) -> None:
    """U6: a file that grows while it is sent is an error, and nothing is tagged."""
    Path("a.bin").write_bytes(DATA)

    def grow(event: Event) -> None:
        if isinstance(event, FileAdvanced) and event.offset < 300_000:
            with Path("a.bin").open("ab") as file:
                file.write(b"more")

    target = Repository(Reference(registry=registry.host, repository=NAME), TransportConfig(limits=LIMITS))
    with pytest.raises(StorageError) as caught:
        push(target, [FileArgument.parse("a.bin")], tags=("v1",), on_event=grow)
    target.close()
    assert caught.value.code == "file-changed"
    assert registry.repository(NAME).manifests == {}
