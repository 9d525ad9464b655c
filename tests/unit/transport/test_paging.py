"""Lists in pages (TAG-06, TAG-07, RFR-07)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from ocictl.errors import ContentError, OcictlError, RegistryError, TransportError
from ocictl.events import Event, Retrying
from ocictl.transport import paging
from ocictl.transport.config import Limits
from tests.support.shared import present, spec_path, spec_rows, vector_rows
from tests.unit.transport.clients import answer, client
from tests.unit.transport.servers import scripted

pytestmark = pytest.mark.usefixtures("through_requests")

HOME = "https://registry.example.com"
LIST = f"{HOME}/v2/a/b/tags/list"


@pytest.mark.parametrize("row", spec_rows("headers.json", "link"))
def test_link_rows(row: dict[str, Any] | None) -> None:
    """Every row is resolved as it says; rows with a policy are not followed."""
    row = present(row)
    asked, policy = row["request_url"], row.get("policy")
    page = answer(headers=[("Link", value) for value in row["values"]], url=asked)
    if policy is None:
        assert paging.next_link(row["values"], asked) == row["next"]
        assert paging.next_page(page, {asked}, pages=10) == row["next"]
        return
    with pytest.raises(OcictlError) as raised:
        paging.next_page(page, {asked}, pages=10)
    if policy == "error":
        assert raised.value.code == "registry-protocol"
    elif policy.startswith("stop"):
        assert paging.next_link(row["values"], asked) == row["next"]
        assert raised.value.code == "registry-protocol"
    else:
        assert paging.next_link(row["values"], asked) == row["next"]
        assert isinstance(raised.value, TransportError)
        assert raised.value.code == "url-refused"


@pytest.mark.parametrize(
    "value",
    [
        "<https://u:p@registry.example.com/>; rel=next",
        "</x\r\nHost: y>; rel=next",
        "<ftp://h/>; rel=next",
        "<>; rel=next",
    ],
)
def test_targets_that_are_no_page(value: str) -> None:
    """User info, line ends, other schemes and an empty target are refused."""
    with pytest.raises(OcictlError) as raised:
        paging.next_page(answer(headers=[("Link", value)], url=LIST), {LIST}, pages=10)
    assert raised.value.code in ("url-refused", "registry-protocol")


@given(st.lists(st.text(alphabet='<>;,=" nextrl/\\', max_size=40), max_size=3))
def test_never_hangs(values: list[str]) -> None:
    """Any field is read to a URL, to None, or refused by an error of ours."""
    try:
        url = paging.next_link(values, LIST)
    except (RegistryError, TransportError):
        return
    assert url is None or url.startswith("http")


@responses.activate
def test_pages_are_followed() -> None:
    """Each page is yielded with its body; the next one is asked for with the same headers, only when wanted."""
    responses.get(f"{LIST}?n=1", body=b"1", headers={"Link": '</v2/a/b/tags/list?n=1&last=x>; rel="next"'})
    responses.get(f"{LIST}?n=1&last=x", body=b"2")
    with client() as registry:
        found = paging.pages(registry, "/v2/a/b/tags/list?n=1", headers={"X-Page": "yes"})
        assert next(found)[1] == b"1"
        assert len(responses.calls) == 1
        assert [body for _, body in found] == [b"2"]
    assert [call.request.headers["X-Page"] for call in responses.calls] == ["yes", "yes"]


@responses.activate
def test_a_first_answer_is_not_asked_for_again() -> None:
    """A caller may have judged the first page already."""
    with client() as registry:
        first = answer(body=b"here", url=LIST)
        assert [body for _, body in paging.pages(registry, LIST, first=first)] == [b"here"]
    assert len(responses.calls) == 0


@responses.activate
def test_a_circle_ends() -> None:
    """A list whose pages link in a circle is an error, not an endless loop and not a silent end."""
    responses.get(LIST, headers={"Link": "<?last=a>; rel=next"})
    responses.get(f"{LIST}?last=a", headers={"Link": "</v2/a/b/tags/list>; rel=next"})
    with client() as registry, pytest.raises(RegistryError, match="already read"):
        list(paging.pages(registry, "/v2/a/b/tags/list"))
    assert len(responses.calls) == 2


@responses.activate
def test_too_many_pages() -> None:
    """A list without an end stops at the limit (oras-go #1215)."""
    for number in range(4):
        responses.get(f"{LIST}?last={number}", headers={"Link": f"<?last={number + 1}>; rel=next"})
    with client(limits=Limits(pages=3)) as registry, pytest.raises(RegistryError, match="more than 3 pages"):
        list(paging.pages(registry, "/v2/a/b/tags/list?last=0"))
    assert len(responses.calls) == 3


@responses.activate
def test_a_page_that_is_too_large() -> None:
    """A page is read up to the limit only."""
    responses.get(LIST, body=b"x" * 101)
    with client(limits=Limits(list_bytes=100)) as registry, pytest.raises(ContentError) as raised:
        list(paging.pages(registry, "/v2/a/b/tags/list"))
    assert raised.value.code == "document-too-large"


@responses.activate
def test_no_credentials_to_another_origin() -> None:
    """A link to another origin is not followed at all."""
    responses.get(LIST, headers={"Link": "<https://evil.example.net/x>; rel=next"})
    with client(headers=(("Authorization", "Bearer secret"),)) as registry, pytest.raises(TransportError):
        list(paging.pages(registry, "/v2/a/b/tags/list"))
    assert [call.request.url for call in responses.calls] == [LIST]


@pytest.mark.parametrize("row", vector_rows("tags"))
def test_tags_vectors(row: dict[str, Any] | None) -> None:
    """Lists of tags are read in the order they have; null and a missing member are empty (TAG-02, TAG-03)."""
    row = present(row)
    raw = spec_path(row["file"]).read_bytes()
    assert row["valid"] or row["policy"] == "accept"
    assert paging.parse_tags(raw) == (json.loads(raw).get("tags") or [])


@pytest.mark.parametrize("row", vector_rows("catalog"))
def test_catalog_vectors(row: dict[str, Any] | None) -> None:
    """Lists of repositories are read; null is empty (CAT-01)."""
    row = present(row)
    raw = spec_path(row["file"]).read_bytes()
    assert row["valid"] or row["policy"] == "accept"
    assert paging.parse_catalog(raw) == (json.loads(raw)["repositories"] or [])


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"[]", "$:"),
        (b'{"tags": {"a": 1}}', "$.tags:"),
        (b'{"tags": ["a", 1]}', "$.tags[1]:"),
        (b"<html>", "$:"),
    ],
)
def test_malformed_lists(raw: bytes, place: str) -> None:
    """What is no list of strings is refused, and the place is named."""
    with pytest.raises(ContentError) as raised:
        paging.parse_tags(raw)
    assert raised.value.message.startswith(place)


QUICK = Limits(attempts=3, retry_base=0.0, idle_timeout=5)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n%b\r\n"


def page(body: bytes, link: bytes = b"", *, missing: int = 0) -> bytes:
    """A page as it comes, perhaps without its last bytes."""
    whole = HEAD % (len(body), b"Link: <%b>; rel=next\r\n" % link if link else b"")
    return whole + body[: len(body) - missing]


def test_a_page_that_breaks_off_is_asked_for_again() -> None:
    """The whole page comes anew, and what came of it before counts for nothing (HTTP-06, T4)."""
    events: list[Event] = []
    first, second = page(b"first", b"?last=a"), page(b"second")
    cut = page(b"first", b"?last=wrong", missing=2)
    with scripted(cut, first, page(b"second", missing=6), second) as (port, seen):
        with client(f"127.0.0.1:{port}", limits=QUICK, events=events) as registry:
            found = [body for _, body in paging.pages(registry, "/v2/a/b/tags/list")]
    assert found == [b"first", b"second"]
    assert [head.split(b" ")[1] for head in seen] == [b"/v2/a/b/tags/list"] * 2 + [
        b"/v2/a/b/tags/list?last=a"
    ] * 2
    assert [event.attempt for event in events if isinstance(event, Retrying)] == [1, 1]


def test_a_page_that_always_breaks_off() -> None:
    """The attempts have an end, and a page that is cut is never taken for a whole one."""
    with scripted(page(b"first", missing=1)) as (port, seen):
        with client(f"127.0.0.1:{port}", limits=QUICK) as registry, pytest.raises(TransportError) as raised:
            list(paging.pages(registry, "/v2/a/b/tags/list"))
    assert raised.value.code == "response-truncated"
    assert len(seen) == 3


def test_a_first_answer_that_breaks_off_is_asked_for_again() -> None:
    """Also where a caller has judged the head of the first page already."""
    with scripted(page(b"first", missing=2), page(b"first")) as (port, seen):
        with client(f"127.0.0.1:{port}", limits=QUICK) as registry:
            begun = registry.request("GET", "/v2/x", expected=(200,))
            assert [body for _, body in paging.pages(registry, "/v2/x", first=begun)] == [b"first"]
    assert len(seen) == 2
