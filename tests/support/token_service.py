"""A token service for real registries: it signs what Distribution's `auth: token` accepts, and remembers requests."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

from tests.support.simulator.wire import HttpServer, Reply, Request

__all__ = ["Algorithm", "KeyHeader", "Signer", "TokenService"]

Algorithm: TypeAlias = Literal["ES256", "RS256"]
KeyHeader: TypeAlias = Literal["x5c", "kid"]

LEEWAY = 60
"""Seconds for which Distribution 2.8 takes a token after its end."""


class Signer:
    """A key, its self-signed certificate, and JSON web tokens signed with it."""

    def __init__(
        self, folder: Path, *, algorithm: Algorithm = "ES256", key_header: KeyHeader = "x5c"
    ) -> None:
        """
        Args:
            folder: where the certificate goes.
            algorithm: how to sign.
            key_header: how the token's header names the key: by certificate, or by libtrust's key ID.
        """
        self._algorithm = algorithm
        self._key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if algorithm == "ES256":
            self._key = ec.generate_private_key(ec.SECP256R1())
        else:
            self._key = rsa.generate_private_key(65537, 2048)
        certificate = self._certificate()
        self.certificate = folder / "token-signer.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._header: dict[str, Any] = {"typ": "JWT", "alg": algorithm}
        if key_header == "x5c":
            der = certificate.public_bytes(serialization.Encoding.DER)
            self._header["x5c"] = [base64.b64encode(der).decode()]
        else:
            short = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
            self._header["kid"] = ":".join(short[start : start + 4] for start in range(0, len(short), 4))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Build a token."""
        text = f"{_encoded(json.dumps(self._header).encode())}.{_encoded(json.dumps(claims).encode())}"
        if isinstance(self._key, rsa.RSAPrivateKey):
            signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            pair = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = b"".join(number.to_bytes(32, "big") for number in pair)
        return f"{text}.{_encoded(signature)}"

    def _certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "token service of a test")])
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


@dataclass
class TokenService(HttpServer):
    """Gives tokens to whoever knows a password or a refresh token. A context manager.

    Attributes:
        signer: signs them.
        service, issuer: as the registry is told.
        users: passwords by user name; all may do everything.
        refresh_tokens: users by refresh token.
        lifetime: seconds until a token ends; as said in `expires_in`, and as Distribution sees it.
        post: take the OAuth2 form of a request; else 405.
        given: every token so far.
    """

    signer: Signer
    service: str = "registry.test"
    issuer: str = "issuer.test"
    users: dict[str, str] = field(default_factory=lambda: {"alice": "wonderland"})
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    lifetime: int = 300
    post: bool = True
    given: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self)

    @property
    def realm(self) -> str:
        """Where tokens are asked for."""
        return f"{self.url}/token"

    @property
    def settings(self) -> dict[str, Any]:
        """The member `auth` of Distribution's configuration."""
        return {
            "token": {
                "realm": self.realm,
                "service": self.service,
                "issuer": self.issuer,
                "rootcertbundle": str(self.signer.certificate),
            }
        }

    def asked(self, method: str) -> list[Request]:
        """The requests so far with this method."""
        return [request for request in self.requests if request.method == method]

    def early(self, request: Request) -> Reply | None:
        """Read every body."""
        return None

    def respond(self, request: Request) -> Reply:
        """Answer one request for a token."""
        if request.method == "POST":
            return self._by_form(request) if self.post else Reply(status=405)
        query = parse_qs(urlsplit(request.target).query)
        user = self._basic(request.authorization or "")
        if user is None and request.authorization is not None:
            return _json(401, {"details": "incorrect username or password"})
        if query.get("service") != [self.service]:
            return _json(400, {"details": "another service"})
        return self._token(user, query.get("scope", []))

    def _by_form(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("ascii")).items()}
        user = None
        if form.get("grant_type") == "refresh_token":
            user = self.refresh_tokens.get(form.get("refresh_token", ""))
        elif form.get("grant_type") == "password":
            known = self.users.get(form.get("username", ""))
            user = form["username"] if known is not None and known == form.get("password") else None
        if user is None or form.get("service") != self.service or not form.get("client_id"):
            return _json(400, {"error": "invalid_grant"})
        return self._token(user, form.get("scope", "").split())

    def _basic(self, authorization: str) -> str | None:
        scheme, _, encoded = authorization.partition(" ")
        if scheme != "Basic":
            return None
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return user if self.users.get(user) == password else None

    def _token(self, user: str | None, scopes: Sequence[str]) -> Reply:
        now = int(time.time())
        # Distribution adds its leeway to the end; it is taken off before, so that the token really ends in time.
        claims = {
            "iss": self.issuer,
            "sub": user or "",
            "aud": self.service,
            "exp": now + self.lifetime - LEEWAY,
            "nbf": now - 2 * LEEWAY,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": [_access(scope) for scope in scopes] if user is not None else [],
        }
        token = self.signer.sign(claims)
        self.given.append(token)
        return _json(200, {"token": token, "expires_in": self.lifetime, "issued_at": _moment(now)})


def _access(scope: str) -> dict[str, Any]:
    resource, _, actions = scope.rpartition(":")
    kind, _, name = resource.partition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _moment(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def _json(status: int, members: Mapping[str, Any]) -> Reply:
    return Reply(
        status=status, headers=[("Content-Type", "application/json")], body=json.dumps(members).encode()
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
