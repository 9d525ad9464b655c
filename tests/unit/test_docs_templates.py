"""The page about templates tells what the program does."""

from __future__ import annotations

import re
import shlex

import pytest

from ocictl.output.gotemplate import Template
from tests.support.generated_docs import DOCS, commands, expected, parts

PAGE = DOCS / "templates.md"
TEXT = PAGE.read_text()
EXAMPLES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
INLINE = [code for code in re.findall(r"`(\{\{[^`]*\}\})`", TEXT) if not re.search("…|break|continue", code)]
SIZES = re.findall(r"^\| `(\{\{[^`]*\}\})` \| `([^`]*)`", TEXT.partition("## Language")[0], re.MULTILINE)


def test_all_functions_are_listed() -> None:
    """`python -m tests.support.generated_docs` writes the list anew."""
    assert parts(TEXT) == expected()[PAGE]


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_good(line: str) -> None:
    """The command takes the options, and the template can be parsed and applied."""
    _, *words = shlex.split(line)
    name = next(name for name in commands() if words[: len(name.split())] == name.split())
    options = words[len(name.split()) :]
    command = commands()[name]
    context = command.make_context(name, list(options), resilient_parsing=True)
    format_, template = context.params["output__format"], context.params["output__template"]
    text = template or format_.removeprefix("go-template=")
    data = {"digest": "d", "referrers": [{"digest": "r", "artifactType": "t", "referrers": []}]}
    layer = {"digest": "l", "size": 1}
    assert Template.parse(text).render({**data, "content": {"layers": [layer]}}).strip()


@pytest.mark.parametrize("code", INLINE)
def test_what_stands_in_the_text(code: str) -> None:
    """Every template that is whole can be parsed."""
    code = code.replace("\\|", "|")
    declared = "{{$x := .}}" if "$x" in code else ""
    assert Template.parse(declared + code + "{{end}}" * code.startswith("{{if"))


def test_the_table_about_numbers() -> None:
    """A size prints as the table says."""
    assert len(SIZES) >= 4
    for code, printed in SIZES:
        size = 1048576 if printed.startswith("1") else 634
        assert Template.parse(code).render({"size": size}).decode() == printed
