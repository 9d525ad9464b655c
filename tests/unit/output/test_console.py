"""The console: whole safe lines in UTF-8, messages apart from results, closed pipes without fuss."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import StorageError
from ocictl.output.console import Console, OutputClosed, dump_json, dump_line


class _Streams:
    def __init__(self, **environ: str) -> None:
        self.out, self.err = io.BytesIO(), io.BytesIO()
        self.console = Console(
            io.TextIOWrapper(self.out, encoding="ascii"),
            io.TextIOWrapper(self.err, encoding="ascii"),
            environ,
        )


class _Failing(io.RawIOBase):
    """A stream that can't be written."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raise self.error


def _failing(number: int) -> Console:
    stream = io.TextIOWrapper(_Failing(OSError(number, os.strerror(number))))  # type: ignore[arg-type]
    return Console(stream, io.StringIO(), {})


def test_lines_are_utf8_whatever_the_locale_says() -> None:
    """A program with an ASCII locale prints the same bytes as any other."""
    streams = _Streams()
    streams.console.line("├── ünï")
    assert streams.out.getvalue() == "├── ünï\n".encode()


def test_a_line_stays_one_line() -> None:
    """F10: what a registry sent can't add lines or drive the terminal."""
    streams = _Streams()
    streams.console.line("a\nPushed b\x1b[2J\u202e")
    assert streams.out.getvalue() == b"a\\x0aPushed b\\x1b[2J\\u202e\n"


def test_messages_go_to_standard_error() -> None:
    """Standard output holds results only."""
    streams = _Streams()
    streams.console.message("warning", "x\ny")
    assert streams.out.getvalue() == b""
    assert streams.err.getvalue() == b"warning: x\\x0ay\n"


def test_messages_are_json_lines_where_json_is_asked_for() -> None:
    """Standard error can be read by a program too, one object per line."""
    streams = _Streams()
    streams.console.as_json = True
    streams.console.message("warning", "x", host="h")
    assert json.loads(streams.err.getvalue()) == {"warning": {"message": "x", "host": "h"}}


def test_the_debug_log_has_the_time() -> None:
    """Each line of the wire log begins with a UTC time stamp."""
    streams = _Streams()
    streams.console.debug("GET /v2/")
    stamp, rest = streams.err.getvalue().decode().split(" ", 1)
    assert stamp.endswith("Z")
    assert rest == "debug: GET /v2/\n"


def test_data_is_not_touched() -> None:
    """Bytes come out as they are."""
    streams = _Streams()
    streams.console.binary.write(b"\x00\xff\n")
    assert streams.out.getvalue() == b"\x00\xff\n"


def test_lines_after_the_reader_went_away_are_dropped() -> None:
    """A closed pipe does not stop a push half-way (F9)."""
    console = _failing(errno.EPIPE)
    console.line("a")
    console.line("b")
    console.finish()
    assert console.stdout is None


def test_data_for_a_reader_that_went_away_stops_the_stream() -> None:
    """Nobody goes on downloading what nobody reads."""
    with pytest.raises(OutputClosed):
        _failing(errno.EPIPE).data(b"x")


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EIO, "file-unwritable")])
def test_a_result_that_can_not_be_written_is_an_error(number: int, code: str) -> None:
    """A full disk under a redirection is not mistaken for success."""
    with pytest.raises(StorageError) as caught:
        _failing(number).line("x")
    assert caught.value.code == code


def test_closed_streams_are_no_trouble() -> None:
    """A program started with `>&- 2>&-` works, silently."""
    console = Console(None, None, {})
    console.line("a")
    console.message("warning", "b")
    console.finish()
    with pytest.raises(OutputClosed):
        console.data(b"x")


def test_the_file_behind_a_broken_stream_is_silenced(tmp_path: Path) -> None:
    """The interpreter's flush at exit has nothing left to fail on."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        console = Console(stream, None, {})
        console.line("x")
        assert os.fstat(stream.fileno()).st_rdev == Path(os.devnull).stat().st_rdev


@pytest.mark.parametrize("dump", [dump_json, dump_line])
def test_json_holds_nothing_that_drives_a_terminal(dump: Any) -> None:
    """Text stays readable, dangerous characters become JSON escapes, and the value is the same."""
    value = {"a": "ü\x1b\x9b\u202e\udc80\U000e0041\n日"}
    text = dump(value)
    assert "ü" in text
    assert "日" in text
    assert not set(text) & set("\x1b\x9b\u202e\udc80\U000e0041")
    assert json.loads(text) == value


def test_a_dumb_terminal_is_no_terminal() -> None:
    """TERM=dumb gets lines, not bars."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert Console(Terminal(), Terminal(), {}).stderr_is_terminal
    assert not Console(Terminal(), Terminal(), {"TERM": "dumb"}).stderr_is_terminal


def test_who_draws_on_standard_error_gets_the_messages() -> None:
    """A warning does not run through a progress bar."""
    streams = _Streams()
    above: list[str] = []
    with streams.console.drawing(above.append):
        streams.console.message("warning", "x")
    streams.console.message("warning", "y")
    assert above == ["warning: x"]
    assert streams.err.getvalue() == b"warning: y\n"
