"""`--format go-template`: every command takes it, and prints by it what it prints as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.model.text import escape
from tests.cli import test_commands_json
from tests.cli.test_commands_json import COMMANDS, GOLDEN, _normal
from tests.support.cli import Outcome, ocictl
from tests.support.generated_docs import commands

DISCOVER = ("discover", "--oci-layout", "lay:v1")
FORMATTED = sorted(
    name for name, command in commands().items() if any("--format" in param.opts for param in command.params)
)


@pytest.fixture
def artifact(work: Path) -> Path:
    """An artifact `lay:v1` in the current directory."""
    ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "-a", "k=v")
    return work


def test_the_list_is_not_empty() -> None:
    """The tests below would pass without any command."""
    assert {"push", "pull", "attach", "discover", "manifest fetch", "repo tags", "version"} <= {*FORMATTED}


@pytest.mark.parametrize("name", FORMATTED)
def test_every_command_with_formats_takes_templates(name: str) -> None:
    """Nobody has to remember to add them."""
    help_text = ocictl(*name.split(), "--help").stdout
    assert "go-template=TEMPLATE]" in help_text
    assert "--template TEMPLATE" in help_text


@pytest.mark.parametrize("name", COMMANDS)
def test_templates_get_the_same_data_as_json(name: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden file of the command's JSON is what a template sees, and all that is printed."""

    def by_template(*arguments: str | Path, **how: Any) -> Outcome:
        words = list(map(str, arguments))
        if "--format" in words:
            words[words.index("--format") + 1] = "go-template={{toRawJson .}}"
        return ocictl(*words, **how)

    monkeypatch.setattr(test_commands_json, "ocictl", by_template)
    test_commands_json._push(work)
    outcome = COMMANDS[name](work)
    assert outcome.stderr == ""
    assert not outcome.stdout.endswith("\n")
    assert json.loads(_normal(outcome.stdout, work)) == json.loads((GOLDEN / f"{name}.json").read_text())


def test_both_ways_to_give_a_template(artifact: Path) -> None:
    """Behind `=`, or with `--template`; nothing is added to what the template prints."""
    inline = ocictl(*DISCOVER, "--format", "go-template={{.size}}={{len .referrers}}")
    apart = ocictl(*DISCOVER, "--format", "go-template", "--template", "{{.size}}={{len .referrers}}")
    assert inline.stdout == apart.stdout
    assert inline.stdout.endswith("=0")
    assert inline.stdout[:-2].isdecimal()


@pytest.mark.parametrize(
    "format_", [[], ["--format", "json"], ["--format", "tree"], ["--format=go-template=x"]]
)
def test_a_template_needs_its_format(format_: list[str]) -> None:
    """`--template` beside any other format is a mistake, as in oras; an empty one counts as none."""
    outcome = ocictl(*DISCOVER, *format_, "--template", "x", code=2)
    assert "--template must be used with --format go-template" in outcome.stderr
    assert outcome.stdout == ""


def test_an_empty_template_is_none(artifact: Path) -> None:
    """As in oras."""
    assert ocictl(*DISCOVER, "--format", "json", "--template", "").json["referrers"] == []


@pytest.mark.parametrize("format_", ["go-template", "go-template="])
@pytest.mark.parametrize("more", [[], ["--template", ""]])
def test_a_format_needs_its_template(format_: str, more: list[str]) -> None:
    """There is nothing to print without one."""
    outcome = ocictl(*DISCOVER, "--format", format_, *more, code=2)
    assert outcome.stderr.startswith("error: --format go-template=TEMPLATE needs a template\n")


def test_the_old_spelling_takes_no_template() -> None:
    """`discover -o go-template` never worked."""
    assert "'go-template' is not one of" in ocictl(*DISCOVER, "-o", "go-template", code=2).stderr


def test_unknown_formats_are_refused_with_all_names() -> None:
    """Whoever mistypes one sees which there are."""
    outcome = ocictl("push", "lay:v1", "--format", "yaml", code=2)
    assert "'yaml' is not one of 'text', 'json', 'go-template'" in outcome.stderr
    assert "'go-templat=x' is not one of" in ocictl("version", "--format", "go-templat=x", code=2).stderr


def test_quiet_and_a_template_exclude_each_other() -> None:
    """Either the digest or the template."""
    outcome = ocictl(*DISCOVER, "-q", "--format", "go-template=x", code=2)
    assert "--quiet and --format go-template can't be used together" in outcome.stderr


def test_a_template_stands_for_the_manifest(artifact: Path) -> None:
    """As with JSON, options that print something else can't be combined with it."""
    fetch = (
        "manifest",
        "fetch",
        "--oci-layout",
        "lay:v1",
        "--format",
        "go-template={{.content.artifactType}}",
    )
    assert ocictl(*fetch).stdout == "application/vnd.unknown.artifact.v1"
    for option in ("--descriptor", "--pretty", "--output=-"):
        assert "--format go-template" in ocictl(*fetch, option, code=2).stderr


def test_mistakes_show_before_anything_is_done(work: Path) -> None:
    """A push with a template that can't be parsed pushes nothing."""
    push = ("push", "--oci-layout", "lay:v1", "hello.txt", "--format")
    outcome = ocictl(*push, "go-template=a\n{{.digest | shuffle}}", code=2)
    assert outcome.stderr == (
        "error: template, line 2, column 13: the function 'shuffle' of Sprig is not supported\n"
        "hint: docs/templates.md tells what templates can do\n"
    )
    assert not Path("lay").exists()


def test_failures_print_nothing_else(artifact: Path) -> None:
    """Half an output would be taken for a whole one."""
    outcome = ocictl(*DISCOVER, "--format", "go-template=before {{.size.nope}}", code=2)
    assert outcome.stdout == ""
    assert "line 1, column 10: a value of the type float64 has no field 'nope'" in outcome.stderr


def test_bytes_come_as_they_are(artifact: Path) -> None:
    """Also those that are not UTF-8, and those that are not ASCII."""
    template = r'go-template=ü{{"\xff"}}{{trunc 1 "é"}}'
    assert ocictl(*DISCOVER, "--format", template).data == "ü".encode() + b"\xff\xc3"


@pytest.mark.parametrize("terminal", [True, False])
def test_annotations_do_not_drive_a_terminal(
    work: Path, monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    """On a terminal values are made safe, line ends and tabs left; the template's own text is the user's.

    In a pipe everything is as it is.
    """
    hostile = "a\x1b[2Jb\tc\nd\u202e"
    Path("notes.json").write_text(json.dumps({"$manifest": {"k": hostile}}))
    ocictl("push", "--oci-layout", "lay:v1", "--annotation-file", "notes.json")
    monkeypatch.setattr("ocictl.output.console._is_terminal", lambda stream: terminal)
    template = "go-template=\x1b[1m{{.content.annotations.k}}\x1b[0m"
    shown = ocictl("manifest", "fetch", "--oci-layout", "lay:v1", "--format", template).stdout
    safe = "\n".join("\t".join(map(escape, line.split("\t"))) for line in hostile.split("\n"))
    assert safe != hostile
    assert shown == f"\x1b[1m{safe if terminal else hostile}\x1b[0m"


def test_formats_are_completed() -> None:
    """A shell offers the names of the formats."""
    command = commands()["discover"]
    option = next(param for param in command.params if "--format" in param.opts)
    with command.make_context("discover", ["x"], resilient_parsing=True) as context:
        offered = [item.value for item in option.shell_complete(context, "t")]
        assert offered == ["tree", "table"]
        assert [item.value for item in option.shell_complete(context, "go")] == ["go-template"]
