"""Credentials from the command line, from standard input, from a person, or from where they are stored."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ocictl.cli.remote_options import RemoteOptions
from ocictl.cli.values import check_exclusive
from ocictl.errors import InvalidInputError
from ocictl.output.console import Console

if TYPE_CHECKING:
    from ocictl.transport.credentials import CredentialSource, Explicit


def check_credential_options(remote: RemoteOptions) -> None:
    """Accept one way of giving a secret, and a user name only with a password.

    Raises:
        InvalidInputError: options exclude each other.
    """
    secrets = {
        remote.option("identity-token"): remote.identity_token is not None,
        remote.option("identity-token-stdin"): remote.identity_token_stdin,
        remote.option("password"): remote.password is not None,
        remote.option("password-stdin"): remote.password_stdin,
    }
    check_exclusive(secrets)
    for name in ("identity-token", "identity-token-stdin"):
        token = remote.option(name)
        check_exclusive({remote.option("username"): bool(remote.username), token: secrets[token]})


def given_credentials(remote: RemoteOptions, console: Console) -> Explicit | None:
    """The credentials that options give, or None. Standard input loses one final line end.

    Raises:
        InvalidInputError: standard input is empty, or the user name can't be one.
    """
    from ocictl.transport.credentials import Explicit

    if remote.identity_token is not None:
        _warn_of_others(console, "an identity token", remote)
        return Explicit(None, remote.identity_token)
    if remote.identity_token_stdin:
        return Explicit(None, _from_stdin("identity token", "--identity-token-stdin"))
    if remote.password is not None:
        _warn_of_others(console, "a password", remote)
        return Explicit(remote.username, remote.password)
    if remote.password_stdin:
        return Explicit(remote.username, _from_stdin("password", "--password-stdin"))
    return None


def credential_source(remote: RemoteOptions, console: Console) -> CredentialSource:
    """Where a command gets its credentials: from its options, else from where they are stored.

    Raises:
        InvalidInputError: as `given_credentials`.
    """
    from ocictl.transport.credentials import Later

    def stored() -> CredentialSource:
        from ocictl.transport.credential_lookup import stored_credentials

        files = [Path(path) for path in remote.registry_config]
        return stored_credentials(files, environ=remote.environ, warn=partial(console.message, "warning"))

    return given_credentials(remote, console) or Later(stored)


def ask_for_credentials(registry: str, remote: RemoteOptions, console: Console) -> Explicit:
    """Ask the person at the terminal: for a user name and a password, or for a token if the name is left empty.

    What is secret is not shown while it is typed. Questions go to standard error.

    Raises:
        InvalidInputError: there is nobody to ask, or nothing was answered.
    """
    from ocictl.transport.credentials import Explicit

    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidInputError(
            "no password is given, and standard input is not a terminal to ask on",
            hint=f"for example: ocictl login -u USER --password-stdin {registry} < FILE",
        )
    username = remote.username or _ask("Username: ", console)
    what = "password" if username else "token"
    secret = _ask_hidden(f"{what.capitalize()}: ", console)
    if not secret:
        raise InvalidInputError(f"no {what} was typed", hint="run the command again")
    return Explicit(username or None, secret)


def _warn_of_others(console: Console, what: str, remote: RemoteOptions) -> None:
    name = "identity-token-stdin" if "token" in what else "password-stdin"
    better = "log in with: ocictl login" if remote.prefix else f"use --{name}"
    console.message("warning", f"{what} on the command line can be seen by others; {better}")


def _from_stdin(what: str, option: str) -> str:
    text = sys.stdin.read() if sys.stdin is not None else ""
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise InvalidInputError(
            f"standard input holds no {what}", hint=f"for example: ocictl … {option} < secret.txt"
        )
    return secret


def _ask(question: str, console: Console) -> str:
    if console.stderr is not None:
        console.stderr.write(question)
        console.stderr.flush()
    return sys.stdin.readline().strip()


def _ask_hidden(question: str, console: Console) -> str:
    from getpass import getpass

    try:
        return getpass(question, console.stderr)
    except EOFError:
        return ""
