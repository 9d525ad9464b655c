"""Groups of options: a decorator adds them and passes them on as one argument."""

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


def app_of(context: click.Context) -> App:
    """The run that this command line belongs to."""
    app = context.find_object(App)
    if app is None:
        raise RuntimeError("commands run below the root group")
    return app
