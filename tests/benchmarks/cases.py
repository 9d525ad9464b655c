"""All cases, and those that move no files: start-up, resolve, discover."""

from __future__ import annotations

import hashlib
import http.client
import sys
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.cases_files import MAIN, file_cases, select
from tests.benchmarks.cases_tree import tree_cases
from tests.benchmarks.measure import CommandError
from tests.benchmarks.runner import Bench, Case, Job
from tests.benchmarks.servers import Place, distribution, with_referrers_api

__all__ = ["all_cases"]

REFERRERS = 1000
_KIND = "application/vnd.oci.image.manifest.v1+json"


def all_cases() -> list[Case]:
    """Every case, the short ones first."""
    click, requests = "import click", "import click, requests"
    return [
        Case(name="version", setup=partial(_start_up, arguments=["version"], floor=click), rounds=15),
        Case(name="--help", setup=partial(_start_up, arguments=["--help"], floor=click), rounds=15),
        Case(name="resolve", setup=partial(_resolve, floor=requests), rounds=15),
        Case(name="discover 1,000, tag index", setup=partial(_discover, api=False, depth=None), rounds=5),
        Case(
            name="discover 1,000, tag index, depth 1", setup=partial(_discover, api=False, depth=1), rounds=5
        ),
        Case(name="discover 1,000, API", setup=partial(_discover, api=True, depth=None), rounds=5),
        *file_cases(),
        *tree_cases(),
    ]


def _start_up(bench: Bench, _stack: ExitStack, *, arguments: list[str], floor: str) -> Job:
    present, absent = select(bench, MAIN, {})
    lines = {name: [bench.tool(name), *arguments] for name in present}
    lines[floor] = [sys.executable, "-c", floor]
    return Job(commands=lines, cwd=bench.scratch, absent=absent)


def _resolve(bench: Bench, stack: ExitStack, *, floor: str) -> Job:
    place = stack.enter_context(distribution(bench.tool("docker-registry"), bench.path("registry")))
    work = bench.folder(stack, "one")
    (work / "one").write_text("one")
    bench.run([bench.tool("ocictl"), "push", "-q", place.artifact("one"), "one"], work)
    return _start_up(bench, stack, arguments=["resolve", place.artifact("one")], floor=floor)


def _discover(bench: Bench, stack: ExitStack, *, api: bool, depth: int | None) -> Job:
    registry = (
        with_referrers_api(bench.path("registry"))
        if api
        else distribution(bench.tool("docker-registry"), bench.path("registry"))
    )
    place = stack.enter_context(registry)
    count = REFERRERS // bench.scale
    _write_referrers(place, count, tag_index=not api)
    arguments = ["discover", place.artifact("many"), *(["--depth", str(depth)] if depth else [])]
    shown = bench.run([bench.tool("ocictl"), *arguments, "--format", "json"], bench.scratch)
    found = shown.count(f'"artifactType": "{_NOTE}"') or shown.count(f'"artifactType":"{_NOTE}"')
    if found != count:
        raise CommandError(f"ocictl found {found} referrers of {count}")
    present, absent = select(bench, MAIN, {})
    lines = {name: [bench.tool(name), *arguments] for name in present}
    return Job(commands=lines, cwd=bench.scratch, absent=absent)


_NOTE = "application/vnd.example.note"


def _write_referrers(place: Place, count: int, *, tag_index: bool) -> None:
    """Push a subject and its referrers; with a tag index, write that once at the end."""
    import ocictl
    from ocictl.model.manifest import build_index, build_manifest
    from ocictl.sources import BytesContent
    from ocictl.stores.referrers import entry_for, fallback_tag

    target = ocictl.Repository(ocictl.Reference.parse(f"{place.host}/bench/many"))
    subject = ocictl.push(target, [], tags=["v1"]).descriptor
    config = ocictl.Manifest.parse(ocictl.push(target, []).manifest.raw).config
    connection = http.client.HTTPConnection(place.host, timeout=60)
    entries = []
    try:
        for number in range(count):
            manifest = build_manifest(
                config=config,
                layers=[config],
                artifact_type=_NOTE,
                subject=subject.plain(),
                annotations={"number": str(number)},
            )
            _put(connection, manifest.raw)
            entries.append(entry_for(manifest))
    finally:
        connection.close()
    if tag_index:
        index = build_index(manifests=entries)
        target.push(index.descriptor(), BytesContent(index.raw), tag=fallback_tag(subject.digest))


def _put(connection: http.client.HTTPConnection, raw: bytes) -> None:
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    connection.request("PUT", f"/v2/bench/many/manifests/{digest}", raw, {"Content-Type": _KIND})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 201:
        raise CommandError(f"the registry answered {answer.status} to a manifest")
