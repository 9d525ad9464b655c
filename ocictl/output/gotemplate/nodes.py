"""What a template consists of. Every node knows at which character of the template it begins."""

from __future__ import annotations

from typing import TypeAlias

from ocictl.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""

    offset: int


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`"""

    offset: int


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true`, `false`"""

    offset: int
    value: bool


@dataclass(frozen=True, slots=True)
class String:
    """A string constant."""

    offset: int
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number or character constant.

    Attributes:
        integer: its value where an integer is wanted; None where it is none.
        real: its value where a float is wanted.
        plain: its value where anything goes.
    """

    offset: int
    text: str
    integer: int | None
    real: float
    plain: int | float


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`"""

    offset: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x`, `$x.a.b`; the name includes the `$`."""

    offset: int
    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """`(…).a.b`"""

    offset: int
    start: Pipe | Function
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A value, or a function with its arguments."""

    offset: int
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$x := a | b c`

    Attributes:
        variables: on the left side, if any.
        assigns: `=` instead of `:=`.
    """

    offset: int
    variables: tuple[str, ...]
    assigns: bool
    commands: tuple[Command, ...]


Operand: TypeAlias = Dot | Nil | Boolean | String | Number | Field | Variable | Function | Chain | Pipe


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between actions."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`"""

    offset: int
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`{{if …}}`, `{{with …}}` and `{{range …}}`, which differ in what they do and not in how they look."""

    offset: int
    keyword: str
    pipe: Pipe
    body: Body
    other: Body | None


@dataclass(frozen=True, slots=True)
class Call:
    """`{{template "name" pipeline}}`"""

    offset: int
    name: str
    pipe: Pipe | None


@dataclass(frozen=True, slots=True)
class Leave:
    """`{{break}}` and `{{continue}}`"""

    offset: int
    keyword: str


Node: TypeAlias = Text | Action | Branch | Call | Leave
Body: TypeAlias = tuple[Node, ...]


def is_blank(body: Body) -> bool:
    """Tell whether nothing but spaces is in a body."""
    return all(isinstance(node, Text) and not node.text.strip() for node in body)
