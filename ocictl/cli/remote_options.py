"""Options for where something is: a registry and how to reach it, or an OCI layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import click

from ocictl.cli.grouping import F, app_of, grouped
from ocictl.cli.values import retries, seconds

ReferrersMode: TypeAlias = Literal["auto", "api", "tag"]

_REFERRERS_MODES: Final[dict[str | None, ReferrersMode]] = {
    None: "auto",
    "v1.1-referrers-api": "api",
    "v1.1-referrers-tag": "tag",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """How to reach a registry, or that the place is an OCI layout. Secrets stay out of its text."""

    oci_layout: bool = False
    oci_layout_path: str | None = None
    username: str | None
    password: str | None
    password_stdin: bool
    identity_token: str | None = None
    identity_token_stdin: bool = False
    registry_config: tuple[str, ...]
    plain_http: bool | None
    insecure: bool
    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    resolve: tuple[str, ...] = ()
    headers: tuple[str, ...]
    retries: int | None = None
    timeout: float | None = None
    referrers: ReferrersMode
    environ: Mapping[str, str]
    debug: bool

    def __repr__(self) -> str:
        return "RemoteOptions(hidden)"


def remote_options(*, referrers: bool = False, layout: bool = True) -> Callable[[F], F]:
    """Add the options of a place, passed on as `remote: RemoteOptions`.

    Args:
        referrers: whether the command reads or writes lists of referrers.
        layout: whether the place may be an OCI layout.
    """
    options: list[Callable[[F], F]] = []
    if layout:
        options += [
            _remote("--oci-layout", is_flag=True, help="The place is an OCI layout: PATH[:TAG|@DIGEST]."),
            _remote(
                "--oci-layout-path",
                metavar="DIR",
                help="The place is this OCI layout; the name is the tag in it.",
            ),
        ]
    if referrers:
        options.append(
            _remote(
                "--distribution-spec",
                type=click.Choice([mode for mode in _REFERRERS_MODES if mode is not None]),
                help="How to list referrers: by the API or the tag schema. Default: as the registry can.",
            )
        )
    options += [
        _remote("-u", "--username", metavar="NAME", help="User name for the registry."),
        _remote("-p", "--password", metavar="SECRET", help="Password or token; other users may see it."),
        _remote("--password-stdin", is_flag=True, help="Read the password or token from standard input."),
        _remote("--identity-token", metavar="TOKEN", help="Identity token; other users may see it."),
        _remote("--identity-token-stdin", is_flag=True, help="Read the identity token from standard input."),
        _remote("--registry-config", metavar="PATH", multiple=True, help="Credential file; may be repeated."),
        _remote(
            "--plain-http", is_flag=True, flag_value=True, default=None, help="Use HTTP instead of HTTPS."
        ),
        _remote("--insecure", is_flag=True, help="Don't check TLS certificates."),
        _remote("--ca-file", metavar="PATH", help="Certificate authorities to trust, PEM."),
        _remote("--cert-file", metavar="PATH", help="Client certificate, PEM; together with --key-file."),
        _remote("--key-file", metavar="PATH", help="Key of the client certificate, PEM."),
        _remote(
            "--resolve",
            metavar="HOST:PORT:ADDRESS[:PORT]",
            multiple=True,
            help="Connect to this address for a host and port; may be repeated.",
        ),
        _remote(
            "-H",
            "--header",
            "headers",
            metavar="NAME:VALUE",
            multiple=True,
            help="Send this header; may be repeated.",
        ),
        _remote(
            "--retries",
            metavar="N",
            type=retries,
            envvar="OCICTL_RETRIES",
            show_envvar=True,
            help="How often a request that failed is sent again. Default: 4.",
        ),
        _remote(
            "--timeout",
            metavar="SECONDS",
            type=seconds,
            envvar="OCICTL_TIMEOUT",
            show_envvar=True,
            help="Give up when nothing moves for so long. Default: 60.",
        ),
        debug_option(),
        click.option("-v", "--verbose", is_flag=True, hidden=True, expose_value=False, callback=_verbose),
    ]
    return grouped(options, "remote", _build_remote)


def debug_option() -> Callable[[F], F]:
    """Add `--debug`, which is kept by the run."""
    return click.option(
        "-d",
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_debug,
        help="Log requests and answers to standard error; no progress bars.",
    )


def _remote(*names: str, **attributes: Any) -> Callable[[F], F]:
    option_names = [name for name in names if name.startswith("-")]
    name = next((name for name in names if not name.startswith("-")), None)
    name = name or option_names[-1].lstrip("-").replace("-", "_")
    return click.option(*option_names, f"remote__{name}", **attributes)


def _debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    app = app_of(ctx)
    app.debug = app.debug or value


def _verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        ctx.meta["ocictl.verbose"] = True
        app_of(ctx).console.message("warning", "--verbose is deprecated; use --debug")


def _build_remote(own: dict[str, Any]) -> RemoteOptions:
    mode = _REFERRERS_MODES[own.pop("distribution_spec", None)]
    app = app_of(click.get_current_context())
    return RemoteOptions(referrers=mode, environ=app.environ, debug=app.debug, **own)
