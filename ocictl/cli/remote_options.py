"""Options for where something is: a registry and how to reach it, or an OCI layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from ocictl.cli.grouping import F, app_of, grouped
from ocictl.cli.values import chunk_size, retries, seconds
from ocictl.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from ocictl.target import ReferrersMode

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
    password_stdin: bool = False
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
    chunk_size: int | None = None
    referrers: ReferrersMode
    environ: Mapping[str, str]
    debug: bool
    prefix: str = ""

    def __repr__(self) -> str:
        return "RemoteOptions(hidden)"

    def option(self, name: str) -> str:
        """The option of this name as it is written for this place: `--from-NAME` where there are two."""
        return f"--{self.prefix}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two places of a copy."""

    source: RemoteOptions
    destination: RemoteOptions


def remote_options(
    *, referrers: bool = False, layout: bool = True, uploads: bool = False
) -> Callable[[F], F]:
    """Add the options of a place, passed on as `remote: RemoteOptions`.

    Args:
        referrers: whether the command reads or writes lists of referrers.
        layout: whether the place may be an OCI layout.
        uploads: whether the command sends blobs.
    """
    make = _Maker("remote")
    options = _place_options(make, referrers=referrers, layout=layout)
    options += [_chunk_option(make)] if uploads else []
    return grouped([*options, *_shared_options(make)], "remote", _build_remote)


def both_remote_options() -> Callable[[F], F]:
    """Add the options of two places, with `--from-` and `--to-` before them, passed on as `ends: Ends`.

    Short forms and standard input are for commands with one place, as in oras.
    """
    shared = _Maker("ends")
    options = [
        *_place_options(_Maker("ends", "from", "Source"), referrers=True, layout=True),
        *_place_options(_Maker("ends", "to", "Destination"), referrers=True, layout=True),
        _resolve_option(shared),
        _chunk_option(shared),
        *_shared_options(shared),
    ]
    return grouped(options, "ends", _build_ends)


class _Maker:
    """Makes the options of a group, for one of two places with a word before their names."""

    def __init__(self, group: str, prefix: str = "", whose: str = "") -> None:
        self._group = group
        self.prefix = prefix
        self._whose = whose

    def long(self, name: str) -> str:
        """The long form of an option."""
        return f"--{self.prefix}-{name}" if self.prefix else f"--{name}"

    def __call__(self, *names: str, **attributes: Any) -> Callable[[F], F]:
        options = [name for name in names if name.startswith("-")]
        name = next((name for name in names if not name.startswith("-")), None)
        name = name or options[-1].lstrip("-").replace("-", "_")
        if self.prefix:
            options = [self.long(option[2:]) for option in options if option.startswith("--")]
            name = f"{self.prefix}_{name}"
            text = attributes["help"]
            attributes["help"] = f"{self._whose}: {text[:1].lower()}{text[1:]}"
        return click.option(*options, f"{self._group}__{name}", **attributes)


def _place_options(make: _Maker, *, referrers: bool, layout: bool) -> list[Callable[[F], F]]:
    options: list[Callable[[F], F]] = []
    if layout:
        options += [
            make("--oci-layout", is_flag=True, help="The place is an OCI layout: PATH[:TAG|@DIGEST]."),
            make(
                "--oci-layout-path",
                metavar="DIR",
                help="The place is this OCI layout; the name is the tag in it.",
            ),
        ]
    if referrers:
        options.append(
            make(
                "--distribution-spec",
                type=click.Choice([mode for mode in _REFERRERS_MODES if mode is not None]),
                help="How to list referrers: by the API or the tag schema. Default: as the registry can.",
            )
        )
    options += [
        make("-u", "--username", metavar="NAME", help="User name for the registry."),
        make("-p", "--password", metavar="SECRET", help="Password or token; other users may see it."),
    ]
    if not make.prefix:
        options.append(
            make("--password-stdin", is_flag=True, help="Read the password or token from standard input.")
        )
    options.append(make("--identity-token", metavar="TOKEN", help="Identity token; other users may see it."))
    if not make.prefix:
        options.append(
            make("--identity-token-stdin", is_flag=True, help="Read the identity token from standard input.")
        )
    return [*options, *_connection_options(make)]


def _connection_options(make: _Maker) -> list[Callable[[F], F]]:
    return [
        make("--registry-config", metavar="PATH", multiple=True, help="Credential file; may be repeated."),
        make("--plain-http", is_flag=True, flag_value=True, default=None, help="Use HTTP instead of HTTPS."),
        make("--insecure", is_flag=True, help="Don't check TLS certificates."),
        make("--ca-file", metavar="PATH", help="Certificate authorities to trust, PEM."),
        make(
            "--cert-file",
            metavar="PATH",
            help=f"Client certificate, PEM; together with {make.long('key-file')}.",
        ),
        make("--key-file", metavar="PATH", help="Key of the client certificate, PEM."),
        _resolve_option(make),
        make(
            "-H",
            "--header",
            "headers",
            metavar="NAME:VALUE",
            multiple=True,
            help="Send this header; may be repeated.",
        ),
    ]


def _resolve_option(make: _Maker) -> Callable[[F], F]:
    return make(
        "--resolve",
        metavar="HOST:PORT:ADDRESS[:PORT]",
        multiple=True,
        help="Connect to this address for a host and port; may be repeated.",
    )


def _chunk_option(make: _Maker) -> Callable[[F], F]:
    return make(
        "--chunk-size",
        metavar="SIZE",
        type=chunk_size,
        envvar="OCICTL_CHUNK_SIZE",
        show_envvar=True,
        help="Send larger blobs in chunks of this size, like 16MiB. Default: whole, or as the registry needs.",
    )


def _shared_options(make: _Maker) -> list[Callable[[F], F]]:
    return [
        make(
            "--retries",
            metavar="N",
            type=retries,
            envvar="OCICTL_RETRIES",
            show_envvar=True,
            help="How often a request that failed is sent again. Default: 4.",
        ),
        make(
            "--timeout",
            metavar="SECONDS",
            type=seconds,
            envvar="OCICTL_TIMEOUT",
            show_envvar=True,
            help="Give up when nothing moves for so long. Default: 60.",
        ),
        debug_option(),
        verbose_option(),
    ]


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


def verbose_option() -> Callable[[F], F]:
    """Add the deprecated `--verbose` of oras, on by itself there; its value is kept by the run."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        flag_value=True,
        default=None,
        hidden=True,
        expose_value=False,
        callback=_verbose,
    )


def _debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    app = app_of(ctx)
    app.debug = app.debug or value


def _verbose(ctx: click.Context, _param: click.Parameter, value: bool | None) -> None:  # noqa: FBT001 - click's signature
    if value is not None:
        ctx.meta["ocictl.verbose"] = value
        app_of(ctx).console.message("warning", "--verbose is deprecated; use --debug")


def _build_remote(own: dict[str, Any], prefix: str = "") -> RemoteOptions:
    mode = _REFERRERS_MODES[own.pop("distribution_spec", None)]
    app = app_of(click.get_current_context())
    return RemoteOptions(referrers=mode, environ=app.environ, debug=app.debug, prefix=prefix, **own)


def _build_ends(own: dict[str, Any]) -> Ends:
    def build(prefix: str) -> RemoteOptions:
        place = {
            name.removeprefix(f"{prefix}_"): value
            for name, value in own.items()
            if name.startswith(f"{prefix}_")
        }
        place["resolve"] = (*own["resolve"], *place["resolve"])
        shared = {name: own[name] for name in ("retries", "timeout", "chunk_size")}
        return _build_remote({**place, **shared}, f"{prefix}-")

    return Ends(source=build("from"), destination=build("to"))
