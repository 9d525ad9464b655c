"""Helper programs that keep credentials: `docker-credential-NAME` (CRED-12 to CRED-16).

A helper is somebody else's program. It is found by an absolute entry of PATH, gets one argument and no shell, has
so many seconds and may say so much; what it prints to `get` is never shown.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ocictl.errors import CredentialError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.lazy_pattern import pattern
from ocictl.model.text import escape, shorten

Action: TypeAlias = Literal["get", "store", "erase", "list"]

_NOT_FOUND: Final = "credentials not found in native keychain"
_KNOWN_FAILURES: Final = ("no credentials server URL", "no credentials username")
_SUFFIX: Final = pattern(r"[^/\\\x00-\x1f\x7f]+")
_BLOCK: Final = 64 * 1024
_GLANCE: Final = 0.1
"""Seconds after which is looked whether a silent program has ended, although something holds its output open."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a helper keeps for a server. The user name `<token>` marks an identity token."""

    username: str
    secret: str = field(repr=False)


class CredentialHelper:
    """One helper program."""

    def __init__(
        self,
        suffix: str,
        *,
        environ: Mapping[str, str],
        timeout: float,
        limit: int,
        named_by: str = "the options",
    ) -> None:
        """
        Args:
            suffix: the program is `docker-credential-SUFFIX`.
            environ: the program's environment; PATH in it is where the program is looked for.
            timeout: seconds that one call may take.
            limit: most bytes that one call may print.
            named_by: who wants this helper, for messages.

        Raises:
            CredentialError: `credential-helper-failed`: no program can have this name.
        """
        self.name = f"docker-credential-{suffix}"
        self._environ = environ
        self._timeout = timeout
        self._limit = limit
        self._named_by = named_by
        if not _SUFFIX.fullmatch(suffix):
            raise self._failed(
                "has a name that can't be a program's",
                f"write a helper's name without path, as in 'pass', into {named_by}",
                {"rule": "CRED-16"},
            )

    def get(self, server: str) -> Login | None:
        """Return what is kept for a server, or None if nothing is.

        Raises:
            CredentialError: `credential-helper-failed`. Nothing of what the program printed is in it.
        """
        status, output = self._run("get", server.encode())
        if status != 0:
            if _text(output) == _NOT_FOUND:
                return None
            raise self._unsuccessful("get", server, status, _known(output))
        answer = _object(output) or {}
        username, secret = answer.get("Username", ""), answer.get("Secret")
        if not isinstance(username, str) or not isinstance(secret, str):
            raise self._failed("printed something that is no credential", self._by_hand("get", server))
        return Login(username, secret) if username or secret else None

    def store(self, server: str, login: Login) -> None:
        """Keep a login.

        Raises:
            CredentialError: `credential-helper-failed`.
        """
        message = {"ServerURL": server, "Username": login.username, "Secret": login.secret}
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        status, output = self._run("store", text.encode("utf-8", "surrogatepass"))
        if status != 0:
            said = _text(output).replace(login.secret, "***") if login.secret else _text(output)
            raise self._unsuccessful("store", server, status, said)

    def erase(self, server: str) -> bool:
        """Forget a login; tell whether there was one, as far as the program tells.

        Raises:
            CredentialError: `credential-helper-failed`.
        """
        status, output = self._run("erase", server.encode())
        if status != 0:
            if _text(output) == _NOT_FOUND:
                return False
            raise self._unsuccessful("erase", server, status, _text(output))
        return True

    def list(self) -> dict[str, str]:
        """Return the user name of each server. Old helpers can't do this.

        Raises:
            CredentialError: `credential-helper-failed`.
        """
        # Programs that read their input before they look at the argument get something to read, as from Docker.
        status, output = self._run("list", b"unused")
        if status != 0:
            raise self._unsuccessful("list", "", status, _known(output))
        users = _object(output)
        if users is None:
            raise self._failed("printed something that is no list", self._by_hand("list", ""))
        return {server: user for server, user in users.items() if isinstance(user, str)}

    def _run(self, action: Action, message: bytes) -> tuple[int, bytes]:
        """Run the program; its exit status and what it printed."""
        program = self._find()
        try:
            process = subprocess.Popen(  # noqa: S603 - an absolute path and a fixed argument, no shell
                [program, action],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(self._environ),
            )
        except OSError as error:
            raise self._failed(
                f"can't be started: {error.strerror or 'unknown'}", f"check the program {program!r}"
            ) from error
        with process:
            try:
                return self._talk(process, action, message)
            except BaseException:
                process.kill()
                raise

    def _talk(self, process: subprocess.Popen[bytes], action: Action, message: bytes) -> tuple[int, bytes]:
        """Write and read at once, so that no order of the program's blocks it or us."""
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        deadline = time.monotonic() + self._timeout
        output = bytearray()
        with selectors.DefaultSelector() as selector:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            selector.register(process.stdout, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._too_slow(action)
                ready = selector.select(min(left, _GLANCE))
                if not ready and process.poll() is not None:
                    break
                for key, events in ready:
                    if events & selectors.EVENT_WRITE:
                        message = message[_written(key.fd, message) :]
                        done = not message
                    else:
                        data = os.read(key.fd, _BLOCK)
                        output += data
                        done = not data
                    if done:
                        selector.unregister(key.fileobj)
                        if key.fileobj is process.stdin:
                            process.stdin.close()
                if len(output) > self._limit:
                    raise self._failed(
                        f"printed more than {self._limit} bytes", self._by_hand(action, "SERVER")
                    )
        try:
            return process.wait(max(deadline - time.monotonic(), 0)), bytes(output)
        except subprocess.TimeoutExpired:
            raise self._too_slow(action) from None

    def _find(self) -> str:
        path = self._environ.get("PATH", os.defpath)
        # A relative entry would run whatever lies in the current directory.
        places = [place for place in path.split(os.pathsep) if Path(place).is_absolute()]
        program = shutil.which(self.name, path=os.pathsep.join(places)) if places else None
        if program is None:
            raise self._failed(
                "is not installed, or not on PATH", f"install it, or take it out of {self._named_by}"
            )
        return program

    def _too_slow(self, action: Action) -> CredentialError:
        return self._failed(
            f"did not end within {self._timeout:g} seconds",
            self._by_hand(action, "SERVER"),
            {"timeout": True},
        )

    def _unsuccessful(self, action: Action, server: str, status: int, said: str) -> CredentialError:
        ending = f"exit status {status}" if status > 0 else f"signal {-status}"
        words = f": {shorten(said.splitlines()[0], 200)}" if said else ""
        return self._failed(f"failed to {action} with {ending}{words}", self._by_hand(action, server))

    def _by_hand(self, action: Action, server: str) -> str:
        if action == "store":
            return "see what the program's own documentation says"
        return f"try it by hand: echo {escape(server) or 'unused'} | {escape(self.name)} {action}"

    def _failed(self, why: str, hint: str, details: Mapping[str, Any] | None = None) -> CredentialError:
        return CredentialError(
            f"the credential helper {self.name!r} {why}",
            code="credential-helper-failed",
            hint=hint,
            details={"helper": self.name, **(details or {})},
        )


def _written(handle: int, data: bytes) -> int:
    """Write what fits; a program that does not want the rest has got it, as far as we are concerned."""
    try:
        return os.write(handle, data[:_BLOCK])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()


def _known(output: bytes) -> str:
    """What a failing `get` printed, if it is one of the texts that can't be a secret (CRED-15, CRED-16)."""
    text = _text(output)
    return text if text in _KNOWN_FAILURES else ""


def _object(output: bytes) -> dict[str, Any] | None:
    """The JSON object that was printed, or None."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
