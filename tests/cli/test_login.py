"""The command `login`, and the options for credentials of every command."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.cli import Outcome, ocictl, schema, strict
from tests.support.helpers import HelperFolder
from tests.support.registry import Fault, Quirks, Registry

USER, PASSWORD, TOKEN = "me", "hunter2-Secret", "refresh-Secret"
BASIC = Quirks(auth="basic", username=USER, password=PASSWORD)
BEARER = Quirks(auth="bearer", username=USER, password=PASSWORD, identity_token=TOKEN)
ASKING = pytest.mark.parametrize("quirks", [BASIC, BEARER], ids=["basic", "bearer"], indirect=True)


@pytest.fixture
def config(clean_environment: Path) -> Path:
    """Where Docker's file will be."""
    return clean_environment / ".docker" / "config.json"


def log_in(registry: Registry, *more: str | Path, secret: str = PASSWORD, code: int = 0) -> Outcome:
    """Log in with the password from standard input."""
    return ocictl(
        "login", registry.host, "-u", USER, "--password-stdin", *more, stdin=secret.encode(), code=code
    )


def auths(path: Path) -> dict[str, Any]:
    """The entries of a credential file."""
    found: dict[str, Any] = json.loads(path.read_text())["auths"]
    return found


def entry(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """An entry as it should be."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@ASKING
def test_login(registry: Registry, config: Path, work: Path) -> None:
    """Checked, stored in a private file, told as oras tells it; every command is logged in from then on."""
    outcome = log_in(registry)
    assert outcome.stdout == "Login Succeeded\n"
    assert outcome.stderr.startswith(f"warning: the login is stored in plain text in '{config}'")
    assert auths(config) == {registry.host: entry()}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert log_in(registry).stderr == ""
    name = f"{registry.host}/x:v1"
    assert ocictl("push", name, "hello.txt").stderr == ""
    assert ocictl("pull", name, "-o", "out").stderr == ""
    assert ocictl("resolve", name, "-q").stderr == ""


@ASKING
@pytest.mark.parametrize("before", [None, '{"auths": {"other.io": {"auth": "eDp5"}}}\n'])
def test_what_is_not_accepted_is_not_stored(registry: Registry, config: Path, before: str | None) -> None:
    """Number 4, advice, and the file as it was (AUTH-24)."""
    if before is not None:
        config.parent.mkdir()
        config.write_text(before)
    outcome = log_in(registry, secret="wrong-Secret", code=4)
    assert outcome.stdout == ""
    assert "hint: check user name and password" in outcome.stderr
    assert "wrong-Secret" not in outcome.stderr
    assert (config.read_text() if config.exists() else None) == before


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_nothing_is_sent_before_it_is_asked_for(registry: Registry, config: Path) -> None:
    """The first request is the bare question (AUTH-01)."""
    log_in(registry)
    assert registry.lines == ["GET /v2/", "GET /v2/"]
    assert registry.requests[0].authorization is None
    assert registry.requests[1].authorization == f"Basic {entry()['auth']}"


def test_a_registry_that_never_asks(registry: Registry, config: Path) -> None:
    """It is said that nothing was checked; stored all the same, as oras does (AUTH-24)."""
    outcome = log_in(registry, "--format", "json")
    assert outcome.json["checked"] is False
    first = json.loads(outcome.stderr.splitlines()[0])
    assert "did not ask for credentials" in first["warning"]["message"]
    assert registry.host in auths(config)
    assert [request.authorization for request in registry.requests] == [None]


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
@pytest.mark.parametrize("arguments", [["--identity-token-stdin"], ["--password-stdin"]])
def test_an_identity_token(registry: Registry, config: Path, work: Path, arguments: list[str]) -> None:
    """By its own option, or as a secret without a user name; it goes to the token service alone."""
    outcome = ocictl("login", registry.host, *arguments, stdin=f"{TOKEN}\n".encode())
    assert outcome.stdout == "Login Succeeded\n"
    assert auths(config) == {registry.host: {"identitytoken": TOKEN}}
    ocictl("push", f"{registry.host}/x:v1", "hello.txt")
    assert {request.method for request in registry.token_requests} == {"POST"}
    assert not any(TOKEN in str(request.headers) for request in registry.requests)


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_identity_tokens_for_other_commands(registry: Registry, work: Path) -> None:
    """Every command takes one, from standard input or, with a warning, from the command line."""
    name = f"{registry.host}/x:v1"
    pushed = ocictl("push", name, "hello.txt", "--identity-token-stdin", stdin=TOKEN.encode())
    assert pushed.stderr == ""
    resolved = ocictl("resolve", name, "--identity-token", TOKEN)
    assert resolved.stderr.startswith("warning: an identity token on the command line can be seen by others")
    assert TOKEN not in resolved.stderr
    assert "no identity token" in ocictl("resolve", name, "--identity-token-stdin", code=2).stderr


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--identity-token", "x", "-u", "me"], "--username and --identity-token"),
        (["--identity-token", "x", "-p", "y"], "--identity-token and --password"),
        (["--identity-token", "x", "--password-stdin"], "--identity-token and --password-stdin"),
        (["--identity-token", "x", "--identity-token-stdin"], "--identity-token and --identity-token-stdin"),
        (["--identity-token-stdin", "-u", "me"], "--username and --identity-token-stdin"),
        (["--identity-token-stdin", "--password-stdin"], "--identity-token-stdin and --password-stdin"),
        (["-p", "x", "--password-stdin"], "--password and --password-stdin"),
    ],
)
@pytest.mark.parametrize(
    "command", [["login", "r.io"], ["resolve", "r.io/x:v1"], ["login", "--check", "r.io/x"]]
)
def test_one_way_of_giving_a_secret(command: list[str], options: list[str], names: str) -> None:
    """Number 2, before anything is read or sent."""
    outcome = ocictl(*command, *options, code=2)
    assert outcome.stderr.startswith(f"error: {names} can't be used together")


@pytest.mark.parametrize("options", [[], ["-u", "me"], ["-u", "me", "-p", ""]])
def test_nobody_to_ask(config: Path, options: list[str]) -> None:
    """Without a terminal there is no question, only advice; oras would read lines and wait."""
    outcome = ocictl("login", "r.io", *options, code=2)
    assert "standard input is not a terminal" in outcome.stderr
    assert "hint: for example: ocictl login -u USER --password-stdin r.io < FILE" in outcome.stderr
    assert not config.exists()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("{}", "{}"),
        ("http://{}", "{}"),
        ("https://{}/", "{}"),
        ("https://{}/v1/", "{}"),
        ("https://{}/v2", "{}"),
    ],
)
@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_names_of_registries(registry: Registry, config: Path, name: str, key: str) -> None:
    """With or without scheme, and as they are spelled in credential files."""
    ocictl("login", name.format(registry.host), "-u", USER, "-p", PASSWORD)
    assert list(auths(config)) == [key.format(registry.host)]


@pytest.mark.parametrize("name", ["r.io/team", "https://r.io/v1/team", "", "/", "r io", "r.io:99999"])
def test_what_is_no_registry(name: str) -> None:
    """Number 2; a repository is for --check."""
    outcome = ocictl("login", name, "-u", "me", "--password-stdin", stdin=b"p", code=2)
    assert "error: re" in outcome.stderr
    assert "--check" in outcome.stderr or "/" not in name or name == "/"


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_registry_config(registry: Registry, config: Path, work: Path) -> None:
    """The first file is written; all are searched in order."""
    Path("second.json").write_text(json.dumps({"auths": {registry.host: entry(password="old")}}))
    log_in(registry, "--registry-config", "first.json", "--registry-config", "second.json")
    assert auths(Path("first.json")) == {registry.host: entry()}
    assert auths(Path("second.json")) == {registry.host: entry(password="old")}
    assert not config.exists()
    files = ["--registry-config", "first.json", "--registry-config", "second.json"]
    assert ocictl("push", f"{registry.host}/x:v1", "hello.txt", *files).stderr == ""
    outcome = ocictl("push", f"{registry.host}/x:v1", "hello.txt", *files[2:], code=4)
    assert f"ocictl login --registry-config second.json {registry.host}" in outcome.stderr


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_registry_auth_file(registry: Registry, config: Path, work: Path) -> None:
    """Where Podman is told to look, a login is put, too."""
    env = {"REGISTRY_AUTH_FILE": str(work / "auth.json")}
    stdin = PASSWORD.encode()
    ocictl("login", registry.host, "-u", USER, "--password-stdin", stdin=stdin, env=env)
    assert list(auths(work / "auth.json")) == [registry.host]
    assert not config.exists()
    ocictl("push", f"{registry.host}/x:v1", "hello.txt", env=env)


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_a_login_that_another_one_hides(registry: Registry, config: Path) -> None:
    """DOCKER_AUTH_CONFIG comes first, and that is told."""
    env = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {registry.host: entry(password="old")}})}
    outcome = ocictl("login", registry.host, "-u", USER, "-p", PASSWORD, env=env)
    assert f"warning: 'DOCKER_AUTH_CONFIG' holds another login for '{registry.host}', which comes first" in (
        outcome.stderr
    )


def test_a_corrupt_file_is_found_before_anybody_is_asked(config: Path) -> None:
    """Number 4, the file is named and kept, and the registry not even looked up (FIELD A5)."""
    config.parent.mkdir()
    config.write_text('{"auths": "hunter2"')
    outcome = ocictl("login", "unreachable.invalid", code=4)
    assert f"error: the credential file '{config}' is not JSON" in outcome.stderr
    assert "hunter2" not in outcome.stderr
    assert config.read_text() == '{"auths": "hunter2"'


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_a_credential_helper(registry: Registry, config: Path, work: Path) -> None:
    """What the file names keeps the login: no plain text, no warning about it; push, pull and logout ask it."""
    helpers = HelperFolder(work / "bin")
    helpers.keeps("vault")
    config.parent.mkdir()
    config.write_text('{"credsStore": "vault"}')
    env = {"PATH": helpers.search_path}
    outcome = ocictl(
        "login",
        registry.host,
        "-u",
        USER,
        "--password-stdin",
        "--format",
        "json",
        stdin=PASSWORD.encode(),
        env=env,
    )
    assert outcome.stderr == ""
    jsonschema.validate(outcome.json, strict(schema("login")))
    assert outcome.json["helper"] == "docker-credential-vault"
    assert config.read_text() == '{"credsStore": "vault"}'
    assert ocictl("push", f"{registry.host}/x:v1", "hello.txt", env=env).stderr == ""
    removed = ocictl("logout", registry.host, "--format", "json", env=env)
    jsonschema.validate(removed.json, strict(schema("logout")))
    assert (removed.json["removed"], removed.json["helper"]) == (True, "docker-credential-vault")
    assert ocictl("resolve", f"{registry.host}/x:v1", env=env, code=4).stderr.count("log in first") == 1


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_a_missing_helper(registry: Registry, config: Path, work: Path) -> None:
    """A file from a machine with Docker Desktop: reading what is public works, told once; the rest says why not."""
    registry.configure(anonymous_pull=True)
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    config.parent.mkdir()
    config.write_text('{"credsStore": "desktop"}')
    missing = "the credential helper 'docker-credential-desktop' is not installed, or not on PATH"
    hint = f"hint: install it, or take it out of 'credsStore' in '{config}'"
    assert (
        ocictl("pull", f"{registry.host}/x:v1").stderr
        == f"warning: {missing}; going on without credentials\n"
    )
    for command in (
        ["push", f"{registry.host}/x:v2", "hello.txt"],
        ["login", registry.host, "-u", "u", "-p", "p"],
    ):
        registry.configure(password="p", username="u")
        outcome = ocictl(*command, code=4)
        assert f"error: {missing}\n{hint}\n" in outcome.stderr
    assert config.read_text() == '{"credsStore": "desktop"}'


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_an_expired_login(registry: Registry, config: Path, work: Path) -> None:
    """Pulling what is public goes on, with a warning that names the entry; pushing says that the login failed."""
    registry.configure(anonymous_pull=True)
    registry.put_artifact("x", {"a.txt": b"a", "b.txt": b"b"}, tag="v1")
    log_in(registry)
    registry.configure(password="new")
    outcome = ocictl("pull", f"{registry.host}/x:v1", "-o", "out")
    assert Path("out/a.txt").read_bytes() == b"a"
    assert outcome.stderr == (
        f"warning: the login for '{registry.host}' in '{config}' was not accepted; going on without it; "
        f"renew it with: ocictl login {registry.host}\n"
    )
    pushed = ocictl("push", f"{registry.host}/x:v2", "hello.txt", code=4)
    assert "going on without it" not in pushed.stderr
    assert f"hint: the credentials of {config} were not accepted" in pushed.stderr
    given = ocictl("pull", f"{registry.host}/x:v1", "-u", USER, "-p", PASSWORD, code=4)
    assert "going on" not in given.stderr


@ASKING
def test_check(registry: Registry, config: Path) -> None:
    """What is allowed, tried with the stored login and with a given one; nothing is left behind."""
    name = f"{registry.host}/team/app"
    log_in(registry)
    before = config.read_text()
    given = ["-u", USER, "--password-stdin"]
    for more, stdin in (([], ""), (given, PASSWORD)):
        outcome = ocictl("login", "--check", name, *more, stdin=stdin.encode())
        assert outcome.lines == ["pull: allowed", "push: allowed"]
        assert outcome.stderr == ""
    record = ocictl("login", "--check", f"{name}:v1", "--format", "json").json
    jsonschema.validate(record, strict(schema("login-check")))
    assert record == {"reference": name, "pull": True, "push": True}
    assert registry.repository("team/app").uploads == {}
    assert registry.repository("team/app").blobs == {}
    assert config.read_text() == before
    if registry.token_requests:
        assert registry.token_requests[-1].scopes == ("repository:team/app:pull,push",)


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_check_says_no(registry: Registry, config: Path) -> None:
    """Number 4 when either is denied; the record is printed all the same."""
    name = f"{registry.host}/x"
    registry.configure(denied_actions=frozenset({"push"}))
    log_in(registry)
    outcome = ocictl("login", "--check", name, "--format", "json", code=4)
    assert outcome.json == {"reference": name, "pull": True, "push": False}
    assert outcome.error["code"] == "denied"
    assert ocictl("login", "--check", name, code=4).lines == ["pull: allowed", "push: denied"]
    wrong = ocictl("login", "--check", name, "-u", USER, "--password-stdin", stdin=b"wrong-Secret", code=4)
    assert wrong.lines == ["pull: denied", "push: denied"]
    assert "wrong-Secret" not in wrong.stderr
    registry.configure(anonymous_pull=True, password="new")
    stale = ocictl("login", "--check", name, code=4)
    assert stale.lines == ["pull: allowed", "push: denied"]
    assert "going on without it" in stale.stderr
    ocictl("logout", registry.host)
    assert "log in first" in ocictl("login", "--check", name, code=4).stderr


def test_check_where_nobody_answers_properly(registry: Registry, config: Path) -> None:
    """Other trouble is not a no: its own number, and nothing is printed."""
    registry.configure(faults=(Fault(method="POST", status=405, times=None),))
    outcome = ocictl("login", "--check", f"{registry.host}/x", code=7)
    assert outcome.stdout == ""
    registry.configure(faults=(Fault(method="POST", status=202, times=None),))
    assert ocictl("login", "--check", f"{registry.host}/x").lines[-1] == "push: allowed"
    registry.configure(faults=(Fault(method="DELETE", status=500, times=None),))
    assert ocictl("login", "--check", f"{registry.host}/x").lines[-1] == "push: allowed"
    assert ocictl("login", "--check", registry.host, code=2).stderr.startswith("error: reference")


@ASKING
@pytest.mark.parametrize("format_", ["text", "json"])
def test_no_secret_is_ever_shown(registry: Registry, config: Path, work: Path, format_: str) -> None:
    """A4: login, push, pull and the rest with --debug, good and bad: no secret in any form."""
    shown, secrets = (
        [],
        {PASSWORD, TOKEN, "wrong-Secret", entry()["auth"], entry(password="wrong-Secret")["auth"]},
    )
    name = f"{registry.host}/x:v1"
    tail = ["--debug", "--format", "json"] if format_ == "json" else ["--debug"]
    for arguments, stdin in (
        (["login", registry.host, "-u", USER, "--password-stdin"], "wrong-Secret"),
        (["login", registry.host, "-u", USER, "-p", "wrong-Secret"], ""),
        (["login", registry.host, "--identity-token-stdin"], TOKEN),
        (["login", registry.host, "--identity-token", TOKEN], ""),
        (["login", registry.host, "-u", USER, "-p", PASSWORD], ""),
        (["push", name, "hello.txt"], ""),
        (["pull", name], ""),
        (["attach", name, "--artifact-type", "a/b", "hello.txt"], ""),
        (["discover", name], ""),
        (["login", "--check", f"{registry.host}/x"], ""),
        (["login", "--check", f"{registry.host}/x", "-u", USER, "--password-stdin"], "wrong-Secret"),
        (["push", name, "hello.txt", "-u", USER, "-p", "wrong-Secret"], ""),
        (["logout", registry.host], ""),
        (["pull", name], ""),
    ):
        outcome = ocictl(*arguments, *tail, stdin=stdin.encode(), code=None)
        assert outcome.code in (0, 4)
        assert (" debug: > " in outcome.stderr) is (arguments[0] != "logout")
        shown.append(outcome.stdout + outcome.stderr)
    for request in registry.requests:
        if request.authorization:
            secrets.add(request.authorization.split()[-1])
    assert len(secrets) > 5 if registry.quirks.auth == "bearer" else len(secrets) == 5
    assert [secret for secret in secrets if any(secret in text for text in shown)] == []


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_a_service_that_says_back_what_it_was_told(registry: Registry, config: Path) -> None:
    """Error texts of token services are shown, without the secrets that were sent to it (AUTH-25)."""
    body = json.dumps({"error": "invalid_grant", "error_description": f"no {TOKEN} and no {PASSWORD} here"})
    registry.configure(faults=(Fault(path="^/token", status=401, body=body.encode(), times=None),))
    for arguments, secret in (
        (["--identity-token-stdin"], TOKEN),
        (["-u", USER, "--password-stdin"], PASSWORD),
    ):
        outcome = ocictl("login", registry.host, *arguments, "--debug", stdin=secret.encode(), code=4)
        assert "invalid_grant" in outcome.stderr
        assert secret not in outcome.stderr


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "scopes"),
    [
        (["push", "{}:v2", "hello.txt"], "pull,push"),
        (["attach", "{}:v1", "--artifact-type", "a/b", "-a", "k=v"], "pull,push"),
        (["tag", "{}:v1", "v3"], "pull,push"),
        (["pull", "{}:v1"], "pull"),
        (["discover", "{}:v1"], "pull"),
        (["resolve", "{}:v1"], "pull"),
        (["manifest", "fetch", "{}:v1"], "pull"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_one_token_serves_a_command(
    registry: Registry, config: Path, work: Path, arguments: list[str], scopes: str
) -> None:
    """What writes asks for all of it at once, what reads for no more than that (AUTH-15, AUTH-21)."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    line = [argument.format(f"{registry.host}/x") for argument in arguments]
    ocictl(*line, "-u", USER, "--password-stdin", stdin=PASSWORD.encode())
    assert [request.scopes for request in registry.token_requests] == [(f"repository:x:{scopes}",)]


def test_a_broken_entry_is_told_once(registry: Registry, config: Path, work: Path) -> None:
    """One line on standard error for one command, whatever it does (CRED-07)."""
    registry.configure(auth="bearer", anonymous_pull=True)
    registry.put_artifact("x", {"a.txt": b"a", "b.txt": b"b"}, tag="v1")
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {registry.host: {"auth": "hunter2"}}}))
    config.chmod(0o600)
    outcome = ocictl("pull", f"{registry.host}/x:v1")
    assert (
        outcome.stderr == f"warning: the entry for '{registry.host}' in '{config}' is broken and is skipped\n"
    )


@pytest.mark.parametrize("quirks", [BASIC], indirect=True)
def test_a_file_for_everybody(registry: Registry, config: Path, work: Path) -> None:
    """A credential file that others can read works, with one warning; a login makes it private (FIELD A5)."""
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {registry.host: entry()}}))
    config.chmod(0o644)
    outcome = ocictl("push", f"{registry.host}/x:v1", "hello.txt")
    assert outcome.stderr.startswith(f"warning: the credential file '{config}' can be read by every user")
    assert len(outcome.stderr.splitlines()) == 1
    log_in(registry)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert ocictl("resolve", f"{registry.host}/x:v1").stderr == ""
