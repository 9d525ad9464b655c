"""Templates give with us what they give with oras, byte for byte; what oras refuses we refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ocictl.output.gotemplate.library import UNSUPPORTED
from tests.support.cli import ocictl
from tests.support.environment import clean_environment
from tests.support.peers import Peer
from tests.support.program import Ocictl
from tests.support.servers import RealRegistry
from tests.support.templates import Case, cases, fetch, layout

pytestmark = pytest.mark.interop

CASES = cases()
TYPE = "application/vnd.example.template"
TIME = "org.opencontainers.image.created=2020-01-02T03:04:05Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a layout that has a manifest with all kinds of values."""
    made = tmp_path_factory.mktemp("templates")
    layout(made)
    return made


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_templates(case: Case, oras: Peer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both programs on the same layout; what is written down for oras is true."""
    monkeypatch.chdir(folder)
    theirs = subprocess.run(
        [oras.program, *fetch(case.template)],
        env=clean_environment(oras.home),
        capture_output=True,
        check=False,
        timeout=60,
    )
    ours = ocictl(*fetch(case.template), code=None)
    assert (theirs.stdout if theirs.returncode == 0 else None) == case.output
    assert (ours.data if ours.code == 0 else None) == case.output
    assert ours.code == (0 if theirs.returncode == 0 else 2)


def test_the_installed_program(oras: Peer, run_ocictl: Ocictl, folder: Path) -> None:
    """Through processes of their own, with a shell's quoting out of the way."""
    for template in (
        "{{.size}}",
        "{{range .content.layers}}{{.digest}}\n{{end}}",
        "{{toPrettyJson .}}",
        "ü\t",
    ):
        theirs = oras.run(*fetch(template), cwd=folder).stdout
        assert run_ocictl(*fetch(template), cwd=folder, code=0).stdout == theirs
    for template in ("{{.size", "{{nope}}", "{{.size.x}}"):
        assert oras.run(*fetch(template), cwd=folder, check=False).code == 1
        assert run_ocictl(*fetch(template), cwd=folder, code=2).stdout == ""


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_is_not_supported_exists(name: str, oras: Peer, folder: Path) -> None:
    """The list is of functions that oras has, so that the message tells the truth."""
    template = f"{{{{if false}}}}{{{{{name}}}}}{{{{end}}}}"
    assert "not defined" not in oras.run(*fetch(template), cwd=folder, check=False).stderr
    assert "not defined" in oras.run(*fetch(f"{{{{{name}X}}}}"), cwd=folder, check=False).stderr


COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "push": (
        ["push", "NAME:v1,v2", "a.txt", "--artifact-type", TYPE, "-a", TIME, "-a", "k=<&>"],
        [
            "{{.reference}} {{.mediaType}} {{.digest}} {{.size}} {{.artifactType}}",
            "{{.annotations}}",
            "{{range .referenceAsTags}}{{.}}\n{{end}}",
            "{{join `,` .referenceAsTags}}",
            "{{keys . | sortAlpha}}",
        ],
    ),
    "attach": (
        ["attach", "NAME:v1", "a.txt", "--artifact-type", TYPE, "-a", TIME],
        ["{{.}}", "{{.artifactType | quote}}", "{{.digest | trimPrefix `sha256:` | trunc 12}}"],
    ),
    "pull": (
        ["pull", "NAME:v1", "-o", "out"],
        ["{{range .files}}{{.path}} {{.mediaType}} {{.size}} {{.annotations}}\n{{end}}", "{{.reference}}"],
    ),
    "discover": (
        ["discover", "NAME:v1"],
        [
            "{{range .referrers}}{{.digest}} {{.artifactType}} {{.annotations}} {{len .referrers}}\n{{end}}",
            '{{define "t"}}{{.digest}}{{range .referrers}}({{template "t" .}}){{end}}{{end}}{{template "t" .}}',
            "{{.size}} {{.mediaType}} {{.missing}}",
        ],
    ),
    "manifest fetch": (
        ["manifest", "fetch", "NAME:v1"],
        [
            "{{.content}}",
            "{{range .content.layers}}{{.annotations}}\n{{end}}",
            "{{toJson .content}}",
            "{{.size}}",
        ],
    ),
    "repo tags": (
        ["repo", "tags", "NAME"],
        ["{{range .tags | sortAlpha}}<{{.}}>{{end}}", "{{len .tags}}", "{{keys .}}"],
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(
    command: str, docker_registry: RealRegistry, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """Every command that takes templates gives them the same data, from a registry."""
    path = docker_registry.fresh()
    (tmp_path / "a.txt").write_text("a")
    run_ocictl("push", f"{path}:v1", "a.txt", "-a", TIME, "-a", "k=v", cwd=tmp_path, code=0)
    first = run_ocictl(
        *("attach", f"{path}:v1", "--artifact-type", TYPE, "-a", TIME, "-a", "n=1", "-q"),
        cwd=tmp_path,
        code=0,
    )
    run_ocictl(
        *("attach", f"{path}@{first.stdout.strip()}", "--artifact-type", TYPE, "-a", TIME),
        cwd=tmp_path,
        code=0,
    )
    words, templates = COMMANDS[command]
    arguments = [word.replace("NAME", path) for word in words]
    for template in templates:
        line = [*arguments, "--plain-http", "--format", f"go-template={template}"]
        theirs = oras.run(*line, cwd=tmp_path)
        assert run_ocictl(*line, cwd=tmp_path, code=0).stdout == theirs.stdout
    line = [*arguments, "--plain-http", "--format", "go-template", "--template", templates[0]]
    assert run_ocictl(*line, cwd=tmp_path, code=0).stdout == oras.run(*line, cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--template", "x"],
        ["--format", "json", "--template", "x"],
        ["--format", "text", "--template", "x"],
        ["--format", "tree", "--template", "x"],
        ["--format", "go-template=x", "--template", "y"],
        ["--format", "go-template"],
        ["--format", "go-template="],
        ["--format", "go-template", "--template", ""],
        ["--format", "go-template=", "--template", "x"],
        ["--format", "go-templates"],
        ["--format", "Go-template=x"],
        ["--format", "go-template ", "--template", "x"],
        ["--format", ""],
        ["-o", "go-template"],
        ["-o", "go-template=x"],
        ["-o", "json", "--template", "x"],
        ["-o", "json", "--format", "json"],
    ],
)
def test_refused_options(options: list[str], oras: Peer, run_ocictl: Ocictl, folder: Path) -> None:
    """Formats and templates that do not go together are refused by both, before anything is read."""
    line = ["discover", "--oci-layout", "nowhere:v1", *options]
    theirs = oras.run(*line, cwd=folder, check=False)
    assert (theirs.code, "nowhere" in theirs.stderr) == (1, False)
    ours = run_ocictl(*line, cwd=folder, code=2)
    assert (ours.stdout, "nowhere" in ours.stderr) == ("", False)


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "json"],
        ["--format", "table"],
        ["-o", "table"],
        ["-o", "json"],
        ["--format", "table", "-v=false"],
        ["--format", "table", "--depth", "3"],
        ["--format", "table", "--artifact-type", TYPE],
        ["--format", "table", "--artifact-type", "no/no"],
        ["--format", "json", "--depth", "1"],
        ["--format", "json", "--template", ""],
    ],
)
def test_formats_of_discover(options: list[str], oras: Peer, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """The deprecated ones as well, with a warning where oras has one."""
    run_ocictl("push", "--oci-layout", "lay:v1", "-a", TIME, cwd=tmp_path, code=0)
    subject = run_ocictl("resolve", "--oci-layout", "lay:v1", cwd=tmp_path, code=0).stdout.strip()
    attach = ("attach", "--oci-layout", "-q", "-a", TIME, "--artifact-type")
    first = run_ocictl(*attach, TYPE, f"lay@{subject}", cwd=tmp_path, code=0).stdout.strip()
    run_ocictl(*attach, "a/b", f"lay@{first}", cwd=tmp_path, code=0)
    line = ["discover", "--oci-layout", f"lay@{subject}", *options]
    theirs, ours = oras.run(*line, cwd=tmp_path), run_ocictl(*line, cwd=tmp_path, code=0)
    assert ours.stdout == theirs.stdout
    assert len(ours.stderr.splitlines()) == len(theirs.stderr.splitlines())
