"""Functions of Sprig about any data: defaults, JSON, encodings, checksums, types, paths."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.json_text import read_json, to_json
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import (
    Budget,
    Value,
    from_bytes,
    kind_name,
    same,
    to_bytes,
    truth,
    type_name,
)


def is_empty(value: Value) -> bool:
    """Tell whether a value is what Sprig calls empty: nothing, or the zero of its type."""
    return not truth(value)


def _default(_: Budget, default: Value, *given: Value) -> Value:
    return default if not given or is_empty(given[0]) else given[0]


def _coalesce(_: Budget, *values: Value) -> Value:
    return next((value for value in values if not is_empty(value)), None)


def _must_json(budget: Budget, value: Value, **how: Any) -> str:
    written = to_json(budget, value, **how)
    if written is None:
        raise Fault("a number has no JSON")
    return written


def _from_json(budget: Budget, text: str) -> Value:
    try:
        return read_json(budget, text)
    except Fault:
        return None


def _decoded(decode: Callable[[bytes], bytes], name: str, group: int) -> Function:
    """A function that decodes; what can't be decoded becomes a message, as with Sprig."""

    def call(_: Budget, text: str) -> str:
        data = to_bytes(text)
        try:
            return from_bytes(decode(re.sub(rb"[\r\n]", b"", data)))
        except (binascii.Error, ValueError):
            return f"illegal {name} data at input byte {_wrong_byte(data, name, group)}"

    return Function(call, ("string",))


_ALPHABETS: Final = {"base64": rb"[A-Za-z0-9+/\r\n]*", "base32": rb"[A-Z2-7\r\n]*"}


def _wrong_byte(data: bytes, name: str, group: int) -> int:
    """The place of the first byte that does not belong there; of an unfinished group its beginning."""
    match = re.match(_ALPHABETS[name], data)
    end = match.end() if match else 0
    inside = len(re.sub(rb"[\r\n]", b"", data[:end])) % group
    if end == len(data):
        return end - inside
    if data[end : end + 1] != b"=" or inside < 2:
        return end
    if inside == group - 1 or end + 1 == len(data):
        return end + 1
    return end + 2 if data[end + 1 : end + 2] == b"=" else end


def _b64decode(data: bytes) -> bytes:
    return base64.b64decode(data, validate=True)


def _checksum(make: Callable[[bytes], str]) -> Function:
    return Function(lambda _, text: make(to_bytes(text)), ("string",))


def _base(_: Budget, path: str) -> str:
    stripped = path.rstrip("/")
    return posixpath.basename(stripped) if stripped else "/" if path else "."


def _clean(_: Budget, path: str) -> str:
    return re.sub("^//", "/", posixpath.normpath(path))


def _directory(_: Budget, path: str) -> str:
    return _clean(_, path[: path.rfind("/") + 1])


def _extension(_: Budget, path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :] if "." in name else ""


def _copy(budget: Budget, value: Value, depth: int = 0) -> Value:
    budget.spend()
    budget.level(depth)
    if isinstance(value, list):
        return type(value)(_copy(budget, entry, depth + 1) for entry in value)
    if isinstance(value, dict):
        return type(value)((key, _copy(budget, entry, depth + 1)) for key, entry in value.items())
    return value


def _deep_copy(budget: Budget, value: Value) -> Value:
    if value is None:
        raise Fault("nil can't be copied")
    return _copy(budget, value)


def _fail(_: Budget, message: str) -> NoReturn:
    raise Fault(message)


def _deep_equal(budget: Budget, one: Value, other: Value) -> bool:
    return same(budget, one, other)


_PATHS: Final[Mapping[str, Function]] = {
    "base": Function(_base, ("string",)),
    "clean": Function(_clean, ("string",)),
    "dir": Function(_directory, ("string",)),
    "ext": Function(_extension, ("string",)),
    "isAbs": Function(lambda _, path: path.startswith("/"), ("string",)),
}

FUNCTIONS: Final[Mapping[str, Function]] = {
    "default": Function(_default, ("any",), "any"),
    "coalesce": Function(_coalesce, (), "any"),
    "empty": Function(lambda _, value: is_empty(value), ("any",)),
    "all": Function(lambda _, *values: not any(map(is_empty, values)), (), "any"),
    "any": Function(lambda _, *values: not all(map(is_empty, values)), (), "any"),
    "ternary": Function(lambda _, yes, no, condition: yes if condition else no, ("any", "any", "bool")),
    "fromJson": Function(_from_json, ("string",)),
    "mustFromJson": Function(read_json, ("string",)),
    "toJson": Function(lambda budget, value: to_json(budget, value) or "", ("any",)),
    "mustToJson": Function(_must_json, ("any",)),
    "toPrettyJson": Function(lambda budget, value: to_json(budget, value, indent="  ") or "", ("any",)),
    "mustToPrettyJson": Function(lambda budget, value: _must_json(budget, value, indent="  "), ("any",)),
    "toRawJson": Function(lambda budget, value: _must_json(budget, value, html=False), ("any",)),
    "mustToRawJson": Function(lambda budget, value: _must_json(budget, value, html=False), ("any",)),
    "b64enc": Function(lambda _, text: base64.b64encode(to_bytes(text)).decode(), ("string",)),
    "b64dec": _decoded(_b64decode, "base64", 4),
    "b32enc": Function(lambda _, text: base64.b32encode(to_bytes(text)).decode(), ("string",)),
    "b32dec": _decoded(base64.b32decode, "base32", 8),
    "sha1sum": _checksum(lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest()),
    "sha256sum": _checksum(lambda data: hashlib.sha256(data).hexdigest()),
    "sha512sum": _checksum(lambda data: hashlib.sha512(data).hexdigest()),
    "adler32sum": _checksum(lambda data: str(zlib.adler32(data))),
    "typeOf": Function(lambda _, value: type_name(value), ("any",)),
    "typeIs": Function(lambda _, name, value: name == type_name(value), ("string", "any")),
    "typeIsLike": Function(lambda _, name, value: type_name(value) in {name, f"*{name}"}, ("string", "any")),
    "kindOf": Function(lambda _, value: kind_name(value), ("any",)),
    "kindIs": Function(lambda _, name, value: name == kind_name(value), ("string", "any")),
    "deepEqual": Function(_deep_equal, ("any", "any")),
    "deepCopy": Function(_deep_copy, ("any",)),
    "mustDeepCopy": Function(_deep_copy, ("any",)),
    "fail": Function(_fail, ("string",)),
    **_PATHS,
    **{f"os{name[0].upper()}{name[1:]}": function for name, function in _PATHS.items()},
    "hello": Function(lambda _: "Hello!"),
}
