"""Where output goes, and what is known about it: built once per run, in the command line's main."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TextIO, cast

from ocictl.errors import StorageError
from ocictl.model.text import escape

if TYPE_CHECKING:
    from ocictl.output.gotemplate import Template


class OutputClosed(Exception):  # noqa: N818 - a signal, not an error: whoever reads has had enough
    """Nobody reads standard output any more."""


class Record(Protocol):
    """What a command reports."""

    def to_json(self) -> dict[str, Any]:
        """The members, in their order."""
        ...


class Console:
    """Standard output for what a command reports, standard error for everything else.

    Lines are written whole and at once, from any thread, with control characters escaped. They are UTF-8
    whatever the locale says. A reader that goes away silences standard output; the work goes on.

    Attributes:
        as_json: messages on standard error are JSON objects, one per line.
        secrets: what the user gave and nobody may see; taken out of the debug log.
    """

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None, environ: Mapping[str, str]) -> None:
        """A stream is None where the program was started with it closed."""
        self._stdout = stdout
        self._stderr = stderr
        self._lock = threading.RLock()
        self._above: Callable[[str], None] | None = None
        self.as_json = False
        self.secrets: list[str] = []
        dumb = environ.get("TERM") == "dumb"
        self.stdout_is_terminal = _is_terminal(stdout) and not dumb
        self.stderr_is_terminal = _is_terminal(stderr) and not dumb

    @property
    def stderr(self) -> TextIO | None:
        """The stream for whoever draws on it."""
        return self._stderr

    @property
    def stdout(self) -> TextIO | None:
        """The stream for whoever draws on it."""
        return self._stdout

    def line(self, text: str) -> None:
        """Report one line of text."""
        self._report(f"{escape(text)}\n".encode())

    def record(self, record: Record) -> None:
        """Report a record as indented JSON."""
        self._report(f"{dump_json(record.to_json())}\n".encode())

    def rendered(self, template: Template, record: Record) -> None:
        """Report a record by a template, and nothing else: no newline is added.

        On a terminal what the record holds can't drive it (F10); the template's own text is the user's.
        """
        shown = _tame_lines if self.stdout_is_terminal else None
        self._report(template.render(record.to_json(), shown=shown))

    def block(self, text: str) -> None:
        """Report text that is made of safe lines and holds its own final newline, if it wants one."""
        self._report(text.encode("utf-8", "backslashreplace"))

    def data(self, data: bytes) -> None:
        """Report bytes exactly as they are.

        Raises:
            OutputClosed: nobody reads them.
            StorageError: they can't be written, for example on a full disk.
        """
        with self._lock:
            if self._stdout is None:
                raise OutputClosed
            try:
                _write(self._stdout, data)
            except BrokenPipeError:
                self._silence()
                raise OutputClosed from None
            except OSError as error:
                self._silence()
                raise _unwritable(error) from error

    @property
    def binary(self) -> BinaryIO:
        """Standard output as a file to write bytes to; raises as `data`."""
        return cast("BinaryIO", _Data(self))

    def message(self, label: str, text: str, **members: Any) -> None:
        """Tell something beside the result: a warning, a notice. It stays on one line.

        Args:
            label: `warning`, `retrying` …
            text: what to tell.
            **members: more members for the JSON form.
        """
        if self.as_json:
            self.diagnostic(dump_line({label: {"message": text, **members}}))
        else:
            self.diagnostic(f"{label}: {escape(text)}")

    def debug(self, text: str) -> None:
        """Write one line of the debug log, with the time."""
        from datetime import UTC, datetime

        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        self.diagnostic(f"{now} debug: {escape(text)}")

    def diagnostic(self, text: str) -> None:
        """Write lines that are safe already to standard error. Failing to do so is not an error."""
        with self._lock:
            if self._above is not None:
                self._above(text)
                return
            if self._stderr is None:
                return
            try:
                _write(self._stderr, f"{text}\n".encode("utf-8", "backslashreplace"))
            except OSError:
                self._stderr = None

    @contextmanager
    def drawing(self, above: Callable[[str], None]) -> Iterator[None]:
        """Hand standard error to something that draws on it; messages go to `above` meanwhile."""
        self._above = above
        try:
            yield
        finally:
            self._above = None

    def finish(self) -> None:
        """Flush standard output while a closed pipe can still be met in peace.

        Raises:
            StorageError: what was reported could not be written.
        """
        with self._lock:
            if self._stdout is None:
                return
            try:
                self._stdout.flush()
            except BrokenPipeError:
                self._silence()
            except OSError as error:
                self._silence()
                raise _unwritable(error) from error

    def _report(self, data: bytes) -> None:
        try:
            self.data(data)
        except OutputClosed:
            return

    def _silence(self) -> None:
        """Let what is still buffered go nowhere, so that the interpreter's own flush does not fail at exit."""
        stream, self._stdout = self._stdout, None
        try:
            descriptor = stream.fileno() if stream is not None else -1
            nowhere = os.open(os.devnull, os.O_WRONLY)
        except (OSError, ValueError):
            return
        try:
            if descriptor >= 0:
                os.dup2(nowhere, descriptor)
        finally:
            os.close(nowhere)


class _Data(io.RawIOBase):
    def __init__(self, console: Console) -> None:
        self._console = console

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._console.data(bytes(data))
        return len(data)


def dump_json(value: Mapping[str, Any]) -> str:
    """Indented JSON with readable text, but nothing in it that drives a terminal (F10)."""
    import json

    return _tame(json.dumps(value, indent=2, ensure_ascii=False))


def dump_line(value: Mapping[str, Any]) -> str:
    """The same as `dump_json`, on one line without blanks."""
    import json

    return _tame(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def _tame(text: str) -> str:
    """Escape in JSON what `escape` does in text.

    Outside of strings JSON is ASCII, so everything found here is inside of one and may be written as an escape.
    """
    import json
    import re

    def replace(match: re.Match[str]) -> str:
        character = match[0]
        return character if escape(character) == character else json.dumps(character)[1:-1]

    return re.sub(r"[^\n -~]", replace, text)


def _tame_lines(text: str) -> str:
    """Do what `escape` does, but leave line ends and tabs."""
    import re

    return re.sub(r"[^\n\t]+", lambda match: escape(match[0]), text)


def _write(stream: TextIO, data: bytes) -> None:
    binary = getattr(stream, "buffer", None)
    if binary is None:
        stream.write(data.decode())
    else:
        stream.flush()
        binary.write(data)
    stream.flush()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _unwritable(error: OSError) -> StorageError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StorageError(
        f"standard output can't be written: {error.strerror or error}",
        code="disk-full" if full else "file-unwritable",
    )
