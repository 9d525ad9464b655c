"""The commands against a registry: output, exit codes, and what the debug log keeps to itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.support.cli import ocictl
from tests.support.registry import Fault, Quirks, Registry

HELLO = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
PASSWORD = "hunter2-Secret"


def test_from_push_to_pull(registry: Registry, work: Path) -> None:
    """Push, tag, attach, discover, resolve, fetch and pull work together and name the same things."""
    name = f"{registry.host}/team/app"
    pushed = ocictl("push", f"{name}:v1,v2", "hello.txt", "d", "--format", "json").json
    assert pushed["referenceAsTags"] == [f"{name}:v1", f"{name}:v2"]
    assert pushed["reference"] == f"{name}@{pushed['digest']}"
    assert ocictl("tag", f"{name}:v2", "v3").lines == [
        f"Tagging [registry] {name}@{pushed['digest']}",
        "Tagged v3",
    ]
    attached = ocictl("attach", f"{name}:v3", "--artifact-type", "a/sig", "-a", "by=me")
    assert f"Attached to [registry] {name}@{pushed['digest']}" in attached.lines
    tree = ocictl("discover", f"{name}:v1").lines
    assert tree[0] == f"{name}@{pushed['digest']}"
    assert tree[1:3] == ["└── a/sig", f"    └── {attached.lines[-1].removeprefix('Digest: ')}"]
    assert ocictl("resolve", f"{name}:v3", "-l").stdout == f"{pushed['reference']}\n"
    assert ocictl("blob", "fetch", f"{name}@{HELLO}", "-o", "-").data == b"hello\n"
    raw = registry.manifest("team/app", "v1").data
    assert ocictl("manifest", "fetch", f"{name}:v1").data == raw
    pulled = ocictl("pull", f"{name}:v1", "-o", "out")
    assert pulled.lines[-2:] == [f"Pulled [registry] {name}:v1", f"Digest: {pushed['digest']}"]
    assert Path("out/d/inner.txt").read_text() == "inner\n"


@pytest.mark.parametrize(
    ("flag", "api", "tagged"), [("v1.1-referrers-api", True, False), ("v1.1-referrers-tag", False, True)]
)
def test_distribution_spec(registry: Registry, work: Path, flag: str, api: bool, tagged: bool) -> None:
    """The user can choose how referrers are listed."""
    name = f"{registry.host}/x"
    digest = ocictl("push", f"{name}:v1", "hello.txt", "-q").stdout.strip()
    before = len(registry.requests)
    ocictl("discover", f"{name}:v1", "--distribution-spec", flag)
    targets = [request.target for request in registry.requests[before:]]
    assert any("/referrers/" in target for target in targets) is api
    assert any(digest.replace(":", "-") in target for target in targets) is tagged


@pytest.mark.parametrize(
    ("quirks", "code", "word"),
    [
        (Quirks(auth="basic", username="me", password=PASSWORD), 4, "login-required"),
        (Quirks(auth="bearer", username="me", password=PASSWORD), 4, None),
        (Quirks(faults=(Fault(status=429, times=None, headers=(("Retry-After", "0"),)),)), 5, "rate-limited"),
        (Quirks(faults=(Fault(status=400, times=None),)), 1, "registry-error"),
    ],
    ids=["basic", "bearer", "busy", "odd"],
    indirect=["quirks"],
)
def test_what_the_registry_refuses(registry: Registry, work: Path, code: int, word: str | None) -> None:
    """The class of the answer decides the number; the registry is named as the one who speaks."""
    outcome = ocictl("resolve", f"{registry.host}/x:v1", "--format", "json", code=code)
    error = [json.loads(line) for line in outcome.stderr.splitlines()][-1]["error"]
    assert word in (None, error["code"])
    assert error["details"]["status"] in (401, 429, 400)
    assert "answered" in error["message"]


def test_what_is_not_there(registry: Registry, work: Path) -> None:
    """Number 3, and a hint that repeats the name."""
    registry.put_artifact("x", {"a": b"a"}, tag="v1")
    outcome = ocictl("pull", f"{registry.host}/x:nope", code=3)
    assert "404" in outcome.stderr
    assert f"hint: check that '{registry.host}/x:nope' is spelled right" in outcome.stderr


def test_nobody_answers(work: Path, registry: Registry) -> None:
    """Number 5; each repetition is told on standard error, and none with --quiet."""
    registry.configure(faults=(Fault(drop=True, times=2),))
    registry.put_artifact("x", {"a": b"a"}, tag="v1")
    outcome = ocictl("resolve", f"{registry.host}/x:v1")
    assert outcome.stderr.startswith("retrying: HEAD http://")
    registry.configure(faults=(Fault(drop=True, times=1),))
    assert ocictl("resolve", f"{registry.host}/x:v1", "-q").stderr == ""


@pytest.mark.parametrize("quirks", [Quirks(blob_bytes=lambda _digest, data: data[::-1])], indirect=True)
def test_wrong_bytes(registry: Registry, work: Path) -> None:
    """Number 6, and no file under its name."""
    registry.put_artifact("x", {"a.txt": b"ab"}, tag="v1")
    outcome = ocictl("pull", f"{registry.host}/x:v1", "-o", "out", code=6)
    assert "does not match its digest" in outcome.stderr
    assert not Path("out/a.txt").exists()


@pytest.mark.parametrize("quirks", [Quirks(warnings=("this tag is old",))], indirect=True)
@pytest.mark.parametrize("flags", [[], ["-q"]])
def test_warnings_of_the_registry(registry: Registry, work: Path, flags: list[str]) -> None:
    """WRN-02: told once, on standard error, also when quiet."""
    outcome = ocictl("push", f"{registry.host}/x:v1", "hello.txt", *flags)
    assert outcome.stderr == f"warning: {registry.host}: this tag is old\n"


def test_names_of_a_registry_can_not_forge_lines(registry: Registry, work: Path) -> None:
    """F10: annotations and types come out on one line, with control characters shown as escapes."""
    subject = registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    registry.put_artifact("x", {}, subject=subject, annotations={"k": "v\nPulled\x1b[2J\u202e"})
    outcome = ocictl("discover", f"{registry.host}/x:v1")
    assert '└── k: "v\\nPulled\\x1b[2J\\u202e"' in outcome.lines[-1]
    for character in "\x1b\u202e":
        assert character not in outcome.stdout
        assert character not in ocictl("discover", f"{registry.host}/x:v1", "--format", "json").stdout


@pytest.mark.parametrize("quirks", [Quirks(auth="bearer", username="me", password=PASSWORD)], indirect=True)
@pytest.mark.parametrize(
    "arguments",
    [
        ["push", "{}:v2", "hello.txt"],
        ["pull", "{}:v1"],
        ["attach", "{}:v1", "--artifact-type", "a/b", "hello.txt"],
        ["discover", "{}:v1"],
        ["resolve", "{}:v1"],
        ["tag", "{}:v1", "v3"],
        ["manifest", "fetch", "{}:v1"],
        ["resolve", "{}:nope"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_the_debug_log_shows_no_secret(registry: Registry, work: Path, arguments: list[str]) -> None:
    """AUTH-25: every command with --debug logs requests with time stamps, and nothing that opens a door."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    line = [argument.format(f"{registry.host}/x") for argument in arguments]
    login = ["-u", "me", "--password-stdin", "-H", f"X-Meta: {PASSWORD}-header"]
    outcome = ocictl(*line, *login, "--debug", stdin=f"{PASSWORD}\n".encode(), code=None)
    assert outcome.code == (3 if "nope" in line[-1] else 0), outcome.stderr
    assert " debug: > " in outcome.stderr
    shown = outcome.stdout + outcome.stderr
    secrets = {PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode()}
    for request in registry.requests:
        authorization = request.headers.get("Authorization")
        secrets |= {authorization.split()[-1]} if authorization else set()
    assert len(secrets) > 2
    assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.parametrize("quirks", [Quirks(auth="basic", username="me", password=PASSWORD)], indirect=True)
def test_credentials(registry: Registry, work: Path) -> None:
    """By options, or from a credential file."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    name = f"{registry.host}/x:v1"
    outcome = ocictl("resolve", name, "-u", "me", "-p", PASSWORD)
    assert outcome.stderr.startswith("warning: a password on the command line")
    assert ocictl("resolve", name, "-u", "me", "--password-stdin", stdin=PASSWORD.encode()).stderr == ""
    auth = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    Path("auth.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    Path("auth.json").chmod(0o600)
    assert ocictl("resolve", name, "--registry-config", "auth.json").stderr == ""
    assert PASSWORD not in ocictl("resolve", name, "-u", "me", "-p", f"{PASSWORD}x", code=4).stderr


def test_plain_http_can_be_switched_off(registry: Registry, work: Path) -> None:
    """`--plain-http=false` insists on TLS, which this registry does not speak."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    name = f"{registry.host}/x:v1"
    ocictl("resolve", name, "--plain-http")
    ocictl("resolve", name, "--plain-http=true")
    ocictl("resolve", name, "--plain-http=false", code=5)
