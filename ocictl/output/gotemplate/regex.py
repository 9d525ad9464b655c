"""Regular expressions that always end: all ways to match are followed at once, character by character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from ocictl.lazy_dataclass import dataclass, field
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.regex_syntax import (
    Assertion,
    Character,
    Choice,
    Group,
    Parser,
    Repetition,
    Sequence,
    Test,
    Tree,
)
from ocictl.output.gotemplate.values import Budget

_LARGEST: Final = 10_000
"""Instructions of one program."""
_MOST_GROUPS: Final = 100
_WORD: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")


@dataclass(slots=True)
class _Instruction:
    """One step: `character`, `assert`, `save`, `split` (to `to`, rather than to `other`), `jump`, `match`."""

    kind: str
    test: Test | None = None
    place: str = ""
    slot: int = 0
    to: int = 0
    other: int = 0


Found: TypeAlias = tuple[int, ...]
"""Start and end of the whole match and of each group; -1 where a group took no part."""


@dataclass(slots=True)
class _Threads:
    """The ways to match that are open at one place, most wanted first: an instruction, and what is saved so far."""

    entries: list[tuple[int, Found]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


class Regex:
    """A regular expression."""

    def __init__(self, budget: Budget, pattern: str) -> None:
        """Compile.

        Raises:
            PatternError: the pattern is none.
            Fault: it needs what is not supported.
        """
        budget.spend(len(pattern))
        parser = Parser(pattern)
        tree = parser.parse()
        if parser.groups > _MOST_GROUPS:
            raise Fault("a regular expression has too many groups")
        self.names = parser.names
        self._slots = 2 * (parser.groups + 1)
        self._program: list[_Instruction] = []
        self._compile(Group(tree, 0))
        self._add(_Instruction("match"))
        budget.spend(len(self._program))

    def _add(self, instruction: _Instruction) -> _Instruction:
        if len(self._program) >= _LARGEST:
            raise Fault("a regular expression is too large")
        self._program.append(instruction)
        return instruction

    def _compile(self, tree: Tree) -> None:
        match tree:
            case Character():
                self._add(_Instruction("character", test=tree.test))
            case Assertion():
                self._add(_Instruction("assert", place=tree.kind))
            case Group():
                self._add(_Instruction("save", slot=2 * tree.number))
                self._compile(tree.part)
                self._add(_Instruction("save", slot=2 * tree.number + 1))
            case Sequence():
                for part in tree.parts:
                    self._compile(part)
            case Choice():
                self._compile_choice(tree)
            case Repetition():
                self._compile_repetition(tree)

    def _compile_choice(self, tree: Choice) -> None:
        jumps: list[_Instruction] = []
        for part in tree.parts[:-1]:
            split = self._add(_Instruction("split"))
            split.to = len(self._program)
            self._compile(part)
            jumps.append(self._add(_Instruction("jump")))
            split.other = len(self._program)
        self._compile(tree.parts[-1])
        for jump in jumps:
            jump.to = len(self._program)

    def _compile_repetition(self, tree: Repetition) -> None:
        splits: list[tuple[_Instruction, int]] = []

        def split(inside: int) -> None:
            splits.append((self._add(_Instruction("split")), inside))

        if tree.most is None:
            for _ in range(tree.least - 1):
                self._compile(tree.part)
            if tree.least == 0:
                split(len(self._program) + 1)
            start = len(self._program)
            self._compile(tree.part)
            split(start)
        else:
            for _ in range(tree.least):
                self._compile(tree.part)
            for _ in range(tree.most - tree.least):
                split(len(self._program) + 1)
                self._compile(tree.part)
        outside = len(self._program)
        for instruction, inside in splits:
            ways = (inside, outside) if tree.greedy else (outside, inside)
            instruction.to, instruction.other = ways

    def search(self, budget: Budget, text: str, start: int = 0) -> Found | None:
        """Find the first match from a position on."""
        best: Found | None = None
        current = _Threads()
        for position in range(start, len(text) + 1):
            if best is None:
                self._follow(budget, current, 0, (-1,) * self._slots, text, position)
            following = _Threads()
            character = text[position : position + 1]
            for counter, saved in current.entries:
                budget.spend()
                test = self._program[counter].test
                if test is None:
                    best = saved
                    break  # what comes after this is less wanted
                if character and test(character):
                    self._follow(budget, following, counter + 1, saved, text, position + 1)
            if best is not None and not following.entries:
                break
            current = following
        return best

    def _follow(
        self, budget: Budget, threads: _Threads, counter: int, saved: Found, text: str, position: int
    ) -> None:
        """Add what is reached from an instruction without taking a character, most wanted first."""
        pending = [(counter, saved)]
        while pending:
            budget.spend()
            counter, saved = pending.pop()
            if counter in threads.seen:
                continue
            threads.seen.add(counter)
            instruction = self._program[counter]
            match instruction.kind:
                case "jump":
                    pending.append((instruction.to, saved))
                case "split":
                    pending += [(instruction.other, saved), (instruction.to, saved)]
                case "save":
                    slot = instruction.slot
                    pending.append((counter + 1, (*saved[:slot], position, *saved[slot + 1 :])))
                case "assert":
                    if _holds(instruction.place, text, position):
                        pending.append((counter + 1, saved))
                case _:
                    threads.entries.append((counter, saved))

    def all_matches(self, budget: Budget, text: str, count: int = -1) -> Iterator[Found]:
        """Find matches that do not overlap, at most `count` unless that is negative."""
        position, last_end = 0, -1
        while count != 0 and position <= len(text):
            found = self.search(budget, text, position)
            if found is None:
                return
            accepted = found[1] != position or found[0] != last_end
            position = position + 1 if found[1] == position else found[1]
            last_end = found[1]
            if accepted:
                count -= 1
                yield found


def _holds(place: str, text: str, position: int) -> bool:
    match place:
        case "start":
            return position == 0
        case "end":
            return position == len(text)
        case "line start":
            return position == 0 or text[position - 1] == "\n"
        case "line end":
            return position == len(text) or text[position] == "\n"
    before = position > 0 and text[position - 1] in _WORD
    after = position < len(text) and text[position] in _WORD
    return (before != after) == (place == "word")
