"""Uploads in chunks, gone on with after cuts, and remembered for a later run (PUSH-06 to PUSH-17, U1 to U10)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from ocictl.errors import (
    ContentError,
    OcictlError,
    RegistryError,
    StorageError,
    TransportError,
    UnavailableError,
)
from ocictl.events import TransferKept
from ocictl.model.descriptor import Descriptor
from ocictl.model.reference import Reference
from ocictl.ops.copy import Node, send_blob
from ocictl.ops.parallel import Cancellation
from ocictl.sources import BytesContent, FileContent
from ocictl.stores.repository import Repository
from ocictl.stores.upload_records import KEPT_RECORDS, KEPT_SECONDS, UploadRecords
from ocictl.target import ByteStream
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.credentials import Explicit
from tests.support.registry import Fault, Quirks, Recorder, Registry, Reply, Request
from tests.unit.stores.helpers_repository import NAME, Recorded

DATA = bytes(range(256)) * 40
BLOB = Descriptor.of(DATA, "text/plain")
CHUNK = 1000
LIMITS = Limits(
    retry_base=0.0, retry_max=0.0, chunk_bytes=4000, chunk_floor=100, resume_bytes=2000, attempts=4
)


def opened(
    registry: Registry,
    *,
    chunk_size: int | None = CHUNK,
    records: Path | None = None,
    limits: Limits = LIMITS,
    recorded: Recorded | None = None,
    **options: Any,
) -> Repository:
    record = recorded or Recorded()
    config = TransportConfig(limits=limits, chunk_size=chunk_size, upload_records=records, **options)
    reference = Reference(registry=registry.host, repository=NAME)
    return Repository(reference, config, on_event=record.events.append, sleep=record.sleep)


def pushed(registry: Registry, **options: Any) -> list[str]:
    """Push the blob, check that it is stored, and return the methods of all requests."""
    opened(registry, **options).push(BLOB, BytesContent(DATA))
    assert registry.repository(NAME).blobs[str(BLOB.digest)] == DATA
    return [request.method for request in registry.requests]


def ranges(registry: Registry) -> list[str | None]:
    return [request.header("Content-Range") for request in registry.matching("PATCH")]


def sent_bytes(registry: Registry) -> int:
    return sum(request.body_length for request in registry.requests)


def cut(skip: int = 3, after: int = 400, times: int = 1) -> Fault:
    """The connection ends in the middle of a chunk."""
    return Fault(method="PATCH", skip=skip, times=times, cut_request_after=after, reset=True)


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


class TestChunks:
    def test_in_order_and_without_gaps(self, registry: Registry) -> None:
        """PUSH-09, PUSH-11: chunks with Content-Range and Content-Length, then a PUT without a body."""
        assert pushed(registry) == ["POST", *["PATCH"] * 11, "PUT"]
        assert ranges(registry)[:2] == ["0-999", "1000-1999"]
        assert ranges(registry)[-1] == "10000-10239"
        assert registry.requests[0].header("Content-Length") == "0"
        assert registry.requests[-1].header("Content-Length") == "0"
        assert registry.violations == []

    @with_quirks(
        Quirks(upload_query="state"),
        Quirks(upload_query="exact", upload_location="relative"),
    )
    def test_u1_newest_location_counts(self, registry: Registry) -> None:
        """U1, PUSH-10: each chunk goes to the Location of the answer before it, relative or not."""
        assert pushed(registry).count("PATCH") == 11

    @pytest.mark.parametrize("location", ["missing", "foreign", "downgraded"])
    def test_u1_location_between_chunks(self, registry: Registry, location: str) -> None:
        """U1, PUSH-20: without a Location the last one is kept; one that can't be right is refused."""

        def change(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.method == "PATCH":
                bad = {"missing": None, "foreign": "http://10.0.0.1/upload", "downgraded": "ftp://a/b"}
                reply.set("Location", bad[location])

        registry.configure(after=change)
        if location == "missing":
            assert pushed(registry).count("PATCH") == 11
            return
        with pytest.raises(TransportError) as caught:
            pushed(registry)
        assert caught.value.code == "url-refused"

    def test_u1_foreign_location_gets_no_credentials(self, registry: Registry) -> None:
        """U1, PUSH-20: chunks go where the Location says, without the registry's credentials."""
        with Recorder(Reply(status=202, headers=[("Range", "0-999")])) as elsewhere:
            registry.configure(upload_location="foreign", upload_host=elsewhere.url, auth="basic")
            credentials = Explicit("user", "secret")
            with pytest.raises(OcictlError):
                pushed(registry, credentials=credentials)
            assert elsewhere.requests[0].body == DATA[:CHUNK]
            assert {request.authorization for request in elsewhere.requests} == {None}

    def test_small_blobs_go_whole(self, registry: Registry) -> None:
        """What fits into one chunk needs no session of several requests."""
        assert pushed(registry, chunk_size=len(DATA)) == ["POST", "PUT"]

    @pytest.mark.parametrize("form", ["0-{}", "bytes=0-{}", "bytes 0-{}"])
    def test_forms_of_range(self, registry: Registry, form: str) -> None:
        """GAP-04: Range comes with and without a unit."""

        def change(_request: Request, reply: Reply, _registry: Registry) -> None:
            text = reply.header("Range")
            if text is not None:
                reply.set("Range", form.format(text.partition("-")[2]))

        registry.configure(after=change)
        assert pushed(registry).count("PATCH") == 11

    @with_quirks(Quirks(patch_keeps=600))
    def test_u2_short(self, registry: Registry) -> None:
        """U2: the registry kept less than it was sent; the next chunk begins there."""
        pushed(registry)
        assert ranges(registry)[:3] == ["0-999", "1000-1999", "1600-2599"]

    @with_quirks(Quirks(patch_keeps=0, patch_status=201))
    def test_u2_stuck(self, registry: Registry) -> None:
        """U2: Amazon ECR takes chunks and drops them; then the blob goes whole, in a new session."""
        assert pushed(registry) == ["POST", "PATCH", "PATCH", "PATCH", "POST", "PUT"]

    @pytest.mark.parametrize("text", ["0-999999", "17-20", "nonsense", "-1"])
    def test_u2_ahead_or_nonsense(self, registry: Registry, text: str) -> None:
        """U2: a Range of bytes that were not sent, or that is none, starts a new session; not for ever."""
        wrong = Fault(method="PATCH", skip=1, times=1)

        def change(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.header("Content-Range") == "1000-1999" and len(registry.matching("POST")) == 1:
                reply.set("Range", text)

        registry.configure(after=change)
        assert wrong.method == "PATCH"
        assert pushed(registry).count("POST") == 2
        registry.configure(
            after=lambda request, reply, _: reply.set("Range", text) if request.method == "PATCH" else None
        )
        registry.repository(NAME).blobs.clear()
        with pytest.raises(RegistryError) as caught:
            pushed(registry)
        assert caught.value.code == "registry-protocol"

    def test_u3_wrong_offset_is_caught(self, registry: Registry) -> None:
        """U3: bytes that are there twice after a break are found by the digest; one new start from zero."""

        def twice(request: Request, _reply: Reply, app: Registry) -> None:
            if request.method == "PATCH" and len(app.matching("POST")) == 1:
                (upload,) = app.repository(NAME).uploads.values()
                if len(upload.data) == 4000:
                    # The registry has the chunk but says it has not, as one that ignores Content-Range would.
                    upload.data[3000:4000] = DATA[:1000]

        registry.configure(after=twice, faults=(cut(skip=1),))
        assert pushed(registry).count("POST") == 2

    def test_u3_wrong_without_a_break_is_an_error(self, registry: Registry) -> None:
        """PUSH-16: without a break, other bytes than the digest names are the source's fault."""
        with pytest.raises(ContentError) as caught:
            opened(registry).push(BLOB, BytesContent(DATA[::-1]))
        assert caught.value.code == "digest-mismatch"
        assert len(registry.matching("POST")) == 1

    @pytest.mark.parametrize("code", ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"])
    def test_u4_session_expires(self, registry: Registry, code: str) -> None:
        """U4, PUSH-15: 404 in the middle is a lost session; a new one begins at zero."""
        body = f'{{"errors":[{{"code":"{code}"}}]}}'.encode()
        registry.configure(faults=(Fault(method="PATCH", skip=4, status=404, body=body),))
        recorded = Recorded()
        assert pushed(registry, recorded=recorded).count("POST") == 2
        assert [retry.method for retry in recorded.retries] == ["PATCH"]

    @with_quirks(Quirks(auth="bearer", token_uses=3))
    def test_u5_token_expires_between_chunks(self, registry: Registry) -> None:
        """U5, AUTH-23: a new token, and the same chunk again."""
        credentials = Explicit("user", "secret")
        pushed(registry, credentials=credentials)
        assert len(registry.token_requests) > 3
        assert len(registry.matching("POST", "uploads")) <= 2

    @with_quirks(Quirks(patch_status=201), Quirks(patch_status=200), Quirks(patch_status=204))
    def test_u6_other_success(self, registry: Registry) -> None:
        """U6, PUSH-19: 201 and the like on PATCH mean what Range says."""
        assert pushed(registry).count("PATCH") == 11

    @with_quirks(Quirks(chunk_min_length=3000))
    def test_u8_minimum(self, registry: Registry) -> None:
        """U8, PUSH-08: no chunk but the last is smaller than the registry asks for."""
        pushed(registry)
        assert ranges(registry) == ["0-2999", "3000-5999", "6000-8999", "9000-10239"]

    @with_quirks(Quirks(chunk_min_length=10**17))
    def test_u8_huge_minimum(self, registry: Registry) -> None:
        """U8: a minimum above the size makes one chunk of the whole."""
        pushed(registry)
        assert ranges(registry) == ["0-10239"]

    @with_quirks(*[Quirks(chunk_min_length=text) for text in ("-5", "many", "1e9", "9" * 30, "")])
    def test_u8_invalid_minimum(self, registry: Registry) -> None:
        """U8: a minimum that is no number is none."""
        assert pushed(registry).count("PATCH") == 11

    @pytest.mark.parametrize("change", ["grows", "shrinks", "touched"])
    def test_u9_source_changes(self, registry: Registry, tmp_path: Path, change: str) -> None:
        """U9: a file that changes while its chunks are sent is an error, and the blob is not stored."""
        path = tmp_path / "file"
        path.write_bytes(DATA)
        content = FileContent(path)

        def touch(request: Request, _reply: Reply, _registry: Registry) -> None:
            if request.header("Content-Range") == "3000-3999":
                if change == "touched":
                    os.utime(path, ns=(1, 1))
                else:
                    path.write_bytes(DATA + b"x" if change == "grows" else DATA[:5000])

        registry.configure(after=touch)
        with pytest.raises(StorageError) as caught:
            opened(registry, records=tmp_path / "records").push(BLOB, content)
        assert caught.value.code == "file-changed"
        assert registry.repository(NAME).blobs == {}
        assert list((tmp_path / "records").iterdir()) == []

    def test_u9_source_vanishes(self, registry: Registry, tmp_path: Path) -> None:
        """U9: a file that is gone when a chunk has to be read again is an error."""
        path = tmp_path / "file"
        path.write_bytes(DATA)
        content = FileContent(path)
        registry.configure(
            faults=(cut(),), after=lambda request, *_: path.unlink(missing_ok=True) if request.body else None
        )
        with pytest.raises(StorageError) as caught:
            opened(registry).push(BLOB, content)
        assert caught.value.code == "file-not-found"

    @pytest.mark.parametrize("chunk_size", [None, CHUNK])
    def test_u10_answer_to_the_last_put_is_lost(self, registry: Registry, chunk_size: int | None) -> None:
        """U10, PUSH-19: HEAD finds the blob, and nothing is sent again."""
        registry.configure(faults=(Fault(method="PUT", after=True, drop=True),))
        assert pushed(registry, chunk_size=chunk_size)[-2:] == ["PUT", "HEAD"]
        assert sent_bytes(registry) == len(DATA)

    def test_lost_answer_of_a_chunk(self, registry: Registry) -> None:
        """PUSH-12: the registry is asked, and what it has is not sent again."""
        registry.configure(faults=(Fault(method="PATCH", skip=2, after=True, drop=True),))
        assert pushed(registry).count("GET") == 1
        assert sent_bytes(registry) == len(DATA)

    @with_quirks(Quirks(broken_patch="kept"), Quirks(broken_patch="lost"))
    def test_broken_chunk(self, registry: Registry) -> None:
        """PUSH-12: after a break the registry is asked, and the rest of the chunk goes on where it says."""
        registry.configure(faults=(cut(),))
        recorded = Recorded()
        assert pushed(registry, recorded=recorded).count("POST") == 1
        again = "3400-4399" if registry.quirks.broken_patch == "kept" else "3000-3999"
        assert ranges(registry)[3:5] == ["3000-3999", again]
        assert [retry.method for retry in recorded.retries] == ["PATCH"]

    @with_quirks(Quirks(broken_patch="poisoned", upload_query="state"))
    def test_broken_chunk_of_distribution(self, registry: Registry) -> None:
        """Distribution gives up a session whose request broke: a new one, from zero."""
        registry.configure(faults=(cut(),))
        assert pushed(registry).count("POST") == 2

    @with_quirks(Quirks(broken_patch="kept"))
    def test_progress_renews_the_patience(self, registry: Registry) -> None:
        """More breaks than attempts are no failure as long as bytes arrive between them."""
        registry.configure(faults=(cut(skip=0, times=9),))
        assert pushed(registry).count("POST") == 1

    def test_breaks_without_progress_end(self, registry: Registry) -> None:
        """Breaks are bounded."""
        registry.configure(faults=(cut(skip=0, after=0, times=10**6),))
        with pytest.raises(TransportError):
            pushed(registry)
        assert len(registry.matching("PATCH")) <= LIMITS.attempts**2

    @with_quirks(Quirks(chunk_max=300))
    def test_chunks_that_are_too_large(self, registry: Registry) -> None:
        """GHCR answers a large chunk with 416: smaller ones in the same session."""
        pushed(registry)
        assert ranges(registry)[:4] == ["0-999", "0-499", "0-249", "250-499"]

    @pytest.mark.parametrize("status", [400, 405, 501])
    def test_a_registry_without_chunks(self, registry: Registry, status: int) -> None:
        """Google refuses PATCH: the blob goes whole."""
        registry.configure(faults=(Fault(method="PATCH", times=None, status=status),))
        assert pushed(registry) == ["POST", "PATCH", "POST", "PUT"]

    @pytest.mark.parametrize("status", [401, 403])
    def test_other_refusals_are_final(self, registry: Registry, status: int) -> None:
        """What is not allowed is not tried in another way."""
        registry.configure(faults=(Fault(method="PATCH", times=None, status=status),))
        with pytest.raises(RegistryError):
            pushed(registry)
        assert len(registry.matching("PATCH")) == 1


class TestBodyLimit:
    @with_quirks(Quirks(body_limit=1500))
    def test_413_leads_to_chunks(self, registry: Registry) -> None:
        """A PUT that is too large: chunks, half as large each time, and at once for the next blob."""
        repository = opened(registry, chunk_size=None)
        repository.push(BLOB, BytesContent(DATA))
        sizes = [request.body_length for request in registry.requests if request.body_length]
        assert sizes[:4] == [10240, 4000, 2000, 1000]
        assert set(sizes[4:]) == {1000, 240}
        other = Descriptor.of(DATA[1:], "text/plain")
        registry.requests.clear()
        repository.push(other, BytesContent(DATA[1:]))
        assert len(registry.matching("POST")) == 1
        assert registry.repository(NAME).blobs[str(other.digest)] == DATA[1:]

    @with_quirks(Quirks(body_limit=10))
    def test_an_end(self, registry: Registry) -> None:
        """Below the floor the refusal is final."""
        with pytest.raises(RegistryError) as caught:
            pushed(registry, chunk_size=None)
        assert caught.value.status == 413

    @with_quirks(Quirks(body_limit=1500, chunk_min_length=3000))
    def test_never_below_the_minimum(self, registry: Registry) -> None:
        """PUSH-08: what the registry itself can't agree on is an error."""
        with pytest.raises(RegistryError) as caught:
            pushed(registry, chunk_size=None)
        assert caught.value.status == 413
        assert all(request.body_length >= 3000 for request in registry.matching("PATCH"))


class TestWholeThatBreaks:
    @with_quirks(Quirks(broken_patch="kept"))
    def test_goes_on_in_chunks(self, registry: Registry) -> None:
        """A big PUT that broke off is sent again in chunks, which can be gone on with."""
        registry.configure(faults=(Fault(method="PUT", cut_request_after=500, reset=True), cut(skip=1)))
        methods = pushed(registry, chunk_size=None)
        assert methods[:4] == ["POST", "PUT", "HEAD", "POST"]
        assert methods.count("POST") == 2
        assert ranges(registry) == ["0-3999", "4000-7999", "4400-8399", "8400-10239"]

    @with_quirks(Quirks(upload_query="state"))
    def test_not_with_distribution(self, registry: Registry) -> None:
        """A session of Distribution does not survive a cut, so chunks would gain nothing."""
        registry.configure(faults=(Fault(method="PUT", cut_request_after=500, reset=True),))
        assert pushed(registry, chunk_size=None) == ["POST", "PUT", "HEAD", "POST", "PUT"]


class _Interrupted:
    """Content whose reader is interrupted after some bytes."""

    def __init__(self, after: int) -> None:
        self.size = len(DATA)
        self._left = after

    def open(self) -> ByteStream:
        return _InterruptedStream(BytesContent(DATA).open(), self._left)


class _InterruptedStream:
    def __init__(self, stream: ByteStream, left: int) -> None:
        self._stream = stream
        self._left = left

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise KeyboardInterrupt
        return data

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TestLaterRun:
    def interrupted(self, registry: Registry, records: Path, after: int = 4500, **options: Any) -> Recorded:
        recorded = Recorded()
        with pytest.raises(KeyboardInterrupt):
            opened(registry, records=records, recorded=recorded, **options).push(
                BLOB,
                _Interrupted(after),
            )
        registry.requests.clear()
        return recorded

    def test_goes_on(self, registry: Registry, tmp_path: Path) -> None:
        """PUSH-12: a later run asks how far the session is and sends the rest, and nothing else."""
        recorded = self.interrupted(registry, tmp_path)
        assert [event for event in recorded.events if isinstance(event, TransferKept)] == [
            TransferKept(descriptor=BLOB, direction="push", offset=4000)
        ]
        assert pushed(registry, records=tmp_path) == ["GET", *["PATCH"] * 7, "PUT"]
        assert sent_bytes(registry) == len(DATA) - 4000
        assert list(tmp_path.iterdir()) == []

    def test_is_told_of(self, registry: Registry, tmp_path: Path) -> None:
        """The transfer of a file is reported to begin where it goes on."""
        path = tmp_path / "file"
        path.write_bytes(DATA)
        self.interrupted(registry, tmp_path / "records")
        events: list[Any] = []
        send_blob(
            opened(registry, records=tmp_path / "records"),
            Node(descriptor=BLOB, content=FileContent(path)),
            Cancellation(),
            direction="push",
            on_event=events.append,
            knowledge=None,
        )
        assert (type(events[0]).__name__, events[0].offset) == ("TransferStarted", 4000)
        assert [type(event).__name__ for event in events].count("TransferStarted") == 1
        assert type(events[-1]).__name__ == "TransferFinished"

    def test_without_chunks_it_is_only_remembered(self, registry: Registry, tmp_path: Path) -> None:
        """A whole PUT that was cut keeps nothing; the next run sends this blob in chunks."""
        assert self.interrupted(registry, tmp_path, chunk_size=None).events == []
        assert pushed(registry, records=tmp_path, chunk_size=None) == ["POST", *["PATCH"] * 3, "PUT"]
        assert list(tmp_path.iterdir()) == []

    @with_quirks(Quirks(broken_patch="kept"))
    def test_killed_in_the_first_chunk(self, registry: Registry, tmp_path: Path) -> None:
        """Whoever is killed can't say anything more; what the registry has is found all the same."""
        seen: list[bytes] = []

        def look(request: Request, _reply: Reply, _registry: Registry) -> None:
            if request.method == "POST":
                seen.append(b"")
            elif request.method == "PATCH" and len(seen) == 1:
                seen.append(next(tmp_path.iterdir()).read_bytes())

        registry.configure(after=look)
        pushed(registry, records=tmp_path)
        assert b"location" in seen[1]

    def test_session_that_is_gone(self, registry: Registry, tmp_path: Path) -> None:
        """U4: the registry forgot the session; the blob is sent from its beginning."""
        self.interrupted(registry, tmp_path)
        registry.repository(NAME).uploads.clear()
        assert pushed(registry, records=tmp_path)[:2] == ["GET", "POST"]

    @with_quirks(Quirks(broken_patch="poisoned", upload_query="state"))
    def test_distribution(self, registry: Registry, tmp_path: Path) -> None:
        """What Distribution will not go on with is not promised."""
        assert self.interrupted(registry, tmp_path).events == []
        assert pushed(registry, records=tmp_path)[0] == "POST"

    def test_session_with_other_bytes(self, registry: Registry, tmp_path: Path) -> None:
        """PUSH-16: when the whole is wrong after a resume, the blob is sent once from its beginning."""
        self.interrupted(registry, tmp_path)
        (upload,) = registry.repository(NAME).uploads.values()
        upload.data[0] ^= 1
        assert pushed(registry, records=tmp_path).count("POST") == 1

    @pytest.mark.parametrize("text", ["0-99999", "nonsense", None])
    def test_range_that_makes_no_sense(self, registry: Registry, tmp_path: Path, text: str | None) -> None:
        """PUSH-12: never past the end; without an answer from the beginning."""
        self.interrupted(registry, tmp_path)
        registry.configure(
            after=lambda request, reply, _: reply.set("Range", text) if request.method == "GET" else None
        )
        assert pushed(registry, records=tmp_path)[:2] == ["GET", "POST"]

    @pytest.mark.parametrize(
        "damage", [b"", b"{", b"[]", b'{"location": 5}', b'{"location": "ftp://x"}', b"\xff"]
    )
    def test_damaged_record(self, registry: Registry, tmp_path: Path, damage: bytes) -> None:
        """A record that can't be read costs a transfer and never an error."""
        self.interrupted(registry, tmp_path)
        (record,) = tmp_path.iterdir()
        record.write_bytes(damage)
        assert pushed(registry, records=tmp_path)[0] == "POST"

    def test_failed_push_is_kept_too(self, registry: Registry, tmp_path: Path) -> None:
        """A registry that stops answering: the next run goes on."""
        registry.configure(faults=(Fault(method="PATCH", skip=5, times=None, status=503),))
        recorded = Recorded()
        with pytest.raises(UnavailableError):
            pushed(registry, records=tmp_path, recorded=recorded)
        assert [event.offset for event in recorded.events if isinstance(event, TransferKept)] == [5000]
        registry.configure(faults=())
        registry.requests.clear()
        assert pushed(registry, records=tmp_path)[0] == "GET"
        assert sent_bytes(registry) == len(DATA) - 5000

    def test_small_blobs_leave_no_trace(self, registry: Registry, tmp_path: Path) -> None:
        """Below the limit nothing is written to disk."""
        limits = Limits(resume_bytes=len(DATA) + 1)
        seen: list[bool] = []
        registry.configure(after=lambda *_: seen.append((tmp_path / "records").exists()))
        pushed(registry, records=tmp_path / "records", limits=limits)
        assert set(seen) == {False}

    def test_directory_that_cannot_be_made(self, registry: Registry, tmp_path: Path) -> None:
        """A push never fails because of its records."""
        (tmp_path / "file").touch()
        pushed(registry, records=tmp_path / "file" / "records")


class TestRecords:
    @pytest.fixture
    def claim(self, tmp_path: Path) -> Callable[[], Any]:
        records = UploadRecords(tmp_path / "a" / "records")
        return lambda: records.claim("https://registry.test", NAME, BLOB.digest)

    def test_private(self, claim: Callable[[], Any], tmp_path: Path) -> None:
        """Locations can be signed: nobody else reads them, and the name tells nothing."""
        with claim() as record:
            record.save("https://registry.test/upload?secret")
        (path,) = (tmp_path / "a" / "records").iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert NAME not in path.name

    def test_one_user_at_a_time(self, claim: Callable[[], Any]) -> None:
        """Two pushes never write into one session."""
        with claim() as first:
            first.save("https://registry.test/upload")
            with claim() as second:
                assert not second.is_kept
                assert second.location is None
        with claim() as third:
            assert third.location == "https://registry.test/upload"
            assert third.was_cut

    def test_shorter_text_replaces_longer(self, claim: Callable[[], Any]) -> None:
        """Nothing of an older location is left over."""
        with claim() as record:
            record.save("https://registry.test/upload/" + "x" * 500)
            record.save("https://registry.test/upload")
        with claim() as record:
            assert record.location == "https://registry.test/upload"
            record.clear()
        with claim() as record:
            assert (record.location, record.was_cut) == (None, True)
            record.remove()
        with claim() as record:
            assert not record.was_cut

    def test_links_are_not_followed(self, claim: Callable[[], Any], tmp_path: Path) -> None:
        """Somebody's link in the directory is not written through."""
        with claim():
            (path,) = (tmp_path / "a" / "records").iterdir()
        path.unlink()
        path.symlink_to(tmp_path / "victim")
        with claim() as record:
            record.save("https://registry.test/upload")
        assert not (tmp_path / "victim").exists()

    def test_pruning(self, tmp_path: Path) -> None:
        """Old records and too many go; those in use stay."""
        used = UploadRecords(tmp_path).claim("https://registry.test", "used", BLOB.digest)
        with used:
            (in_use,) = tmp_path.iterdir()
            os.utime(in_use, (1, 1))
            for number in range(KEPT_RECORDS + 20):
                (tmp_path / f"{number}.upload").touch()
            old = tmp_path / "0.upload"
            os.utime(old, (old.stat().st_mtime - KEPT_SECONDS - 5,) * 2)
            with UploadRecords(tmp_path).claim("https://registry.test", NAME, BLOB.digest):
                left = set(tmp_path.iterdir())
        assert in_use in left
        assert old not in left
        assert len(left) <= KEPT_RECORDS + 1


class TestMountFrom:
    def mounting(self, registry: Registry, *sources: str) -> Repository:
        config = TransportConfig(limits=LIMITS)
        return Repository(
            Reference(registry=registry.host, repository=NAME),
            config,
            mount_from=sources,
            sleep=lambda _: None,
        )

    def test_u7_mounted(self, registry: Registry) -> None:
        """U7, PUSH-17: 201 is all it takes."""
        registry.put_blob("team/base", DATA)
        receipt = self.mounting(registry, "team/base").push(BLOB, BytesContent(DATA))
        assert receipt.mounted
        assert [request.method for request in registry.requests] == ["POST"]

    def test_u7_the_second_has_it(self, registry: Registry) -> None:
        """Each is asked in turn, and sessions that began instead are given back."""
        registry.put_blob("team/base", DATA)
        assert self.mounting(registry, "team/none", "team/base").push(BLOB, BytesContent(DATA)).mounted
        assert [request.method for request in registry.requests] == ["POST", "DELETE", "POST"]
        assert registry.repository(NAME).uploads == {}

    @with_quirks(*[Quirks(mount=status) for status in (401, 403, 404, 405)], Quirks(mount="ignored"))
    def test_u7_refused(self, registry: Registry) -> None:
        """U7: the bytes are sent; a repository that was refused is not asked again."""
        repository = self.mounting(registry, "team/base")
        registry.put_blob("team/base", DATA)
        assert not repository.push(BLOB, BytesContent(DATA)).mounted
        other = Descriptor.of(DATA[1:], "text/plain")
        repository.push(other, BytesContent(DATA[1:]))
        assert set(registry.repository(NAME).blobs) == {str(BLOB.digest), str(other.digest)}
        asked = len(registry.matching("POST", "mount="))
        assert asked == (2 if registry.quirks.mount == "ignored" else 1)
