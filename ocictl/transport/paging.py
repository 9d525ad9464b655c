"""Lists that come in pages (TAG-06, TAG-07, RFR-07)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ocictl.errors import RegistryError
from ocictl.lazy_pattern import pattern
from ocictl.model import _fields
from ocictl.transport import url_policy
from ocictl.transport.response import Response
from ocictl.transport.session import RegistryClient
from ocictl.transport.url_policy import shown
from ocictl.transport.wire import Redirects

_TARGET: Final = pattern(r"[ \t]*<([^<>]*)>")
_PARAM: Final = pattern(
    r"""[ \t]*;[ \t]*([!#$&+.^_`|~0-9A-Za-z*'-]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?""",
    re.DOTALL,
)
_PAIR: Final = pattern(r"\\(.)", re.DOTALL)


def pages(
    client: RegistryClient,
    url: str,
    *,
    scopes: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    first: Response | None = None,
    redirects: Redirects = "anywhere",
) -> Iterator[tuple[Response, bytes]]:
    """Yield each page of a list with its body, following `Link: rel="next"` until there is none.

    Args:
        client: asks for the pages.
        url: path or absolute URL of the first page.
        scopes: what reading the list needs.
        headers: sent with each request.
        first: the answer for the first page, if it was already asked for. Its body is read here.
        redirects: where the request for a page may be led to.

    A page whose body breaks off is asked for again as a whole.

    Raises:
        RegistryError: `registry-protocol`: a Link that can't be read, a page linked twice, too many pages.
        TransportError: `url-refused`: a Link to another origin.
        NotFoundError, ContentError: as for each request.
    """
    limits = client.config.limits
    visited: set[str] = set()
    address: str | None = url
    while address is not None:
        response, body = client.read(
            address,
            limits.list_bytes,
            "list",
            scopes=scopes,
            headers=headers,
            redirects=redirects,
            first=first,
        )
        first = None
        visited.add(response.url)
        yield response, body
        address = next_page(response, visited, pages=limits.pages)


def next_page(response: Response, visited: set[str], *, pages: int) -> str | None:
    """The absolute URL of the page after this one, or None if this was the last.

    Args:
        response: a page; its URL must be among the visited ones already.
        visited: URLs of this list that were asked for.
        pages: most pages of one list.

    Raises:
        RegistryError: `registry-protocol`: malformed, already visited, or too many pages.
        TransportError: `url-refused`: another origin (credentials would go there).
    """
    url = next_link(response.headers.getlist("Link"), response.url)
    if url is None:
        return None
    if not url_policy.same_origin(url, response.url):
        raise url_policy.refused("link to the next page", url, "it leaves the registry's origin")
    if url in visited:
        raise _broken(response.url, "links to a page of the same list that was already read")
    if len(visited) >= pages:
        raise _broken(response.url, f"has more than {pages} pages")
    return url


def next_link(values: Iterable[str], request_url: str) -> str | None:
    """The target of the link with `rel=next` among the lines of a `Link` field, made absolute (RFC 8288).

    Raises:
        RegistryError: `registry-protocol`, the field can't be read; going on would cut the list short silently.
        TransportError: `url-refused`, the target is no URL to go to.
    """
    for value in values:
        position = 0
        while value[position:].strip(", \t"):
            match = _TARGET.match(value, position)
            if match is None:
                raise _broken(request_url, "has a Link that can't be read")
            position = match.end()
            relations: list[str] | None = None
            while param := _PARAM.match(value, position):
                position = param.end()
                if param[1].lower() == "rel" and relations is None:
                    text = _PAIR.sub(r"\1", param[2]) if param[2] is not None else param[3] or ""
                    relations = text.lower().split()
            rest = value[position:].lstrip(" \t")
            if rest and not rest.startswith(","):
                raise _broken(request_url, "has a Link that can't be read")
            position = len(value) - len(rest.lstrip(", \t"))
            if relations is not None and "next" in relations:
                return url_policy.resolve(match[1], request_url, "link to the next page")
    return None


def parse_tags(raw: bytes) -> list[str]:
    """Read one page of tags, in the registry's order; `null` or no list at all is an empty one (TAG-01, TAG-02).

    Raises:
        ContentError: `document-malformed`.
    """
    return _strings(raw, "tags", "TAG-01")


def parse_catalog(raw: bytes) -> list[str]:
    """Read one page of repository names; `null` or no list at all is an empty one (CAT-01).

    Raises:
        ContentError: `document-malformed`.
    """
    return _strings(raw, "repositories", "CAT-01")


def _strings(raw: bytes, member: str, rule: str) -> list[str]:
    value: Any = _fields.load(raw, "list")
    if not isinstance(value, dict):
        raise _fields.malformed("$", f"must be an object, not {_fields.kind(value)}", rule)
    listed = value.get(member)
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise _fields.malformed(f"$.{member}", f"must be an array, not {_fields.kind(listed)}", rule)
    return [_string(entry, f"$.{member}[{position}]", rule) for position, entry in enumerate(listed)]


def _string(entry: object, place: str, rule: str) -> str:
    if not isinstance(entry, str):
        raise _fields.malformed(place, f"must be a string, not {_fields.kind(entry)}", rule)
    return entry


def _broken(url: str, why: str) -> RegistryError:
    return RegistryError(
        f"the list at {shown(url)!r} {why}",
        code="registry-protocol",
        url=shown(url),
        hint="the list would be incomplete or endless; tell the registry's operator",
        details={"rule": "TAG-07"},
    )
