"""The cache on the command line: which one, how large, and looking after it."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from ocictl.cli.values import byte_size
from ocictl.output.cache_records import shown_size
from ocictl.stores.layout import Layout
from tests.support.cli import Outcome, ocictl
from tests.support.registry import Registry, digest_of

HELLO = digest_of(b"hello\n")


@pytest.fixture
def name(registry: Registry) -> str:
    """An artifact of one file."""
    registry.put_artifact("team/app", {"hello.txt": b"hello\n"}, tag="v1")
    return f"{registry.host}/team/app"


def blobs(folder: str) -> set[str]:
    """The digests in a cache."""
    return {f"sha256:{file.name}" for file in Path(folder, "blobs/sha256").glob("*")}


class TestReading:
    def test_pull(self, name: str, registry: Registry, work: Path) -> None:
        """The second pull has everything but the tag from the cache, and prints the same."""
        first = ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        seen = len(registry.requests)
        second = ocictl("pull", f"{name}:v1", "-o", "2", "--cache", "c")
        assert registry.lines[seen:] == ["HEAD /v2/team/app/manifests/v1"]
        assert sorted(first.lines) == sorted(second.lines)
        assert Path("2/hello.txt").read_text() == "hello\n"
        assert first.stderr == second.stderr == ""

    def test_manifest_fetch(self, name: str, registry: Registry, work: Path) -> None:
        """The document is kept, and not fetched again."""
        first = ocictl("manifest", "fetch", f"{name}:v1", "--cache", "c")
        seen = len(registry.requests)
        assert ocictl("manifest", "fetch", f"{name}:v1", "--cache", "c").data == first.data
        assert [line.split()[0] for line in registry.lines[seen:]] == ["HEAD"]
        assert blobs("c") == {digest_of(first.data)}

    @pytest.mark.parametrize("output", ["-", "file"])
    def test_blob_fetch(self, name: str, registry: Registry, work: Path, output: str) -> None:
        """To a file and to standard output."""
        for _ in range(2):
            seen = len(registry.requests)
            outcome = ocictl("blob", "fetch", f"{name}@{HELLO}", "-o", output, "--cache", "c")
            assert (Path("file").read_bytes() if output == "file" else outcome.data) == b"hello\n"
        assert [line.split()[0] for line in registry.lines[seen:]] == ["HEAD"]

    def test_a_tag_that_moved(self, name: str, registry: Registry, work: Path) -> None:
        """Tags are asked for every time."""
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        registry.put_artifact("team/app", {"hello.txt": b"changed\n"}, tag="v1")
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        assert Path("1/hello.txt").read_text() == "changed\n"

    @pytest.mark.parametrize(
        ("arguments", "env", "used"),
        [
            ((), {}, None),
            ((), {"ORAS_CACHE": "b"}, "b"),
            ((), {"ORAS_CACHE": "b", "OCICTL_CACHE": "a"}, "a"),
            ((), {"ORAS_CACHE": "b", "OCICTL_CACHE": ""}, "b"),
            (("--cache", "c"), {"ORAS_CACHE": "b", "OCICTL_CACHE": "a"}, "c"),
            (("--cache", ""), {"ORAS_CACHE": "b", "OCICTL_CACHE": "a"}, None),
            (("--cache=",), {"ORAS_CACHE": "b"}, None),
        ],
    )
    def test_which_cache(
        self, name: str, work: Path, arguments: tuple[str, ...], env: dict[str, str], used: str | None
    ) -> None:
        """The option, then our variable, then that of oras; an empty option means none."""
        ocictl("pull", f"{name}:v1", "-o", "out", *arguments, env=env)
        assert [folder for folder in ("a", "b", "c") if Path(folder).exists()] == ([used] if used else [])

    def test_a_layout_needs_no_cache(self, work: Path) -> None:
        """What is on this machine is not copied to another place on it."""
        ocictl("push", "--oci-layout", "lay:v1", "hello.txt")
        ocictl("pull", "--oci-layout", "lay:v1", "-o", "out", env={"OCICTL_CACHE": "c"})
        assert not Path("c").exists()

    @pytest.mark.parametrize("kind", ["file", "other"])
    def test_a_cache_that_is_none(self, name: str, work: Path, kind: str) -> None:
        """A directory of something else, or a file, is left alone; one warning, and all is pulled."""
        if kind == "other":
            Path("c").mkdir()
        Path("c/x" if kind == "other" else "c").write_bytes(b"x")
        outcome = ocictl("pull", f"{name}:v1", "-o", "out", "--cache", "c")
        assert Path("out/hello.txt").exists()
        assert outcome.stderr.startswith("warning: the cache is not used: 'c' is not an OCI image layout")
        assert len(outcome.stderr.splitlines()) == 1
        assert Path("c").is_file() or [file.name for file in Path("c").iterdir()] == ["x"]

    def test_warnings_in_json(self, name: str, work: Path) -> None:
        """A warning is an object on standard error there, and standard output holds the record alone."""
        Path("c").write_bytes(b"x")
        outcome = ocictl("pull", f"{name}:v1", "-o", "out", "--cache", "c", "--format", "json")
        assert outcome.json["files"]
        assert outcome.stderr.startswith('{"warning":{"message":"the cache is not used')

    def test_damage_is_told_and_mended(self, name: str, work: Path) -> None:
        """The user hears of a disk that changes bytes, and gets the right ones."""
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        entry = Path("c/blobs/sha256", HELLO.removeprefix("sha256:"))
        entry.chmod(0o644)
        entry.write_bytes(b"hellO\n")
        outcome = ocictl("pull", f"{name}:v1", "-o", "2", "--cache", "c")
        assert outcome.stderr == f"warning: {HELLO} in the cache 'c' was damaged; it is fetched again\n"
        assert Path("2/hello.txt").read_bytes() == entry.read_bytes() == b"hello\n"

    def test_the_limit(self, name: str, registry: Registry, work: Path) -> None:
        """By option or by variable; what does not fit is not kept."""
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c", "--cache-size", "6B")
        assert blobs("c") == {HELLO}
        ocictl("pull", f"{name}:v1", "-o", "2", "--cache", "d", env={"OCICTL_CACHE_SIZE": "5"})
        assert blobs("d") == set()

    def test_a_limit_that_is_none(self, name: str, work: Path) -> None:
        """A setting that can't be understood is an error, not silence."""
        option = ocictl("pull", f"{name}:v1", "--cache-size", "much", code=2)
        assert "'much' is not a size like 500MB" in option.stderr
        variable = ocictl("pull", f"{name}:v1", env={"OCICTL_CACHE_SIZE": "-1"}, code=2)
        assert "'-1' is not a size" in variable.stderr


class TestInfo:
    def test_text(self, name: str, work: Path) -> None:
        """What is there, in a few lines."""
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        for file in Path("c/blobs/sha256").iterdir():
            os.utime(file, (10**9, 10**9))
        size = sum(file.stat().st_size for file in Path("c/blobs/sha256").iterdir())
        assert ocictl("cache", "info", env={"OCICTL_CACHE": "c", "OCICTL_CACHE_SIZE": "10GiB"}).lines == [
            f"Directory:  {work}/c",
            "Entries:    2",
            f"Size:       {size} B",
            "Limit:      10.0 GiB",
            "Unfinished: 0",
            "Oldest use: 2001-09-09T01:46:40Z",
            "Prunable:   yes",
        ]

    def test_empty(self, work: Path) -> None:
        """A layout without anything."""
        Layout("c", create=True)
        assert ocictl("cache", "info", "--cache", "c").lines[1:] == [
            "Entries:    0",
            "Size:       0 B",
            "Limit:      none",
            "Unfinished: 0",
            "Oldest use: none",
            "Prunable:   no",
        ]

    @pytest.mark.parametrize("command", [("info",), ("prune", "--all")])
    @pytest.mark.parametrize(
        ("folder", "code", "error"),
        [(None, 2, "argument-invalid"), ("missing", 3, "not-found"), ("d", 9, "layout-invalid")],
    )
    def test_what_is_no_cache(
        self, work: Path, command: tuple[str, ...], folder: str | None, code: int, error: str
    ) -> None:
        """No name, nothing there, and a directory of something else are told apart; nothing changes."""
        before = sorted(Path().rglob("*"))
        named = () if folder is None else ("--cache", folder)
        assert ocictl("cache", *command, *named, "--format", "json", code=code).error["code"] == error
        assert sorted(Path().rglob("*")) == before


class TestPrune:
    @pytest.fixture
    def filled(self, name: str, work: Path) -> str:
        """A cache of a blob of six bytes and its manifest."""
        ocictl("pull", f"{name}:v1", "-o", "1", "--cache", "c")
        os.utime(Path("c/blobs/sha256", HELLO.removeprefix("sha256:")), (10**9, 10**9))
        return "c"

    def prune(self, *arguments: str, code: int = 0, size: str | None = None) -> Outcome:
        env = {} if size is None else {"OCICTL_CACHE_SIZE": size}
        return ocictl("cache", "prune", "--cache", "c", *arguments, code=code, env=env)

    def test_everything(self, filled: str) -> None:
        """`--all` leaves an empty cache, which can be used again; the limit in the environment plays no part."""
        outcome = self.prune("--all", size="1T")
        assert outcome.lines[0].startswith("Removed: 2 (")
        assert outcome.lines[1:] == ["Left:    0 (0 B)"]
        assert blobs(filled) == set()

    def test_to_a_size(self, filled: str) -> None:
        """The option first, then the variable."""
        for outcome in (self.prune(size="1M"), self.prune("--max-size", "1M", size="1")):
            assert outcome.lines[0] == "Removed: 0 (0 B)"
        manifest = (blobs(filled) - {HELLO}).pop()
        size = Path("c/blobs/sha256", manifest.removeprefix("sha256:")).stat().st_size
        assert self.prune("--max-size", str(size)).lines == ["Removed: 1 (6 B)", f"Left:    1 ({size} B)"]
        assert blobs(filled) == {manifest}

    def test_how_much_must_be_said(self, filled: str) -> None:
        """Nothing is removed by mistake."""
        assert "--max-size SIZE or --all" in self.prune(code=2).stderr
        assert "can't be used together" in self.prune("--all", "--max-size", "1", code=2).stderr
        assert "is not a size" in self.prune("--max-size", "1 gallon", code=2).stderr
        assert len(blobs(filled)) == 2

    def test_an_artifact_s_layout(self, work: Path) -> None:
        """A layout that somebody pushed to is refused."""
        ocictl("push", "--oci-layout", "c:v1", "hello.txt")
        before = blobs("c")
        outcome = self.prune("--all", code=9)
        assert outcome.stderr.startswith("error: 'c' is not pruned, because it has no CACHEDIR.TAG\nhint: ")
        Path("c/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
        assert "because it has tags" in self.prune("--all", code=9).stderr
        assert blobs("c") == before


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("7B", 7),
        ("2k", 2048),
        ("2KiB", 2048),
        ("2kb", 2000),
        ("500MB", 500_000_000),
        ("1.5GiB", 3 * 2**29),
        ("10 GiB", 10 * 2**30),
        ("1T", 2**40),
        ("0.001k", 1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """Powers of 1024, unless the unit is written as a power of 1000."""
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1PB", "1..5G", "1,5G", "GiB", "1 G iB", "٣", "nan"])
def test_no_sizes(text: str) -> None:
    """Whatever is not clear is refused."""
    with pytest.raises(click.BadParameter):
        byte_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (3 * 2**30, "3.0 GiB"),
        (2**51, "2048.0 TiB"),
    ],
)
def test_shown_sizes(size: int, text: str) -> None:
    """One digit behind the point, in the largest unit that fits."""
    assert shown_size(size) == text
