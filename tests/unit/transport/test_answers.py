"""Heads of answers: whatever way they are read, the result is http.client's."""

from __future__ import annotations

import io
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.transport import answers
from ocictl.transport.answers import Answer

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
    """What an answer reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_args: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


def outcome(kind: type[HTTPResponse], data: bytes, method: str) -> object:
    """All that a reader of the answer can tell, or the exception."""
    socket: Any = _Socket(data)
    answer = kind(socket, method=method)
    try:
        answer.begin()
        facts = (
            answer.status,
            answer.code,
            answer.reason,
            answer.version,
            list(answer.msg.items()),
            [answer.getheader(name) for name in ("content-length", "WARNING", "x")],
            answer.msg.get_all("warning"),
            getattr(answer, "chunked", None),
            getattr(answer, "length", None),
            getattr(answer, "will_close", None),
        )
        return facts, answer.read()
    except (HTTPException, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str, method: str) -> None:
    """PY-01: ordinary and strange heads give what http.client makes of them."""
    data = HEADS[name] + BODY
    assert outcome(Answer, data, method) == outcome(HTTPResponse, data, method)


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
    assert outcome(Answer, data, method) == outcome(HTTPResponse, data, method)


def test_the_quick_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary head does not get to the parser of e-mails."""

    def refuse(_self: HTTPResponse) -> None:
        pytest.fail("read by http.client")

    monkeypatch.setattr(answers.HTTPResponse, "begin", refuse)
    assert outcome(Answer, ORDINARY + BODY, "GET") is not None
