"""A target that is read through a cache."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocictl import content
from ocictl.content import copy_verified, open_verified, read_all
from ocictl.errors import ContentError, NotFoundError, TransportError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import build_manifest
from ocictl.sources import BytesContent
from ocictl.stores.cache import Cache
from ocictl.stores.cached import CachedTarget
from ocictl.target import HasLocalCopies, ReadOnlyTarget, Resumable
from tests.unit.stores.helpers_cache import (
    LARGE,
    SMALL,
    Source,
    Warnings,
    blob_path,
    cached,
    entries,
    everything,
)

BOTH = pytest.mark.parametrize("data", [SMALL, LARGE, b""], ids=["small", "large", "empty"])


def of(data: bytes) -> Descriptor:
    return Descriptor.of(data, "a/b")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost connections are opened again at once."""
    monkeypatch.setattr(content, "pause", lambda _seconds: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cache will be."""
    return tmp_path / "cache"


@pytest.fixture
def source() -> Source:
    """A source of three blobs."""
    return Source(SMALL, LARGE, b"")


@pytest.fixture
def warnings() -> Warnings:
    """What the cache warned of."""
    return Warnings()


@pytest.fixture
def target(source: Source, path: Path, warnings: Warnings) -> Iterator[CachedTarget]:
    """The source behind a new cache."""
    target = cached(source, path, warnings)
    yield target
    target.close()
    assert not list(path.glob("blobs/.ocictl-*")), "something unfinished was left"


def to_file(target: ReadOnlyTarget, data: bytes, *, kept: bytes = b"") -> bytes:
    """Read as a pull does: into a file, perhaps behind what is there already."""
    file = io.BytesIO(kept)
    file.seek(0, os.SEEK_END)
    copy_verified(target, of(data), file, kept=len(kept))
    return file.getvalue()


class Pipe(io.RawIOBase):
    """An output that can't begin again, as standard output."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.data += bytes(data)
        return len(data)


def to_pipe(target: ReadOnlyTarget, data: bytes) -> bytes:
    pipe: Any = Pipe()
    copy_verified(target, of(data), pipe)
    written: bytes = pipe.data
    return written


READERS = pytest.mark.parametrize(
    "read",
    [to_file, to_pipe, lambda target, data: read_all(target, of(data))],
    ids=["file", "pipe", "memory"],
)


class TestReading:
    def test_protocols(self, target: CachedTarget) -> None:
        """It can be used wherever its source can, and resumes like it."""
        assert isinstance(target, ReadOnlyTarget)
        assert isinstance(target, Resumable)
        assert isinstance(target, HasLocalCopies)
        assert (target.kind, target.path, target.resume_attempts) == ("memory", "memory", 3)

    @BOTH
    @READERS
    def test_content_is_fetched_once(
        self, target: CachedTarget, source: Source, path: Path, data: bytes, read: Any, warnings: Warnings
    ) -> None:
        """The second reader has it from the cache, whatever it reads into."""
        assert read(target, data) == data
        assert entries(path) == {data}
        assert read(target, data) == data
        assert source.fetched == [(str(of(data).digest), 0)]
        assert warnings == []

    def test_another_run_finds_it(self, source: Source, path: Path) -> None:
        """What was fetched stays for whoever opens the directory next."""
        for _ in range(2):
            target = cached(source, path)
            assert read_all(target, of(SMALL)) == SMALL
            target.close()
        assert len(source.fetched) == 1

    def test_what_can_change_is_asked_of_the_source(self, target: CachedTarget, source: Source) -> None:
        """Tags, listings and existence are never remembered."""
        for text in ("1", "2"):
            document = build_manifest(
                config=of(SMALL), layers=[], artifact_type="a/b", annotations={"n": text}
            )
            source.push(document.descriptor(), BytesContent(document.raw), tag="v")
            found = target.resolve("v")
            assert found.digest == document.descriptor().digest
            assert read_all(target, found) == document.raw
        assert list(target.tags()) == ["v"]
        assert target.exists(of(SMALL))
        assert not target.exists(of(b"other"))
        assert list(target.referrers(of(SMALL))) == []
        assert target.resolve_blob(of(SMALL).digest).size == len(SMALL)
        with pytest.raises(NotFoundError):
            target.resolve("missing")

    def test_a_missing_blob_leaves_nothing(self, target: CachedTarget, path: Path) -> None:
        """The source's error is the error."""
        with pytest.raises(NotFoundError):
            read_all(target, of(b"missing"))
        assert everything(path) == set()

    @BOTH
    def test_offsets(self, target: CachedTarget, source: Source, path: Path, data: bytes) -> None:
        """The rest of content passes through, since its beginning was never here; an entry has the rest too."""
        half = len(data) // 2
        assert to_file(target, data, kept=data[:half]) == data
        assert entries(path) == ({data} if half == 0 else set())
        assert read_all(target, of(data)) == data
        fetched = len(source.fetched)
        assert to_file(target, data, kept=data[:half]) == data
        with target.fetch(of(data), start=half) as stream:
            assert stream.read() == data[half:]
        assert len(source.fetched) == fetched

    def test_unverifiable_content_is_not_kept(self, target: CachedTarget, path: Path) -> None:
        """A digest that can't be checked can't name an entry (DIG-03)."""
        unknown = Descriptor(media_type="a/b", digest=Digest.parse("blake3:" + "0" * 64), size=1)
        with pytest.raises(NotFoundError):
            target.fetch(unknown)
        assert target.local_copy(unknown) is None
        assert everything(path) == set()


class TestFilling:
    @pytest.mark.parametrize(
        "sent", [b"x" + LARGE[1:], LARGE[:-1], LARGE + b"x", b""], ids=["changed", "short", "long", "none"]
    )
    def test_only_verified_bytes_are_kept(
        self, target: CachedTarget, source: Source, path: Path, sent: bytes
    ) -> None:
        """What is not what its digest says is an error as without a cache, and leaves nothing (DIG-05)."""
        source.replaced = sent
        with pytest.raises(ContentError):
            read_all(target, of(LARGE))
        assert everything(path) <= {"blobs/sha256"}
        source.replaced = None
        assert read_all(target, of(LARGE)) == LARGE

    def test_a_careless_reader_can_not_spoil_it(
        self, target: CachedTarget, source: Source, path: Path
    ) -> None:
        """The cache checks by itself, whoever reads."""
        source.replaced = b"x" * len(SMALL)
        stream = target.fetch(of(SMALL))
        assert stream.read() == source.replaced
        assert stream.read() == b""
        stream.close()
        assert everything(path) <= {"blobs/sha256"}

    @pytest.mark.parametrize("count", [0, 1, len(LARGE) - 1, len(LARGE)])
    def test_a_reader_that_stops_early_leaves_nothing(
        self, target: CachedTarget, path: Path, count: int
    ) -> None:
        """Only a reader that meets the end has read it all."""
        with target.fetch(of(LARGE)) as stream:
            stream.read(count)
        assert everything(path) == set()

    def test_a_reader_that_fails_leaves_nothing(self, target: CachedTarget, path: Path) -> None:
        """An interruption in the middle is such a failure."""

        def interrupt(_count: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy_verified(target, of(LARGE), io.BytesIO(), interrupt)
        assert everything(path) == set()

    def test_a_lost_connection_goes_on_into_the_cache(
        self, target: CachedTarget, source: Source, path: Path
    ) -> None:
        """What came before and after the break becomes one entry; nothing is fetched twice (PULL-08)."""
        source.cut = [1000, 2000]
        assert to_file(target, LARGE) == LARGE
        assert [start for _digest, start in source.fetched] == [0, 1000, 3000]
        assert entries(path) == {LARGE}

    def test_a_lost_connection_that_stays_lost_leaves_nothing(
        self, source: Source, path: Path, warnings: Warnings
    ) -> None:
        """When reading gives up, what came is removed with the target."""
        source.cut = [1000, 0, 0, 0, 0]
        target = cached(source, path, warnings)
        with pytest.raises(TransportError):
            read_all(target, of(LARGE))
        target.close()
        assert everything(path) == set()
        assert warnings == []

    def test_another_reader_after_a_break(self, target: CachedTarget, source: Source, path: Path) -> None:
        """Who begins anew, or at another place, is not given what was set aside."""
        for start in (0, 500):
            source.cut = [1000]
            break_off(target)
            with target.fetch(of(LARGE), start=start) as stream:
                assert stream.read(10) == LARGE[start : start + 10]
        assert entries(path) == set()
        assert read_all(target, of(LARGE)) == LARGE

    def test_a_rest_that_can_not_be_opened(
        self, target: CachedTarget, source: Source, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The next try goes on where the last one broke."""
        source.cut = [1000]
        break_off(target)

        def refuse(*_arguments: Any, **_more: Any) -> Any:
            raise TransportError("no connection", code="connection-failed")

        with monkeypatch.context() as patch:
            patch.setattr(source, "fetch", refuse)
            with pytest.raises(TransportError):
                target.fetch(of(LARGE), start=1000)
        with target.fetch(of(LARGE), start=1000) as rest:
            assert rest.read() == LARGE[1000:]
            assert rest.read() == b""
        assert entries(path) == {LARGE}

    def test_threads(self, path: Path, warnings: Warnings) -> None:
        """Readers of the same and of different content at once: all have it right, each entry is there once."""
        contents = [LARGE + bytes([number]) for number in range(4)]
        source = Source(*contents)
        target = cached(source, path, warnings)
        failures: list[BaseException] = []
        begin = threading.Barrier(8)

        def work(number: int) -> None:
            try:
                begin.wait(30)
                for turn in range(8):
                    data = contents[(number + turn) % 4]
                    assert to_file(target, data) == data
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        target.close()
        assert failures == []
        assert warnings == []
        assert entries(path) == set(contents)
        assert len(everything(path)) == 5
        assert len(source.fetched) <= 32


def break_off(target: ReadOnlyTarget) -> None:
    """Read large content until the connection is lost."""
    with target.fetch(of(LARGE)) as stream, pytest.raises(TransportError):
        deque(iter(lambda: stream.read(300), b""))


class TestDamage:
    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("how", ["flip", "cut", "longer", "empty"])
    @READERS
    def test_a_damaged_entry_is_mended(
        self,
        target: CachedTarget,
        source: Source,
        path: Path,
        warnings: Warnings,
        data: bytes,
        how: str,
        read: Any,
    ) -> None:
        """Readers get the right bytes and no error; the entry is fetched again, and is right then."""
        assert read_all(target, of(data)) == data
        spoil(blob_path(path, data), how)
        assert read(target, data) == data
        if how != "longer":  # then it may be the descriptor that is wrong, and an endless file is not read
            assert len(warnings) == 1
            assert "damaged" in warnings[0]
        assert entries(path) == {data}
        assert read(target, data) == data
        assert len(source.fetched) == 2

    def test_a_damaged_entry_behind_a_kept_beginning(
        self, target: CachedTarget, source: Source, path: Path
    ) -> None:
        """What a pull has already stays, and the rest is fetched."""
        assert read_all(target, of(LARGE)) == LARGE
        spoil(blob_path(path, LARGE), "flip")
        assert to_file(target, LARGE, kept=LARGE[:1000]) == LARGE
        assert source.fetched[1:] == [(str(of(LARGE).digest), 1000)]

    def test_a_damaged_beginning_is_still_found(self, target: CachedTarget) -> None:
        """A good entry behind a bad beginning does not make it right."""
        assert read_all(target, of(LARGE)) == LARGE
        with pytest.raises(ContentError):
            to_file(target, LARGE, kept=b"x" * 1000)

    def test_a_wrong_descriptor_does_not_spoil_an_entry(
        self, target: CachedTarget, source: Source, path: Path, warnings: Warnings
    ) -> None:
        """If size and digest don't fit together, the source decides, and the entry stays."""
        for data in (SMALL, LARGE):
            assert read_all(target, of(data)) == data
            for size in (len(data) + 1, len(data) - 1):
                wrong = Descriptor(media_type="a/b", digest=of(data).digest, size=size)
                with pytest.raises(ContentError):
                    read_all(target, wrong)
        assert entries(path) == {SMALL, LARGE}
        assert warnings == []

    def test_a_damaged_entry_that_can_not_be_removed(
        self, target: CachedTarget, source: Source, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In a directory that can't be written, content still comes from the source."""
        assert read_all(target, of(SMALL)) == SMALL
        spoil(blob_path(path, SMALL), "flip")

        def refuse(*_arguments: Any, **_more: Any) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        with monkeypatch.context() as patch:
            patch.setattr("ocictl.stores._cache_files.CacheFiles.drop", refuse)
            patch.setattr("ocictl.stores._cache_files.CacheFiles.create", refuse)
            assert read_all(target, of(SMALL)) == SMALL

    def test_an_entry_that_becomes_unreadable(
        self, target: CachedTarget, source: Source, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that fails in the middle of an entry: the rest comes from the source."""
        assert read_all(target, of(LARGE)) == LARGE

        class Failing(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() >= 1000:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return super().read(min(size or 0, 1000))

        monkeypatch.setattr(Cache, "open", lambda *_: Failing(LARGE))
        assert read_all(target, of(LARGE)) == LARGE
        assert source.fetched[1:] == [(str(of(LARGE).digest), 1000)]
        assert len(warnings) == 1

    def test_an_entry_that_can_not_be_read_at_all(
        self, target: CachedTarget, source: Source, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is as if it was not there."""
        assert read_all(target, of(SMALL)) == SMALL

        def fail(*_arguments: Any) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(Cache, "_verified", fail)
            assert read_all(target, of(SMALL)) == SMALL
        assert len(source.fetched) == 2
        assert len(warnings) == 1


def spoil(file: Path, how: str) -> None:
    """Damage an entry in place; entries are read-only, so its mode is changed first."""
    file.chmod(0o644)
    data = file.read_bytes()
    changes = {
        "flip": data[:-1] + bytes([data[-1] ^ 1]),
        "cut": data[:-1],
        "longer": data + b"x",
        "empty": b"",
    }
    file.write_bytes(changes[how])


class TestTrouble:
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
    @pytest.mark.parametrize("call", ["write", "rename", "open"])
    def test_a_cache_that_can_not_be_written(
        self,
        target: CachedTarget,
        path: Path,
        warnings: Warnings,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        call: str,
    ) -> None:
        """Readers get everything, one warning says why nothing is kept, and nothing half-written is left."""
        real_open = os.open

        def fail(*_arguments: Any, **_more: Any) -> Any:
            raise OSError(number, os.strerror(number))

        def open_only(name: Any, flags: int, *arguments: Any, **more: Any) -> int:
            return fail() if flags & os.O_CREAT else real_open(name, flags, *arguments, **more)

        where = "ocictl.stores._cache_fill.os" if call == "write" else "ocictl.stores._cache_files.os"
        with monkeypatch.context() as patch:
            patch.setattr(f"{where}.{call}", open_only if call == "open" else fail)
            for data in (SMALL, LARGE, SMALL):
                assert read_all(target, of(data)) == data
        assert len(warnings) == 1
        assert ("it is full" in warnings[0]) == (number in (errno.ENOSPC, errno.EDQUOT))
        assert everything(path) <= {"blobs/sha256"}

    def test_there_is_not_space_for_two(
        self, target: CachedTarget, path: Path, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The cache leaves to a pull the space that the pull itself will need."""
        monkeypatch.setattr("ocictl.stores._cache_files.CacheFiles.free", lambda _self: 2 * len(LARGE) - 1)
        assert read_all(target, of(LARGE)) == LARGE
        assert read_all(target, of(SMALL)) == SMALL
        assert entries(path) == {SMALL}
        assert len(warnings) == 1
        assert "space" in warnings[0]

    def test_a_directory_that_vanishes(
        self, target: CachedTarget, source: Source, path: Path, warnings: Warnings
    ) -> None:
        """Somebody who removes the cache meanwhile is no reason to fail."""
        assert read_all(target, of(SMALL)) == SMALL
        for file in sorted(path.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        path.rmdir()
        assert read_all(target, of(SMALL)) == SMALL
        assert read_all(target, of(LARGE)) == LARGE
        assert len(warnings) == 1

    def test_media_types_play_no_part(self, target: CachedTarget) -> None:
        """The digest is the name."""
        assert read_all(target, of(SMALL)) == SMALL
        other = Descriptor(media_type=media_types.OCTET_STREAM, digest=of(SMALL).digest, size=len(SMALL))
        with open_verified(target, other) as reader:
            assert reader.read() == SMALL
