"""The command `login`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options

if TYPE_CHECKING:
    from ocictl.ops.login import LoginResult


@click.command("login", cls=OcictlCommand)
@click.argument("name", metavar="REGISTRY")
@click.option(
    "--check",
    is_flag=True,
    help="Store nothing; tell whether REGISTRY/REPOSITORY may be pulled from and pushed to.",
)
@output_options("text", "json", quiet=None)
@remote_options(layout=False)
def command(name: str, check: bool, output: OutputOptions, remote: RemoteOptions) -> None:  # noqa: FBT001 - a flag
    """Check credentials with a registry and store them.

    Without --password-stdin or --identity-token-stdin a terminal is asked for the user name and the password.

    \b
    Examples:
      ocictl login ghcr.io
      ocictl login -u USER --password-stdin ghcr.io < token.txt
      ocictl login --identity-token-stdin registry.example.com < token.txt
      ocictl login --check ghcr.io/owner/name
    """
    from ocictl.cli.credentials import check_credential_options

    check_credential_options(remote)
    if check:
        _check(name, output, remote)
    else:
        _login(name, output, remote)


def _login(name: str, output: OutputOptions, remote: RemoteOptions) -> None:
    from pathlib import Path

    from ocictl.cli.credentials import ask_for_credentials, given_credentials
    from ocictl.cli.targets import transport_config
    from ocictl.ops.login import login, registry_name
    from ocictl.output.login_records import LoginRecord
    from ocictl.transport.credential_lookup import also_known, login_file
    from ocictl.transport.credential_store import LoginStore

    registry = registry_name(name)
    files = [Path(path) for path in remote.registry_config]
    store = LoginStore(login_file(files, environ=remote.environ), environ=remote.environ)
    store.check(registry)  # before anybody types a password in vain
    given = given_credentials(remote, output.console)
    if given is None or given.credential is None or not given.credential.secrets:
        given = ask_for_credentials(registry, remote, output.console)
    config = transport_config(remote, output.console, credentials=given)
    result = login(registry, given, store, config=config, on_event=output.notices())
    _warn(result, output)
    for place in also_known(registry, store.path, files, environ=remote.environ).before:
        output.console.message(
            "warning", f"{place!r} holds another login for {registry!r}, which comes first"
        )
    record = LoginRecord.of(result)
    output.show(record, "", lambda: ["Login Succeeded"])


def _warn(result: LoginResult, output: OutputOptions) -> None:
    if not result.checked:
        output.console.message(
            "warning",
            f"{result.registry!r} did not ask for credentials, so they could not be checked; they are stored anyway",
        )
    if result.stored.helper is None and result.stored.is_new:
        output.console.message(
            "warning",
            f"the login is stored in plain text in {str(result.stored.path)!r}; a credential helper would keep it safe",
        )


def _check(name: str, output: OutputOptions, remote: RemoteOptions) -> None:
    from ocictl.cli.credentials import ask_for_credentials, given_credentials
    from ocictl.cli.targets import transport_config
    from ocictl.model.reference import Reference
    from ocictl.ops.login import check_access
    from ocictl.output.login_records import AccessRecord

    reference = Reference.parse(name)
    given = given_credentials(remote, output.console)
    if given is None and remote.username:
        given = ask_for_credentials(reference.registry, remote, output.console)
    config = transport_config(remote, output.console, credentials=given)
    found = check_access(reference, config=config, on_event=output.notices())
    record = AccessRecord(reference=reference.path, pull=found.pull is None, push=found.push is None)
    output.show(record, "", record.lines)
    refusal = found.push or found.pull
    if refusal is not None:
        raise refusal
