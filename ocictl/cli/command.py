"""The command class of ocictl: accepts the spellings of flags that scripts written for oras use."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from ocictl.cli.grouping import Helpful
from ocictl.errors import NotFoundError
from ocictl.lazy_pattern import pattern

_TRUE: Final = frozenset(["1", "t", "T", "true", "TRUE", "True"])
_FALSE: Final = frozenset(["0", "f", "F", "false", "FALSE", "False"])
_LONG: Final = pattern(r"(--[a-z][a-z-]*)=(.*)", re.DOTALL)
_SHORT: Final = pattern(r"(-[A-Za-z])=(.*)", re.DOTALL)


class OcictlCommand(Helpful):
    """A command that reads `--flag=true`, `--flag=false` and `-x=value` as Go programs do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._translate(ctx, args))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NotFoundError as error:
            if error.hint is None and ctx.params.get("name"):
                error.hint = f"check that {ctx.params['name']!r} is spelled right and has been pushed"
            raise

    def _translate(self, ctx: click.Context, args: list[str]) -> list[str]:
        flags: dict[str, click.Option] = {}
        valued: set[str] = set()
        for param in self.get_params(ctx):
            if isinstance(param, click.Option):
                if param.is_flag and not param.count:
                    flags.update(dict.fromkeys(param.opts, param))
                else:
                    valued.update(param.opts)
        translated: list[str] = []
        for position, arg in enumerate(args):
            if arg == "--":
                return translated + args[position:]
            if (match := _LONG.fullmatch(arg) or _SHORT.fullmatch(arg)) and match[1] in flags:
                self._set_flag(ctx, flags[match[1]], match[2], translated)
            elif match and match[1] in valued and not arg.startswith("--"):
                translated += [match[1], match[2]]
            else:
                translated.append(arg)
        return translated

    def _set_flag(self, ctx: click.Context, option: click.Option, value: str, translated: list[str]) -> None:
        if value in _TRUE:
            translated.append(option.opts[0])
        elif value in _FALSE and option.name is not None:
            # The last mention counts, so earlier ones are taken back.
            translated[:] = [arg for arg in translated if arg not in option.opts]
            defaults: dict[str, Any] = dict(ctx.default_map or {})
            ctx.default_map = {**defaults, option.name: False}
        else:
            raise click.BadParameter(f"{value!r} is not true or false.", ctx=ctx, param=option)
