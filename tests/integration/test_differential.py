"""The same command lines with oras and with us, in equal worlds: what is printed, what is left, how it ends.

What is allowed to differ is named by the case, and told on the page docs/from-oras.md. A case that names a
difference fails where there is none any more.
"""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support import cli
from tests.support.peers import Peer, _peer
from tests.support.servers import RealRegistry
from tests.support.twins import (
    CREATED,
    Template,
    World,
    build,
    make_world,
    state_of_folder,
    state_of_repository,
)

pytestmark = pytest.mark.interop

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from-oras.md"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Case:
    """One command line, for a layout and for a registry.

    `{t}` stands for the place, `{host}` for the registry, `{NAME}` for a digest of the template. `--oci-layout` is
    added for the layout.

    Attributes:
        line: without the program.
        stdin: what can be read.
        writes: the registry's repository changes, so each program needs one of its own.
        only: `layout` or `registry` where the other makes no sense.
        differs: aspect (`exit`, `stdout`, `state`), perhaps with `layout:` or `registry:` before it, and words from
            the page that tell of it.
    """

    line: str
    stdin: bytes = b""
    writes: bool = False
    only: str = ""
    differs: dict[str, str] = field(default_factory=dict)

    def why(self, aspect: str, place: str) -> str | None:
        return self.differs.get(f"{place}:{aspect}", self.differs.get(aspect))


def read(line: str, only: str = "", **differs: str) -> Case:
    """A case that changes nothing in the place."""
    return Case(line, only=only, differs=_named(differs))


def write(line: str, stdin: bytes = b"", only: str = "", **differs: str) -> Case:
    return Case(line, stdin=stdin, writes=True, only=only, differs=_named(differs))


def _named(differs: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", ":"): words for name, words in differs.items()}


def everything(words: str, *aspects: str) -> dict[str, str]:
    """The same difference in several aspects."""
    return dict.fromkeys(aspects or ("exit", "stdout", "state"), words)


def on_layout(words: str) -> dict[str, str]:
    """The same difference in all aspects, for a layout."""
    return {f"layout_{aspect}": words for aspect in ("exit", "stdout", "state")}


C = CREATED
LAYOUT_DESCRIPTOR = "descriptor of a document in a layout"
SUBJECT = "`subject` of an attached artifact in an OCI layout"
NOT_CONFIRMED = "a deletion that is not confirmed"
ONCE = "a manifest that is in the index already"
HINT = "the hint of a pull from a layout"
THERE = "a line for an artifact that is there"
NO_TAG = "a tag where a blob is wanted"

CASES = [
    # resolve
    read("resolve {t}:v1"),
    read("resolve -l {t}:v1"),
    read("digest --full-reference {t}@{v1}"),
    read("resolve {t}:idx --platform linux/arm64"),
    read("resolve {t}:idx --platform linux/arm64/v8 -l"),
    read("resolve {t}:idx --platform linux/arm64/v7"),
    read("resolve {t}:idx --platform linux/riscv64"),
    read("resolve {t}:amd --platform linux/amd64"),
    read("resolve {t}:amd --platform linux/arm64"),
    read("resolve {t}:v1 --platform linux/amd64"),
    read("resolve {t}:none"),
    read("resolve {t}@{zero}"),
    read("resolve {t}"),
    read("resolve {t}:v1 extra"),
    read("resolve --nope {t}:v1"),
    # manifest fetch
    read("manifest fetch {t}:v1"),
    read("manifest get {t}@{v1}"),
    read("manifest show {t}:v1 --pretty"),
    read("manifest fetch {t}:v1 --descriptor", layout_stdout=LAYOUT_DESCRIPTOR),
    read("manifest fetch {t}@{v1} --descriptor"),
    read("manifest fetch {t}@{v1} --descriptor --pretty"),
    read("manifest fetch {t}@{v1} --format json"),
    read("manifest fetch {t}:v1 --format json", layout_stdout=LAYOUT_DESCRIPTOR),
    read("manifest fetch {t}:v1 -o out.json"),
    read("manifest fetch {t}@{v1} --output out.json --descriptor --pretty"),
    read("manifest fetch {t}@{v1} --output out.json --format json"),
    read("manifest fetch {t}:idx --platform linux/amd64"),
    read("manifest fetch {t}:idx --platform linux/arm64 --descriptor"),
    read("manifest fetch {t}:idx --platform linux/arm64 --format json"),
    read("manifest fetch {t}:idx --platform linux/riscv64"),
    read("manifest fetch {t}:v1 -o - --descriptor"),
    read("manifest fetch {t}:v1 -o - --format json"),
    read("manifest fetch {t}:v1 --pretty --format json"),
    read("manifest fetch {t}:none"),
    read("manifest fetch {t}"),
    read(f"manifest fetch {{t}}@{{v1}} --media-type {MANIFEST} --descriptor"),
    read(f"manifest fetch {{t}}:v1 --media-type a/b,{MANIFEST}"),
    read("manifest fetch {t}:v1 --media-type application/vnd.oci.image.index.v1+json"),
    # manifest fetch-config
    read("manifest fetch-config {t}:amd"),
    read("manifest get-config {t}:arm --pretty"),
    read("manifest fetch-config {t}:arm --descriptor"),
    read("manifest fetch-config {t}:arm --descriptor --pretty -o c.json"),
    read("manifest fetch-config {t}:arm -o c.json"),
    read("manifest fetch-config {t}:arm -o -"),
    read("manifest fetch-config {t}:arm -o - --descriptor"),
    read("manifest fetch-config {t}:idx"),
    read("manifest fetch-config {t}:idx --platform linux/arm64"),
    read("manifest fetch-config {t}:idx --platform linux/riscv64"),
    read("manifest fetch-config {t}:v1"),
    read("manifest fetch-config {t}:config"),
    read(
        "manifest fetch-config {t}:config --pretty",
        exit="`--pretty` for what is not JSON",
        stdout="`--pretty` for what is not JSON",
    ),
    read("manifest fetch-config {t}:none"),
    # blob fetch
    read("blob fetch {t}@{hello} -o -"),
    read("blob get {t}@{hello} --output f"),
    read("blob fetch {t}@{hello} --descriptor"),
    read("blob fetch {t}@{hello} --descriptor --pretty"),
    read("blob fetch {t}@{hello} --descriptor -o f --no-tty"),
    read("blob fetch {t}@{hello} -o - --descriptor"),
    read("blob fetch {t}@{hello}"),
    read("blob fetch {t}@{zero} -o -"),
    read("blob fetch {t}:v1 -o -", layout_exit=NO_TAG, layout_stdout=NO_TAG),
    read("blob fetch {t} -o -"),
    # pull
    read("pull {t}:v1 -o out"),
    read("pull {t}@{v1} -o out"),
    read("pull {t}:v1 -o out --format json"),
    read("pull {t}:dir -o out"),
    read("pull {t}:dir -o out --format json"),
    read("pull {t}:idx -o out", layout_stdout=HINT),
    read("pull {t}:nested -o out", layout_stdout=HINT),
    read("pull {t}:idx -o out --platform linux/arm64", layout_stdout=HINT),
    read("pull {t}:idx -o out --platform linux/riscv64"),
    read("pull {t}:v1 -o .", stdout="files that are there already"),
    read("pull {t}:v1 -k"),
    read("pull {t}:config --config c.json -o out"),
    read("pull {t}:config --config c.json:a/config -o out"),
    read("pull {t}:config --config c.json:a/nope -o out", layout_stdout=HINT),
    read("pull {t}:nothing -o out"),
    read("pull {t}:nothing -o out --format json"),
    read("pull {t}@{sbom} -o out"),
    read("pull {t}@{sbom} -o out --include-subject", stdout="`pull --include-subject`"),
    read("pull {t}:v1 -o out --concurrency 1"),
    read("pull {t}:none"),
    read("pull {t}"),
    read("pull"),
    # discover
    read("discover {t}:v1"),
    read("discover {t}@{v1}"),
    read("discover {t}@{sbom}"),
    read("discover {t}:plain"),
    read("discover {t}@{v1} --format json"),
    read("discover {t}:v1 --format json", layout_stdout=LAYOUT_DESCRIPTOR),
    read("discover {t}@{plain} --format json"),
    read("discover {t}:v1 --depth 1"),
    read("discover {t}:v1 --artifact-type a/sbom"),
    read("discover {t}:v1 --artifact-type a/sig --format json", stdout="`discover --artifact-type`"),
    read("discover {t}:v1 --artifact-type a/none"),
    read("discover {t}:idx"),
    read("discover {t}:idx --platform linux/arm64"),
    read("discover {t}@{v1} -o json"),
    read("discover {t}:v1 -o tree"),
    read("discover {t}:v1 -o tree --format json"),
    read("discover {t}:v1 --format table"),
    read("discover {t}:plain --format table"),
    read("discover {t}:v1 --format table --verbose=false"),
    read("discover {t}:v1 --verbose=false"),
    read("discover {t}:v1 -v"),
    read("discover {t}:v1 --depth 0"),
    read("discover {t}:v1 --format nope"),
    read("discover {t}:none"),
    read("discover {t}:v1 --distribution-spec v1.1-referrers-tag", "registry"),
    read("discover {t}:v1 --distribution-spec v1.1-referrers-api", "registry"),
    # repo
    read("repo tags {t}"),
    read("repo show-tags {t} --format json", registry_stdout="the order of tags and repositories"),
    read("repo tags {t} --exclude-digest-tags"),
    read("repo tags {t} --last idx", registry_stdout="`--last`"),
    read("repo tags {t}:v1"),
    read("repo tags {t}@{v1}"),
    read("repo tags {t}@{v1} --exclude-digest-tags"),
    read("repo tags {t}@{zero}"),
    read("repo tags {t}:none"),
    read("repo tags {t}/nope"),
    read("repo ls {host}/twins", "registry"),
    read("repo list {host}/twins/ --format json", "registry"),
    read("repository ls {host}/nobody --format json", "registry"),
    read("repo ls {host}/twins --last zzz", "registry"),
    read("repo ls {t}:v1", "registry"),
    read("repo ls", "registry"),
    # tag
    write("tag {t}:v1 a"),
    write("tag {t}:v1 a b c"),
    write("tag {t}@{v1} a b --concurrency 1"),
    write("tag {t}@{sbom} bom"),
    write("tag {t}:v1 plain"),
    write("tag {t}:none a"),
    write("tag {t} a"),
    write("tag {t}:v1"),
    write("tag list {t}"),
    write("tag ls {t}"),
    # push
    write(f"push {{t}}:new hello.txt {C}"),
    write(f"push {{t}}:new,newer hello.txt other.txt:text/plain {C} -a a=b"),
    write(f"push {{t}} hello.txt {C}"),
    write(f"push {{t}}:new hello.txt {C} --format json"),
    write(f"push {{t}} hello.txt {C} --format json", stdout="`referenceAsTags` of a push without tag"),
    write(f"push {{t}}:new hello.txt {C} --artifact-type a/b --export-manifest x.json"),
    write(f"push {{t}}:new {C}", registry_stdout=THERE),
    write(f"push {{t}}:new {C} --artifact-type a/b"),
    write(f"push {{t}}:new hello.txt {C} --config config.json"),
    write(f"push {{t}}:new hello.txt {C} --config config.json:a/b --artifact-type a/c"),
    write(f"push {{t}}:new hello.txt {C} --config config.json --image-spec v1.1"),
    write(f"push {{t}}:new hello.txt {C} --image-spec v1.0"),
    write(f"push {{t}}:new hello.txt {C} --image-spec v1.0 --artifact-type a/b"),
    write(f"push {{t}}:new hello.txt {C} --image-spec v2"),
    write(f"push {{t}}:new hello.txt {C} --artifact-platform linux/arm64"),
    write(f"push {{t}}:new hello.txt {C} --artifact-platform linux/arm64 --config config.json"),
    write("push {t}:new hello.txt --annotation-file notes.json"),
    write("push {t}:new hello.txt --annotation-file notes.json -a a=b"),
    write("push {t}:new hello.txt --annotation-file broken.json"),
    write(f"push {{t}}:v1 hello.txt other.txt:text/plain {C} -a k=v", registry_stdout=THERE),
    write(f"push {{t}}:v1 hello.txt other.txt:text/plain {C} -a k=v --force"),
    write(f"push {{t}}:new hello.txt {C} --verbose=false"),
    write(f"push {{t}}:new none.txt {C}"),
    write(f"push {{t}}:new hello.txt ./hello.txt {C}"),
    write(f"push {{t}}:new hello.txt {C} --artifact-type bad"),
    write("push {t}:new hello.txt -a org.opencontainers.image.created=yesterday"),
    write(f"push {{t}}:new hello.txt {C} -a k=1 -a k=2"),
    write(f"push {{t}}:new hello.txt {C} -a k"),
    write(f"push {{t}}:new /etc/hostname {C}"),
    write(f"push {{t}}@{{v1}} hello.txt {C}", **on_layout("`push NAME@DIGEST` to a layout")),
    write(f"push {{t}}:new hello.txt {C} --concurrency 0", **everything("`--concurrency` below 1")),
    # attach
    write(f"attach {{t}}@{{v1}} hello.txt --artifact-type a/b {C}"),
    write(f"attach {{t}}:v1 hello.txt --artifact-type a/b {C}", layout_stdout=SUBJECT, layout_state=SUBJECT),
    write(f"attach {{t}}@{{v1}} --artifact-type a/b {C} -a n=9"),
    write(f"attach {{t}}@{{v1}} --artifact-type a/b {C} -a n=9 --format json"),
    write(f"attach {{t}}@{{sig}} --artifact-type a/b {C} --export-manifest x.json"),
    write(
        f"attach {{t}}:idx --platform linux/arm64 --artifact-type a/b {C}",
        stdout="artifact attached with `--platform`",
        state="artifact attached with `--platform`",
    ),
    write("attach {t}:v1 --artifact-type a/b"),
    write(f"attach {{t}}:v1 hello.txt {C}"),
    write(f"attach {{t}}:none hello.txt --artifact-type a/b {C}"),
    write(
        f"attach {{t}}@{{v1}} hello.txt --artifact-type a/b {C} --distribution-spec v1.1-referrers-tag",
        only="registry",
    ),
    # blob push
    write("blob push {t} config.json"),
    write("blob push {t} hello.txt"),
    write("blob push {t}@{hello} hello.txt"),
    write("blob push {t} config.json --descriptor"),
    write("blob push {t} config.json --descriptor --pretty --media-type a/b"),
    write("blob push {t} config.json --size 9"),
    write("blob push {t} config.json --size 8"),
    write("blob push {t} config.json --verbose=false"),
    write("blob push {t}@{hello} - --size 6", b"hello\n"),
    write("blob push {t}@{other} - --size 6", b"other\n"),
    write("blob push {t}@{hello} -", b"hello\n"),
    write("blob push {t} - --size 6", b"hello\n"),
    write("blob push {t} none.txt"),
    write("blob push {t} d"),
    write("blob push {t}:v1 hello.txt"),
    write(
        "blob push {t}@{hello} config.json",
        exit="`blob push NAME@DIGEST` of other content",
        stdout="`blob push NAME@DIGEST` of other content",
    ),
    write(
        "blob push {t} config.json --media-type bad",
        exit="a media type that is none",
        stdout="a media type that is none",
        state="a media type that is none",
    ),
    # blob delete
    write("blob delete {t}@{hello} --force"),
    write("blob rm {t}@{hello} -f"),
    write("blob remove {t}@{zero} -f"),
    write("blob delete {t}@{zero}"),
    write("blob delete {t}@{hello} -f --descriptor"),
    write("blob delete {t}@{hello} -f --descriptor --pretty"),
    write("blob delete {t}@{zero} -f --descriptor"),
    write("blob delete {t}@{hello} --descriptor"),
    write("blob delete {t}@{hello}", b"y\n", stdout="the question before a deletion"),
    write("blob delete {t}@{hello}", b"n\n", exit=NOT_CONFIRMED, stdout=NOT_CONFIRMED),
    write("blob delete {t}@{hello}", b"", exit=NOT_CONFIRMED, stdout=NOT_CONFIRMED),
    write("blob delete {t} -f"),
    write("blob delete {t}:v1 -f", **on_layout(NO_TAG)),
    # manifest push
    write("manifest push {t}:new m.json"),
    write("manifest push {t}:v1 m.json"),
    write("manifest push {t}:new,newer,newest m.json"),
    write("manifest push {t}:v1,newer m.json --concurrency 1"),
    write("manifest push {t} m.json"),
    write("manifest push {t}@{v1} m.json"),
    write("manifest push {t}@{plain} m.json", **on_layout("`manifest push NAME@DIGEST`")),
    write("manifest push {t}:new,newer m.json --descriptor"),
    write("manifest push {t}:new m.json --descriptor --pretty"),
    write("manifest push {t}:new m.json --verbose=false"),
    write(
        "manifest push {t}:new -",
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
    ),
    write(f"manifest push {{t}}:new untyped.json --media-type {MANIFEST}"),
    write("manifest push {t}:new untyped.json"),
    write("manifest push {t}:new unknown.json", only="layout"),
    write("manifest push {t} unknown.json", only="layout"),
    write("manifest push {t}:new broken.json"),
    write("manifest push {t}:new array.json"),
    write("manifest push {t}:new hello.txt"),
    write("manifest push {t}:new none.json"),
    write(
        "manifest push {t}:new broken.json --media-type a/b",
        only="layout",
        exit="`manifest push` of what is no JSON object",
        stdout="`manifest push` of what is no JSON object",
        state="`manifest push` of what is no JSON object",
    ),
    write(
        "manifest push {t}:new m.json --media-type a/b",
        only="layout",
        exit="`manifest push --media-type`",
        stdout="`manifest push --media-type`",
        state="`manifest push --media-type`",
    ),
    # manifest delete
    write("manifest delete {t}:plain -f"),
    write("manifest delete {t}@{v1} -f"),
    write("manifest rm {t}@{sig} -f", layout_state="a subject without a tag"),
    write("manifest remove {t}@{sbom} -f"),
    write("manifest delete {t}:old -f --descriptor", layout_stdout=LAYOUT_DESCRIPTOR),
    write("manifest delete {t}@{old} -f --descriptor --pretty"),
    write("manifest delete {t}:nested -f"),
    write("manifest delete {t}:none -f"),
    write("manifest delete {t}@{zero} -f"),
    write("manifest delete {t}:none"),
    write("manifest delete {t}:none -f --descriptor"),
    write("manifest delete {t}:plain --descriptor"),
    write("manifest delete {t} -f"),
    write("manifest delete {t}:plain", b"yes\n", stdout="the question before a deletion"),
    write("manifest delete {t}:plain", b"no\n", exit=NOT_CONFIRMED, stdout=NOT_CONFIRMED),
    write("manifest delete {t}@{sig} -f --distribution-spec v1.1-referrers-tag", only="registry"),
    write("manifest delete --oci-layout nowhere:v1 -f", only="none", state="in a layout that does not exist"),
    write("manifest delete --oci-layout nowhere:v1", only="none", state="in a layout that does not exist"),
    # manifest index create
    write("manifest index create {t}:new amd arm"),
    write("manifest index pack {t}:new,newer amd {arm} plain old idx nested"),
    write("manifest index create {t} amd"),
    write("manifest index create {t}"),
    write("manifest index create {t}:new amd -a k=v -a a=b --artifact-type a/b"),
    write("manifest index create {t}:new amd -o x.json"),
    write("manifest index create {t}:new amd arm -o -"),
    write("manifest index create {t}:new amd -o - --pretty"),
    write("manifest index create {t}:new none"),
    write("manifest index create {t}:new amd --artifact-type bad"),
    write("manifest index create {t}:new amd -a bad"),
    write("manifest index create {t}:new amd -a a=1 -a a=2"),
    write("manifest index create {t}:new amd amd", stdout=ONCE, state=ONCE),
    # manifest index update
    write("manifest index update {t}:idx --add plain"),
    write("manifest index update {t}:idx --add plain --add {old} --remove {amd}"),
    write("manifest index update {t}:idx --merge nested"),
    write("manifest index update {t}:idx --add plain --tag new --tag newer"),
    write("manifest index update {t}@{idx} --add plain"),
    write("manifest index update {t}@{idx} --add plain --tag new"),
    write("manifest index update {t}:idx --artifact-type a/b"),
    write('manifest index update {t}:nested --artifact-type ""'),
    write("manifest index update {t}:idx --remove {amd} --remove {arm}"),
    write("manifest index update {t}:idx --add plain -o x.json"),
    write("manifest index update {t}:idx --add plain -o - --pretty"),
    write("manifest index update {t}:idx"),
    write("manifest index update {t}:idx --tag new"),
    write("manifest index update {t}:idx --add amd", stdout=ONCE, state=ONCE),
    write("manifest index update {t}:idx --remove {plain}"),
    write("manifest index update {t}:idx --remove amd"),
    write("manifest index update {t}:idx --merge amd"),
    write("manifest index update {t}:amd --add arm"),
    write("manifest index update {t}:none --add arm"),
    write("manifest index update {t}:idx --add plain --tag new -o x.json"),
    write("manifest index update {t} --add plain"),
    # cp, backup, restore
    write("cp --from-oci-layout box:v1 --to-oci-layout box2:v1", only="none"),
    write("cp --from-oci-layout box:idx --to-oci-layout box2:a,b", only="none"),
    write("cp -r --from-oci-layout box:v1 --to-oci-layout box2:v1", only="none"),
    write("cp --from-oci-layout box:none --to-oci-layout box2:v1", only="none"),
    # nothing
    read("nope", "registry"),
    read("manifest nope", "registry", **everything("an unknown command of a group", "exit", "stdout")),
    read("version --nope", "registry"),
]

PLACES = ("layout", "registry")


def cases() -> Iterator[Any]:
    for case in CASES:
        for place in PLACES:
            if case.only in ("", place) or (case.only == "none" and place == "layout"):
                yield pytest.param(case, place, id=f"{place}: {case.line} {case.stdin.decode()!r}"[:120])


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    return _peer("oras", tmp_path_factory)


@pytest.fixture(scope="module")
def template(peer: Peer, docker_registry: RealRegistry, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build(
        peer, tmp_path_factory.mktemp("template") / "w", docker_registry, f"twins/{uuid.uuid4().hex[:8]}"
    )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one program did, with all names of its world replaced."""

    code: int
    stdout: str
    stderr: str
    state: dict[str, Any]


def arguments(case: Case, world: World, template: Template) -> list[str]:
    names = {name.replace("-", "_"): digest for name, digest in template.digests.items()}
    words = [word.format(t=world.name, host=template.host, **names) for word in shlex.split(case.line)]
    if world.repository is None and case.only != "none" and "{t}" in case.line:
        words.append("--oci-layout")
    return words


def normal(text: str, world: World) -> str:
    """Replace what has to differ: names of worlds and programs, and the time of a log line."""
    text = text.replace(str(world.folder), "$CWD").replace(world.name, "$PLACE")
    text = text.replace("Use 'ocictl ", "Use 'oras ")
    return re.sub(r"^\[20\d\d-[^\]]*\]", "[TIME]", text, flags=re.MULTILINE)


def state(case: Case, world: World, template: Template) -> dict[str, Any]:
    """What is there afterwards: files and layouts, and the repository."""
    found = state_of_folder(world.folder)
    if world.repository is not None and case.writes:
        found["repository"] = state_of_repository(template, world.repository)
    return found


def run_theirs(case: Case, world: World, template: Template, peer: Peer) -> Outcome:
    words = arguments(case, world, template)
    run = peer.run(*words, cwd=world.folder, check=False, stdin=case.stdin.decode())
    return Outcome(
        code=run.code,
        stdout=normal(run.stdout, world),
        stderr=normal(run.stderr, world),
        state=state(case, world, template),
    )


def run_ours(case: Case, world: World, template: Template, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    words = arguments(case, world, template)
    with monkeypatch.context() as patch:
        patch.chdir(world.folder)
        run = cli.ocictl(*words, stdin=case.stdin, code=None)
    return Outcome(
        code=run.code,
        stdout=normal(run.stdout, world),
        stderr=normal(run.stderr, world),
        state=state(case, world, template),
    )


def comparable(text: str) -> Any:
    """JSON as values; other text by its lines, whose order changes from run to run in oras."""
    try:
        return ordered(json.loads(text))
    except ValueError:
        # Branches of a tree depend on the order of its leaves, which changes too.
        return sorted(re.sub("[├└│]", " ", line).replace("──", "  ") for line in text.splitlines())


def ordered(value: Any) -> Any:
    """JSON with lists of referrers and files in one order."""
    if isinstance(value, dict):
        found = {key: ordered(each) for key, each in value.items()}
        for key in ("referrers", "files"):
            if isinstance(found.get(key), list):
                found[key] = sorted(found[key], key=json.dumps)
        return found
    return [ordered(each) for each in value] if isinstance(value, list) else value


def check(aspect: str, ours: Any, theirs: Any, why: str | None, told: str) -> None:
    """Compare one aspect; where the case names a difference, there must be one, and the page must tell of it."""
    if why is None:
        assert ours == theirs, f"{aspect} differs\n{told}"
    else:
        assert ours != theirs, f"{aspect} does not differ any more: {why}"
        assert why in PAGE.read_text(), f"not on the page: {why}"


@pytest.mark.parametrize(("case", "place"), list(cases()))
def test_the_same(
    case: Case,
    place: str,
    template: Template,
    peer: Peer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit class, standard output, files, layouts and repositories are equal."""
    names: list[str | None] = [None, None]
    if place == "registry":
        names = [template.repository] * 2
        if case.writes:
            names = [f"twins/{uuid.uuid4().hex[:8]}" for _ in range(2)]
            for name in names:
                template.clone(str(name))
    theirs = run_theirs(case, make_world(template, tmp_path / "a", names[0]), template, peer)
    ours = run_ours(case, make_world(template, tmp_path / "b", names[1]), template, monkeypatch)
    told = f"oras {theirs.code}:\n{theirs.stdout}{theirs.stderr}\nocictl {ours.code}:\n{ours.stdout}{ours.stderr}"
    check("exit", ours.code != 0, theirs.code != 0, case.why("exit", place), told)
    if theirs.code == 0 or case.why("stdout", place):
        check("stdout", comparable(ours.stdout), comparable(theirs.stdout), case.why("stdout", place), told)
    check("state", ours.state, theirs.state, case.why("state", place), told)


def test_there_are_enough() -> None:
    """So many command lines, counted for each place."""
    assert len(list(cases())) >= 150
