"""Progress bars on a terminal. Imported only when there is one, because rich takes its time."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Column
from rich.text import Text

from ocictl.events import (
    Event,
    FileAdvanced,
    FilePrepared,
    TagCopied,
    TransferAdvanced,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
)
from ocictl.model.descriptor import Descriptor
from ocictl.model.text import escape
from ocictl.output.console import Console
from ocictl.output.progress import Copying, shown_name, status_line

_STEP: Final = 512 * 1024
"""Bytes between two updates of one bar: the screen is drawn ten times a second at most anyway."""
_NAME: Final = 30
"""Characters of a name that are shown, so that a bar fits on a line of eighty."""


class Bars:
    """Draws a bar for each running transfer; what is done moves up and becomes a line."""

    def __init__(self, console: Console, copying: Copying = "cp") -> None:
        self._console = console
        self._copying: Copying = copying
        self._rich = RichConsole(file=console.stderr, highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            DownloadColumn(table_column=Column(no_wrap=True)),
            TransferSpeedColumn(table_column=Column(no_wrap=True)),
            console=self._rich,
            transient=True,
        )
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._drawn: dict[tuple[str, str], int] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        self._exit.enter_context(self._progress)
        self._exit.enter_context(self._console.drawing(self._print))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def __call__(self, event: Event) -> None:
        match event:
            case FileAdvanced():
                key = ("", event.name)
                self._open(key, event.name, event.size)
                self._move(key, event.offset, event.size)
            case FilePrepared():
                self._close(("", event.name))
            case TransferStarted():
                self._start(event.descriptor)
            case TransferAdvanced():
                self._advance(event.descriptor, event.offset)
            case TransferFinished() if event.action == "processed":
                self._stop(event.descriptor)  # what it points to comes next; its line comes at the end
            case TransferFinished() | TransferSkipped():
                self._stop(event.descriptor)
                self._print(escape(status_line(event, self._copying) or ""))
            case TagCopied():
                self._print(escape(status_line(event, self._copying) or ""))

    def _start(self, descriptor: Descriptor) -> None:
        self._open(_key(descriptor), shown_name(descriptor), descriptor.size)

    def _advance(self, descriptor: Descriptor, offset: int) -> None:
        self._move(_key(descriptor), offset, descriptor.size)

    def _stop(self, descriptor: Descriptor) -> None:
        self._close(_key(descriptor))

    def _open(self, key: tuple[str, str], name: str, size: int) -> None:
        text = escape(name)
        shown = text if len(text) <= _NAME else text[: _NAME - 1] + "…"
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = self._progress.add_task(shown, total=size)

    def _move(self, key: tuple[str, str], offset: int, size: int) -> None:
        with self._lock:
            task = self._tasks.get(key)
            moved = abs(offset - self._drawn.get(key, 0))
            if task is None or (moved < _STEP and offset != size):
                return
            self._drawn[key] = offset
        self._progress.update(task, completed=offset)

    def _close(self, key: tuple[str, str]) -> None:
        with self._lock:
            task = self._tasks.pop(key, None)
            self._drawn.pop(key, None)
        if task is not None:
            self._progress.remove_task(task)

    def _print(self, text: str) -> None:
        self._rich.print(Text(text), soft_wrap=True)


def _key(descriptor: Descriptor) -> tuple[str, str]:
    return str(descriptor.digest), shown_name(descriptor)
