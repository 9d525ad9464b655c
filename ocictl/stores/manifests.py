"""The manifests endpoint of one repository: find, read and write documents as bytes (PULL, MPUT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard

from ocictl.errors import ContentError, InvalidInputError, RegistryError, UnsupportedError
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import parse_document
from ocictl.model.reference import check_tag
from ocictl.sources import BytesContent
from ocictl.stores.streams import HEAD_REFUSED, check_encoding, content_length, open_at
from ocictl.target import ByteStream
from ocictl.transport import endpoints
from ocictl.transport.headers import media_type as base_type
from ocictl.transport.session import Headers, RegistryClient, Response

STORED: Final = frozenset({200, 201, 202, 204})
"""Answers to PUT of a manifest that mean it is stored; 201 by the book."""
DELETED: Final = frozenset({200, 202, 204})
"""Answers to DELETE that mean it will be gone, perhaps a little later (DEL-06); 202 by the book."""
PRECONDITION_FAILED: Final = 412
_NO_DELETION: Final = "the registry does not delete this; its own web page, or whoever runs it, may"

_GENERIC_TYPES: Final = frozenset(
    {"application/json", "application/octet-stream", "text/plain", "text/html", "binary/octet-stream"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document as it came.

    Attributes:
        descriptor: media type, digest (verified) and size.
        raw: its bytes.
        etag: the ETag header, or None.
    """

    descriptor: Descriptor
    raw: bytes
    etag: str | None


class Manifests:
    """The manifests endpoint of one repository."""

    def __init__(self, client: RegistryClient, name: str, *, accept: Sequence[str] = ()) -> None:
        """
        Args:
            client: of the registry.
            name: of the repository.
            accept: media types to ask for; all that are known if empty.
        """
        self._client = client
        self._name = name
        self._accept = ", ".join(accept) or media_types.ACCEPT
        self._limit = client.config.limits.manifest_bytes
        self._pull = (endpoints.pull_scope(name),)
        self._push = (endpoints.push_scope(name),)
        self._scopes_to_delete = (endpoints.delete_scope(name),)

    def resolve(self, reference: str) -> Descriptor:
        """Find the document under a tag or digest: HEAD, and GET where HEAD is not enough (PULL-07).

        Raises:
            NotFoundError: there is none.
            ContentError: `digest-mismatch`, when GET had to be used.
            InvalidInputError: the reference is neither a tag nor a digest.
        """
        wanted = parse_selector(reference)
        return self._head(reference, wanted) or self.get(reference).descriptor

    def get(self, reference: str) -> Fetched:
        """Read a document; its digest is computed, and compared with all that name it (PULL-03, DIG-07).

        Raises:
            NotFoundError: there is none.
            ContentError: `digest-mismatch`, `document-too-large`, or `document-malformed` where neither the
                header nor the document says what kind of document this is.
        """
        wanted = parse_selector(reference)
        response, raw = self._client.read(
            endpoints.manifest(self._name, reference),
            self._limit,
            f"manifest {reference!r}",
            scopes=self._pull,
            headers={"Accept": self._accept},
        )
        check_encoding(response)
        headers = response.headers
        said = stated_digest(headers)
        for digest in (wanted, said):
            if digest is not None and digest.verifiable:
                _verify(raw, digest, reference)
        digest = wanted or (said if said is not None and said.verifiable else Digest.of(raw))
        try:
            media_type = _type_of(raw, base_type(headers.get("Content-Type")))
        except ContentError as error:
            error.add_note(f"this came for {reference!r}; perhaps a proxy or a login page answered")
            raise
        descriptor = Descriptor(media_type=media_type, digest=digest, size=len(raw))
        return Fetched(descriptor=descriptor, raw=raw, etag=headers.get("ETag"))

    def exists(self, descriptor: Descriptor) -> bool:
        """Tell whether the document is there (PULL-07)."""
        digest, accept = str(descriptor.digest), self._accept_for(descriptor.media_type)
        with self._request("HEAD", digest, {200, 404} | HEAD_REFUSED, accept) as response:
            status = response.status
        if status in HEAD_REFUSED:
            with self._request("GET", digest, {200, 404}, accept) as response:
                status = response.status
        return status != 404

    def open(self, descriptor: Descriptor, start: int) -> ByteStream:
        """Open a document's bytes, unverified. See `open_at`."""
        return open_at(
            self._client,
            endpoints.manifest(self._name, descriptor.digest),
            descriptor,
            start=start,
            scopes=self._pull,
            headers={"Accept": self._accept_for(descriptor.media_type)},
        )

    def put(
        self,
        reference: str,
        raw: bytes,
        descriptor: Descriptor,
        *,
        conditions: Mapping[str, str] | None = None,
    ) -> Headers | None:
        """Write a document's bytes as they are under a tag or digest (MPUT-01, MPUT-04).

        Args:
            reference: tag or digest.
            raw: the bytes.
            descriptor: its media type becomes the Content-Type (MPUT-02).
            conditions: If-Match or If-None-Match, a hint that few registries honour (RFT-08).

        Returns:
            The answer's headers; None if a condition was not met.

        Raises:
            ContentError: `digest-mismatch`: the registry stored something else (MPUT-05).
        """
        expected = STORED | {PRECONDITION_FAILED} if conditions else STORED
        with self._client.request(
            "PUT",
            endpoints.manifest(self._name, reference),
            expected=expected,
            scopes=self._push,
            headers={"Content-Type": descriptor.media_type, **(conditions or {})},
            content=BytesContent(raw),
            repeatable=True,
        ) as response:
            if response.status == PRECONDITION_FAILED:
                return None
            said = stated_digest(response.headers)
            if (
                said is not None
                and said.algorithm == descriptor.digest.algorithm
                and said != descriptor.digest
            ):
                raise _mismatch(f"the registry stored {reference!r} as", descriptor.digest, said, "MPUT-05")
            return response.headers

    def delete(self, reference: str) -> None:
        """Take away a document with its tags, by its digest, or one tag (DEL-01, DEL-02).

        Raises:
            NotFoundError: it is not there.
            UnsupportedError: the registry does not delete this.
        """
        delete(self._client, endpoints.manifest(self._name, reference), self._scopes_to_delete)

    def _accept_for(self, media_type: str) -> str:
        """What to ask for where the type is known."""
        known = {name.strip() for name in self._accept.split(",")}
        return self._accept if media_type in known else f"{self._accept}, {media_type}"

    def _request(
        self,
        method: str,
        reference: str,
        expected: set[int] | frozenset[int],
        accept: str | None = None,
    ) -> Response:
        return self._client.request(
            method,
            endpoints.manifest(self._name, reference),
            expected=expected,
            scopes=self._pull,
            headers={"Accept": accept or self._accept},
        )

    def _head(self, reference: str, wanted: Digest | None) -> Descriptor | None:
        """What HEAD says, or None if that is not enough."""
        with self._request("HEAD", reference, {200} | HEAD_REFUSED) as response:
            if response.status != 200:
                return None
            headers = response.headers
        said = stated_digest(headers)
        if wanted is not None and said is not None and said.algorithm == wanted.algorithm and said != wanted:
            return None
        digest = wanted or said
        size = content_length(headers)
        media_type = base_type(headers.get("Content-Type"))
        if digest is None or not digest.verifiable or not size or not _is_specific(media_type):
            return None
        return Descriptor(media_type=media_type, digest=digest, size=size)


def delete(client: RegistryClient, url: str, scopes: Sequence[str]) -> None:
    """Send a DELETE. It does no harm to send it twice; after a lost answer that ends in NotFoundError.

    Raises:
        NotFoundError: it is not there.
        UnsupportedError: the registry does not delete this (DEL-01 to DEL-03).
    """
    try:
        client.request("DELETE", url, expected=DELETED, scopes=scopes, repeatable=True).close()
    except UnsupportedError as error:
        error.hint = error.hint or _NO_DELETION
        raise
    except RegistryError as error:
        if error.status != 400:
            raise
        raise UnsupportedError(
            error.message,
            hint=_NO_DELETION,
            details=error.details,
            status=error.status,
            method=error.method,
            url=error.url,
            errors=error.errors,
        ) from error


def parse_selector(reference: str) -> Digest | None:
    """Tell a digest (returned) from a tag (None) (REF-04).

    Raises:
        InvalidInputError: `digest-invalid` or `tag-invalid`.
    """
    if ":" not in reference:
        check_tag(reference)
        return None
    digest = Digest.parse(reference)
    if not digest.verifiable:
        raise InvalidInputError(
            f"digest {reference!r} is of an algorithm that can't be verified",
            code="digest-invalid",
            hint="use a sha256 or sha512 digest",
            details={"value": reference, "rule": "DIG-03"},
        )
    return digest


def check_document_size(size: int, limit: int, what: str) -> None:
    """Refuse to write a document that could not be read again (MPUT-07).

    Raises:
        ContentError: `document-too-large`.
    """
    if size > limit:
        raise ContentError(
            f"{what} has {size} bytes; registries take at most {limit}",
            code="document-too-large",
            hint="keep annotations and inline data small",
            details={"size": size, "limit": limit, "rule": "MPUT-07"},
        )


def stated_digest(headers: Headers) -> Digest | None:
    """The digest in Docker-Content-Digest, or None if there is none that can be read (PULL-03)."""
    value = headers.get("Docker-Content-Digest")
    try:
        return Digest.parse(value.strip()) if value else None
    except InvalidInputError:
        return None


def check_stated_digest(headers: Headers, digest: Digest, what: str) -> None:
    """Compare the digest of an answer to a write with ours; another algorithm proves nothing (MPUT-05, PUSH-18).

    Raises:
        ContentError: `digest-mismatch`.
    """
    said = stated_digest(headers)
    if said is not None and said.algorithm == digest.algorithm and said != digest:
        raise _mismatch(f"the registry stored {what} under another digest", digest, said, "MPUT-05")


def _verify(raw: bytes, digest: Digest, reference: str) -> None:
    actual = Digest.of(raw, digest.algorithm)
    if actual != digest:
        raise _mismatch(f"manifest {reference!r} does not match its digest", digest, actual, "PULL-03")


def _mismatch(what: str, expected: Digest, actual: Digest, rule: str) -> ContentError:
    return ContentError(
        f"{what}: expected {expected}, got {actual}",
        code="digest-mismatch",
        hint="the registry or something on the way changed the bytes; try again without a proxy or mirror",
        details={"expected": str(expected), "actual": str(actual), "rule": rule},
    )


def _is_specific(media_type: str | None) -> TypeGuard[str]:
    """Whether a Content-Type says what kind of document this is."""
    return (
        media_type is not None and media_type not in _GENERIC_TYPES and media_types.is_media_type(media_type)
    )


def _type_of(raw: bytes, stated: str | None) -> str:
    """The media type: by the header, or where that says nothing, by the document (PULL-05).

    Raises:
        ContentError: `document-malformed`: neither says what this is; it may be a web page.
    """
    if _is_specific(stated):
        return stated
    members = _fields.load(raw, "manifest")
    own = members.get("mediaType") if isinstance(members, dict) else None
    if isinstance(own, str) and media_types.is_media_type(own):
        return own
    return parse_document(raw).media_type
