"""Options for what is shown: `--format`, `--template`, `--quiet`, `--no-tty`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from ocictl.cli.grouping import F, app_of, grouped
from ocictl.lazy_dataclass import dataclass
from ocictl.output.console import Console, Record

if TYPE_CHECKING:
    from ocictl.events import Event, EventSink
    from ocictl.output.gotemplate import Template
    from ocictl.output.progress import Copying

TEMPLATE: Final = "go-template"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How to show what a command does and finds.

    Attributes:
        console: where to.
        format: `text`, `tree`, `table`, `json` or `go-template`.
        template: what `go-template` applies to the record.
        quiet: the digest alone.
        no_tty: neither bars nor colours.
        debug: show the wire log.
        verbose: the deprecated flag of oras was given.
        terse: it was given as false: no more than names is wanted.
    """

    console: Console
    format: str
    template: Template | None = None
    quiet: bool = False
    no_tty: bool = False
    debug: bool = False
    verbose: bool = False
    terse: bool = False

    @property
    def as_record(self) -> bool:
        """Whether the record is what is printed, and nothing else: as JSON or by a template."""
        return self.format == "json" or self.template is not None

    def record(self, record: Record) -> None:
        """Report a record as JSON, or by the template."""
        if self.template is None:
            self.console.record(record)
        else:
            self.console.rendered(self.template, record)

    def show(self, record: Record, digest: str, lines: Callable[[], Sequence[str]]) -> None:
        """Report a result in the format that was asked for; the lines are only made for text."""
        if self.quiet:
            self.console.line(digest)
        elif self.as_record:
            self.record(record)
        else:
            for line in lines():
                self.console.line(line)

    def show_all(self, record: Record, digests: Sequence[str]) -> None:
        """Report a result about several documents, except as text."""
        if self.quiet:
            for digest in digests:
                self.console.line(digest)
        elif self.as_record:
            self.record(record)

    def tell(self, lines: Iterable[str]) -> None:
        """Report lines that are for text alone."""
        if not (self.quiet or self.as_record):
            for line in lines:
                self.console.line(line)

    def notices(self) -> EventSink:
        """A sink for what is told beside the result, on standard error."""
        from ocictl.output.progress import Notices

        return Notices(self.console, retries=not self.quiet, fallbacks=self.debug or self.verbose)

    @contextmanager
    def transfers(
        self, opening: str | None = None, *, lines: bool = True, copying: Copying = "cp"
    ) -> Iterator[EventSink]:
        """Show transfers: bars on a terminal, else lines; nothing with --quiet, JSON or a template.

        Args:
            opening: the line to begin with.
            lines: whether lines are wanted where bars are not.
            copying: the words for copies.
        """
        from ocictl.output.progress import Mode, showing_transfers

        mode: Mode = "lines" if lines else "none"
        if self.quiet or self.as_record:
            mode = "none"
        elif self.console.stderr_is_terminal and not (self.no_tty or self.debug):
            mode = "bars"
        notices = self.notices()
        with showing_transfers(self.console, mode, opening, copying) as transfers:

            def sink(event: Event) -> None:
                if not (self.terse and _is_unnamed(event)):
                    transfers(event)
                notices(event)

            yield sink


def _is_unnamed(event: Event) -> bool:
    """Whether this is about content without a file name, or not yet about content at all."""
    from ocictl.events import FilePreparing

    if isinstance(event, FilePreparing):
        return True
    descriptor = getattr(event, "descriptor", None)
    return descriptor is not None and descriptor.title is None


def _one_of(formats: Sequence[str]) -> Callable[[str], str]:
    """Make a type for options: a format by its name, or `go-template=` and the template."""
    names = (*formats, TEMPLATE)

    def convert(value: str) -> str:
        if value in names or value.startswith(f"{TEMPLATE}="):
            return value
        raise click.BadParameter(f"{value!r} is not one of {', '.join(map(repr, names))}.")

    return convert


def output_options(
    *formats: str,
    quiet: str | None = "Print the digest alone.",
    progress: bool = False,
    old_spelling: bool = False,
) -> Callable[[F], F]:
    """Add `--format` and its company, passed on as `output: OutputOptions`.

    Args:
        *formats: what `--format` accepts beside `go-template`, the default first.
        quiet: the help of `--quiet`; None where there is nothing to print alone.
        progress: whether there are bars or colours to switch off.
        old_spelling: accept the deprecated `-o/--output` for `--format`.
    """
    options: list[Callable[[F], F]] = [
        click.option(
            "--format",
            "output__format",
            type=_one_of(formats),
            metavar=f"[{'|'.join(formats)}|{TEMPLATE}=TEMPLATE]",
            shell_complete=lambda _ctx, _param, begun: [
                name for name in (*formats, TEMPLATE) if name.startswith(begun)
            ],
            default=formats[0],
            show_default=True,
            help="Format of what is printed.",
        ),
        click.option(
            "--template",
            "output__template",
            metavar="TEMPLATE",
            help=f"The template for --format {TEMPLATE}.",
        ),
    ]
    if quiet:
        options.append(click.option("-q", "--quiet", "output__quiet", is_flag=True, help=quiet))
    if progress:
        options.append(
            click.option(
                "--no-tty", "output__no_tty", is_flag=True, help="Show neither progress bars nor colours."
            )
        )
    if old_spelling:
        options.append(click.option("-o", "--output", "output__old", type=click.Choice(formats), hidden=True))
    return grouped(options, "output", _build_output)


def _build_output(own: dict[str, Any]) -> OutputOptions:
    context = click.get_current_context()
    app = app_of(context)
    old = own.pop("old", None)
    own["format"] = old or own["format"]
    own["format"], own["template"] = _parse_template(context, own["format"], own["template"])
    app.console.as_json = own["format"] == "json"
    if old:
        if context.get_parameter_source("output__format") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--format and --output can't be used together.", ctx=context)
        app.console.message("warning", "--output is deprecated here; use --format")
    if own.get("quiet") and own["format"] in {"json", TEMPLATE}:
        raise click.UsageError(f"--quiet and --format {own['format']} can't be used together.", ctx=context)
    verbose = context.meta.get("ocictl.verbose")
    return OutputOptions(
        console=app.console, debug=app.debug, verbose=verbose is True, terse=verbose is False, **own
    )


def _parse_template(context: click.Context, format_: str, text: str | None) -> tuple[str, Template | None]:
    """Take the template from where it is given; a mistake in it shows before anything is done."""
    if text and format_ != TEMPLATE:
        raise click.UsageError(f"--template must be used with --format {TEMPLATE}.", ctx=context)
    name, _, inline = format_.partition("=")
    if name != TEMPLATE:
        return format_, None
    if not text and not inline:
        raise click.UsageError(f"--format {TEMPLATE}=TEMPLATE needs a template.", ctx=context)
    from ocictl.output.gotemplate import Template

    return TEMPLATE, Template.parse(text or inline)
