"""Regular expressions that always end: all ways to match are followed at once, character by character."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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


Found = tuple[int, ...]
"""Start and end of the whole match and of each group; -1 where a group took no part."""


class Regex:
    """A regular expression."""

    def __init__(self, pattern: str) -> None:
        """Compile.

        Raises:
            PatternError: the pattern is none.
            Fault: it needs what is not supported.
        """
        parser = Parser(pattern)
        tree = parser.parse()
        self.pattern = pattern
        self.names = parser.names
        self._slots = 2 * (parser.groups + 1)
        self._program: list[_Instruction] = []
        self._compile(Group(tree, 0))
        self._add(_Instruction("match"))

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
        for _ in range(tree.least):
            self._compile(tree.part)
        splits: list[_Instruction] = []
        if tree.most is None:
            start = len(self._program)
            splits.append(self._add(_Instruction("split")))
            self._compile(tree.part)
            self._add(_Instruction("jump", to=start))
        else:
            for _ in range(tree.most - tree.least):
                splits.append(self._add(_Instruction("split")))
                self._compile(tree.part)
        following = {id(split): position + 1 for position, split in enumerate(self._program)}
        for split in splits:
            inside, outside = following[id(split)], len(self._program)
            split.to, split.other = (inside, outside) if tree.greedy else (outside, inside)

    def search(self, budget: Budget, text: str, start: int = 0) -> Found | None:
        """Find the first match from a position on."""
        threads: list[tuple[int, Found]] = []
        best: Found | None = None
        position = start
        while True:
            if best is None:
                self._follow(budget, threads, 0, (-1,) * self._slots, text, position)
            if not threads:
                if best is not None or position >= len(text):
                    return best
            following: list[tuple[int, Found]] = []
            character = text[position : position + 1]
            for counter, saved in threads:
                budget.spend()
                instruction = self._program[counter]
                if instruction.kind == "match":
                    best = saved
                    break  # what comes after it is less wanted
                if character and instruction.test is not None and instruction.test(character):
                    self._follow(budget, following, counter + 1, saved, text, position + 1)
            if not character:
                return best
            threads, position = following, position + 1

    def _follow(
        self,
        budget: Budget,
        threads: list[tuple[int, Found]],
        counter: int,
        saved: Found,
        text: str,
        position: int,
    ) -> None:
        """Add what is reached from an instruction without taking a character, most wanted first."""
        seen = {counter for counter, _ in threads}
        seen |= self._passed if threads else set()
        pending = [(counter, saved)]
        while pending:
            budget.spend()
            counter, saved = pending.pop()
            if counter in seen:
                continue
            seen.add(counter)
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
                    threads.append((counter, saved))
        self._passed = seen

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
