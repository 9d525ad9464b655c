"""Each command has a page, and the page has the options of the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.generated_docs import DOCS, command_pages, commands, context_of, expected, parts

PAGES = command_pages()


@pytest.mark.parametrize("name", PAGES)
def test_usage_and_options_are_the_program_s(name: str) -> None:
    """`python -m tests.support.generated_docs` writes them anew."""
    assert parts(PAGES[name].read_text()) == expected()[PAGES[name]]


@pytest.mark.parametrize("name", PAGES)
def test_every_option_of_the_help_is_on_the_page(name: str) -> None:
    """Compared with the help text itself, not with what the page was made from."""
    command = commands()[name]
    text = command.get_help(context_of(name))
    of_help = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE))
    of_page = set(re.findall(r"`(--[a-z-]+)", parts(PAGES[name].read_text())["options"]))
    assert "--help" in of_help
    assert of_page == of_help


def test_the_overview_is_the_program_s() -> None:
    """All commands, with their other names."""
    page = DOCS / "commands" / "README.md"
    assert parts(page.read_text()) == expected()[page]


def test_there_is_no_page_too_many() -> None:
    """A command that goes takes its page along."""
    assert set((DOCS / "commands").glob("*.md")) == {*PAGES.values(), DOCS / "commands" / "README.md"}


def _examples() -> list[tuple[Path, str]]:
    pages = [*PAGES.values(), DOCS / "exit-codes.md"]
    blocks = [
        (page, block)
        for page in pages
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    return [
        (page, line) for page, block in blocks for line in block.splitlines() if line.startswith("ocictl ")
    ]


@pytest.mark.parametrize(
    ("page", "line"), _examples(), ids=[f"{page.stem}-{n}" for n, (page, _) in enumerate(_examples())]
)
def test_examples_can_be_parsed(page: Path, line: str) -> None:
    """An example with an option that does not exist would be worse than none."""
    words = shlex.split(line)[1:]
    name = next(name for name in PAGES if words[: len(name.split())] == name.split())
    command = commands()[name]
    arguments = words[len(name.split()) :]
    names = context_of(name).help_option_names
    context = command.make_context(name, arguments, resilient_parsing=True, help_option_names=names)
    assert context.params.get("name", True)
    assert not context.args
