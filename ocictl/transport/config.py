"""All limits and settings of the network, in two frozen dataclasses. No other module holds a literal limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ocictl.lazy_dataclass import dataclass, field
from ocictl.transport.credentials import CredentialSource
from ocictl.transport.hosts import HostAddress

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is read, how long is waited, how often is tried.

    Attributes:
        manifest_bytes: most bytes of a manifest or index (PULL-11).
        list_bytes: most bytes of one page of tags, repositories or referrers.
        token_bytes: most bytes of a token service's answer.
        error_bytes: most bytes read of an error's body (ERR-04).
        debug_bytes: most bytes of a body shown in the debug log.
        pages: most pages of one list (TAG-07).
        redirects: most redirects for one request (HTTP-02).
        connect_timeout: seconds until a connection, TLS included, must stand.
        idle_timeout: seconds without a single byte, in either direction (NET-05). There is no total time-out.
        trickle_bytes: an answer that brings fewer bytes per `idle_timeout` than this is given up after two of them.
        answer_timeout: seconds from the last byte of an upload to the answer's first: registries digest
            and store a big blob only then.
        attempts: how often a repeatable request is sent at most, the first time included (HTTP-06).
        retry_base: upper bound, in seconds, of the random wait before the second attempt; doubles each time.
        retry_max: upper bound, in seconds, that the doubling does not exceed.
        retry_after_max: longest wait, in seconds, that a registry's Retry-After may ask for (LIM-01).
        helper_timeout: seconds that a credential helper may take; somebody may have to type a passphrase (CRED-16).
        helper_bytes: most bytes that a credential helper may print.
        credential_lock_timeout: seconds to wait for another process that writes the same credential file.
        drain_bytes: an unread rest of an answer up to this size is read away to keep the connection.
        chunk_bytes: size of a chunk where uploads need chunks and the user did not name a size.
        chunk_floor: smaller chunks than this are not tried, however often a registry answers 413.
        resume_bytes: uploads of at least this size are gone on with after a cut, where the registry allows it.
        referrers_attempts: rounds of the read-merge-write loop on a referrers tag (RFT-08).
    """

    manifest_bytes: int = 4 * MIB
    list_bytes: int = 4 * MIB
    token_bytes: int = 128 * KIB
    error_bytes: int = 8 * KIB
    debug_bytes: int = 16 * KIB
    pages: int = 10_000
    redirects: int = 10
    connect_timeout: float = 15.0
    idle_timeout: float = 60.0
    trickle_bytes: int = KIB
    answer_timeout: float = 300.0
    attempts: int = 5
    retry_base: float = 0.5
    retry_max: float = 10.0
    retry_after_max: float = 60.0
    helper_timeout: float = 60.0
    helper_bytes: int = 256 * KIB
    credential_lock_timeout: float = 30.0
    drain_bytes: int = 64 * KIB
    chunk_bytes: int = 16 * MIB
    chunk_floor: int = 256 * KIB
    resume_bytes: int = 8 * MIB
    referrers_attempts: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportConfig:
    """How to reach a registry.

    Attributes:
        plain_http: True or False as told by the user; None decides by the host: http for `localhost` and
            loopback addresses unless `ca_file` or `cert_file` is given, https for everything else (NET-03).
        insecure: don't check TLS certificates.
        ca_file: PEM file of the authorities to trust for the registry instead of the system's.
        cert_file, key_file: client certificate and its key, PEM; only shown to the registry's own origin.
        certs_dirs: directories with one directory per registry (certs.d, NET-01), which holds further authorities
            and a client certificate for the registry's own origin. None: the three that Podman and Docker use.
            What `ca_file` and `cert_file` say takes the place of what is found there.
        resolve: addresses to connect to, in place of asking for those of the names. A proxy does not learn them.
        headers: more headers, as (name, value); only sent to the registry's own origin.
        limits: see `Limits`.
        chunk_size: send blobs larger than this in chunks of this size, in bytes; None: only where it is needed.
        upload_records: directory to remember cut uploads in, so that a later run goes on with them; None: nowhere.
        pool_size: how many connections to one host are kept.
        range_connections: how many connections may fetch parts of large blobs at once; 1: never in parts. They are
            used where the link turns out to gain from them, and never to this machine.
        range_on_loopback: to this machine as well, for tests.
        credentials: where to look credentials up when the registry asks for some; None looks wherever Docker and
            Podman store theirs (`credential_lookup.stored_credentials`), `credentials.Anonymous()` nowhere.
        debug: receives lines of the wire log, secrets removed (AUTH-25).
    """

    plain_http: bool | None = None
    insecure: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    certs_dirs: tuple[Path, ...] | None = None
    resolve: tuple[HostAddress, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    limits: Limits = field(default_factory=Limits)
    chunk_size: int | None = None
    upload_records: Path | None = None
    pool_size: int = 16
    range_connections: int = 4
    range_on_loopback: bool = False
    credentials: CredentialSource | None = None
    debug: Callable[[str], None] | None = None
