"""Addresses that the user gives for hosts, in place of asking for the name's."""

from __future__ import annotations

from typing import Final, Self

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.lazy_pattern import pattern

_FORM: Final = pattern(
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})"
    r":(?P<address>[0-9.]+|\[[0-9A-Fa-f:.]+\])(?::(?P<address_port>[0-9]{1,5}))?"
)
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where to connect for a host and port. Its name still counts for TLS, credentials and the Host header.

    Attributes:
        host: lower case; an IPv6 address without brackets.
        port: that requests name, or imply by their scheme.
        address: IP address to connect to, without brackets.
        address_port: port to connect to.
    """

    host: str
    port: int
    address: str
    address_port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST:PORT:ADDRESS[:ADDRESSPORT]`; IPv6 addresses stand in brackets.

        Raises:
            InvalidInputError: `argument-invalid`.
        """
        from ipaddress import ip_address

        match = _FORM.fullmatch(text)
        if match is None:
            raise _malformed(text, "is not HOST:PORT:ADDRESS[:PORT]")
        address = match["address"].strip("[]")
        try:
            # An IPv4 address in brackets, or an IPv6 address without, would be read differently elsewhere.
            if (ip_address(address).version == 6) is not match["address"].startswith("["):
                raise _malformed(text, "holds an address that is none")
        except ValueError:
            raise _malformed(text, "holds an address that is none") from None
        port = int(match["port"])
        address_port = int(match["address_port"] or port)
        if not (0 < port <= _LAST_PORT and 0 < address_port <= _LAST_PORT):
            raise _malformed(text, f"holds a port that is not between 1 and {_LAST_PORT}")
        return cls(match["host"].strip("[]").lower(), port, address, address_port)


def _malformed(text: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"host address {text!r} {why}",
        hint="for example registry.example.com:443:10.0.0.5, or registry.example.com:443:[fd00::5]:8443",
        details={"value": text},
    )
