"""Disks that are full or read-only, and files that vanish (F4): exit code 9, a clear message, nothing lost or left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.environment import wait_for
from tests.support.mounts import Mounts, mounts
from tests.support.program import Finished, Ocictl, ocictl_command
from tests.support.registry import Registry, Reply, Request

__all__ = ["mounts"]

MIB = 1024 * 1024
BIG = random.Random(1).randbytes(4 * MIB)
LISTING = "find . -mindepth 1 -printf '%P %y %s\\n' | sort"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where the small file system is mounted."""
    return tmp_path / "disk"


@pytest.fixture
def stored(registry: Registry) -> str:
    """An artifact with one file of 4 MiB."""
    registry.put_artifact("app", {"big.bin": BIG}, tag="v1")
    return f"{registry.host}/app:v1"


def failure(finished: Finished, *words: str) -> str:
    """Standard error has one error, with these words, and a hint; return it."""
    lines = finished.stderr.splitlines()
    assert "Traceback" not in finished.stderr
    assert len([line for line in lines if line.startswith("error: ")]) == 1, finished.stderr
    for word in words:
        assert word in finished.stderr
    return finished.stderr


def test_pull_larger_than_the_disk(
    mounts: Mounts, registry: Registry, stored: str, disk: Path, tmp_path: Path
) -> None:
    """What was there stays, what has come is kept, and once there is room the pull goes on with it."""
    (tmp_path / "right.bin").write_bytes(BIG)
    finished = mounts(
        f"""cd {disk}
        echo old > other.txt
        code=0; ocictl pull {stored} || code=$?
        echo "code $code"; {LISTING}
        mount -o remount,size=16m {disk}
        ocictl pull {stored} >/dev/null
        echo again; {LISTING}; cat other.txt; cmp big.bin {tmp_path}/right.bin && echo right
        """,
        place=disk,
        options="size=2m",
    )
    failure(finished, "space", str(disk), "hint: free some space")
    first, _, second = finished.stdout.partition("code 9\n")[2].partition("again\n")
    assert "big.bin" not in first
    (part,) = [line for line in first.splitlines() if ".part " in line]
    kept = int(part.split()[-1])
    assert kept >= MIB
    assert second.splitlines() == [f"big.bin f {len(BIG)}", "other.txt f 4", "old", "right"]
    asked = [request.headers.get("Range") for request in registry.matching("GET", "/blobs/")]
    assert asked[-1] == f"bytes={kept}-{len(BIG) - 1}"


def test_directory_larger_than_the_disk(
    mounts: Mounts, registry: Registry, run_ocictl: Ocictl, disk: Path, tmp_path: Path
) -> None:
    """A directory that does not fit leaves the one that stands there as it is, and nothing of itself."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "text").write_bytes(b"abcdefgh" * MIB)
    run_ocictl("push", f"{registry.host}/app:v1", "tree", cwd=tmp_path, code=0)
    finished = mounts(
        f"""cd {disk}; mkdir tree; echo old > tree/text
        code=0; ocictl pull {registry.host}/app:v1 || code=$?
        echo "code $code"; {LISTING}; cat tree/text
        """,
        place=disk,
        options="size=2m",
    )
    failure(finished, "space", f"{disk}/tree", "hint: free some space")
    lines = [line for line in finished.stdout.splitlines() if ".part " not in line]
    assert lines[-4:] == ["code 9", "tree d 60", "tree/text f 4", "old"]


def test_push_without_room_for_the_archive(
    mounts: Mounts, registry: Registry, disk: Path, tmp_path: Path
) -> None:
    """A directory's archive waits in TMPDIR; where there is no room the message says so, and how to choose another."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(BIG)
    finished = mounts(
        f"""code=0; ocictl push {registry.host}/app:v1 tree || code=$?
        echo "code $code"; cd {disk}; {LISTING}
        """,
        place=disk,
        options="size=256k",
        TMPDIR=str(disk),
    )
    failure(finished, "space", str(disk), "hint: free some space, or set TMPDIR")
    assert finished.stdout.splitlines()[-1] == "code 9"
    assert "app" not in registry.repositories or registry.repositories["app"].tags == {}


def test_push_into_a_layout_on_a_full_disk(mounts: Mounts, disk: Path, tmp_path: Path) -> None:
    """The layout stays whole and what it held stays readable; the blob that did not fit leaves nothing."""
    (tmp_path / "big.bin").write_bytes(BIG)
    (tmp_path / "small.txt").write_text("small\n")
    finished = mounts(
        f"""ocictl push --oci-layout {disk}/lay:old small.txt >/dev/null
        cd {disk}; {LISTING} > {tmp_path}/before; cd ..
        code=0; ocictl push --oci-layout {disk}/lay:new big.bin || code=$?
        echo "code $code"
        cd {disk}; {LISTING} > {tmp_path}/after
        ocictl pull --oci-layout {disk}/lay:old -o {tmp_path}/out > /dev/null
        """,
        place=disk,
        options="size=2m",
    )
    failure(finished, "space", f"{disk}/lay", "hint: free some space")
    assert "code 9" in finished.stdout
    before, after = ((tmp_path / name).read_text().splitlines() for name in ("before", "after"))
    # The empty config is shared, so nothing new of the failed push can be there.
    assert [line for line in after if " d " not in line] == [line for line in before if " d " not in line]
    assert (tmp_path / "out" / "small.txt").read_text() == "small\n"


COMMANDS = {
    "pull": "pull {host}/app:v1 -o {disk}",
    "pull into a directory to be made": "pull {host}/app:v1 -o {disk}/new",
    "push into a layout": "push --oci-layout {disk}/lay:v1 right.bin",
    "copy into a layout": "cp {host}/app:v1 --to-oci-layout {disk}/lay:v1",
    "backup": "backup {host}/app:v1 --output {disk}/saved.tar",
    "blob fetch": "blob fetch {host}/app@{digest} --output {disk}/blob",
    "manifest fetch": "manifest fetch {host}/app:v1 --output {disk}/manifest",
}


@pytest.mark.parametrize("full", [False, True], ids=["read-only", "full"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_commands_that_write(
    mounts: Mounts, registry: Registry, stored: str, disk: Path, tmp_path: Path, command: str, full: bool
) -> None:
    """On a disk that is full or read-only each of them ends with 9, names the place, and leaves what was there."""
    (tmp_path / "right.bin").write_bytes(BIG)
    layer = registry.manifest("app", "v1").document["layers"][0]["digest"]
    arguments = command.format(host=registry.host, disk=disk, digest=layer)
    spoil = (
        f"dd if=/dev/zero of={disk}/filler bs=4k 2>/dev/null || true"
        if full
        else f"mount -o remount,ro {disk}"
    )
    finished = mounts(
        f"""echo old > {disk}/other.txt; echo old > {disk}/big.bin; {spoil}
        code=0; ocictl {arguments} || code=$?
        echo "code $code"; cd {disk}; {LISTING}; cat other.txt big.bin
        """,
        place=disk,
        options="size=1m",
    )
    failure(finished, "space" if full else "Read-only file system", str(disk), "hint: ")
    lines = finished.stdout.splitlines()
    at = lines.index("code 9")
    left = [
        line
        for line in lines[at + 1 :]
        if " d " not in line and not line.startswith(("filler", "lay/.ocictl.lock"))
    ]
    assert left == ["big.bin f 4", "other.txt f 4", "old", "old"]


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_file_that_vanishes_during_a_push(
    registry: Registry, run_ocictl: Ocictl, tmp_path: Path, kind: str, compression: str
) -> None:
    """A file that was there when it was hashed and is gone when it is sent is named; no tag is written.

    An archive that waits in TMPDIR needs its directory no more, and is pushed.
    """
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "big.bin").write_bytes(BIG)

    def vanish(request: Request, reply: Reply, running: Registry) -> Reply:
        if request.method in ("HEAD", "POST"):
            shutil.rmtree(tmp_path / "tree", ignore_errors=True)
        return reply

    registry.configure(after=vanish)
    name = "tree/big.bin" if kind == "file" else "tree"
    finished = run_ocictl("push", f"{registry.host}/app:v1", name, "--compression", compression, cwd=tmp_path)
    if kind == "directory" and compression == "gzip":
        assert finished.code == 0, finished.stderr
        return
    assert finished.code == 9, finished.stderr
    failure(finished, name, "is gone" if kind == "file" else "does not exist", "hint: ")
    assert registry.repository("app").tags == {}


@pytest.mark.parametrize("instead", ["nothing", "file", "other directory"])
def test_output_that_vanishes_during_a_pull(
    registry: Registry, stored: str, run_ocictl: Ocictl, tmp_path: Path, instead: str
) -> None:
    """An output directory that is removed or swapped meanwhile is an error; nothing is written anywhere else."""
    out = tmp_path / "out"
    out.mkdir()

    def vanish(request: Request, reply: Reply, running: Registry) -> Reply:
        if request.method == "GET" and "/blobs/" in request.path:
            shutil.rmtree(out)
            if instead == "file":
                out.write_text("mine")
            elif instead == "other directory":
                out.mkdir()
                (out / "mine").write_text("mine")
        return reply

    registry.configure(after=vanish)
    finished = run_ocictl("pull", stored, "-o", out, cwd=tmp_path)
    assert finished.code == 9, finished.stderr
    failure(finished, str(out), "hint: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ([] if instead == "nothing" else ["out"])
    if instead == "file":
        assert out.read_text() == "mine"
    elif instead == "other directory":
        assert os.listdir(out) == ["mine"]


def test_errors_as_json(mounts: Mounts, stored: str, disk: Path) -> None:
    """A program reads the code and the path."""
    finished = mounts(
        f"ocictl pull {stored} -o {disk} --format json || echo code $?", place=disk, options="size=1m"
    )
    assert finished.stdout == "code 9\n"
    found = json.loads(finished.stderr.splitlines()[-1])
    assert found["error"]["code"] == "disk-full", found
    assert str(disk) in json.dumps(found)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_stays_of_an_archive(
    registry: Registry, run_ocictl: Ocictl, tmp_path: Path, number: signal.Signals
) -> None:
    """The archive of a directory has no name while it waits in TMPDIR, so not even kill -9 leaves it there."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(BIG)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    held: list[int] = []
    stop = threading.Event()

    def hold(request: Request, reply: Reply, _: Registry) -> Reply:
        if request.method == "POST":
            held.append(1)
            stop.wait(30)
        return reply

    registry.configure(after=hold)
    process = subprocess.Popen(
        [*ocictl_command(), "push", f"{registry.host}/app:v1", "tree"],
        cwd=tmp_path,
        env=run_ocictl.environment(TMPDIR=str(temporary)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: held or None, "upload")
        open_files = [os.readlink(path) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
        process.send_signal(number)
        assert process.wait(30) != 0
    finally:
        stop.set()
        process.kill()
    assert any(str(temporary) in path for path in open_files), "the archive was not there at all"
    assert os.listdir(temporary) == []
