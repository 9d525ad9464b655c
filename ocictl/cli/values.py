"""Single values of the command line that several commands read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from ocictl.cli.grouping import F

if TYPE_CHECKING:
    from ocictl.cli.remote_options import RemoteOptions
    from ocictl.model.platform import Platform
    from ocictl.ops.pack import FileArgument

_DAY: Final = 24 * 3600
_MOST_RETRIES: Final = 100
_SMALLEST_CHUNK: Final = 64 * 1024
_SIZE: Final = r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?(?:([kmgt])(i?b)?|b)?"


def seconds(text: str | float) -> float:
    """Read a time in seconds, more than nothing and at most a day; a type for options."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    # "nan" is a number to Python, and compares as nothing.
    if not 0 < value <= _DAY:
        raise click.BadParameter(f"{text!r} is not a number of seconds between 0 and {_DAY}.")
    return value


def retries(text: str | int) -> int:
    """Read how often something is tried again; a type for options."""
    value = int(text) if str(text).isascii() and str(text).isdigit() else -1
    if not 0 <= value <= _MOST_RETRIES:
        raise click.BadParameter(f"{text!r} is not a whole number from 0 to {_MOST_RETRIES}.")
    return value


def byte_size(text: str | int) -> int:
    """Read a number of bytes: `1024`, `500MB` (a thousand thousands), `10GiB` or `10G` (a power of 1024).

    A type for options.
    """
    match = re.fullmatch(_SIZE, str(text).strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size like 500MB, 10GiB or a number of bytes.")
    whole, part, prefix, unit = match.groups(default="")
    base = 1000 if unit == "b" else 1024
    value: int = int(whole + part) * base ** " kmgt".index(prefix or " ") // 10 ** len(part)
    return value


def chunk_size(text: str | int) -> int:
    """Read the size of a chunk, at least 64 KiB; a type for options."""
    value = byte_size(text)
    if value < _SMALLEST_CHUNK:
        raise click.BadParameter(f"{text!r} is less than 64KiB.")
    return value


def mount_option() -> Callable[[F], F]:
    """Add `--mount-from`, passed on as `mount_from: tuple[str, ...]`."""
    return click.option(
        "--mount-from",
        metavar="REPOSITORY",
        multiple=True,
        help="Take blobs over from this repository of the same registry, where it has them; may be repeated.",
    )


def concurrency_option(default: int, purpose: str) -> Callable[[F], F]:
    """Add `--concurrency`, passed on as `concurrency: int`."""
    return _concurrency(default, "--concurrency", help=purpose)


def _concurrency(default: int, *names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(
        *names, type=click.IntRange(min=1), metavar="N", default=default, show_default=True, **attributes
    )


def blob_concurrency_option(default: int, *names: str) -> Callable[[F], F]:
    """Add `--concurrency`, passed on as `concurrency: int | None`: None if nobody said how many.

    Args:
        default: how many, as shown; more of small ones.
        names: the parameter's name, where it is another one.
    """

    def if_given(context: click.Context, option: click.Parameter, value: int) -> int | None:
        source = context.get_parameter_source(option.name or "")
        return None if source is ParameterSource.DEFAULT else value

    text = "How many blobs move at once; unless given, up to 12 while they are small."
    return _concurrency(default, "--concurrency", *names, callback=if_given, help=text)


def platform_option(purpose: str) -> Callable[[F], F]:
    """Add `--platform`, passed on as `platform: str | None`."""
    return click.option(
        "--platform", metavar="PLATFORM", help=f"{purpose}: os[/arch[/variant]][:os_version]."
    )


def parse_platform(text: str | None) -> Platform | None:
    """Read the value of `--platform`.

    Raises:
        InvalidInputError: `platform-invalid`.
    """
    from ocictl.model.platform import Platform

    return Platform.parse(text) if text else None


def parse_platforms(texts: Sequence[str]) -> list[Platform]:
    """Read the values of a `--platform` that may be repeated, each perhaps a list with commas; equal ones once.

    Raises:
        InvalidInputError: `platform-invalid`.
    """
    from ocictl.model.platform import Platform

    parts = [part.strip() for text in texts for part in text.split(",")]
    return [Platform.parse(part) for part in dict.fromkeys(parts)]


def parse_files(texts: Sequence[str]) -> list[FileArgument]:
    """Read file arguments.

    Raises:
        InvalidInputError: a path or a media type is not valid.
    """
    from ocictl.ops.pack import FileArgument

    return [FileArgument.parse(text) for text in texts]


def check_files(files: Sequence[FileArgument]) -> None:
    """Find files that are not there before anything is sent or made.

    Raises:
        StorageError: `file-not-found` or `file-unreadable`.
    """
    from ocictl.sources import unreadable

    for file in files:
        try:
            os.stat(file.path)  # noqa: PTH116 - the text as it was given
        except OSError as error:
            raise unreadable(file.path, error) from error


def check_exclusive(given: Mapping[str, bool]) -> None:
    """Accept at most one of these options.

    Raises:
        InvalidInputError: two of them are given.
    """
    from ocictl.errors import InvalidInputError

    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise InvalidInputError(
            f"{names[0]} and {names[1]} can't be used together", hint="leave one of them out"
        )


def check_stdin_is_free(remote: RemoteOptions) -> None:
    """Refuse to read two things from standard input.

    Raises:
        InvalidInputError: a secret is to be read from it already.
    """
    from ocictl.errors import InvalidInputError

    for name, is_given in {
        "--password-stdin": remote.password_stdin,
        "--identity-token-stdin": remote.identity_token_stdin,
    }.items():
        if is_given:
            raise InvalidInputError(
                f"{name} and - both read standard input", hint="log in before with: ocictl login"
            )
