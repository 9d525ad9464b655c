"""The root group: every failure becomes a message and a number, never a traceback, never a secret."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import click
import pytest

from ocictl.cli import version
from ocictl.cli.app import wants_json
from ocictl.cli.interruptions import Terminated
from ocictl.cli.main import cli
from ocictl.errors import NotFoundError
from ocictl.output.console import OutputClosed
from tests.support.cli import Outcome, ocictl, schema, strict

SECRET = "hunter2-token"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `version` so that it fails with this exception."""

    def run(error: BaseException, *arguments: str, code: int) -> Outcome:
        def callback(**_options: Any) -> None:
            raise error

        monkeypatch.setattr(version.command, "callback", callback)
        return ocictl("version", *arguments, code=code)

    return run


def test_our_errors_become_lines(failing: Callable[..., Outcome]) -> None:
    """Message and hint on standard error, nothing on standard output."""
    outcome = failing(NotFoundError("no such thing", hint="look elsewhere"), code=3)
    assert outcome.stderr == "error: no such thing\nhint: look elsewhere\n"
    assert outcome.data == b""


def test_our_errors_become_json(failing: Callable[..., Outcome]) -> None:
    """With --format json the error is an object that follows its schema."""
    import json

    import jsonschema

    outcome = failing(NotFoundError("no such thing", details={"a": 1}), "--format", "json", code=3)
    jsonschema.validate(json.loads(outcome.stderr), strict(schema("error")))
    assert outcome.error == {
        "code": "not-found",
        "message": "no such thing",
        "exitCode": 3,
        "details": {"a": 1},
    }


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
        (click.Abort(), 130, "interrupted"),
    ],
)
def test_interruptions(failing: Callable[..., Outcome], error: BaseException, code: int, word: str) -> None:
    """Ctrl-C and SIGTERM end with the numbers that shells use."""
    assert f"error: {word}\n" in failing(error, code=code).stderr


def test_an_interruption_does_not_warn_of_what_it_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal can land before a new socket is kept anywhere; with warnings as errors that was a traceback."""

    def callback(**_options: Any) -> None:
        held = socket.socket()
        raise Terminated from OSError(held)

    monkeypatch.setattr(version.command, "callback", callback)
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    assert ocictl("version", code=143).stderr == "\nerror: terminated\n"
    gc.collect()
    assert unraisable == []


def test_a_reader_that_has_had_enough_is_no_error(failing: Callable[..., Outcome]) -> None:
    """`ocictl … | head` succeeds."""
    assert failing(OutputClosed(), code=0).stderr == ""


def test_bugs_are_one_line_without_the_text_of_the_exception(failing: Callable[..., Outcome]) -> None:
    """A foreign exception could carry a secret (AUTH-25); its name and place can't."""
    outcome = failing(ValueError(f"Authorization: {SECRET}"), code=1)
    assert outcome.stderr.startswith("error: internal error: ValueError at test_boundary.py:")
    assert "--debug" in outcome.stderr
    assert SECRET not in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_debug_shows_the_traceback_of_a_bug(work: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reports a bug can say where it is."""
    from ocictl.stores import layout

    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("oops\x1b[2J")

    monkeypatch.setattr(layout, "Layout", broken)
    outcome = ocictl("resolve", "--debug", "--oci-layout", "x:v1", code=1)
    assert "debug: Traceback (most recent call last):" in outcome.stderr
    assert "debug: ZeroDivisionError: oops\\x1b[2J" in outcome.stderr
    assert outcome.stderr.splitlines()[-2].startswith("error: internal error: ZeroDivisionError")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["nope"], "no such command 'nope'", "run 'ocictl --help'"),
        (["push"], "missing argument 'NAME[:TAG[,TAG...]]'", "run 'ocictl push --help'"),
        (["resolve", "a", "b"], "got unexpected extra argument (b)", "run 'ocictl resolve --help'"),
        (["resolve", "--bogus", "a"], "no such option '--bogus'", "run 'ocictl resolve --help'"),
        (["attach", "x"], "missing option '--artifact-type'", "run 'ocictl attach --help'"),
        (
            ["pull", "--concurrency", "0", "x"],
            "invalid value for '--concurrency'",
            "run 'ocictl pull --help'",
        ),
        (["manifest", "nope"], "no such command 'nope'", "run 'ocictl manifest --help'"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_usage_errors(arguments: list[str], message: str, hint: str, as_json: bool) -> None:
    """What click finds wrong is reported in the same style, with number 2, in JSON too where it is asked for."""
    outcome = ocictl(*arguments, *(["--format=json"] if as_json else []), code=2)
    if as_json:
        assert outcome.error["message"].startswith(message)
        assert outcome.error["hint"].startswith(hint)
        assert outcome.error["code"] == "argument-invalid"
    else:
        first, second = outcome.stderr.splitlines()
        assert first.startswith(f"error: {message}")
        assert second.startswith(f"hint: {hint}")
    assert outcome.data == b""


def test_a_mistyped_option_is_recognised() -> None:
    """Options that look like it are offered, hidden ones are not."""
    hint = ocictl("push", "--artifact-typ", "x", code=2).stderr.splitlines()[1]
    assert hint.startswith("hint: did you mean --artifact")
    assert "--artifact-type" in hint
    assert "--verbose" not in ocictl("push", "--verbos", "x", code=2).stderr


def test_quiet_and_json_exclude_each_other() -> None:
    """One of them would have to give way in silence."""
    outcome = ocictl("resolve", "-q", "--format", "json", "x", code=2)
    assert outcome.error["message"] == "--quiet and --format json can't be used together"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["push", "--format", "json"], True),
        (["push", "--format=json"], True),
        (["push", "--format", "json", "--format=text"], False),
        (["push", "--", "--format=json"], False),
        (["push", "--format"], False),
        ([], False),
    ],
)
def test_json_is_recognised_before_parsing(arguments: list[str], wanted: bool) -> None:
    """The last mention before `--` counts."""
    assert wants_json(arguments) is wanted


def test_the_command_line_runs_in_other_threads() -> None:
    """A program that embeds it runs it where it likes."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(ocictl("version", code=None)))
    thread.start()
    thread.join(30)
    assert [outcome.code for outcome in outcomes] == [0]


def test_click_can_be_asked_to_let_errors_through() -> None:
    """Tools that embed click commands switch the boundary off."""
    with pytest.raises(click.UsageError):
        cli.main(["nope"], standalone_mode=False)
