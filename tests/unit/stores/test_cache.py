"""A cache's directory: what it may be, how it is kept small, what is never touched."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_all
from ocictl.errors import ConflictError, NotFoundError, StorageError
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import build_manifest
from ocictl.sources import BytesContent
from ocictl.stores.cache import Cache
from ocictl.stores.layout import Layout
from tests.unit.stores.helpers_cache import (
    SMALL,
    Source,
    Warnings,
    blob_path,
    cached,
    entries,
    everything,
)

DATA = [bytes([number]) * 100 for number in range(10)]


def of(data: bytes) -> Descriptor:
    return Descriptor.of(data, "a/b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cache will be."""
    return tmp_path / "cache"


@pytest.fixture
def warnings() -> Warnings:
    """What the cache warned of."""
    return Warnings()


@pytest.fixture
def cache(path: Path, warnings: Warnings) -> Iterator[Cache]:
    """A cache of ten entries of 100 bytes; the first was unused for longest."""
    fill(path)
    cache = Cache(path, on_event=warnings)
    yield cache
    cache.close()


def fill(path: Path) -> None:
    """Make such a cache."""
    target = cached(Source(*DATA), path)
    for number, data in enumerate(DATA):
        assert read_all(target, of(data)) == data
        os.utime(blob_path(path, data), (10**9 + number, 10**9 + number))
    target.close()


def pull_through(path: Path, *contents: bytes, max_size: int | None = None) -> Warnings:
    """Read content through a cache, as a run of the program does, and return the warnings."""
    warnings = Warnings()
    target = cached(Source(*contents), path, warnings, max_size)
    for data in contents:
        assert read_all(target, of(data)) == data
    target.close()
    target.close()
    return warnings


class TestDirectory:
    def test_a_new_cache(self, path: Path) -> None:
        """It is an image layout, and says that it is a cache in the way that backup programs know."""
        assert pull_through(path / "deep", SMALL) == []
        layout = Layout(path / "deep")
        assert read_all(layout, layout.resolve_blob(of(SMALL).digest)) == SMALL
        assert (
            (path / "deep/CACHEDIR.TAG")
            .read_text()
            .startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
        )
        assert stat.S_IMODE(blob_path(path / "deep", SMALL).stat().st_mode) & 0o222 == 0

    def test_an_empty_directory_becomes_one(self, path: Path) -> None:
        """So does one that an earlier run left empty."""
        path.mkdir()
        assert pull_through(path, SMALL) == []
        assert entries(path) == {SMALL}

    def test_other_directories_are_refused(self, path: Path) -> None:
        """Nothing is written into a directory of something else, nor where a file stands."""
        path.mkdir()
        (path / "photo.jpg").write_bytes(b"x")
        for place in (path, path / "photo.jpg"):
            with pytest.raises(StorageError) as caught:
                Cache(place, create=True)
            assert caught.value.code == "layout-invalid"
        assert [file.name for file in path.iterdir()] == ["photo.jpg"]

    def test_a_missing_one_is_not_made_to_look_at_it(self, path: Path) -> None:
        """Only filling makes a directory."""
        with pytest.raises(NotFoundError):
            Cache(path)
        assert not path.exists()

    @pytest.mark.parametrize("kind", ["link", "file", "nothing"])
    def test_blobs_must_be_a_directory(self, cache: Cache, path: Path, kind: str) -> None:
        """A link in its place is not followed, whoever put it there."""
        (path / "blobs").rename(path / "elsewhere")
        if kind == "link":
            (path / "blobs").symlink_to("elsewhere")
        elif kind == "file":
            (path / "blobs").write_bytes(b"")
        with pytest.raises(StorageError) as caught:
            Cache(path)
        assert caught.value.code == "layout-invalid"

    def test_the_directory_itself_may_be_a_link(self, path: Path, tmp_path: Path) -> None:
        """The user names it, so the user may move it to another disk."""
        (tmp_path / "disk").mkdir()
        path.symlink_to("disk")
        assert pull_through(path, SMALL) == []
        assert entries(tmp_path / "disk") == {SMALL}

    def test_links_inside_are_not_followed(self, path: Path, tmp_path: Path) -> None:
        """Nothing outside is read, written, touched or removed through a link in the cache."""
        fill(path)
        outside = tmp_path / "outside"
        outside.mkdir()
        secret = outside / of(SMALL).digest.encoded
        secret.write_bytes(SMALL)
        os.utime(secret, (10**9, 10**9))
        (path / "blobs/sha256").rename(path / "blobs/old")
        (path / "blobs/sha256").symlink_to(outside)
        warnings = pull_through(path, SMALL, DATA[0])
        assert len(warnings) == 1
        assert "nothing more is kept" in warnings[0]
        cache = Cache(path)
        assert cache.usage().entries == 0
        assert cache.prune().removed == 0
        cache.close()
        assert [file.name for file in outside.iterdir()] == [secret.name]
        assert secret.stat().st_mtime == 10**9

    def test_a_link_in_place_of_an_entry(self, path: Path, tmp_path: Path) -> None:
        """It is replaced by an entry; what it leads to stays as it is."""
        fill(path)
        outside = tmp_path / "outside"
        outside.write_bytes(SMALL)
        os.utime(outside, (10**9, 10**9))
        blob_path(path, SMALL).symlink_to(outside)
        assert pull_through(path, SMALL) == []
        assert blob_path(path, SMALL).read_bytes() == SMALL
        assert not blob_path(path, SMALL).is_symlink()
        assert (outside.read_bytes(), outside.stat().st_mtime) == (SMALL, 10**9)

    @pytest.mark.parametrize("what", ["pipe", "directory"])
    def test_what_is_no_file_is_no_entry(self, path: Path, what: str) -> None:
        """Reading does not wait for a writer, and a directory costs a warning."""
        fill(path)
        place = blob_path(path, SMALL)
        os.mkfifo(place) if what == "pipe" else place.mkdir()
        warnings = pull_through(path, SMALL)
        assert len(warnings) == (what == "directory")
        assert place.is_dir() == (what == "directory")

    def test_the_marker_is_not_written_through_a_link(self, path: Path, tmp_path: Path) -> None:
        """A link of that name neither is one nor is followed."""
        Layout(path, create=True)
        outside = tmp_path / "outside"
        (path / "CACHEDIR.TAG").symlink_to(outside)
        assert pull_through(path, SMALL) == []
        assert not outside.exists()
        outside.write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
        cache = Cache(path)
        assert not cache.usage().is_prunable
        cache.close()


class TestPrune:
    def test_usage(self, cache: Cache) -> None:
        """Entries, bytes and the oldest use are counted."""
        usage = cache.usage()
        assert (usage.entries, usage.size, usage.unfinished, usage.oldest) == (10, 1000, 0, 10**9)
        assert usage.is_prunable

    @pytest.mark.parametrize(
        ("max_size", "left"), [(1000, 10), (999, 9), (900, 9), (450, 4), (99, 0), (0, 0), (5000, 10)]
    )
    def test_the_oldest_go_first(self, cache: Cache, path: Path, max_size: int, left: int) -> None:
        """As many as needed, in the order of their last use."""
        result = cache.prune(max_size)
        assert (result.entries, result.size) == (left, left * 100)
        assert (result.removed, result.freed) == (10 - left, 1000 - left * 100)
        assert entries(path) == set(DATA[10 - left :])

    def test_use_counts(self, cache: Cache, path: Path) -> None:
        """An entry that was read is the last to go; the time of access plays no part."""
        assert pull_through(path, DATA[0]) == []
        cache.prune(100)
        assert entries(path) == {DATA[0]}

    def test_empty_entries_go_with_all(self, path: Path) -> None:
        """`0` leaves nothing, not even what has no bytes."""
        assert pull_through(path, b"", SMALL) == []
        cache = Cache(path)
        assert cache.prune(0).removed == 2
        cache.close()

    def test_nothing_but_entries_is_removed(self, cache: Cache, path: Path) -> None:
        """Files of other names stay, wherever they are."""
        others = [
            "notes.txt",
            "blobs/notes.txt",
            "blobs/sha256/notes",
            "blobs/sha256/" + "g" * 64,
            "blobs/md5/" + "0" * 32,
            "blobs/x y/z",
        ]
        for name in others:
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(b"x")
        (path / "blobs/sha256" / ("0" * 64)).mkdir()
        (path / "blobs/sha256" / ("1" * 64)).symlink_to(path / "notes.txt")
        assert cache.prune().removed == 10
        assert all((path / name).exists() for name in others)
        assert (path / "blobs/sha256" / ("0" * 64)).is_dir()
        assert (path / "blobs/sha256" / ("1" * 64)).is_symlink()
        assert {"oci-layout", "index.json", "CACHEDIR.TAG", "blobs"} <= {file.name for file in path.iterdir()}

    def test_other_algorithms(self, path: Path) -> None:
        """Entries of every algorithm are counted and pruned."""
        fill(path)
        digest = Descriptor.of(SMALL, "a/b", algorithm="sha512")
        target = cached(Source(SMALL), path)
        source = Source()
        source.push(digest, BytesContent(SMALL))
        target.close()
        target = cached(source, path)
        assert read_all(target, digest) == SMALL
        assert read_all(target, digest) == SMALL
        assert len(source.fetched) == 1
        target.close()
        cache = Cache(path)
        assert cache.usage().entries == 11
        assert cache.prune().removed == 11
        cache.close()

    def test_what_was_used_meanwhile_stays(
        self, cache: Cache, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An entry that somebody uses between the look at it and its removal is kept, unless all shall go."""
        listed = Cache._entries

        def use(self: Cache) -> Any:
            found = listed(self)
            os.utime(blob_path(path, DATA[0]))
            return found

        monkeypatch.setattr(Cache, "_entries", use)
        assert cache.prune(500).removed == 4
        assert DATA[0] in entries(path)
        assert cache.prune(0).entries == 0

    def test_an_entry_that_is_gone_already(
        self, cache: Cache, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody else may remove it at the same moment."""
        listed = Cache._entries

        def lose(self: Cache) -> Any:
            found = listed(self)
            blob_path(path, DATA[0]).unlink(missing_ok=True)
            return found

        monkeypatch.setattr(Cache, "_entries", lose)
        assert cache.prune(0).removed == 9

    def test_a_reader_reads_to_the_end(self, path: Path) -> None:
        """What is open stays readable while it is removed."""
        target = cached(Source(*DATA), path)
        assert read_all(target, of(DATA[0])) == DATA[0]
        with target.fetch(of(DATA[0])) as stream:
            cache = Cache(path)
            assert cache.prune().removed == 1
            cache.close()
            assert stream.read() == DATA[0]
        target.close()

    def test_what_is_being_written_stays(self, path: Path) -> None:
        """An unfinished entry of a living writer is not removed; one that was left behind is."""
        target = cached(Source(*DATA), path)
        left = path / "blobs/.ocictl-0123456789abcdef.part"
        left.write_bytes(b"half")
        with target.fetch(of(DATA[0])) as stream:
            half = stream.read(50)
            assert not left.exists(), "the first write sweeps"
            left.write_bytes(b"half")
            cache = Cache(path)
            assert cache.usage().unfinished == 2
            cache.prune()
            assert cache.usage().unfinished == 1
            cache.close()
            assert half + stream.read() == DATA[0]
            assert stream.read() == b""
        target.close()
        assert entries(path) == {DATA[0]}

    def test_without_locks_age_decides(
        self, cache: Cache, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where files can't be locked, unfinished ones are left behind when they are a day old."""

        monkeypatch.setattr("ocictl.stores._cache_files._lock", lambda _fd: None)
        young, old = (path / f"blobs/.ocictl-{letter * 16}.part" for letter in "ab")
        for file in (young, old):
            file.write_bytes(b"half")
        os.utime(old, (time.time() - 25 * 3600,) * 2)
        cache.prune(1000)
        assert (young.exists(), old.exists()) == (True, False)
        assert pull_through(path, SMALL) == []
        assert SMALL in entries(path)

    def test_a_layout_is_not_pruned(self, path: Path) -> None:
        """A directory that nobody used as a cache is refused, and nothing in it is removed."""
        layout = Layout(path, create=True)
        layout.push(of(SMALL), BytesContent(SMALL))
        cache = Cache(path)
        assert not cache.usage().is_prunable
        with pytest.raises(StorageError) as caught:
            cache.prune()
        cache.close()
        assert caught.value.code == "cache-invalid"
        assert "CACHEDIR.TAG" in caught.value.message
        assert entries(path) == {SMALL}

    @pytest.mark.parametrize("marked", [True, False])
    def test_a_layout_with_tags_is_not_pruned(self, path: Path, marked: bool) -> None:
        """Somebody keeps artifacts in it. It may be used as a cache, but does not become one."""
        if marked:
            assert pull_through(path, SMALL) == []
        layout = Layout(path, create=True)
        document = build_manifest(config=EMPTY_DESCRIPTOR, layers=[], artifact_type="a/b")
        layout.push(document.descriptor(), BytesContent(document.raw), tag="v1")
        assert pull_through(path, *DATA) == []
        assert (path / "CACHEDIR.TAG").exists() == marked
        cache = Cache(path)
        assert not cache.usage().is_prunable
        with pytest.raises(StorageError) as caught:
            cache.prune()
        cache.close()
        assert caught.value.code == "cache-invalid"
        assert len(entries(path)) == 11 + marked
        assert len(pull_through(path, SMALL + b"2", max_size=500)) == 1

    def test_index_json_loses_what_is_gone(self, path: Path) -> None:
        """Documents that oras listed are listed as long as they are stored; all else in the file stays."""
        fill(path)
        known = [{"mediaType": "a/b", "digest": str(of(data).digest), "size": 100, "x": 1} for data in DATA]
        index = {"schemaVersion": 2, "manifests": [*known, "odd"], "y": [1]}
        (path / "index.json").write_text(json.dumps(index))
        cache = Cache(path)
        cache.prune(300)
        assert json.loads((path / "index.json").read_bytes()) == {**index, "manifests": [*known[7:], "odd"]}
        before = (path / "index.json").stat().st_ino
        cache.prune(300)
        cache.close()
        assert (path / "index.json").stat().st_ino == before

    def test_a_broken_index_is_no_cache(self, cache: Cache, path: Path) -> None:
        """What can't be read can't be proved free of tags, so nothing is removed."""
        (path / "index.json").write_bytes(b"{")
        with pytest.raises(StorageError) as caught:
            cache.prune()
        assert caught.value.code == "layout-invalid"
        assert len(entries(path)) == 10

    def test_one_at_a_time(self, cache: Cache, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Pruning waits for another process that prunes, and then says so."""
        with open(path / ".ocictl.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            monkeypatch.setattr(cache._layout, "_lock_timeout", 0.1)
            with pytest.raises(ConflictError) as caught:
                cache.prune()
        assert caught.value.code == "layout-locked"
        assert cache.prune().removed == 10


class TestLimit:
    def test_filling_keeps_the_limit(self, path: Path) -> None:
        """At no moment are there more bytes than allowed, and the oldest make room."""
        fill(path)
        source = Source(*[bytes([number]) * 100 for number in range(100, 130)])
        warnings = Warnings()
        target = cached(source, path, warnings, 1000)
        for number in range(100, 130):
            data = bytes([number]) * 100
            assert read_all(target, of(data)) == data
            assert sum(map(len, entries(path))) <= 1000
            assert data in entries(path)
        target.close()
        assert warnings == []
        assert 800 <= sum(map(len, entries(path))) <= 1000
        assert bytes([129]) * 100 in entries(path)
        assert not entries(path) & set(DATA)

    def test_a_smaller_limit_is_kept_from_then_on(self, path: Path) -> None:
        """A cache that grew without one shrinks with the next thing that is kept."""
        fill(path)
        assert pull_through(path, SMALL, max_size=500) == []
        assert sum(map(len, entries(path))) <= 500
        assert SMALL in entries(path)

    def test_reading_alone_removes_nothing(self, path: Path) -> None:
        """Where nothing was added nothing is looked through."""
        fill(path)
        assert pull_through(path, *DATA, max_size=500) == []
        assert len(entries(path)) == 10

    @pytest.mark.parametrize("max_size", [0, 5])
    def test_what_is_larger_than_the_limit_is_not_kept(self, path: Path, max_size: int) -> None:
        """It would push everything else out and not fit even then."""
        assert pull_through(path, SMALL, max_size=max_size) == []
        assert entries(path) == set()
        assert everything(path) == set()

    def test_no_limit(self, path: Path) -> None:
        """By default nothing is ever removed."""
        fill(path)
        assert pull_through(path, SMALL) == []
        assert len(entries(path)) == 11

    def test_unfinished_entries_count(self, path: Path) -> None:
        """Room is kept for what is on its way."""
        warnings = Warnings()
        target = cached(Source(*DATA), path, warnings, 250)
        streams = [target.fetch(of(data)) for data in DATA[:4]]
        for stream, data in zip(streams, DATA, strict=False):
            with stream:
                assert stream.read() == data
                assert stream.read() == b""
        assert entries(path) == {DATA[0], DATA[1]}
        target.close()
        assert warnings == []

    def test_others_may_have_filled_it_meanwhile(self, path: Path) -> None:
        """At the end the whole directory is counted, not what this process knows of."""
        warnings = Warnings()
        target = cached(Source(*DATA), path, warnings, 300)
        for data in DATA[:2]:
            assert read_all(target, of(data)) == data
        assert pull_through(path, *DATA[4:8]) == []
        target.close()
        assert sum(map(len, entries(path))) <= 300
        assert warnings == []

    def test_a_pruner_at_work_is_no_trouble(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While another process prunes, what has no room is not kept, in silence."""
        fill(path)
        monkeypatch.setattr("ocictl.stores.cache._LOCK_TIMEOUT", 0.1)
        with open(path / ".ocictl.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert pull_through(path, SMALL, max_size=1000) == []
        assert entries(path) == set(DATA)
