"""Throw-away certificates for TLS servers of tests, made by the openssl program."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.require import require

__all__ = ["Certificate", "make_certificate", "server_context"]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A self-signed certificate, which is its own authority, and its key, both in PEM files."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, name: str, *, alternative_names: str = "IP:127.0.0.1") -> Certificate:
    """Make a certificate that is good for two days.

    Args:
        folder: where the files go.
        name: its common name, and the files' names.
        alternative_names: for what it is good, as openssl writes it: `IP:127.0.0.1,DNS:localhost`.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        require("openssl", "the openssl program is not installed; it makes the certificates of TLS tests")
    made = Certificate(certificate=folder / f"{name}.crt", key=folder / f"{name}.key")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-noenc", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName={alternative_names}"]
    command += ["-out", str(made.certificate), "-keyout", str(made.key)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


def server_context(certificate: Certificate, *, client: Certificate | None = None) -> ssl.SSLContext:
    """Build the TLS settings of a server: `Registry(tls=server_context(...))`.

    Args:
        certificate: the server's own.
        client: the certificate that clients must show; None: they need none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if client is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client.certificate)
    return context
