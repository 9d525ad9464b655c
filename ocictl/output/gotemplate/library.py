"""All functions that templates may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ocictl.output.gotemplate import (
    builtin_functions,
    data_functions,
    list_functions,
    map_functions,
    number_functions,
    regex_functions,
    text_functions,
    time_functions,
)
from ocictl.output.gotemplate.functions import Function

MODULES: Final = (
    builtin_functions,
    data_functions,
    list_functions,
    map_functions,
    text_functions,
    number_functions,
    time_functions,
    regex_functions,
)
FUNCTIONS: Final[Mapping[str, Function]] = {
    name: function for module in MODULES for name, function in module.FUNCTIONS.items()
}
"""Every function by name. Sprig's replace those of Go that have the same name, as in oras."""

UNSUPPORTED: Final = frozenset(
    [
        *("bcrypt", "buildCustomCert", "camelcase", "decryptAES", "derivePassword", "encryptAES", "env"),
        *("expandenv", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert"),
        *("genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "getHostByName", "htpasswd"),
        *("kebabcase", "randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric"),
        *("semver", "semverCompare", "shuffle", "snakecase", "urlJoin", "urlParse", "uuidv4"),
    ]
)
"""Functions of Sprig that are left out: they make secrets, look around, or are rare."""


def check_function(name: str) -> str | None:
    """Return what is wrong with the name of a function; None for one that exists."""
    if name in FUNCTIONS:
        return None
    if name in UNSUPPORTED:
        return f"the function {name!r} of Sprig is not supported"
    return f"function {name!r} is not defined"
