"""blob push and blob delete."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.test_repo import on_terminal
from tests.support.cli import ocictl
from tests.support.registry import Quirks, Registry

HELLO = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
TAR = "application/vnd.oci.image.layer.v1.tar"
PUSH = ("blob", "push", "--oci-layout")
DELETE = ("blob", "delete", "--oci-layout")


def test_push(work: Path) -> None:
    """The lines of oras; a second time nothing is sent."""
    end = ["Pushed: [oci-layout] lay", f"Digest: {HELLO}"]
    assert ocictl(*PUSH, "lay", "hello.txt").lines == [
        f"Uploading 5891b5b522d5 {TAR}",
        f"Uploaded  5891b5b522d5 {TAR}",
        *end,
    ]
    assert ocictl(*PUSH, "lay", "hello.txt").lines == [f"Exists    5891b5b522d5 {TAR}", *end]
    assert ocictl(*PUSH, "lay", "hello.txt", "-q").lines == [HELLO]


def test_push_with_the_old_verbose(work: Path) -> None:
    """`--verbose=false` leaves out what has no name, as in oras; both spellings are deprecated."""
    outcome = ocictl(*PUSH, "lay", "hello.txt", "--verbose=false")
    assert outcome.lines == ["Pushed: [oci-layout] lay", f"Digest: {HELLO}"]
    assert outcome.stderr == "warning: --verbose is deprecated; use --debug\n"
    assert len(ocictl(*PUSH, "lay", "hello.txt", "-v").lines) == 3


def test_push_prints_the_descriptor(work: Path) -> None:
    """Alone; compact, or indented."""
    outcome = ocictl(*PUSH, "lay", "hello.txt", "--descriptor", "--media-type", "a/b")
    assert outcome.stdout == f'{{"mediaType":"a/b","digest":"{HELLO}","size":6}}'
    outcome = ocictl(*PUSH, "lay", "hello.txt", "--descriptor", "--pretty")
    assert outcome.lines[:2] == ["{", f'  "mediaType": "{TAR}",']


def test_push_from_standard_input(work: Path) -> None:
    """With digest and size."""
    name = f"lay@{HELLO}"
    assert ocictl(*PUSH, name, "-", "--size", "6", "-q", stdin=b"hello\n").lines == [HELLO]
    assert ocictl("blob", "fetch", "--oci-layout", name, "-o", "-").data == b"hello\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lay", "-"], 2, "--size is needed"),
        ([f"lay@{HELLO}", "-"], 2, "--size is needed"),
        (["lay", "-", "--size", "6"], 2, "a digest is needed"),
        ([f"lay@{HELLO}", "-", "--size", "5"], 6, "there should be 5 bytes"),
        ([f"lay@{HELLO}", "-", "--size", "7"], 6, "there should be 7 bytes"),
        ([f"lay@{HELLO}", "-", "--size", "6", "--password-stdin"], 2, "both read standard input"),
        ([f"lay@{HELLO}", "-", "--size", "6", "--identity-token-stdin"], 2, "both read standard input"),
        (["lay", "hello.txt", "--size", "5"], 6, "'hello.txt' has 6 bytes, not 5"),
        ([f"lay@{HELLO}", "d/inner.txt"], 6, "the content has the digest"),
        (["lay:v1", "hello.txt"], 2, "no digest specified"),
        (["lay", "none.txt"], 9, "'none.txt' does not exist"),
        (["lay", "d"], 9, "'d' can't be read"),
        (["lay", "hello.txt", "--media-type", "bad"], 2, "media type 'bad'"),
        (["lay", "hello.txt", "--descriptor", "-q"], 2, "can't be used together"),
    ],
)
def test_push_that_can_t_be(work: Path, arguments: list[str], code: int, message: str) -> None:
    """Each says what is wrong, and stores nothing."""
    outcome = ocictl(*PUSH, *arguments, code=code, stdin=b"hello\n")
    assert message in outcome.stderr
    assert list(work.glob("lay/blobs/*/*")) == []


def test_push_to_a_registry(work: Path, registry: Registry) -> None:
    """The same, by name."""
    ocictl("blob", "push", f"{registry.host}/a/b", "hello.txt")
    assert registry.repository("a/b").blobs == {HELLO: b"hello\n"}


def test_delete(work: Path) -> None:
    """The lines of oras; without --force what is missing is an error."""
    ocictl(*PUSH, "lay", "hello.txt")
    assert ocictl(*DELETE, f"lay@{HELLO}", "--force").lines == [f"Deleted [oci-layout] lay@{HELLO}"]
    assert ocictl(*DELETE, f"lay@{HELLO}", "-f").lines == [f"Missing lay@{HELLO}"]
    ocictl(*DELETE, f"lay@{HELLO}", code=3)
    assert ocictl("blob", "rm", "--oci-layout", f"lay@{HELLO}", "-f", "-q").lines == []
    assert ocictl("blob", "remove", "--oci-layout", f"none@{HELLO}", "-f").lines == [f"Missing none@{HELLO}"]
    ocictl(*DELETE, f"none@{HELLO}", code=3)


def test_delete_prints_the_descriptor(work: Path) -> None:
    """Only with --force, and then what is missing is an error."""
    ocictl(*PUSH, "lay", "hello.txt")
    name = f"lay@{HELLO}"
    assert "--descriptor needs --force" in ocictl(*DELETE, name, "--descriptor", code=2).stderr
    shown = ocictl(*DELETE, name, "--descriptor", "--force").stdout
    assert shown == f'{{"mediaType":"application/octet-stream","digest":"{HELLO}","size":6}}'
    ocictl(*DELETE, name, "--descriptor", "--force", code=3)


@pytest.mark.parametrize(
    ("answer", "code"), [(b"y\n", 0), (b"YES\n", 0), (b"n\n", 2), (b"", 2), (b"maybe", 2)]
)
def test_delete_asks(work: Path, answer: bytes, code: int) -> None:
    """DEL-08: a yes may come through a pipe; a script that says none must not succeed having done nothing."""
    ocictl(*PUSH, "lay", "hello.txt")
    outcome = ocictl(*DELETE, f"lay@{HELLO}", stdin=answer, code=code)
    assert len(list(work.glob("lay/blobs/*/*"))) == (0 if code == 0 else 1)
    assert ("--force" in outcome.stderr) is (code != 0)


@pytest.mark.parametrize(("answer", "kept"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_delete_asks_on_a_terminal(
    work: Path, monkeypatch: pytest.MonkeyPatch, answer: str, kept: int
) -> None:
    """Whoever says no has what they want; the question is not part of the result."""
    ocictl(*PUSH, "lay", "hello.txt")
    outcome = on_terminal(monkeypatch, answer, *DELETE, f"lay@{HELLO}")
    assert len(list(work.glob("lay/blobs/*/*"))) == kept
    assert outcome.stdout == ("Operation cancelled.\n" if kept else f"Deleted [oci-layout] lay@{HELLO}\n")
    assert outcome.stderr == f'Are you sure you want to delete the blob "{HELLO}"? [y/N] '


def test_a_manifest_is_no_blob(work: Path) -> None:
    """As in a registry; the hint says how it is deleted."""
    digest = ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "-q").lines[0]
    outcome = ocictl(*DELETE, f"lay@{digest}", "-f", code=3)
    assert f"ocictl manifest delete --oci-layout lay@{digest}" in outcome.stderr


@pytest.mark.parametrize("quirks", [Quirks(delete=False)], indirect=True)
def test_a_registry_that_deletes_nothing(work: Path, registry: Registry) -> None:
    """Exit code 7: it can't be done there."""
    digest = registry.put_blob("a/b", b"data")
    assert digest == f"sha256:{hashlib.sha256(b'data').hexdigest()}"
    outcome = ocictl("blob", "delete", f"{registry.host}/a/b@{digest}", "-f", code=7)
    assert "does not delete" in outcome.stderr
