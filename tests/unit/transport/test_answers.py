"""Heads of answers: whatever way they are read, the result is http.client's."""

from __future__ import annotations

import io
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.transport import answers, connections
from ocictl.transport.answers import Answer, BrokenAnswer

BODY = b"body of the answer"
ORDINARY = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nContent-Type: text/plain\r\nWarning: one\r\nwarning:\ttwo \r\n\r\n"
HEADS = {
    "ordinary": ORDINARY,
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 18\r\n\r\n",
    "empty reason": b"HTTP/1.1 200 \r\nContent-Length: 18\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    "no headers": b"HTTP/1.1 204 No Content\r\n\r\n",
    "empty value": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA:\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + ORDINARY,
    "old version": b"HTTP/1.0 200 OK\r\nContent-Length: 18\r\n\r\n",
    "new version": b"HTTP/2 200 OK\r\nContent-Length: 18\r\n\r\n",
    "closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 18\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + BODY + b"\r\n0\r\n\r\n",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "length in words": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nContent-Length: 5\r\n\r\n",
    "other digits": "HTTP/1.1 200 OK\r\nContent-Length: ²\r\n\r\n".encode("latin-1"),
    "latin-1": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA: \xe4\r\n\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA: b\r\n c\r\n\r\n",
    "blank before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 18\r\n\r\n",
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 18\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 18\n\n",
    "mixed line ends": b"HTTP/1.1 200 OK\r\nContent-Length: 18\nA: b\r\n\r\n",
    "control character": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA: b\x01c\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA:",
    "nothing": b"",
    "too many": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nA: " + b"b" * 9000 + b"\r\n\r\n",
}


class _Socket:
    """What http.client reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_args: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


class Lent:
    """A connection that notes what becomes of it."""

    def __init__(self, data: bytes) -> None:
        self.stream = connections._Stream(io.BytesIO(data))  # type: ignore[arg-type]
        self.end = ""

    def give_back(self) -> None:
        self.end = "kept"

    def close(self) -> None:
        self.end = "closed"


def by_http_client(data: bytes, method: str) -> object:
    """All that a reader of the answer can tell, or that there is none."""
    answer = HTTPResponse(_Socket(data), method=method)  # type: ignore[arg-type]
    try:
        answer.begin()
        body = answer.read()
    except (HTTPException, ValueError):
        return "broken"
    return answer.status, list(answer.msg.items()), body, not answer.will_close


def by_us(data: bytes, method: str, *, into: bool = False) -> object:
    """The same by `Answer`."""
    lent = Lent(data)
    try:
        answer = Answer(lent, method)
        parts, buffer = [], memoryview(bytearray(7))
        if into:
            while count := answer.readinto(buffer):
                parts.append(bytes(buffer[:count]))
        else:
            while part := answer.read(7):
                parts.append(part)
    except (BrokenAnswer, ValueError):
        return "broken"
    answer.close()
    return answer.status, answer.headers.items(), b"".join(parts), lent.end == "kept"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str, method: str) -> None:
    """PY-01: ordinary and strange heads give what http.client makes of them."""
    data = HEADS[name] + BODY
    assert by_us(data, method) == by_us(data, method, into=True) == by_http_client(data, method)


line = st.tuples(
    st.sampled_from(
        ["Content-Length", "content-length", "Connection", "Transfer-Encoding", "A", "Link", "B C", ""]
    ),
    st.sampled_from([":", ": ", " :", ":\t", ""]),
    st.one_of(st.sampled_from(["18", "0", "close", "keep-alive", "chunked"]), st.text(max_size=12)),
    st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r\n "]),
).map("".join)


@given(
    start=st.sampled_from(["HTTP/1.1 200 OK\r\n", "HTTP/1.1 404 Not  Found \r\n", "HTTP/1.0 200 OK\r\n"]),
    lines=st.lists(line, max_size=6),
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
)
def test_any_head(start: str, lines: list[str], method: str) -> None:
    """PY-01: no head is read in another way than http.client reads it."""
    data = (start + "".join(lines) + "\r\n").encode("utf-8", "replace") + BODY
    assert by_us(data, method) == by_http_client(data, method)


def test_the_quick_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary head does not get to the parser of e-mails."""

    def refuse(*_: object) -> None:
        pytest.fail("read by http.client")

    monkeypatch.setattr(answers, "_unusual", refuse)
    assert by_us(ORDINARY + BODY, "GET") != "broken"


@pytest.mark.parametrize("count", [0, 5, 18])
@pytest.mark.parametrize("head", ["ordinary", "closing", "chunked"])
def test_what_becomes_of_the_connection(head: str, count: int) -> None:
    """It serves another request only if nothing of this answer is left on it, and nobody said otherwise."""
    lent = Lent(HEADS[head] + (b"" if head == "chunked" else BODY))
    answer = Answer(lent, "GET")
    read = answer.read(count) if count else b""
    assert read == BODY[:count]
    if count == len(BODY):
        assert answer.read(1) == b""
    for _ in range(2):
        answer.close()
    assert lent.end == ("kept" if head != "closing" and count == len(BODY) else "closed")


@pytest.mark.parametrize("cut", [1, 17])
@pytest.mark.parametrize("head", ["ordinary", "closing"])
def test_a_body_that_ends_early(head: str, cut: int) -> None:
    """What came is handed out, and the end is not taken for one."""
    answer = Answer(Lent(HEADS[head] + BODY[:cut]), "GET")
    assert answer.read(100) == BODY[:cut]
    assert answer.left == len(BODY) - cut
    with pytest.raises(BrokenAnswer):
        answer.read(100)
    with pytest.raises(BrokenAnswer):
        answer.readinto(memoryview(bytearray(5)))


def test_reading_what_was_closed() -> None:
    """A closed answer is not an empty one."""
    answer = Answer(Lent(ORDINARY + BODY), "GET")
    answer.close()
    with pytest.raises(ValueError, match="closed"):
        answer.read(5)


def test_headers() -> None:
    """PY-05: each line as it came; joined for whoever wants one value."""
    headers = answers.Headers([("Link", "a"), ("X", ""), ("link", "b")])
    assert headers.get("LINK") == "a, b"
    assert headers.getlist("Link") == ["a", "b"]
    assert headers.get("x") == ""
    assert headers.get("y") is None
    assert headers.getlist("y") == []
    assert headers.items() == [("Link", "a"), ("X", ""), ("link", "b")]
