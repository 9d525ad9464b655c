"""What is measured: each case is a set of command lines that do the same job, prepared anew for every run."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024
Command = list[str]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One comparison.

    Attributes:
        name: as in the table.
        programs: program name to the command line of a run; the number of the run makes names unique.
        prepare: called before each run with the program's name and the number of the run.
        work: the working directory of the commands.
        rounds: how many alternating rounds.
    """

    name: str
    programs: dict[str, Callable[[int], Command]]
    work: Path
    prepare: Callable[[str, int], None] = field(default=lambda _program, _number: None)
    rounds: int = 5


def fill(path: Path, size: int, seed: int) -> None:
    """Write bytes that don't compress."""
    source = random.Random(seed)
    with path.open("wb") as file:
        for _ in range(0, size, MIB):
            file.write(source.randbytes(min(MIB, size)))


def freshen(paths: list[Path]) -> None:
    """Change each file a little, so that the registry has none of them yet."""
    for path in paths:
        with path.open("r+b") as file:
            file.write(os.urandom(16))


class Suite:
    """Builds the cases over one registry and one scratch directory."""

    def __init__(
        self, registry: str, scratch: Path, ocictl: str, peers: dict[str, str], *, quick: bool
    ) -> None:
        """
        Args:
            registry: host and port, plain HTTP.
            scratch: an empty directory, best in memory.
            ocictl: the program under test.
            peers: programs to compare with, by name.
            quick: an eighth of the sizes, for trying the benchmark itself.
        """
        self.registry = registry
        self.scratch = scratch
        self.ocictl = ocictl
        self.peers = peers
        self.scale = 8 if quick else 1

    def cases(self) -> Iterator[Case]:
        """Every case, one after the other; what one leaves behind is removed before the next."""
        yield self._start("version", [sys.executable, "-c", "import click"], ["version"])
        yield self._start("help", [sys.executable, "-c", "import click"], ["--help"])
        yield self._resolve()
        for count, size in ((1, 1024 * MIB), (8, 128 * MIB), (1000, 4096), (5000, 4096)):
            yield from self._files(count, max(size // self.scale, 4096) if size > MIB else size)
        yield from self._tree()
        yield self._discover()

    def _clients(self) -> dict[str, str]:
        return {"ocictl": self.ocictl, **{name: self.peers[name] for name in ("oras",) if name in self.peers}}

    def _start(self, name: str, floor: Command, arguments: list[str]) -> Case:
        programs: dict[str, Callable[[int], Command]] = {
            program: lambda _number, path=path: [path, *arguments]
            for program, path in self._clients().items()
        }
        programs["floor"] = lambda _number: floor
        return Case(name=f"start-up: {name}", programs=programs, work=self.scratch, rounds=11)

    def _resolve(self) -> Case:
        (self.scratch / "one").write_text("one")
        self.run([self.ocictl, "push", "-q", f"{self.registry}/bench/one:v1", "one"], self.scratch)
        programs: dict[str, Callable[[int], Command]] = {
            program: lambda _number, path=path: [path, "resolve", f"{self.registry}/bench/one:v1"]
            for program, path in self._clients().items()
        }
        programs["floor"] = lambda _number: [sys.executable, "-c", "import click, requests"]
        return Case(name="resolve", programs=programs, work=self.scratch, rounds=11)

    def _files(self, count: int, size: int) -> Iterator[Case]:
        work = self.scratch / "files"
        work.mkdir()
        paths = [work / f"f{number}" for number in range(count)]
        for number, path in enumerate(paths):
            fill(path, size, number)
        names = [path.name for path in paths]
        label = f"{count} x {size // MIB} MiB" if size >= MIB else f"{count} x {size // 1024} KiB"
        rounds = 3 if count * size > 100 * MIB or count > 1000 else 5
        kept = f"{self.registry}/bench/kept{count}:v1"

        def push(path: str, program: str) -> Callable[[int], Command]:
            return lambda number: [
                path,
                "push",
                f"{self.registry}/bench/{program}{count}-{number}:v1",
                *names,
            ]

        programs = {program: push(path, program) for program, path in self._clients().items()}
        if count == 1 and "curl" in self.peers:
            programs["openssl, curl"] = self._curl_up(names[0])
        yield Case(
            name=f"push {label}",
            programs=programs,
            work=work,
            prepare=lambda _program, _number: freshen(paths),
            rounds=rounds,
        )
        self.run([self.ocictl, "push", "-q", kept, *names], work)
        again = {
            program: lambda _number, path=path: [path, "push", kept, *names]
            for program, path in self._clients().items()
        }
        yield Case(name=f"push again {label}", programs=again, work=work, rounds=rounds)
        out = self.scratch / "out"

        def pull(path: str) -> Callable[[int], Command]:
            return lambda _number: [path, "pull", kept, "-o", str(out)]

        programs = {program: pull(path) for program, path in self._clients().items()}
        if count == 1 and "curl" in self.peers:
            programs["curl, sha256sum"] = self._curl_down(kept, out)
        yield Case(
            name=f"pull {label}",
            programs=programs,
            work=work,
            prepare=lambda _program, _number: shutil.rmtree(out, ignore_errors=True),
            rounds=rounds,
        )
        yield Case(
            name=f"pull again {label}",
            programs={program: pull(path) for program, path in self._clients().items()},
            work=work,
            rounds=rounds,
        )
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(work)

    def _curl_up(self, name: str) -> Callable[[int], Command]:
        url = f"http://{self.registry}/v2/bench/curl/blobs/uploads/"
        script = (
            f"digest=$(openssl dgst -sha256 -r {name} | cut -d' ' -f1); "
            f"where=$(curl -sS -X POST -D - -o /dev/null {url} | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'); "
            f'curl -sS -f -o /dev/null -T {name} "$where&digest=sha256:$digest"'
        )
        return lambda _number: ["sh", "-c", script]

    def _curl_down(self, kept: str, out: Path) -> Callable[[int], Command]:
        repository = kept.partition("/")[2].partition(":")[0]
        manifest = self.run([self.ocictl, "manifest", "fetch", kept], self.scratch)
        import json

        digest = json.loads(manifest)["layers"][0]["digest"]
        url = f"http://{self.registry}/v2/{repository}/blobs/{digest}"
        script = f"mkdir -p {out} && curl -sS -f -o {out}/f {url} && sha256sum {out}/f"
        return lambda _number: ["sh", "-c", script]

    def _tree(self) -> Iterator[Case]:
        work = self.scratch / "work"
        source = Path(os.__file__).parent
        wanted = 270 * MIB // self.scale
        copied = number = 0
        while copied < wanted:
            target = work / "tree" / str(number)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.a"))
            copied += sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
            number += 1
        kept = f"{self.registry}/bench/tree:v1"

        def touch(_program: str, number: int) -> None:
            (work / "tree" / "stamp").write_text(f"{number} {os.urandom(8).hex()}")

        def push(path: str, program: str) -> Callable[[int], Command]:
            return lambda number: [path, "push", f"{self.registry}/bench/t{program}{number}:v1", "tree"]

        programs = {program: push(path, program) for program, path in self._clients().items()}
        yield Case(name="push a source tree", programs=programs, work=work, prepare=touch, rounds=3)
        self.run([self.ocictl, "push", "-q", kept, "tree"], work)
        again = {
            program: lambda _number, path=path: [path, "push", kept, "tree"]
            for program, path in self._clients().items()
        }
        yield Case(name="push the same tree again", programs=again, work=work, rounds=3)
        out = self.scratch / "out"
        pull = {
            program: lambda _number, path=path: [path, "pull", kept, "-o", str(out)]
            for program, path in self._clients().items()
        }
        yield Case(
            name="pull the tree",
            programs=pull,
            work=work,
            prepare=lambda _program, _number: shutil.rmtree(out, ignore_errors=True),
            rounds=3,
        )
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(work)

    def _discover(self) -> Case:
        """A subject with 1,000 referrers in the referrers tag, written at once."""
        import ocictl
        from ocictl.content import BytesContent
        from ocictl.model.manifest import build_index, build_manifest
        from ocictl.stores.referrers import entry_for, fallback_tag

        target = ocictl.Repository(ocictl.Reference.parse(f"{self.registry}/bench/many"))
        subject = ocictl.push(target, [], tags=["v1"]).descriptor
        config = ocictl.Manifest.parse(ocictl.push(target, []).manifest.raw).config
        entries = []
        for number in range(1000 // self.scale):
            manifest = build_manifest(
                config=config,
                layers=[config],
                artifact_type="application/vnd.example.note",
                subject=subject.plain(),
                annotations={"number": str(number)},
            )
            self.put(target, manifest.raw)
            entries.append(entry_for(manifest))
        index = build_index(manifests=entries)
        target.push(index.descriptor(), BytesContent(index.raw), tag=fallback_tag(subject.digest))
        programs: dict[str, Callable[[int], Command]] = {
            program: lambda _number, path=path: [path, "discover", f"{self.registry}/bench/many:v1"]
            for program, path in self._clients().items()
        }
        return Case(name=f"discover {len(entries)} referrers", programs=programs, work=self.scratch, rounds=3)

    def put(self, target: object, raw: bytes) -> None:
        """Store a manifest without touching the referrers tag."""
        import hashlib
        import http.client

        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        connection = http.client.HTTPConnection(self.registry)
        kind = "application/vnd.oci.image.manifest.v1+json"
        connection.request("PUT", f"/v2/bench/many/manifests/{digest}", raw, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 201:
            raise RuntimeError(f"the registry answered {answer.status}")

    def run(self, command: Command, work: Path) -> str:
        """Run a command that prepares a case."""
        import subprocess

        return subprocess.run(command, cwd=work, check=True, capture_output=True, text=True).stdout
