"""Dataclasses that cost next to nothing until one is made (docs/adr/0014-lazy-dataclasses.md).

`dataclasses.dataclass` writes and compiles six methods for each class while its module is imported: half a
millisecond, for forty classes of which one run uses ten. Here `__init__` is compiled when it is first looked up, and
the other methods are shared. The rest is as there: `replace`, `fields`, `asdict`, pattern matching, pickling, hashing.

Only what the code base uses is offered: always `slots=True`. Type checkers see the standard decorator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

__all__ = ["dataclass", "field", "replace"]


_MISSING: Final[Any] = object()


class _Options:
    """What `field` was given."""

    __slots__ = ("compare", "default", "default_factory", "repr")

    def __init__(
        self,
        *,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        repr: bool = True,  # noqa: A002 - the name in dataclasses
        compare: bool = True,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare


class _Member(NamedTuple):
    """One field of a class."""

    annotation: str
    options: _Options
    kw_only: bool


class _Init:
    """Stands for `__init__` until it is looked up."""

    __slots__ = ("_owner",)

    def __init__(self, owner: type[Any]) -> None:
        self._owner = owner

    def __get__(self, instance: Any, _owner: object = None) -> Any:
        function = _compiled(self._owner)
        self._owner.__init__ = function
        return function if instance is None else function.__get__(instance)


class _Fields:
    """Stands for `__dataclass_fields__`: what the standard decorator makes of a class with the same fields."""

    __slots__ = ("_owner",)

    def __init__(self, owner: type[Any]) -> None:
        self._owner = owner

    def __get__(self, _instance: object, _owner: object = None) -> dict[str, Any]:
        import dataclasses

        owner = self._owner
        body: dict[str, Any] = {"__annotations__": {}, "__module__": owner.__module__}
        for name, (annotation, options, _kw_only) in owner.__lazy_members__.items():
            body["__annotations__"][name] = annotation
            given = {"default": options.default, "default_factory": options.default_factory}
            chosen = {key: value for key, value in given.items() if value is not _MISSING}
            body[name] = dataclasses.field(repr=options.repr, compare=options.compare, **chosen)
        twin: Any = dataclasses.dataclass(frozen=True, kw_only=True)(type(owner.__name__, (), body))
        owner.__dataclass_fields__ = twin.__dataclass_fields__
        fields: dict[str, Any] = twin.__dataclass_fields__
        return fields


def _compiled(owner: type[Any]) -> Any:
    """Write and compile `__init__`."""
    names: dict[str, Any] = {"_not_given": _MISSING}
    plain: list[str] = []
    keyword: list[str] = []
    body = []
    for name, one in owner.__lazy_members__.items():
        names[f"_set_{name}"] = getattr(owner, name).__set__
        parameter = value = name
        if one.options.default_factory is not _MISSING:
            names[f"_make_{name}"] = one.options.default_factory
            parameter = f"{name}=_not_given"
            value = f"_make_{name}() if {name} is _not_given else {name}"
        elif one.options.default is not _MISSING:
            names[f"_default_{name}"] = one.options.default
            parameter = f"{name}=_default_{name}"
        (keyword if one.kw_only else plain).append(parameter)
        body.append(f" _set_{name}(self, {value})")
    if hasattr(owner, "__post_init__"):
        body.append(" self.__post_init__()")
    parameters = ", ".join(["self", *plain, *(["*", *keyword] if keyword else [])])
    source = f"def __init__({parameters}):\n" + ("\n".join(body) or " pass")
    exec(source, names)  # noqa: S102 - names and nothing else come from the class, as in the standard decorator
    function = names["__init__"]
    function.__qualname__ = f"{owner.__qualname__}.__init__"
    function.__module__ = owner.__module__
    function.__annotations__ = {
        **{name: one.annotation for name, one in owner.__lazy_members__.items()},
        "return": None,
    }
    return function


def _key(instance: Any) -> Any:
    """What two objects are compared by."""
    owner = type(instance)
    if owner.__lazy_key__ is None:
        names = [name for name, one in owner.__lazy_members__.items() if one.options.compare]
        owner.__lazy_key__ = staticmethod(operator.attrgetter(*names)) if names else staticmethod(id)
    return owner.__lazy_key__(instance)


def _hash(self: Any) -> int:
    return hash(_key(self))


def _repr(self: Any) -> str:
    shown = (
        f"{name}={getattr(self, name)!r}"
        for name, one in type(self).__lazy_members__.items()
        if one.options.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _no_set(_self: object, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delete(_self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in type(self).__lazy_members__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(type(self).__lazy_members__, state, strict=True):
        object.__setattr__(self, name, value)


def _compared(how: Callable[[Any, Any], bool]) -> Callable[[Any, object], Any]:
    def compare(self: Any, other: object) -> Any:
        return how(_key(self), _key(other)) if type(other) is type(self) else NotImplemented

    return compare


_ALWAYS: Final = {"__repr__": _repr, "__getstate__": _state, "__setstate__": _set_state}
_FROZEN: Final = {"__setattr__": _no_set, "__delattr__": _no_delete}
_ORDERED: Final = {
    "__lt__": _compared(operator.lt),
    "__le__": _compared(operator.le),
    "__gt__": _compared(operator.gt),
    "__ge__": _compared(operator.ge),
}


def _dataclass(
    *, slots: bool, frozen: bool = False, kw_only: bool = False, eq: bool = True, order: bool = False
) -> Any:
    """The decorator; see the module."""
    if not slots:
        raise TypeError("only classes with slots are made here; take dataclasses.dataclass")
    shared: dict[str, Any] = {
        **_ALWAYS,
        **(_FROZEN if frozen else {}),
        **({"__eq__": _compared(operator.eq), "__hash__": _hash if frozen else None} if eq else {}),
        **(_ORDERED if order else {}),
    }

    def decorate(cls: type[Any]) -> type[Any]:
        members: dict[str, _Member] = {}
        for base in reversed(cls.__mro__[1:]):
            members.update(base.__dict__.get("__lazy_members__", {}))
        inherited = set(members)
        body = {
            name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")
        }
        for name, annotation in cls.__annotations__.items():
            given = body.pop(name, _MISSING)
            options = given if isinstance(given, _Options) else _Options(default=given)
            members[name] = _Member(annotation, options, kw_only)
        body["__slots__"] = tuple(name for name in cls.__annotations__ if name not in inherited)
        body["__match_args__"] = tuple(name for name, one in members.items() if not one.kw_only)
        body["__lazy_members__"] = members
        body["__lazy_key__"] = None
        for name, function in shared.items():
            body.setdefault(name, function)
        metaclass: Any = type(cls)
        made = metaclass(cls.__name__, cls.__bases__, body)
        made.__qualname__ = cls.__qualname__
        if "__init__" not in body:
            made.__init__ = _Init(made)
        made.__dataclass_fields__ = _Fields(made)
        return made  # type: ignore[no-any-return]

    return decorate


def _replaced(instance: Any, /, **changes: Any) -> Any:
    """A copy with some fields changed."""
    values = {name: getattr(instance, name) for name in type(instance).__lazy_members__}
    return type(instance)(**{**values, **changes})


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _Options, _replaced
