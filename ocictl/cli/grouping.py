"""What commands are made of: groups of options that come as one argument, the run, the help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

from ocictl.cli.app import App

F = TypeVar("F", bound=Callable[..., Any])


def grouped(
    options: Sequence[Callable[[F], F]], name: str, build: Callable[[dict[str, Any]], Any]
) -> Callable[[F], F]:
    """Make a decorator that adds options and passes them on as one argument.

    Args:
        options: click decorators, in the order of the help. A group's parameters have names that start with
            its own name and `__`, so that groups can't clash.
        name: of the argument.
        build: makes the argument from the parameters, their prefix removed.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            prefix = f"{name}__"
            own = {
                key.removeprefix(prefix): kwargs.pop(key) for key in list(kwargs) if key.startswith(prefix)
            }
            return function(*args, **kwargs, **{name: build(own)})

        decorated: Any = wrapper
        for option in reversed(options):
            decorated = option(decorated)
        result: F = decorated
        return result

    return decorate


class Helpful(click.Command):
    """A command that shows its help as it shows everything else, so that a closed pipe is no trouble."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and not ctx.resilient_parsing:
        app_of(ctx).console.block(f"{ctx.get_help()}\n")
        ctx.exit()


def app_of(context: click.Context) -> App:
    """The run that this command line belongs to."""
    app = context.find_object(App)
    if app is None:
        raise RuntimeError("commands run below the root group")
    return app
