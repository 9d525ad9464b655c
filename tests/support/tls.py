"""Certificate authorities and certificates for TLS servers of tests: good, expired, for other names, for clients."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["Authority", "Leaf"]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A certificate that an authority signed, and its key, in PEM files."""

    certificate: Path
    key: Path

    def server_context(self, *, clients: Path | None = None, optional: bool = False) -> ssl.SSLContext:
        """Build the TLS settings of a server.

        Args:
            clients: the authority of certificates that clients must show; None: they need none.
            optional: clients may, but need not show one.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients is not None:
            context.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        return context


class Authority:
    """A certificate authority that nobody knows. Its own certificate is `certificate`, for `--ca-file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._authority = trustme.CA(organization_name=f"test {name}")
        self.certificate = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.certificate))
        self._count = 0

    def issue(self, *names: str, expired: bool = False) -> Leaf:
        """Sign a certificate for host names and addresses; an expired one ended yesterday."""
        now = datetime.datetime.now(datetime.UTC)
        span = (now - datetime.timedelta(days=9), now + datetime.timedelta(days=-1 if expired else 9))
        made = self._authority.issue_cert(*names, not_before=span[0], not_after=span[1])
        self._count += 1
        leaf = Leaf(
            certificate=self._folder / f"{self.certificate.stem}-{self._count}.pem",
            key=self._folder / f"{self.certificate.stem}-{self._count}.key",
        )
        chain, *rest = made.cert_chain_pems
        chain.write_to_path(str(leaf.certificate))
        for further in rest:
            further.write_to_path(str(leaf.certificate), append=True)
        made.private_key_pem.write_to_path(str(leaf.key))
        return leaf
