"""Logging in with the installed program: at a terminal, from many processes, and side by side with oras."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.distribution import Distribution, distribution, htpasswd
from tests.support.environment import wait_for
from tests.support.helpers import HelperFolder
from tests.support.peers import Peer
from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Quirks, Registry

USER, PASSWORD, TOKEN = "me", "hunter2-Secret", "refresh-Secret"
BEARER = Quirks(auth="bearer", username=USER, password=PASSWORD, identity_token=TOKEN)


class Terminal:
    """A terminal with the program in front of it; its standard output goes elsewhere."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.shown = b""
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def _read(self) -> None:
        # At the end Linux says EIO, other systems nothing.
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self._master, 4096):
                self.shown += data

    def answer(self, question: str, text: str) -> None:
        """Wait for a question at the end of what is shown, and type a line."""

        def asked() -> bool | None:
            self._read()
            return True if self.shown.endswith(question.encode()) else None

        wait_for(asked, f"question {question!r}")
        os.write(self._master, text.encode())

    def finish(self) -> tuple[int, str]:
        """Wait for the end; the exit code and standard output."""
        stdout, _ = self.process.communicate(timeout=60)
        self._read()
        os.close(self._master)
        return self.process.returncode, stdout.decode()


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "answers", "code"),
    [
        ([], [("Username: ", f"{USER}\n"), ("Password: ", f"{PASSWORD}\n")], 0),
        (["-u", USER], [("Password: ", f"{PASSWORD}\n")], 0),
        ([], [("Username: ", "\n"), ("Token: ", f"{TOKEN}\n")], 0),
        (["-u", USER], [("Password: ", "\n")], 2),
        (["-u", USER], [("Password: ", "\x04")], 2),
        (["-u", USER], [("Password: ", "\x03")], 130),
        (["-u", USER], [("Password: ", "wrong-Secret\n")], 4),
    ],
    ids=["name and password", "password", "token", "nothing", "end of file", "Ctrl-C", "wrong"],
)
def test_a_person_is_asked(
    registry: Registry, run_ocictl: Ocictl, arguments: list[str], answers: list[tuple[str, str]], code: int
) -> None:
    """Questions go to the terminal, secrets are not shown there, and standard output has the result alone."""
    command = [*ocictl_command(), "login", registry.host, *arguments]
    terminal = Terminal(command, run_ocictl.environment())
    for question, text in answers:
        terminal.answer(question, text)
    found, stdout = terminal.finish()
    assert (found, stdout) == (code, "" if code else "Login Succeeded\n"), terminal.shown
    for secret in (PASSWORD, TOKEN, "wrong-Secret"):
        assert secret.encode() not in terminal.shown
    config = run_ocictl.home / ".docker" / "config.json"
    assert config.exists() is (code == 0)


def test_eight_at_once_lose_nothing(run_ocictl: Ocictl) -> None:
    """Processes that log in to different registries with one file at the same time (FIELD A5)."""
    config = run_ocictl.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text('{"auths": {"kept.io": {"auth": "eDp5"}}, "other": [1, 2]}')
    with contextlib.ExitStack() as stack:
        registries = [stack.enter_context(Registry(BEARER)) for _ in range(8)]
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*ocictl_command(), "login", registry.host, "-u", USER, "--password-stdin"],
                    env=run_ocictl.environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for registry in registries
        ]
        for process in processes:
            stdout, stderr = process.communicate(PASSWORD.encode(), timeout=60)
            assert (process.returncode, stdout) == (0, b"Login Succeeded\n"), stderr
        hosts = {registry.host for registry in registries}
    found = json.loads(config.read_text())
    assert set(found["auths"]) == {"kept.io", *hosts}
    assert found["other"] == [1, 2]
    assert {entry.name for entry in config.parent.iterdir()} <= {"config.json", "config.json.lock"}


@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_a_hanging_helper_is_interrupted(registry: Registry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Ctrl-C ends the wait, with the number that shells expect."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    helpers = HelperFolder(tmp_path / "bin")
    helpers.raw("slow", '#!/bin/sh\necho $$ > "$0.pid.new"\nmv "$0.pid.new" "$0.pid"\nexec sleep 300\n')
    config = run_ocictl.home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text('{"credsStore": "slow"}')
    command = [*ocictl_command(), "pull", f"{registry.host}/x:v1"]
    environment = run_ocictl.environment(PATH=helpers.search_path)
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        pid = helpers.path / "docker-credential-slow.pid"
        wait_for(lambda: True if pid.exists() else None, "helper")
        process.send_signal(2)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.strip()) == (130, b"error: interrupted")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distribution]:
    """A real registry that wants a password."""
    folder = tmp_path_factory.mktemp("secured")
    with distribution(folder / "registry", auth=htpasswd(folder, {USER: PASSWORD})) as running:
        yield running


@pytest.mark.interop
@pytest.mark.real
def test_side_by_side_with_oras(
    secured: Distribution, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """One file for both: who logs in with one is logged in with the other, and logged out, too."""
    (tmp_path / "hello.txt").write_text("hello\n")
    config = tmp_path / "config.json"
    file = ("--registry-config", config)
    name = f"{secured.host}/team/app"
    given = (secured.host, "-u", USER, "--password-stdin", *file)

    oras.run("login", "--plain-http", *given, stdin=PASSWORD)
    run_ocictl("push", f"{name}:v1", "hello.txt", *file, cwd=tmp_path, code=0)
    run_ocictl("logout", secured.host, *file, code=0)
    assert oras.run("resolve", "--plain-http", f"{name}:v1", *file, check=False).code == 1

    run_ocictl("login", *given, stdin=PASSWORD, code=0)
    theirs = oras.run("resolve", "--plain-http", f"{name}:v1", *file).stdout
    assert theirs == run_ocictl("resolve", f"{name}:v1", *file, code=0).stdout
    oras.run("logout", secured.host, *file)
    assert run_ocictl("resolve", f"{name}:v1", *file).code == 4
    assert json.loads(config.read_text()) == {"auths": {}}


@pytest.mark.interop
@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
@pytest.mark.parametrize("way", ["password", "identity token", "helper"])
def test_what_one_stores_the_other_reads(
    registry: Registry, oras: Peer, run_ocictl: Ocictl, tmp_path: Path, way: str
) -> None:
    """Passwords, identity tokens and helpers, in the forms that oras writes and reads."""
    registry.put_artifact("x", {"a.txt": b"a"}, tag="v1")
    name = f"{registry.host}/x:v1"
    plain = "--plain-http"
    given = ("--identity-token-stdin",) if way == "identity token" else ("-u", USER, "--password-stdin")
    secret = TOKEN if way == "identity token" else PASSWORD
    helpers = HelperFolder(tmp_path / "bin")
    helpers.keeps("vault")
    environment = {"PATH": helpers.search_path}
    for ours_first in (True, False):
        config = tmp_path / f"{ours_first}.json"
        config.write_text('{"credsStore": "vault"}' if way == "helper" else "{}")
        file = ("--registry-config", config)
        if ours_first:
            run_ocictl("login", registry.host, *given, *file, stdin=secret, env=environment, code=0)
            oras.run("resolve", plain, name, *file, env=environment)
        else:
            oras.run("login", plain, registry.host, *given, *file, stdin=secret, env=environment)
        run_ocictl("resolve", name, *file, env=environment, code=0)
        assert (secret in config.read_text()) is (way == "identity token")
        run_ocictl("logout", registry.host, *file, env=environment, code=0)
        assert oras.run("resolve", plain, name, *file, env=environment, check=False).code == 1


@pytest.mark.interop
@pytest.mark.parametrize("quirks", [BEARER], indirect=True)
def test_the_same_words_as_oras(registry: Registry, oras: Peer, run_ocictl: Ocictl) -> None:
    """Standard output of login and logout, also of a logout from where nobody is logged in; both succeed."""
    given = ("login", "--plain-http", registry.host, "-u", USER, "--password-stdin")
    assert run_ocictl(*given, stdin=PASSWORD, code=0).stdout == oras.run(*given, stdin=PASSWORD).stdout
    for _ in range(2):
        assert run_ocictl("logout", registry.host, code=0).stdout == oras.run("logout", registry.host).stdout
