"""TLS: whom to trust, with which certificate to appear, and what to do when it fails (section NET)."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from ocictl.errors import InvalidInputError, StorageError, TransportError
from ocictl.model.text import escape
from ocictl.sources import unreadable
from ocictl.transport import certs_d
from ocictl.transport.config import TransportConfig

# OpenSSL's X509_V_ERR_* numbers.
_EXPIRED = 10
_NOT_YET_VALID = 9
_WRONG_HOST = (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "UNKNOWN_PROTOCOL",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
# Servers that get none send any of these, as they do for one that they do not know.
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE")


class Contexts:
    """The TLS settings for the registry's own origin and for all others, each built when first needed."""

    def __init__(self, config: TransportConfig, registry: str = "") -> None:
        """
        Args:
            config: see there.
            registry: as the user wrote it, to look for certificates of its own (NET-01); "" for none.
        """
        self._config = config
        self._registry = registry
        self._lock = Lock()
        self._built: dict[bool, ssl.SSLContext] = {}
        self._found: certs_d.HostCertificates | None = None

    def get(self, *, own: bool) -> ssl.SSLContext:
        """Return the context for a connection.

        Args:
            own: to the registry's own origin. Only there the client certificate is shown, and only there `ca_file`
                replaces the system's authorities; elsewhere (token service, storage) it is added to them. Those
                found in certs.d are added everywhere.

        Raises:
            StorageError, InvalidInputError: a file can't be read or is no certificate or key, or half a pair is
                there (NET-02).
        """
        with self._lock:
            if self._found is None:
                directories = self._config.certs_dirs
                self._found = certs_d.find(
                    self._registry, certs_d.standard_directories() if directories is None else directories
                )
            key = own and (self._config.ca_file is not None or self._pair(self._found) is not None)
            if key not in self._built:
                self._built[key] = self._build(self._found, own=key)
            return self._built[key]

    def _pair(self, found: certs_d.HostCertificates) -> tuple[Path, Path | None] | None:
        """The client certificate and its key, if there is one."""
        cert_file = self._config.cert_file
        return found.pair if cert_file is None else (cert_file, self._config.key_file)

    def _build(self, found: certs_d.HostCertificates, *, own: bool) -> ssl.SSLContext:
        config = self._config
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.post_handshake_auth = True
        if key_log := os.environ.get("SSLKEYLOGFILE"):
            context.keylog_filename = key_log
        # As in Go and curl: a trusted certificate ends the chain even if another one signed it, and a private
        # authority need not have every extension.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.check_hostname = True
            context.verify_mode = ssl.CERT_REQUIRED
            if config.ca_file is None or not own:
                _trust_system(context)
            for path in found.authorities if config.ca_file is None else (config.ca_file,):
                _trust(context, path)
        pair = self._pair(found)
        if own and pair is not None:
            _appear_as(context, *pair)
        return context


def _trust_system(context: ssl.SSLContext) -> None:
    """Trust what REQUESTS_CA_BUNDLE names, else the system's store (SSL_CERT_FILE, SSL_CERT_DIR), else certifi."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        _trust(context, Path(bundle))
        return
    context.load_default_certs()
    if not context.cert_store_stats()["x509_ca"] and not _has_directory():
        import certifi

        context.load_verify_locations(certifi.where())


def _has_directory() -> bool:
    """Tell whether there is a directory of certificates; OpenSSL reads from it only when it verifies."""
    directory = ssl.get_default_verify_paths().capath
    try:
        return directory is not None and any(Path(directory).iterdir())
    except OSError:
        return False


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise InvalidInputError(
            f"{str(path)!r} holds no certificate in PEM form",
            hint="a certificate in PEM form begins with -----BEGIN CERTIFICATE-----",
            details={"path": str(path)},
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _appear_as(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    for path in (cert_file, key_file):
        if path is not None and not path.is_file():
            raise StorageError(
                f"{str(path)!r} does not exist", code="file-not-found", details={"path": str(path)}
            )

    def no_password() -> str:
        raise InvalidInputError(
            f"the key {str(key_file or cert_file)!r} is encrypted, and there is no way to give its password",
            hint="write a key without a password: openssl pkey -in KEY -out NEW_KEY",
        )

    try:
        context.load_cert_chain(cert_file, key_file, password=no_password)
    except ssl.SSLError as error:
        raise InvalidInputError(
            f"the client certificate {str(cert_file)!r} and its key can't be used together",
            hint="they have to be a PEM certificate and its own PEM key (--cert-file and --key-file, or certs.d)",
            details={"path": str(cert_file)},
        ) from error
    except OSError as error:
        raise unreadable(cert_file, error) from error


def find_error(chain: Iterable[BaseException]) -> ssl.SSLError | None:
    """The first error of TLS among some causes."""
    return next((cause for cause in chain if isinstance(cause, ssl.SSLError)), None)


def is_lost(cause: ssl.SSLError) -> bool:
    """Tell whether the other side just went away, which may be over at the next attempt."""
    return isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) or cause.reason == (
        "UNEXPECTED_EOF_WHILE_READING"
    )


def handshake_failed(cause: ssl.SSLError, host: str, method: str, place: str) -> TransportError:
    """The error for a TLS connection that could not be established or trusted, with what to do about it."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        why, hint = _distrust(cause, host)
    elif cause.reason in _NO_TLS:
        why = "the host does not speak TLS on this port"
        hint = "check the port; only if the registry really has no TLS, add --plain-http"
    elif any(word in (cause.reason or "") for word in _WANTS_CERTIFICATE):
        why = "the host wants a client certificate that it knows"
        hint = "give one with --cert-file and --key-file, or in certs.d; see docs/network.md"
    else:
        why = escape((cause.reason or "handshake failed").lower().replace("_", " "))
        hint = None
    return TransportError(
        f"no trusted TLS connection to {host!r}: {why}",
        code="tls-failed",
        hint=hint,
        details={"method": method, "url": place, "reason": why},
    )


def _distrust(cause: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    number = cause.verify_code
    if number == _EXPIRED:
        return "its certificate has expired", "its operator has to renew it; also check this machine's clock"
    if number == _NOT_YET_VALID:
        return "its certificate is not valid yet", "check this machine's clock"
    if number in _WRONG_HOST:
        return (
            "its certificate is for another host name",
            f"use the name it was made for instead of {host!r}; --resolve NAME:PORT:ADDRESS connects to this address",
        )
    if number in _UNKNOWN_AUTHORITY:
        return (
            "its certificate is signed by an authority that is not trusted here",
            "if you trust it, give its certificate with --ca-file, SSL_CERT_FILE or in certs.d; see docs/network.md",
        )
    return (
        f"its certificate was not accepted ({escape(cause.verify_message)})",
        "if it is a private authority, give its certificate with --ca-file; see docs/network.md",
    )
