"""The command `blob push`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options
from ocictl.cli.remote_options import RemoteOptions, remote_options
from ocictl.cli.values import check_exclusive, check_stdin_is_free

if TYPE_CHECKING:
    from ocictl.target import Content


@click.command("push", cls=OcictlCommand)
@click.argument("name", metavar="NAME[@DIGEST]")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--size",
    type=int,
    metavar="BYTES",
    default=-1,
    show_default=True,
    help="How many bytes there must be; needed for standard input.",
)
@click.option(
    "--media-type",
    metavar="TYPE",
    default="application/vnd.oci.image.layer.v1.tar",
    show_default=True,
    help="Media type for the descriptor that is printed.",
)
@click.option("--descriptor", is_flag=True, help="Print the descriptor.")
@click.option("--pretty", is_flag=True, help="Indent the descriptor.")
@output_options("text", "json", progress=True)
@remote_options(uploads=True)
def command(
    name: str,
    file: str,
    size: int,
    media_type: str,
    descriptor: bool,  # noqa: FBT001 - click passes by name
    pretty: bool,  # noqa: FBT001 - click passes by name
    output: OutputOptions,
    remote: RemoteOptions,
) -> None:
    """Push a file as a blob.

    With a digest, the content must have it. For standard input, digest and --size are needed.

    \b
    Examples:
      ocictl blob push localhost:5000/hello hello.txt
      ocictl blob push --size 6 localhost:5000/hello@sha256:DIGEST - < hello.txt
    """
    from ocictl.cli.targets import locate_blob_push, open_target
    from ocictl.errors import InvalidInputError
    from ocictl.ops.blob import push_blob
    from ocictl.output.content_lines import pushed
    from ocictl.output.records import DescriptorRecord
    from ocictl.output.render import bare_descriptor

    check_exclusive(
        {f"--format {output.format}": output.as_record, "--quiet": output.quiet, "--descriptor": descriptor}
    )
    if file == "-":
        check_stdin_is_free(remote)
        if size < 0:
            raise InvalidInputError("--size is needed for standard input", hint="add --size BYTES")
    location, digest = locate_blob_push(name, remote)
    if file == "-" and digest is None:
        raise InvalidInputError("a digest is needed for standard input", hint=f"write {location.path}@DIGEST")
    with _content(file, size) as content:
        target = open_target(location, remote, output.console, output.notices(), create=True, writes=True)
        with output.transfers(lines=not descriptor) as on_event:
            result = push_blob(
                target,
                content,
                digest=digest,
                media_type=media_type,
                on_event=on_event,
            )
    record = DescriptorRecord.of(location.path, result.descriptor)
    if descriptor:
        output.console.block(bare_descriptor(result.descriptor, pretty=pretty))
    else:
        output.show(record, record.digest, lambda: pushed(result.descriptor, location.shown))


@contextmanager
def _content(file: str, size: int) -> Iterator[Content]:
    """The content of a file, or what comes on standard input."""
    from ocictl.errors import ContentError
    from ocictl.ops.blob import received
    from ocictl.sources import FileContent

    if file == "-":
        with received(sys.stdin.buffer, size) as content:
            yield content
        return
    content = FileContent(file)
    if size not in (-1, content.size):
        raise ContentError(
            f"{file!r} has {content.size} bytes, not {size}",
            code="size-mismatch",
            hint="leave out --size",
            details={"expected": size, "actual": content.size, "rule": "DIG-06"},
        )
    yield content
