"""Names on the command line, and the options that say where something is."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from ocictl.cli.remote_options import RemoteOptions
from ocictl.cli.targets import (
    Location,
    locate,
    locate_blob,
    locate_push,
    locate_selected,
    open_target,
    split_layout_name,
)
from ocictl.errors import InvalidInputError
from ocictl.events import discard
from ocictl.output.console import Console
from ocictl.stores.repository import Repository
from ocictl.transport.config import TransportConfig

DIGEST = "sha256:" + "0" * 64


def _remote(**changes: Any) -> RemoteOptions:
    members: dict[str, Any] = {
        "oci_layout": False,
        "oci_layout_path": None,
        "username": None,
        "password": None,
        "password_stdin": False,
        "registry_config": (),
        "plain_http": None,
        "insecure": False,
        "ca_file": None,
        "cert_file": None,
        "key_file": None,
        "headers": (),
        "referrers": "auto",
        "environ": {},
        "debug": False,
    }
    return RemoteOptions(**{**members, **changes})


LAYOUT = _remote(oci_layout=True)
INSIDE = _remote(oci_layout_path="lay")


@pytest.mark.parametrize(
    ("text", "path", "selector"),
    [
        ("lay", "lay", None),
        ("lay:", "lay", None),
        ("lay:v1", "lay", "v1"),
        ("a:b:v1", "a:b", "v1"),
        ("lay:refs/heads/main", "lay", "refs/heads/main"),
        (f"lay@{DIGEST}", "lay", DIGEST),
        (f"a:b@{DIGEST}", "a:b", DIGEST),
        ("user@host/lay:v1", "user@host/lay", "v1"),
        (r"C:\lay", r"C:\lay", None),
        (r"C:\lay:v1", r"C:\lay", "v1"),
        ("C:/lay", "C:/lay", None),
        (rf"C:\lay@{DIGEST}", r"C:\lay", DIGEST),
        ("/abs/lay:v1", "/abs/lay", "v1"),
    ],
)
def test_layout_names(text: str, path: str, selector: str | None) -> None:
    """LAY-09: a digest after the last @, else a tag after the last colon, and drive letters are no paths' ends."""
    assert split_layout_name(text) == (path, selector)


@pytest.mark.parametrize("text", ["", ":v1", f"@{DIGEST}", "lay@sha256:short", "lay@md5"])
def test_layout_names_that_are_none(text: str) -> None:
    """No directory, or a digest that is none; `lay@md5` is a directory of that name."""
    if text == "lay@md5":
        assert split_layout_name(text) == ("lay@md5", None)
        return
    with pytest.raises(InvalidInputError):
        split_layout_name(text)


@pytest.mark.parametrize(
    ("text", "remote", "kind", "path", "selector", "shown"),
    [
        ("r.io/x:v1", _remote(), "registry", "r.io/x", "v1", "[registry] r.io/x:v1"),
        (f"r.io/x:v1@{DIGEST}", _remote(), "registry", "r.io/x", DIGEST, f"[registry] r.io/x:v1@{DIGEST}"),
        ("oci://r.io/x:v1", _remote(), "registry", "r.io/x", "v1", "[registry] r.io/x:v1"),
        ("lay:v1", LAYOUT, "oci-layout", "lay", "v1", "[oci-layout] lay:v1"),
        ("r.io/x:v1", INSIDE, "oci-layout", "lay", "r.io/x:v1", "[oci-layout] r.io/x:v1"),
    ],
)
def test_places(text: str, remote: RemoteOptions, kind: str, path: str, selector: str, shown: str) -> None:
    """A registry, a layout by path, and a layout in which the whole name is the tag."""
    location, found = locate_selected(text, remote, "pull")
    assert (location.kind, location.path, found, location.shown) == (kind, path, selector, shown)


@pytest.mark.parametrize(("text", "remote"), [("r.io/x", _remote()), ("lay", LAYOUT)])
def test_a_selector_is_needed(text: str, remote: RemoteOptions) -> None:
    """Without tag and digest the message says what to write."""
    with pytest.raises(InvalidInputError, match="no tag or digest specified in") as caught:
        locate_selected(text, remote, "pull")
    assert caught.value.hint == f"write {text}:TAG or {text}@DIGEST; see: ocictl pull --help"


@pytest.mark.parametrize(
    ("text", "remote"), [("r.io/x:v1", _remote()), ("r.io/x", _remote()), ("lay:v1", LAYOUT)]
)
def test_blobs_have_digests_only(text: str, remote: RemoteOptions) -> None:
    """A tag does not name a blob."""
    with pytest.raises(InvalidInputError, match="no digest specified"):
        locate_blob(text, remote, "blob fetch")


def _push(text: str, remote: RemoteOptions) -> tuple[str, str, tuple[str, ...]]:
    location = locate_push(text, remote)
    return location.path, location.name, location.tags


@pytest.mark.parametrize(
    ("text", "remote", "path", "name", "tags"),
    [
        ("r.io/x", _remote(), "r.io/x", "r.io/x", ()),
        ("r.io/x:", _remote(), "r.io/x", "r.io/x", ()),
        ("r.io:5000/x", _remote(), "r.io:5000/x", "r.io:5000/x", ()),
        ("r.io:5000/x:v1,v2", _remote(), "r.io:5000/x", "r.io:5000/x:v1", ("v1", "v2")),
        ("lay", LAYOUT, "lay", "lay", ()),
        ("lay:v1,v2", LAYOUT, "lay", "lay:v1", ("v1", "v2")),
        ("r.io/x:v1,v2", INSIDE, "lay", "r.io/x:v1", ("r.io/x:v1", "v2")),
    ],
)
def test_names_to_push_to(
    text: str, remote: RemoteOptions, path: str, name: str, tags: tuple[str, ...]
) -> None:
    """Any number of tags with commas between, also none."""
    assert _push(text, remote) == (path, name, tags)


@pytest.mark.parametrize(
    ("text", "remote", "message"),
    [
        (f"r.io/x@{DIGEST}", _remote(), "a push can't choose its digest"),
        (f"r.io/x:v1@{DIGEST}", _remote(), "a push can't choose its digest"),
        (f"lay@{DIGEST}", LAYOUT, "a push can't choose its digest"),
        ("r.io/x:a,,b", _remote(), "a tag in 'r.io/x:a,,b' is empty"),
        ("lay:a,", LAYOUT, "a tag in 'lay:a,' is empty"),
        ("r.io/x:a,b+c", _remote(), "tag 'b+c' in 'r.io/x:a,b+c' is not valid"),
        ("alpine:3", _remote(), "reference 'alpine:3' is not valid"),
    ],
)
def test_names_that_can_not_be_pushed_to(text: str, remote: RemoteOptions, message: str) -> None:
    """Found before anything is sent."""
    with pytest.raises(InvalidInputError) as caught:
        locate_push(text, remote)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oci_layout": True, "oci_layout_path": "lay"}, "--oci-layout and --oci-layout-path"),
        ({"password": "x", "password_stdin": True}, "--password and --password-stdin"),
        ({"username": "x"}, "--username needs a password"),
        ({"oci_layout": True, "headers": ("a: b",)}, "custom headers can't be used with an OCI layout"),
        ({"cert_file": "x"}, "--cert-file and --key-file are used together"),
        ({"key_file": "x"}, "--cert-file and --key-file are used together"),
    ],
)
@pytest.mark.parametrize("find", [locate, locate_push])
def test_options_that_exclude_or_need_each_other(find: Any, changes: dict[str, Any], message: str) -> None:
    """As oras has it."""
    with pytest.raises(InvalidInputError, match=message):
        find("r.io/x:v1", _remote(**changes))


def test_secrets_are_not_in_the_text_of_the_options() -> None:
    """A traceback or a log of the options shows no password (AUTH-25)."""
    assert "hunter2" not in repr(_remote(password="hunter2", headers=("Authorization: hunter2",)))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open a registry target and return the transport's configuration and the console's messages."""

    def run(
        remote: RemoteOptions, stdin: str = "", lookup: tuple[str, str] | None = None
    ) -> tuple[TransportConfig, str]:
        kept: list[TransportConfig] = []
        original = Repository.__init__

        def spy(self: Repository, reference: Any, config: Any, **options: Any) -> None:
            kept.append(config)
            original(self, reference, config, **options)

        monkeypatch.setattr(Repository, "__init__", spy)
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        stderr = io.StringIO()
        with click.Context(click.Command("x")):
            open_target(
                locate("r.io/x:v1", remote), remote, Console(None, stderr, {}), discard, concurrency=7
            )
        if lookup is not None and kept[0].credentials is not None:
            kept[0].credentials.lookup(*lookup)
        return kept[0], stderr.getvalue()

    return run


def test_options_reach_the_transport(opened: Any) -> None:
    """Each option has its place in the configuration."""
    remote = _remote(plain_http=True, insecure=True, headers=("X-A: b:c", "y:z"), debug=True)
    config, _messages = opened(remote)
    assert (config.plain_http, config.insecure, config.pool_size) == (True, True, 7)
    assert config.range_connections == 4
    assert config.headers == (("X-A", "b:c"), ("y", "z"))
    assert config.debug is not None
    assert opened(_remote())[0].debug is None


@pytest.mark.parametrize("header", ["hunter2", ": hunter2"])
def test_a_bad_header_is_refused_without_showing_it(opened: Any, header: str) -> None:
    """Custom headers are often secrets."""
    with pytest.raises(InvalidInputError) as caught:
        opened(_remote(headers=(header,)))
    assert caught.value.code == "header-invalid"
    assert "hunter2" not in str(caught.value) + str(caught.value.hint) + repr(caught.value.details)


def test_a_password_on_the_command_line_warns(opened: Any) -> None:
    """Other users can see it; with a user name it is for Basic, without one it is an identity token."""
    config, messages = opened(_remote(username="me", password="hunter2"))
    credential = config.credentials.lookup("r.io", "x")
    assert (credential.username, credential.password, credential.identity_token) == ("me", "hunter2", "")
    assert messages.startswith("warning: a password on the command line")
    assert "hunter2" not in messages + repr(config.credentials)
    credential = opened(_remote(password="hunter2"))[0].credentials.lookup("r.io", "x")
    assert (credential.username, credential.password, credential.identity_token) == ("", "", "hunter2")


def test_credential_files(opened: Any, tmp_path: Path) -> None:
    """--registry-config names files that are searched in order; a broken entry warns without showing it."""
    for number, auths in enumerate(
        [{"r.io": {"auth": "hunter2"}}, {"r.io": {"username": "me", "password": "pw"}}]
    ):
        (tmp_path / f"{number}.json").write_text(json.dumps({"auths": auths}))
    files = (str(tmp_path / "0.json"), str(tmp_path / "1.json"), str(tmp_path / "none.json"))
    remote = _remote(registry_config=files)
    config, messages = opened(remote, lookup=("r.io", "x"))
    assert config.credentials.lookup("r.io", "x").password == "pw"
    assert "warning: the entry for 'r.io'" in messages
    assert "hunter2" not in messages


def test_the_usual_credential_file(opened: Any, tmp_path: Path) -> None:
    """Without options Docker's file is read."""
    (tmp_path / "config.json").write_text('{"auths": {"r.io": {"username": "me", "password": "pw"}}}')
    config, _messages = opened(_remote(environ={"DOCKER_CONFIG": str(tmp_path)}))
    assert config.credentials.lookup("r.io", "x").password == "pw"
    assert config.credentials.lookup("other.io", "x") is None


@pytest.mark.parametrize(
    ("stdin", "secret"),
    [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("s3cret", "s3cret"), ("a\n\n", "a\n")],
)
def test_a_password_from_standard_input_loses_one_line_end(opened: Any, stdin: str, secret: str) -> None:
    """`echo secret | ocictl … --password-stdin` works, without a warning."""
    config, messages = opened(_remote(username="me", password_stdin=True), stdin)
    assert config.credentials.lookup("r.io", "x").password == secret
    assert messages == ""


def test_standard_input_without_a_password(opened: Any) -> None:
    """An empty pipe is a mistake, not an empty password."""
    with pytest.raises(InvalidInputError, match="standard input holds no password"):
        opened(_remote(username="me", password_stdin=True), "\n")


def test_locations_show_digests() -> None:
    """`[kind] PATH@DIGEST`, whatever the name was."""
    from ocictl.model.digest import Digest

    location = Location(kind="oci-layout", path="lay", name="r.io/x:v1")
    assert location.shown_digest(Digest.parse(DIGEST)) == f"[oci-layout] lay@{DIGEST}"


def test_files_of_certificates_are_paths(opened: Any, tmp_path: Path) -> None:
    """An empty name is as good as none."""
    assert opened(_remote(ca_file=""))[0].ca_file is None
