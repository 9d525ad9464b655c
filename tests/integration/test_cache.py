"""One cache, many processes: filling at once, being killed, being pruned, full and read-only disks, and oras."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ocictl.stores.cache import Cache
from tests.support.environment import wait_for
from tests.support.peers import Peer
from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Fault, Registry

KILLS = int(os.environ.get("OCICTL_KILLS", "12"))
FILES = {
    **{f"small-{number}": f"{number}\n".encode() * 100 for number in range(12)},
    **{f"large-{number}": random.Random(number).randbytes(2_000_000 + number) for number in range(3)},
}


@pytest.fixture
def path(registry: Registry) -> str:
    """An artifact of fifteen files."""
    registry.put_artifact("team/app", FILES, tag="v1")
    return f"{registry.host}/team/app:v1"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the cache will be."""
    return tmp_path / "cache"


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a directory."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def check(cache: Path) -> set[str]:
    """Every entry must be what its name says, and nothing may be unfinished; return the digests."""
    for file in (cache / "blobs/sha256").iterdir():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
    assert [file.name for file in (cache / "blobs").iterdir()] == ["sha256"]
    return {f"sha256:{file.name}" for file in (cache / "blobs/sha256").iterdir()}


def start(ocictl: Ocictl, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start the program without waiting for it."""
    return subprocess.Popen(
        [*ocictl_command(), *map(str, arguments)],
        env=ocictl.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def unfinished(cache: Path) -> list[int]:
    """The sizes of entries that are being written."""
    sizes = []
    for file in cache.glob("blobs/.ocictl-*.part"):
        with suppress(FileNotFoundError):  # finished meanwhile
            sizes.append(file.stat().st_size)
    return sizes


def finish(process: subprocess.Popen[bytes]) -> str:
    """Wait for the end of a program, which must succeed, and return what it said on standard error."""
    _output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return errors.decode()


def test_the_second_pull_sends_one_request(
    registry: Registry, path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path
) -> None:
    """Only the tag is asked for. The variable of oras names the cache as well."""
    run_ocictl("pull", path, "-o", tmp_path / "1", "--cache", cache, code=0)
    before = len(registry.requests)
    shown = run_ocictl("pull", path, "-o", tmp_path / "2", env={"ORAS_CACHE": str(cache)}, code=0)
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == FILES
    assert registry.lines[before:] == ["HEAD /v2/team/app/manifests/v1"]
    assert shown.stderr == ""
    assert len(check(cache)) == len(FILES) + 1


def test_processes_fill_one_cache_at_once(
    registry: Registry, path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path
) -> None:
    """Five of them make it together: all have everything, and every entry is there once and whole."""
    running = [
        start(run_ocictl, "pull", path, "-o", tmp_path / str(number), "--cache", cache, "--concurrency", "4")
        for number in range(5)
    ]
    assert [finish(process) for process in running] == [""] * 5
    assert all(contents(tmp_path / str(number)) == FILES for number in range(5))
    assert len(check(cache)) == len(FILES) + 1
    before = len(registry.requests)
    run_ocictl("pull", path, "-o", tmp_path / "last", "--cache", cache, code=0)
    assert len(registry.requests) == before + 1


def test_processes_share_a_limit(path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path) -> None:
    """However many fill it, in the end there is no more than allowed."""
    options = ["--cache", cache, "--cache-size", "3MB"]
    running = [start(run_ocictl, "pull", path, "-o", tmp_path / str(n), *options) for n in range(4)]
    assert [finish(process) for process in running] == [""] * 4
    assert all(contents(tmp_path / str(number)) == FILES for number in range(4))
    check(cache)
    assert sum(file.stat().st_size for file in (cache / "blobs/sha256").iterdir()) <= 3_000_000


@pytest.mark.parametrize("stalled", [0, 1, 300_000, 1_999_999])
def test_kill_in_the_middle_of_a_fill(
    registry: Registry, path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path, stalled: int
) -> None:
    """What a killed process leaves is no entry, is in nobody's way, and is gone after the next run."""
    digest = hashlib.sha256(FILES["large-0"]).hexdigest()
    registry.configure(faults=(Fault(method="GET", path=digest, stall_after=stalled),))
    process = start(run_ocictl, "pull", path, "-o", tmp_path / "1", "--cache", cache)

    def has_begun() -> bool | None:
        others = len(list(cache.glob("blobs/sha256/*"))) == len(FILES)
        left = unfinished(cache)
        return True if others and left and left[0] >= stalled // (1024 * 1024) * 1024 * 1024 else None

    wait_for(has_begun, "unfinished entry")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (cache / "blobs/sha256" / digest).exists()
    assert len(list(cache.glob("blobs/.ocictl-*.part"))) == 1
    run_ocictl("pull", path, "-o", tmp_path / "2", "--cache", cache, code=0)
    assert contents(tmp_path / "2") == FILES
    assert f"sha256:{digest}" in check(cache)
    # The first directory has a part of the file already, and goes on from there.
    run_ocictl("pull", path, "-o", tmp_path / "1", "--cache", cache, code=0)
    assert contents(tmp_path / "1") == FILES


def test_kill_at_random_moments(path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path) -> None:
    """Whenever it is killed, every entry is right and the next run goes well."""
    chance = random.Random(7)
    for number in range(KILLS):
        process = start(run_ocictl, "pull", path, "-o", tmp_path / "out", "--cache", cache)
        try:
            process.communicate(timeout=chance.uniform(0.1, 0.6))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        for file in cache.glob("blobs/sha256/*"):
            assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
        if number % 4 == 3:
            shutil.rmtree(cache / "blobs/sha256", ignore_errors=True)
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    run_ocictl("pull", path, "-o", tmp_path / "out", "--cache", cache, code=0)
    assert contents(tmp_path / "out") == FILES
    (cache / "blobs/sha256" / hashlib.sha256(b"12345").hexdigest()).write_bytes(b"12345")
    run_ocictl("cache", "prune", "--cache", cache, "--max-size", "1G", code=0)
    check(cache)


def test_pruning_while_others_read_and_fill(
    path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path
) -> None:
    """Pulls never notice that everything is removed again and again."""
    run_ocictl("pull", path, "-o", tmp_path / "first", "--cache", cache, code=0)
    done = threading.Event()
    removed = []

    def prune() -> None:
        while not done.is_set():
            opened = Cache(cache)
            removed.append(opened.prune().removed)
            opened.close()

    pruner = threading.Thread(target=prune)
    pruner.start()
    try:
        for turn in range(3):
            outputs = [tmp_path / f"{turn}-{number}" for number in range(3)]
            running = [start(run_ocictl, "pull", path, "-o", output, "--cache", cache) for output in outputs]
            assert [finish(process) for process in running] == [""] * 3
            assert all(contents(output) == FILES for output in outputs)
    finally:
        done.set()
        pruner.join(60)
    assert sum(removed) > len(FILES), "pruning and pulling did not meet"
    if (cache / "blobs/sha256").exists():
        check(cache)


def test_interrupted(registry: Registry, path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves nothing unfinished."""
    digest = hashlib.sha256(FILES["large-0"]).hexdigest()
    registry.configure(faults=(Fault(method="GET", path=digest, stall_after=1_500_000),))
    process = start(run_ocictl, "pull", path, "-o", tmp_path / "1", "--cache", cache, "--timeout", "3")
    wait_for(lambda: any(size >= 1_000_000 for size in unfinished(cache)) or None, "data")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"sha256:{digest}" not in check(cache)


MOUNTING = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc"]


@pytest.fixture
def mounts(tmp_path: Path) -> list[str]:
    """How to run a shell script that may mount file systems nobody else sees."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed (util-linux)")
    (tmp_path / "try").mkdir()
    script = f"mount -t tmpfs -o size=64k none {shlex.quote(str(tmp_path / 'try'))}"
    tried = subprocess.run([*MOUNTING, script], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.decode().strip()}")
    return MOUNTING


def in_small_cache(
    mounts: list[str],
    options: str,
    ocictl: Ocictl,
    cache: Path,
    path: str,
    output: Path,
    before: str = "true",
) -> str:
    """Pull through a cache on a small file system; return what the program said on standard error."""
    cache.mkdir()
    pull = shlex.join([*ocictl_command(), "pull", path, "-o", str(output), "--cache", str(cache)])
    script = f"mount -t tmpfs -o {options} none {shlex.quote(str(cache))}; {before}; {pull}"
    done = subprocess.run(
        [*mounts, script], env=ocictl.environment(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


@pytest.mark.parametrize("options", ["size=1m", "size=16m,nr_inodes=12", "size=1m,nr_inodes=4"])
def test_a_full_disk(
    mounts: list[str], options: str, path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path
) -> None:
    """A cache without room for another byte, file or directory costs one warning, not the pull."""
    errors = in_small_cache(mounts, options, run_ocictl, cache, path, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert len(errors.splitlines()) == 1
    assert errors.startswith("warning: ")
    assert "cache" in errors


def test_a_read_only_cache(
    mounts: list[str], path: str, run_ocictl: Ocictl, cache: Path, registry: Registry, tmp_path: Path
) -> None:
    """What is in it is used, what is not is pulled without it, and one warning says so."""
    filled = tmp_path / "filled"
    run_ocictl("pull", path, "-o", tmp_path / "1", "--cache", filled, code=0)
    missing = hashlib.sha256(FILES["small-3"]).hexdigest()
    (filled / "blobs/sha256" / missing).unlink()
    before = len(registry.requests)
    fill = f"cp -a {shlex.quote(str(filled))}/. {shlex.quote(str(cache))}; mount -o remount,ro {shlex.quote(str(cache))}"
    errors = in_small_cache(mounts, "size=64m", run_ocictl, cache, path, tmp_path / "2", before=fill)
    assert contents(tmp_path / "2") == FILES
    assert [line for line in registry.lines[before:] if line.startswith("GET")] == [
        f"GET /v2/team/app/blobs/sha256:{missing}"
    ]
    assert len(errors.splitlines()) == 1
    assert "Read-only file system" in errors


def test_a_place_that_can_not_be_made(
    mounts: list[str], path: str, run_ocictl: Ocictl, cache: Path, tmp_path: Path
) -> None:
    """A cache that can be neither made nor opened is not used."""
    errors = in_small_cache(mounts, "size=1m,ro", run_ocictl, cache, path, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert errors.startswith("warning: the cache is not used: ")


@pytest.mark.interop
class TestOras:
    def pull(self, oras: Peer, path: str, output: Path, cache: Path) -> None:
        oras.run("pull", "--plain-http", path, "-o", output, env={"ORAS_CACHE": str(cache)})

    def test_oras_fills_and_we_read(
        self, registry: Registry, path: str, oras: Peer, run_ocictl: Ocictl, cache: Path, tmp_path: Path
    ) -> None:
        """A cache made by oras serves us, and then says that it may be pruned."""
        self.pull(oras, path, tmp_path / "1", cache)
        before = len(registry.requests)
        run_ocictl("pull", path, "-o", tmp_path / "2", env={"ORAS_CACHE": str(cache)}, code=0)
        assert contents(tmp_path / "2") == FILES
        assert registry.lines[before:] == ["HEAD /v2/team/app/manifests/v1"]
        info = run_ocictl("cache", "info", "--cache", cache, "--format", "json", code=0).json
        assert (info["entries"], info["prunable"]) == (len(FILES) + 1, True)

    def test_we_fill_and_oras_reads(
        self, registry: Registry, path: str, oras: Peer, run_ocictl: Ocictl, cache: Path, tmp_path: Path
    ) -> None:
        """A cache made by us serves oras, also beside something unfinished, and oras fills it further."""
        run_ocictl("pull", path, "-o", tmp_path / "1", "--cache", cache, code=0)
        (cache / "blobs/.ocictl-0123456789abcdef.part").write_bytes(b"half")
        before = len(registry.requests)
        self.pull(oras, path, tmp_path / "2", cache)
        assert contents(tmp_path / "2") == FILES
        assert registry.lines[before:] == ["GET /v2/team/app/manifests/v1"]
        registry.put_artifact("team/app", {"more": b"more"}, tag="v2")
        self.pull(oras, path.replace(":v1", ":v2"), tmp_path / "3", cache)
        before = len(registry.requests)
        run_ocictl("pull", path.replace(":v1", ":v2"), "-o", tmp_path / "4", "--cache", cache, code=0)
        assert contents(tmp_path / "4") == {"more": b"more"}
        assert {line.split()[0] for line in registry.lines[before:]} == {"HEAD"}

    def test_oras_uses_what_pruning_left(
        self, registry: Registry, path: str, oras: Peer, run_ocictl: Ocictl, cache: Path, tmp_path: Path
    ) -> None:
        """No listed document is missing after pruning, and oras fetches again what it needs."""
        self.pull(oras, path, tmp_path / "1", cache)
        run_ocictl("pull", path, "-o", tmp_path / "2", "--cache", cache, code=0)
        for file in (cache / "blobs/sha256").iterdir():
            if file.read_bytes()[:1] == b"{":
                os.utime(file, (10**9, 10**9))
        run_ocictl("cache", "prune", "--cache", cache, "--max-size", "6MB", code=0)
        assert json.loads((cache / "index.json").read_bytes())["manifests"] == []
        self.pull(oras, path, tmp_path / "3", cache)
        assert contents(tmp_path / "3") == FILES
        run_ocictl("cache", "prune", "--cache", cache, "--all", code=0)
        self.pull(oras, path, tmp_path / "4", cache)
        assert contents(tmp_path / "4") == FILES

    def test_both_at_once(
        self, path: str, oras: Peer, run_ocictl: Ocictl, cache: Path, tmp_path: Path
    ) -> None:
        """The two programs fill one cache at the same time."""
        run_ocictl("cache", "info", "--cache", cache, code=3)
        run_ocictl("pull", path, "-o", tmp_path / "0", "--cache", cache, code=0)
        run_ocictl("cache", "prune", "--cache", cache, "--all", code=0)
        ours = [start(run_ocictl, "pull", path, "-o", tmp_path / f"o{n}", "--cache", cache) for n in range(2)]
        theirs = [
            subprocess.Popen(
                [oras.program, "pull", "--plain-http", path, "-o", tmp_path / f"t{n}"],
                env={**run_ocictl.environment(), "ORAS_CACHE": str(cache)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for n in range(2)
        ]
        assert [finish(process) for process in ours] == [""] * 2
        for process in theirs:
            # Two of oras may get in each other's way; that is theirs, and nothing of ours may be wrong for it.
            process.communicate(timeout=120)
        assert all(contents(tmp_path / f"o{n}") == FILES for n in range(2))
        check(cache)
