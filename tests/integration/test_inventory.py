"""Every command, alias and option of oras is here; what differs is listed in docs/from-oras.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from ocictl.cli.lazy import LazyGroup
from ocictl.cli.main import cli
from tests.support.peers import Peer

pytestmark = pytest.mark.interop

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from-oras.md"
NOT_COUNTED = frozenset({"help", "completion"})
"""Commands that every program made with the same library has."""


@dataclass(frozen=True)
class Flag:
    """An option as a help shows it.

    Attributes:
        short: its one-letter form, or "".
        takes_value: whether a value follows.
        default: as text; "" if there is none to mention.
    """

    short: str
    takes_value: bool
    default: str


@dataclass(frozen=True)
class Shape:
    """A command: its other names, and its options by their long names."""

    aliases: frozenset[str]
    flags: dict[str, Flag]


def sections(text: str) -> dict[str, list[str]]:
    """The parts of a help of oras: heading to lines."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][A-Za-z ]+:", line):
            current = line[:-1]
        found.setdefault(current, []).append(line)
    return found


def their_flags(lines: list[str]) -> dict[str, Flag]:
    """Read the options of a help; an option may go on over several lines."""
    flags: dict[str, Flag] = {}
    name = ""
    for line in lines:
        match = re.match(r"\s+(?:-(\w), )?--([\w-]+)(?: (\S+))?(?:\s{2,}.*)?$", line)
        if match:
            name = match[2]
            flags[name] = Flag(match[1] or "", match[3] is not None, "")
        default = re.search(r'\(default "?([^")]*)"?\)\s*$', line)
        if default and name:
            flags[name] = Flag(flags[name].short, flags[name].takes_value, default[1])
    return flags


def their_commands(oras: Peer, path: tuple[str, ...] = ()) -> dict[str, Shape]:
    """Ask oras for every command that does something."""
    parts = sections(oras.run(*path, "--help").stdout)
    below = [
        match[1]
        for line in parts.get("Available Commands", ())
        if (match := re.match(r"  ([\w-]+)\s", line)) and match[1] not in NOT_COUNTED
    ]
    if below:
        return {name: shape for each in below for name, shape in their_commands(oras, (*path, each)).items()}
    names = parts.get("Aliases", ["", ""])[1].strip().split(", ")
    aliases = frozenset(names) - {path[-1], ""}
    return {" ".join(path): Shape(aliases, their_flags(parts["Flags"]))}


def our_commands(group: LazyGroup = cli, path: tuple[str, ...] = ()) -> dict[str, Shape]:  # type: ignore[assignment]
    """All of our commands that do something."""
    found: dict[str, Shape] = {}
    context = click.Context(group)
    for name, entry in group.table.items():
        command = group.get_command(context, name)
        if isinstance(command, LazyGroup):
            found |= our_commands(command, (*path, name))
        elif command is not None:
            found[" ".join((*path, name))] = Shape(frozenset(entry.aliases), our_flags(command))
    return found


def our_flags(command: click.Command) -> dict[str, Flag]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    flags: dict[str, Flag] = {}
    for param in command.get_params(context):
        if not isinstance(param, click.Option):
            continue
        short = next((name[1:] for name in param.opts if not name.startswith("--")), "")
        default = None if param.is_flag else param.get_default(context)
        for name in param.opts:
            if name.startswith("--"):
                text = str(default) if isinstance(default, str | int) else ""
                flags[name[2:]] = Flag(short, not (param.is_flag or param.count), text)
    return flags


def differences(command: str, theirs: Shape, ours: Shape | None) -> set[tuple[str, str, str]]:
    """What a script would notice: command, option (or other name), and the difference in words."""
    if ours is None:
        return {(command, "", "missing")}
    found = {(command, alias, "missing") for alias in theirs.aliases - ours.aliases}
    for name, their_flag in theirs.flags.items():
        our_flag = ours.flags.get(name)
        option = f"--{name}"
        if our_flag is None:
            found.add((command, option, "missing"))
            continue
        if their_flag.short != our_flag.short:
            found.add((command, option, f"short form -{our_flag.short}, not -{their_flag.short}"))
        if their_flag.takes_value != our_flag.takes_value:
            found.add((command, option, "takes a value" if our_flag.takes_value else "takes no value"))
        if their_flag.default != our_flag.default:
            default = our_flag.default or "none"
            found.add((command, option, f"default {default}, not {their_flag.default or 'none'}"))
    return found


def listed() -> set[tuple[str, str, str]]:
    """The table of the page: command (`*` for all that have the option), option, difference."""
    text = PAGE.read_text()
    part = text[
        text.index("<!-- options that differ -->") : text.index("<!-- end of options that differ -->")
    ]
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        for line in part.splitlines()
        if "|" in line
    ]
    return {(row[0], row[1], row[2]) for row in rows[2:]}


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    from tests.support.peers import _peer

    return _peer("oras", tmp_path_factory)


@pytest.fixture(scope="module")
def theirs(peer: Peer) -> dict[str, Shape]:
    return their_commands(peer)


def test_what_is_read_is_all_of_it(theirs: dict[str, Shape]) -> None:
    """The reader of helps misses nothing: so many options and short forms (without -h) have the 23 commands."""
    flags = [(name, flag) for shape in theirs.values() for name, flag in shape.flags.items()]
    count = len(flags) + len([name for name, flag in flags if flag.short and name != "help"])
    assert (len(theirs), count) == (23, 578)
    assert theirs["push"].flags["annotation"] == Flag("a", takes_value=True, default="")
    assert theirs["push"].flags["format"] == Flag("", takes_value=True, default="text")
    assert theirs["push"].flags["concurrency"] == Flag("", takes_value=True, default="5")
    assert theirs["pull"].flags["keep-old-files"] == Flag("k", takes_value=False, default="")
    assert theirs["blob delete"].aliases == {"rm", "remove"}


def test_nothing_is_missing(theirs: dict[str, Shape]) -> None:
    """The only differences are those of the page, and all of the page's are there: stale ones fail too."""
    ours = our_commands()
    found = {each for name, shape in theirs.items() for each in differences(name, shape, ours.get(name))}
    everywhere = {(option, words) for command, option, words in listed() if command == "*"}
    met = {(option, words) for _command, option, words in found}
    assert everywhere <= met, "the page lists what is not so"
    left = {each for each in found if each[1:] not in everywhere}
    assert left == {each for each in listed() if each[0] != "*"}
