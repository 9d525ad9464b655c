"""What a bad network and a bad registry do to a command, each with the number it ends with (FIELD.md 3c, T1 to T9).

Waits are not waited, but written down.
"""

from __future__ import annotations

import hashlib
import socket
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from ocictl import content
from ocictl.stores.repository import Repository
from ocictl.transport.retry import Retrier
from tests.support.cli import Outcome, ocictl
from tests.support.registry import Fault, Quirks, Registry, Reply, Request
from tests.unit.transport.servers import scripted

DATA: bytes = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
HEX = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of a run, in seconds; nobody waits."""
    waited: list[float] = []
    for kind in (Retrier, Repository):
        defaults: dict[str, Any] = kind.__init__.__kwdefaults__  # type: ignore[attr-defined, assignment]
        monkeypatch.setitem(defaults, "sleep", waited.append)
    monkeypatch.setattr(content, "pause", waited.append)
    return waited


@pytest.fixture
def stored(registry: Registry, work: Path) -> str:
    """A name under which there is a file of 640 kB."""
    registry.put_artifact("a/b", {"data": DATA}, tag="v1")
    return f"{registry.host}/a/b:v1"


def pull(name: str, *arguments: str, code: int = 0) -> Outcome:
    """Pull; what is written must be right, or not there."""
    outcome = ocictl("pull", name, "-o", "out", *arguments, code=code)
    written = Path("out/data")
    assert (written.read_bytes() == DATA) if code == 0 else not written.exists()
    return outcome


def retries(outcome: Outcome) -> int:
    """How many lines tell of another attempt."""
    return len([line for line in outcome.stderr.splitlines() if line.startswith("retrying: ")])


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("2", 2.0, 2.5),
        ("0", 0.0, 0.5),
        ("999999999", 60.0, 60.0),
        ("-1", 0.0, 0.5),
        ("soon", 0.0, 0.5),
        ("", 0.0, 0.5),
        (None, 0.0, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_t1_retry_after(
    registry: Registry,
    stored: str,
    waits: list[float],
    status: int,
    value: str | None,
    least: float,
    most: float,
) -> None:
    """What the registry asks for is waited, up to a minute; nonsense counts as nothing (LIM-01)."""
    headers = () if value is None else (("Retry-After", value),)
    registry.configure(faults=(Fault(path="/manifests/", status=status, headers=headers),))
    assert retries(pull(stored)) == 1
    (waited,) = waits
    assert least <= waited <= most


def test_t1_retry_after_as_a_date(registry: Registry, stored: str, waits: list[float]) -> None:
    """The other form of the header; a date that is over means at once."""
    for date, least, most in (
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0, 0.5),
        (formatdate(4e9, usegmt=True), 60.0, 60.0),
    ):
        waits.clear()
        registry.configure(faults=(Fault(path="/manifests/", status=429, headers=(("Retry-After", date),)),))
        ocictl("resolve", stored)
        (waited,) = waits
        assert least <= waited <= most


def test_t1_too_many_requests_for_ever(registry: Registry, stored: str, waits: list[float]) -> None:
    """The attempts have an end, which is a network failure; waits grow and are random."""
    registry.configure(faults=(Fault(status=429, times=None),))
    outcome = pull(stored, code=5)
    assert retries(outcome) == len(waits) == 4
    assert all(waited <= bound for waited, bound in zip(waits, (0.5, 1, 2, 4), strict=True))
    assert "error: the registry answered 429" in outcome.stderr


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
@pytest.mark.parametrize(("times", "code"), [(2, 0), (4, 0), (None, 5)])
def test_t2_temporary_statuses(
    registry: Registry, stored: str, status: int, times: int | None, code: int
) -> None:
    """They are tried again, as often as allowed."""
    registry.configure(faults=(Fault(path="/blobs/", status=status, times=times),))
    assert retries(pull(stored, code=code)) == (4 if times is None else times)


@pytest.mark.parametrize(("status", "code"), [(400, 1), (403, 4), (404, 3), (405, 7), (413, 1), (501, 7)])
def test_t2_final_statuses(
    registry: Registry, stored: str, waits: list[float], status: int, code: int
) -> None:
    """Everything else is final."""
    registry.configure(faults=(Fault(method="GET", status=status, times=None),))
    assert retries(pull(stored, code=code)) == 0
    assert waits == []


@pytest.mark.parametrize(
    ("arguments", "env", "attempts"),
    [
        (["--retries", "0"], {}, 1),
        (["--retries", "2"], {}, 3),
        ([], {"OCICTL_RETRIES": "1"}, 2),
        (["--retries", "0"], {"OCICTL_RETRIES": "9"}, 1),
        ([], {"OCICTL_RETRIES": ""}, 5),
    ],
)
def test_the_number_of_attempts(
    registry: Registry, stored: str, arguments: list[str], env: dict[str, str], attempts: int
) -> None:
    """`--retries` counts what comes after the first; the option wins over the environment."""
    registry.configure(faults=(Fault(status=503, times=None),))
    ocictl("resolve", stored, *arguments, env=env, code=5)
    assert len(registry.requests) == attempts


def test_t3_nobody_listens(work: Path) -> None:
    """A refused connection is tried again, and then named."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = ocictl("resolve", f"127.0.0.1:{free.getsockname()[1]}/a/b:v1", "--retries", "1", code=5)
    assert retries(outcome) == 1
    assert "connection refused" in outcome.stderr
    assert "nothing listens there" in outcome.stderr


@pytest.mark.parametrize(("path", "expected"), [("/manifests/", 2), ("/blobs/", 1)])
@pytest.mark.parametrize("reset", [False, True])
def test_t3_no_answer(registry: Registry, stored: str, path: str, expected: int, reset: bool) -> None:
    """A connection that ends before the answer, in good order or not; one that was used before may do so once."""
    registry.configure(faults=(Fault(path=path, drop=True, reset=reset, times=2),))
    assert retries(pull(stored)) == expected


@pytest.mark.parametrize("after", [0, 1, len(DATA) // 2, len(DATA) - 1])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_t3_t4_a_body_that_breaks_off(
    registry: Registry, stored: str, after: int, reset: bool, chunked: bool
) -> None:
    """The rest is fetched, and the whole is right: cut or reset, by length or in chunks."""
    digest = f"sha256:{HEX}"
    fault = Fault(method="GET", path=f"/blobs/{digest}", cut_after=after, reset=reset)
    registry.configure(faults=(fault,), chunked=chunked)
    outcome = pull(stored)
    assert retries(outcome) == 1
    asked = [request.header("Range") for request in registry.matching("GET", f"/blobs/{digest}")]
    assert asked[0] is None
    assert len(asked) == 2


def test_t4_a_body_without_an_end(registry: Registry, stored: str) -> None:
    """A body whose end is the connection's looks whole when it is cut; size and digest tell, and nothing is kept."""

    def shorter(request: Request, reply: Reply, _: Registry) -> Reply:
        if request.method == "GET" and "/blobs/" in request.path:
            reply.length, reply.body = -1, reply.body[:1000]
        return reply

    registry.configure(after=shorter)
    outcome = pull(stored, code=6)
    assert "ended after 1000 bytes" in outcome.stderr


@pytest.mark.parametrize("path", ["/manifests/", "/blobs/"])
def test_t5_a_body_that_stalls(registry: Registry, stored: str, path: str) -> None:
    """A body that stops coming is given up after `--timeout`, and tried again."""
    registry.configure(faults=(Fault(method="GET", path=path, stall_after=20),))
    pull(stored, "--timeout", "0.3")
    registry.configure(faults=(Fault(method="GET", path=path, stall_after=0, times=None),))
    Path("out/data").unlink()
    outcome = ocictl("pull", stored, "-o", "out", "--retries", "1", env={"OCICTL_TIMEOUT": "0.3"}, code=5)
    assert "nothing came from the host for too long" in outcome.stderr
    assert [path.name for path in Path("out").iterdir() if path.name == "data"] == []


def test_t5_a_host_that_says_nothing(work: Path) -> None:
    """A connection without an answer ends after the idle time-out."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}/a/b:v1"
        outcome = ocictl("resolve", place, "--timeout", "0.2", "--retries", "0", code=5)
    assert "nothing came from the host" in outcome.stderr


@pytest.mark.parametrize("quirks", [Quirks(gzip_blobs=True)])
def test_t8_encodings_nobody_asked_for(registry: Registry, stored: str) -> None:
    """A body is never decoded, so it can't grow on the way; one that is encoded all the same is refused.

    CVE-2025-66418, CVE-2025-66471, CVE-2026-21441: there is nothing to unpack, in redirects neither.
    """
    assert "Content-Encoding" in pull(stored, code=1).stderr


def test_t9_http_1_0(work: Path) -> None:
    """A server that speaks HTTP/1.0 and ends each connection will do."""
    manifest = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}'
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: %d\r\n\r\n"
    whole = head % len(manifest)
    with scripted(whole, whole + manifest) as (port, seen):
        outcome = ocictl("manifest", "fetch", f"127.0.0.1:{port}/a/b:v1")
    assert outcome.data == manifest
    assert len(seen) >= 2


def test_t9_kept_connections_that_are_cut(registry: Registry, stored: str) -> None:
    """A registry that ends kept connections between requests, as when it restarts, does not matter."""

    def hang_up(request: Request, reply: Reply, running: Registry) -> Reply:
        reply.headers.append(("Keep-Alive", "timeout=0"))
        reply.cut_after = len(reply.body)  # the connection ends with the answer, unannounced
        return reply

    registry.configure(after=hang_up)
    pull(stored)


def _upload_faults(registry: Registry) -> list[str]:
    return [request.method for request in registry.matching(path="/blobs/uploads/")]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="PUT", path=HEX, status=503),
        Fault(method="PUT", path=HEX, status=429, early=True),
        Fault(method="PUT", path=HEX, drop=True),
        Fault(method="PUT", path=HEX, reset=True),
        Fault(method="PUT", path=HEX, cut_request_after=1000),
        Fault(method="PUT", path=HEX, cut_request_after=1000, reset=True),
        Fault(method="PUT", path=HEX, status=404),
    ],
    ids=["503", "early 429", "no answer", "reset", "cut", "cut by reset", "session gone"],
)
def test_uploads_begin_anew(registry: Registry, work: Path, fault: Fault) -> None:
    """A body can't be sent on where it broke, so a new session takes it from its first byte (PUSH-15)."""
    Path("data").write_bytes(DATA)
    registry.configure(faults=(fault,))
    outcome = ocictl("push", f"{registry.host}/a/b:v1", "data", "--concurrency", "1")
    assert retries(outcome) == 1
    assert f"sha256:{HEX}" in registry.repository("a/b").blobs
    # Two blobs, and one of them twice.
    assert _upload_faults(registry).count("POST") == 3


@pytest.mark.parametrize("fault", [Fault(after=True, drop=True), Fault(after=True, status=502)])
def test_uploads_whose_answer_is_lost(registry: Registry, work: Path, fault: Fault) -> None:
    """What arrived although the answer was lost is found by HEAD, and not sent again (U10, PUSH-19)."""
    from dataclasses import replace

    Path("data").write_bytes(DATA)
    registry.configure(faults=(replace(fault, method="PUT", path="/uploads/"),))
    ocictl("push", f"{registry.host}/a/b:v1", "data", "--concurrency", "1")
    assert _upload_faults(registry).count("POST") == 2


def test_uploads_end(registry: Registry, work: Path) -> None:
    """The attempts of an upload have an end, too."""
    Path("data").write_bytes(DATA)
    registry.configure(faults=(Fault(method="PUT", path="/uploads/", status=503, times=None),))
    outcome = ocictl(
        "push", f"{registry.host}/a/b:v1", "data", "--concurrency", "1", "--retries", "2", code=5
    )
    assert retries(outcome) == 2


def test_t9_an_early_refusal(registry: Registry, work: Path) -> None:
    """A registry that refuses a body before it has read it is heard (413)."""
    Path("data").write_bytes(DATA)
    registry.configure(faults=(Fault(method="PUT", path="/uploads/", status=413, early=True, times=None),))
    outcome = ocictl("push", f"{registry.host}/a/b:v1", "data", "--concurrency", "1", code=1)
    assert "413" in outcome.stderr
    assert retries(outcome) == 0


def test_lists_that_break_off(registry: Registry, stored: str) -> None:
    """A page of referrers that is cut is asked for again, and told."""
    subject = registry.repository("a/b").manifests[registry.repository("a/b").tags["v1"]].descriptor()
    registry.put_artifact("a/b", {"sbom": b"{}"}, subject=subject)
    registry.configure(faults=(Fault(path="/referrers/", cut_after=10),))
    outcome = ocictl("discover", stored, "--format", "json")
    assert [json_line for json_line in outcome.stderr.splitlines() if "retrying" in json_line] != []
    assert len(outcome.json["referrers"]) == 1


def test_manifests_that_must_be_read_and_break_off(registry: Registry, stored: str) -> None:
    """Where HEAD does not tell enough, the GET in its place is repeated as well."""
    registry.configure(
        content_digest="missing", faults=(Fault(method="GET", path="/manifests/", cut_after=9),)
    )
    assert retries(ocictl("resolve", stored)) == 1


@pytest.mark.parametrize(
    ("arguments", "env", "named"),
    [
        (["--retries", "-1"], {}, "--retries"),
        (["--retries", "many"], {}, "--retries"),
        (["--retries", "1.5"], {}, "--retries"),
        (["--retries", "101"], {}, "--retries"),
        (["--timeout", "0"], {}, "--timeout"),
        (["--timeout", "-3"], {}, "--timeout"),
        (["--timeout", "nan"], {}, "--timeout"),
        (["--timeout", "inf"], {}, "--timeout"),
        (["--timeout", "1m"], {}, "--timeout"),
        ([], {"OCICTL_RETRIES": "many"}, "OCICTL_RETRIES"),
        ([], {"OCICTL_TIMEOUT": "1m"}, "OCICTL_TIMEOUT"),
        (["--resolve", "registry.test:443"], {}, "HOST:PORT:ADDRESS"),
    ],
)
def test_values_that_are_none(
    registry: Registry, stored: str, arguments: list[str], env: dict[str, str], named: str
) -> None:
    """A bad value is named, and nothing is sent."""
    assert named in ocictl("resolve", stored, *arguments, env=env, code=2).stderr
    assert registry.requests == []
