"""Helper programs (CRED-12 to CRED-16, FIELD A3): real ones, written for each test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import CredentialError
from ocictl.transport.credential_helpers import CredentialHelper, Login
from tests.support.environment import wait_for
from tests.support.helpers import HelperFolder
from tests.support.shared import present, spec_rows

SECRET = "hunter2-Secret"
SERVER = "registry.example.com"


@pytest.fixture
def helpers(tmp_path: Path) -> HelperFolder:
    """An empty folder for helper programs."""
    return HelperFolder(tmp_path / "bin")


def helper(folder: HelperFolder, suffix: str = "test", **changes: Any) -> CredentialHelper:
    """A helper of the folder, with room and time enough unless told otherwise."""
    settings: dict[str, Any] = {"environ": folder.environ, "timeout": 30, "limit": 65536, **changes}
    return CredentialHelper(suffix, **settings)


def shown(error: CredentialError) -> str:
    """All that anybody may see of an error."""
    return repr((error.message, error.hint, error.details, getattr(error, "__notes__", ())))


@pytest.mark.parametrize(
    "row",
    spec_rows("credentials.json", "helper_exchanges"),
    ids=lambda row: f"{row['action']}: {row['why'][:40]}" if row else "absent",
)
def test_rows(helpers: HelperFolder, row: dict[str, Any] | None) -> None:
    """What goes in, byte for byte, and what comes of the answer."""
    row = present(row)
    helpers.says("test", row["stdout"], status=row["exit"])
    program = helper(helpers)

    def exchange() -> Any:
        if row["action"] == "get":
            return program.get(row["stdin"])
        if row["action"] == "store":
            import json

            sent = json.loads(row["stdin"])
            program.store(sent["ServerURL"], Login(sent["Username"], sent["Secret"]))
            return "ok"
        if row["action"] == "erase":
            return "ok" if program.erase(row["stdin"]) else None
        return program.list()

    expected = row["result"]
    if expected == "error":
        with pytest.raises(CredentialError) as raised:
            exchange()
        assert raised.value.code == "credential-helper-failed"
        assert "'docker-credential-test'" in raised.value.message
    else:
        if row["action"] == "get" and expected is not None:
            secret = expected.get("password") or expected["identitytoken"]
            expected = Login(expected.get("username", "<token>"), secret)
        assert exchange() == expected
    assert helpers.log("test") == [row["action"], row["stdin"]]


def test_input_ends_without_a_line_end(helpers: HelperFolder) -> None:
    """The server's name is all there is; a helper that takes input literally is not surprised (CRED-13)."""
    helpers.raw("test", '#!/bin/sh\nprintf "{\\"Username\\":\\"%s\\",\\"Secret\\":\\"s\\"}" "$(wc -c)"\n')
    found = helper(helpers).get(SERVER)
    assert found is not None
    assert found.username.strip() == str(len(SERVER))


def test_a_missing_helper_is_named(helpers: HelperFolder) -> None:
    """The message names the program, the hint who wants it."""
    with pytest.raises(CredentialError) as raised:
        helper(helpers, "desktop", named_by="'credsStore' in '/c.json'").get(SERVER)
    assert raised.value.message == (
        "the credential helper 'docker-credential-desktop' is not installed, or not on PATH"
    )
    assert raised.value.hint == "install it, or take it out of 'credsStore' in '/c.json'"


def test_helpers_are_only_looked_for_in_absolute_places(
    helpers: HelperFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the current directory is not run because PATH has an empty or relative entry."""
    helpers.answers("test", "u", "p")
    monkeypatch.chdir(helpers.path)
    for path in ("", ".", f":{tmp_path}/none:", f"../{helpers.path.name}"):
        with pytest.raises(CredentialError, match="not on PATH"):
            helper(helpers, environ={"PATH": path}).get(SERVER)
    assert helpers.log("test") == []


@pytest.mark.parametrize("suffix", ["", "../evil", "a/b", "a\\b", "a\0b", "a\nb", "/bin/sh"])
def test_names_with_paths_are_refused(helpers: HelperFolder, suffix: str) -> None:
    """A credential file can't name a program anywhere (CRED-16)."""
    with pytest.raises(CredentialError) as raised:
        helper(helpers, suffix)
    assert raised.value.code == "credential-helper-failed"
    assert "\n" not in raised.value.message


def test_no_shell_reads_the_name(helpers: HelperFolder, tmp_path: Path) -> None:
    """A suffix with signs that a shell would act on is just a name."""
    with pytest.raises(CredentialError, match="not on PATH"):
        helper(helpers, f"x;touch {tmp_path.name}-pwned").get(SERVER)
    assert not list(Path.cwd().glob("*pwned*"))


def test_the_helper_has_our_environment_and_no_more(helpers: HelperFolder) -> None:
    """Variables reach it, as some need HOME or a session bus."""
    helpers.script("test", 'printf \'{"Username":"%s","Secret":"%s"}\' "$WHO" "$#"\n')
    environ = {**helpers.environ, "WHO": "me"}
    assert helper(helpers, environ=environ).get(SERVER) == Login("me", "1")


@pytest.mark.parametrize(
    "body",
    [
        "exec sleep 300",
        "exec >&-\nexec sleep 300",
        "cat >/dev/null\nexec sleep 300",
        "echo '{'\nexec sleep 300",
    ],
    ids=["silent", "output closed", "after reading", "after a beginning"],
)
def test_a_hanging_helper_is_given_up(helpers: HelperFolder, body: str) -> None:
    """It ends with the time-out, and the program does not live on."""
    program = helpers.raw("test", f'#!/bin/sh\necho $$ > "$0.pid"\n{body}\n')
    with pytest.raises(CredentialError, match=r"did not end within 0\.5 seconds") as raised:
        helper(helpers, timeout=0.5).get(SERVER)
    assert raised.value.details["helper"] == "docker-credential-test"
    number = int(Path(f"{program}.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_helper_that_leaves_something_behind(helpers: HelperFolder) -> None:
    """What a finished helper said counts, although a process it started still holds its output."""
    program = helpers.raw(
        "test",
        '#!/bin/sh\ncat > /dev/null\nsleep 300 &\necho $! > "$0.pid"\necho \'{"Username":"u","Secret":"p"}\'\n',
    )
    try:
        assert helper(helpers).get(SERVER) == Login("u", "p")
    finally:
        os.kill(int(Path(f"{program}.pid").read_text()), 9)


def test_a_flooding_helper_is_stopped(helpers: HelperFolder) -> None:
    """Endless output is cut off, not kept, and the program does not live on."""
    program = helpers.raw("test", f'#!/bin/sh\necho $$ > "$0.pid"\nexec yes {SECRET}\n')
    with pytest.raises(CredentialError, match="printed more than 65536 bytes") as raised:
        helper(helpers).get(SERVER)
    assert SECRET not in shown(raised.value)

    def gone() -> bool | None:
        try:
            os.kill(int(Path(f"{program}.pid").read_text()), 0)
        except ProcessLookupError:
            return True
        return None

    assert wait_for(gone, "end of the helper")


@pytest.mark.parametrize("noise", ["yes >&2", "head -c 1000000 /dev/zero >&2"])
def test_what_goes_to_standard_error_is_nobody_s(
    helpers: HelperFolder, capfd: pytest.CaptureFixture[str], noise: str
) -> None:
    """It neither blocks nor shows."""
    body = (
        f'({noise}) & noisy=$!\necho \'{{"Username":"u","Secret":"p"}}\'\nkill $noisy 2>/dev/null || true\n'
    )
    helpers.script("test", body)
    assert helper(helpers).get(SERVER) == Login("u", "p")
    assert capfd.readouterr() == ("", "")


def test_a_helper_that_does_not_read(helpers: HelperFolder) -> None:
    """More input than a pipe holds is no reason to wait for ever."""
    helpers.raw("test", "#!/bin/sh\nexit 0\n")
    helper(helpers).store(SERVER, Login("u", "x" * 1_000_000))


def test_a_long_secret_arrives_whole(helpers: HelperFolder) -> None:
    """Tokens of some services are long."""
    helpers.raw("test", '#!/bin/sh\nwc -c > "$0.count"\n')
    helper(helpers).store(SERVER, Login("u", "x" * 300_000))
    count = int((helpers.path / "docker-credential-test.count").read_text())
    assert count > 300_000


@pytest.mark.parametrize(
    "output",
    [
        f"{SECRET}",
        f'["{SECRET}"]',
        f'{{"Username": 7, "Secret": "{SECRET}"}}',
        f'{{"Username": "{SECRET}"}}',
        f'{{"Secret": ["{SECRET}"]}}',
        f'"{SECRET}"',
        "[" * 5000,
        "",
    ],
)
def test_rubbish_is_not_shown(helpers: HelperFolder, output: str) -> None:
    """Nothing of what `get` printed is in the error, whatever it is (CRED-16)."""
    helpers.says("test", output)
    with pytest.raises(CredentialError, match="something that is no credential") as raised:
        helper(helpers).get(SERVER)
    assert SECRET not in shown(raised.value)
    assert raised.value.hint == f"try it by hand: echo {SERVER} | docker-credential-test get"


@pytest.mark.parametrize(("status", "words"), [(1, "exit status 1"), (77, "exit status 77")])
def test_a_failing_get_shows_no_output(helpers: HelperFolder, status: int, words: str) -> None:
    """Its exit status is all that is told, except for texts that are known."""
    helpers.says("test", f"could not open the vault with {SECRET}", status=status)
    with pytest.raises(CredentialError, match=words) as raised:
        helper(helpers).get(SERVER)
    assert SECRET not in shown(raised.value)
    helpers.says("test", "no credentials username\n", status=status)
    with pytest.raises(CredentialError, match="no credentials username"):
        helper(helpers).get(SERVER)


def test_a_helper_that_is_killed(helpers: HelperFolder) -> None:
    """The signal is told."""
    helpers.raw("test", "#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(CredentialError, match="signal 9"):
        helper(helpers).get(SERVER)


def test_a_helper_that_can_t_be_run(helpers: HelperFolder) -> None:
    """A broken program is told from a missing one."""
    helpers.raw("test", "#!/nowhere/at/all\n")
    with pytest.raises(CredentialError, match="can't be started"):
        helper(helpers).get(SERVER)


def test_nothing_kept_is_no_error(helpers: HelperFolder) -> None:
    """Empty members, and the word for "not found", mean the same."""
    helpers.says("test", '{"Username":"","Secret":""}')
    assert helper(helpers).get(SERVER) is None
    helpers.says("test", "\n credentials not found in native keychain \n", status=1)
    assert helper(helpers).get(SERVER) is None
    assert helper(helpers).erase(SERVER) is False


def test_a_failing_store_does_not_say_the_secret_back(helpers: HelperFolder) -> None:
    """Its words are shown, because they say what to do; the secret is taken out of them."""
    helpers.says("test", f"no room for {SECRET}\nsecond line", status=1)
    with pytest.raises(
        CredentialError, match=r"failed to store with exit status 1: no room for \*\*\*"
    ) as raised:
        helper(helpers).store(SERVER, Login("u", SECRET))
    assert SECRET not in shown(raised.value)
    assert "second" not in raised.value.message


def test_rubbish_as_a_list(helpers: HelperFolder) -> None:
    """A helper that can't list says so in some way."""
    helpers.says("test", "Usage: …")
    with pytest.raises(CredentialError, match="no list"):
        helper(helpers).list()
    helpers.says("test", "{ }")
    assert helper(helpers).list() == {}


def test_from_store_to_erase(helpers: HelperFolder) -> None:
    """A helper that keeps something finds it again, until it is erased."""
    helpers.keeps("test")
    program = helper(helpers)
    assert program.get(SERVER) is None
    program.store(SERVER, Login("ü", 'p"\\é'))
    assert program.get(SERVER) == Login("ü", 'p"\\é')
    assert program.erase(SERVER) is True
    assert program.get(SERVER) is None
