"""Taking blobs over from another repository of the registry, and sending them where that can't be done (PUSH-17)."""

from __future__ import annotations

import pytest

from ocictl.errors import ContentError
from ocictl.model.descriptor import Descriptor
from ocictl.model.reference import Reference
from ocictl.ops.copy_graph import GraphCopy
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore
from ocictl.stores.repository import Repository
from ocictl.transport.config import TransportConfig
from ocictl.transport.credentials import Explicit
from tests.support.registry import Fault, Quirks, Registry, Reply, Request
from tests.unit.stores.helpers_repository import QUICK

SOURCE, TARGET = "team/source", "team/target"
DATA = b"some content of a blob"
BLOB = Descriptor.of(DATA, "application/octet-stream")
MOUNT = f"POST /v2/{TARGET}/blobs/uploads/?mount=sha256%3A{BLOB.digest.encoded}&from=team%2Fsource"


def opened(registry: Registry, name: str, **options: object) -> Repository:
    return Repository(
        Reference(registry=registry.host, repository=name),
        TransportConfig(limits=QUICK, **options),  # type: ignore[arg-type]
        for_writing=name == TARGET,
        sleep=lambda _seconds: None,
    )


class _Unread:
    """Content that nobody should read."""

    size = len(DATA)

    def open(self) -> BytesContent:
        raise AssertionError("the content was read")


def test_a_mounted_blob_is_not_read(registry: Registry) -> None:
    """One request, and the blob is there."""
    registry.put_blob(SOURCE, DATA)
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    assert target.can_mount_from(source)
    assert target.mount(BLOB, _Unread(), source)  # type: ignore[arg-type]
    assert registry.lines == [MOUNT]
    assert registry.repository(TARGET).blobs == {str(BLOB.digest): DATA}


@pytest.mark.parametrize("quirks", [Quirks(mount="ignored")], indirect=True)
def test_an_upload_that_began_instead_is_used(registry: Registry) -> None:
    """202 opens an ordinary session: no second POST, no session left behind."""
    registry.put_blob(SOURCE, DATA)
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    assert not target.mount(BLOB, BytesContent(DATA), source)
    assert [line.split("?")[0].rpartition("/")[0] for line in registry.lines] == [
        f"POST /v2/{TARGET}/blobs/uploads",
        f"PUT /v2/{TARGET}/blobs/uploads",
    ]
    assert registry.repository(TARGET).uploads == {}
    assert registry.repository(TARGET).blobs == {str(BLOB.digest): DATA}


def test_a_blob_that_the_source_lacks(registry: Registry) -> None:
    """The registry begins an upload then."""
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    assert not target.mount(BLOB, BytesContent(DATA), source)
    assert registry.repository(TARGET).blobs == {str(BLOB.digest): DATA}


@pytest.mark.parametrize(
    "quirks", [Quirks(mount=status) for status in (401, 403, 404, 405)], indirect=True, ids=lambda q: q.mount
)
def test_a_refusal_is_no_failure(registry: Registry) -> None:
    """The bytes are sent, and mounting is not tried again. Harbor answers 401 where the source lacks the blob."""
    registry.put_blob(SOURCE, DATA)
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    assert not target.mount(BLOB, BytesContent(DATA), source)
    other = Descriptor.of(b"other", "a/b")
    assert not target.mount(other, BytesContent(b"other"), source)
    assert set(registry.repository(TARGET).blobs) == {str(BLOB.digest), str(other.digest)}
    assert len(registry.matching("POST", "mount=")) == 1


def test_the_token_covers_both_repositories(registry: Registry) -> None:
    """One token, for writing here and reading there (AUTH-20)."""
    registry.configure(auth="bearer")
    registry.put_blob(SOURCE, DATA)
    login = {"credentials": Explicit("user", "secret")}
    source, target = opened(registry, SOURCE, **login), opened(registry, TARGET, **login)
    assert target.mount(BLOB, _Unread(), source)  # type: ignore[arg-type]
    scopes = [scope for request in registry.token_requests for scope in request.scopes]
    assert f"repository:{TARGET}:pull,push" in scopes
    assert f"repository:{SOURCE}:pull" in scopes


def test_another_registry_or_the_same_repository(registry: Registry) -> None:
    """There is nothing to mount from."""
    target = opened(registry, TARGET)
    assert not target.can_mount_from(opened(registry, TARGET))
    assert not target.can_mount_from(MemoryStore())
    with Registry() as other:
        assert not target.can_mount_from(opened(other, SOURCE))


def test_a_wrong_digest_in_the_answer(registry: Registry) -> None:
    """What was mounted must be what was asked for (PUSH-18)."""
    registry.put_blob(SOURCE, DATA)
    registry.configure(content_digest="wrong")
    with pytest.raises(ContentError, match="another digest"):
        opened(registry, TARGET).mount(BLOB, BytesContent(DATA), opened(registry, SOURCE))


def test_an_upload_that_breaks_begins_without_mounting(registry: Registry) -> None:
    """The session of the mount is used once; the next attempt opens one of its own."""
    registry.configure(mount="ignored", faults=(Fault(method="PUT", path="uploads", status=503),))
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    assert not target.mount(BLOB, BytesContent(DATA), source)
    posts = registry.matching("POST", "uploads")
    assert [("mount=" in request.target) for request in posts] == [True, False]
    assert registry.repository(TARGET).blobs == {str(BLOB.digest): DATA}


def test_copying_inside_of_a_registry_moves_no_blob(registry: Registry) -> None:
    """Neither read nor sent: manifests only."""
    root = registry.put_artifact(SOURCE, {"a": b"1", "b": b"2"}, tag="v1")
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    GraphCopy(source, target).copy(source.resolve("v1"), tags=["v1"])
    assert registry.repository(TARGET).find("v1") == root["digest"]
    assert registry.matching("GET", "blobs/") == []
    assert registry.matching("PUT", "blobs/") == []


def test_copying_goes_on_where_mounting_is_refused(registry: Registry) -> None:
    """Who may write to the target need not be allowed to have the source mounted."""

    def refuse(request: Request, _registry: Registry) -> Reply | None:
        return Reply(status=403) if request.parameter("mount") else None

    registry.configure(before=refuse)
    root = registry.put_artifact(SOURCE, {"a": b"1", "b": b"2"}, tag="v1")
    source, target = opened(registry, SOURCE), opened(registry, TARGET)
    GraphCopy(source, target, concurrency=1).copy(source.resolve("v1"), tags=["v1"])
    assert registry.repository(TARGET).find("v1") == root["digest"]
    assert len(registry.matching("POST", "mount=")) == 1
