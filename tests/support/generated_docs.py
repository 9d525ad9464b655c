"""The parts of the documentation that come from the program, and a program that writes them in place.

    python -m tests.support.generated_docs

A generated part stands between `<!-- NAME: from the program -->` and `<!-- end of NAME -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from ocictl.cli.exit_codes import _BY_CLASS, ExitCode
from ocictl.cli.lazy import LazyGroup
from ocictl.cli.main import cli
from ocictl.errors import CODES
from ocictl.output.gotemplate import library

__all__ = ["DOCS", "command_pages", "commands", "context_of", "expected", "fill", "parts"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
_PART = re.compile(r"(<!-- ([a-z ]+): from the program -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL)


def parts(text: str) -> dict[str, str]:
    """Return the generated parts of a page by name."""
    return {match[2]: match[3] for match in _PART.finditer(text)}


def fill(text: str, contents: dict[str, str]) -> str:
    """Put new contents into the generated parts of a page."""
    return _PART.sub(lambda match: match[1] + contents[match[2]] + match[4], text)


def commands() -> dict[str, click.Command]:
    """Every command by the words that call it, groups left out."""
    return dict(_walk(cli, ()))


def _walk(group: LazyGroup, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name in group.table:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, LazyGroup):
            yield from _walk(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def context_of(name: str) -> click.Context:
    """A context as the program makes it. click keeps the help option of the first one it sees."""
    return click.Context(commands()[name], info_name=f"ocictl {name}", help_option_names=["-h", "--help"])


def command_pages() -> dict[str, Path]:
    """The page of each command."""
    return {name: DOCS / "commands" / f"{name.replace(' ', '-')}.md" for name in commands()}


def expected() -> dict[Path, dict[str, str]]:
    """What the generated parts of each page should be."""
    pages = {
        DOCS / "exit-codes.md": {"exit codes": _exit_codes()},
        DOCS / "errors.md": {"codes": _codes()},
        DOCS / "commands" / "README.md": {"commands": _overview()},
        DOCS / "templates.md": {"functions": _functions()},
    }
    for name, page in command_pages().items():
        pages[page] = {"usage": _usage(name), "options": _options(name)}
    return pages


def _exit_codes() -> str:
    rows = ["| number | meaning | errors |", "| ---: | --- | --- |"]
    for code in ExitCode:
        kinds = ", ".join(f"`{kind.__name__}`" for kind, number in _BY_CLASS if number is code)
        rows.append(f"| {code.value} | {code.meaning} | {kinds} |")
    return "\n".join(rows) + "\n"


def _codes() -> str:
    rows = ["| code | meaning |", "| --- | --- |"]
    rows += [f"| `{code}` | {_cell(meaning)} |" for code, meaning in CODES.items()]
    return "\n".join(rows) + "\n"


def _overview() -> str:
    rows = ["| command | other names | what it does |", "| --- | --- | --- |"]
    for name in commands():
        *groups, last = name.split()
        group: click.Command = cli
        for step in groups:
            assert isinstance(group, LazyGroup)
            group = group.get_command(click.Context(group), step) or group
        assert isinstance(group, LazyGroup)
        entry = group.table[last]
        aliases = ", ".join(f"`{' '.join([*groups, alias])}`" for alias in entry.aliases)
        rows.append(f"| [`{name}`]({name.replace(' ', '-')}.md) | {aliases} | {entry.summary} |")
    return "\n".join(rows) + "\n"


def _functions() -> str:
    """The functions of templates, by the module that has them."""
    rows = ["| what | functions |", "| --- | --- |"]
    for module in library.MODULES:
        title = (module.__doc__ or "").partition("\n")[0].partition(". ")[0].rstrip(".")
        rows.append(f"| {title} | {', '.join(f'`{name}`' for name in sorted(module.FUNCTIONS))} |")
    rows.append(f"| Not supported | {', '.join(f'`{name}`' for name in sorted(library.UNSUPPORTED))} |")
    return "\n".join(rows) + "\n"


def _usage(name: str) -> str:
    command = commands()[name]
    context = context_of(name)
    return f"```text\n{' '.join(['ocictl', name, *command.collect_usage_pieces(context)])}\n```\n"


def _options(name: str) -> str:
    command = commands()[name]
    rows = ["| option | default | meaning |", "| --- | --- | --- |"]
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            value = "" if param.is_flag else f" {_metavar(param)}"
            names = ", ".join(f"`{name}{value}`" for name in param.opts)
            default = f"`{param.default}`" if param.show_default else "required" if param.required else ""
            rows.append(f"| {_cell(names)} | {default} | {_cell(param.help or '')} |")
    rows.append("| `-h`, `--help` | | Show the help and exit. |")
    return "\n".join(rows) + "\n"


def _metavar(option: click.Option) -> str:
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    return option.metavar or f"[{'|'.join(choices)}]"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write every generated part."""
    for page, contents in expected().items():
        page.write_text(fill(page.read_text(), contents))


if __name__ == "__main__":
    main()
