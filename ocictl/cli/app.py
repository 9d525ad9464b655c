"""One run of the program: its streams, and what happens to whatever goes wrong in it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

import click

from ocictl.cli.exit_codes import ExitCode, exit_code_of
from ocictl.cli.interruptions import Terminated
from ocictl.errors import InvalidInputError, OcictlError, StorageError
from ocictl.output.console import Console, OutputClosed


class App:
    """What the root knows; click hands it to every command as `obj`.

    Attributes:
        console: where output goes.
        environ: the environment.
        debug: show tracebacks of internal errors.
    """

    def __init__(
        self,
        stdout: TextIO | None,
        stderr: TextIO | None,
        environ: Mapping[str, str],
        arguments: Sequence[str],
    ) -> None:
        """The arguments are only looked at to know how to report that they can't be parsed."""
        self.console = Console(stdout, stderr, environ)
        self.console.as_json = wants_json(arguments)
        self.environ = environ
        self.debug = False

    def guard(self, run: Callable[[], object]) -> int:
        """Run a command line and return the exit code; every failure becomes a message on standard error."""
        try:
            outcome = run()
            self.console.finish()
            return outcome if type(outcome) is int else ExitCode.OK
        except OutputClosed:
            return ExitCode.OK
        except OcictlError as error:
            return self._fail(error, exit_code_of(error))
        except click.exceptions.Abort as error:
            return self.interrupted(error.__cause__)
        except KeyboardInterrupt as error:
            return self.interrupted(error)
        except click.ClickException as error:
            failure = from_click(error)
            return self._fail(failure, exit_code_of(failure))
        except Exception as error:  # noqa: BLE001 - the boundary: nobody above could do better
            return self._bug(error)

    def _fail(self, error: OcictlError, code: ExitCode) -> int:
        from ocictl.output.diagnostics import report

        report(self.console, error, code)
        return code

    def interrupted(self, cause: BaseException | None) -> int:
        """Report that Ctrl-C or SIGTERM ended the run, and return the exit code."""
        # A signal can land between the making of a socket and the place that would close it. The process ends now
        # and the system closes what is open, so there is nothing to warn of.
        warnings.simplefilter("ignore", ResourceWarning)
        if isinstance(cause, Terminated):
            return self._fail(OcictlError("terminated", code="interrupted"), ExitCode.TERMINATED)
        return self._fail(OcictlError("interrupted", code="interrupted"), ExitCode.INTERRUPTED)

    def _bug(self, error: Exception) -> int:
        if self.debug:
            import traceback

            from ocictl.transport.redact import in_body

            for chunk in traceback.format_exception(error):
                for line in in_body(chunk).splitlines():
                    self.console.debug(line)
        # The text of a foreign exception could hold a secret (AUTH-25); its name and place can't.
        place = _place(error)
        failure = OcictlError(
            f"internal error: {type(error).__name__}{place}",
            hint=(
                "this is a bug in ocictl; please report it with the traceback above"
                if self.debug
                else "this is a bug in ocictl; run the command again with --debug for the traceback"
            ),
        )
        return self._fail(failure, ExitCode.FAILURE)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    file = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f" at {file}:{trace.tb_lineno}"


def wants_json(args: Sequence[str]) -> bool:
    """Tell whether a command line asks for JSON, even if it can't be parsed."""
    wanted = ""
    for position, arg in enumerate(args):
        if arg == "--":
            break
        if arg.startswith("--format="):
            wanted = arg.partition("=")[2]
        elif arg == "--format":
            wanted = args[position + 1] if position + 1 < len(args) else ""
    return wanted == "json"


def from_click(error: click.ClickException) -> OcictlError:
    """Put what click found wrong with the command line into an error of ours."""
    if isinstance(error, click.NoSuchOption):
        message = f"no such option {error.option_name!r}"
    else:
        message = " ".join(error.format_message().split()).rstrip(".")
    if message[:2] != message[:2].upper():
        message = message[:1].lower() + message[1:]
    if isinstance(error, click.FileError):
        return StorageError(message, code="file-unreadable")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ocictl"
    hint = f"run {command + ' --help'!r}"
    similar = _similar(error)
    if similar:
        hint = f"did you mean {' or '.join(similar)}? {hint}"
    return InvalidInputError(message or "the command line is not valid", hint=hint)


def _similar(error: click.ClickException) -> list[str]:
    """Options that a mistyped one may stand for, hidden ones left out."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return []
    options = [param for param in error.ctx.command.params if isinstance(param, click.Option)]
    hidden = {name for option in options if option.hidden for name in option.opts}
    return sorted(set(error.possibilities or ()) - hidden)
