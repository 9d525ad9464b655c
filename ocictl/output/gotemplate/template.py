"""A template, from its text to its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Self

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate import nodes
from ocictl.output.gotemplate.evaluator import Evaluator, Misplaced
from ocictl.output.gotemplate.library import FUNCTIONS, check_function
from ocictl.output.gotemplate.parser import parse
from ocictl.output.gotemplate.problems import Fault, problem
from ocictl.output.gotemplate.values import Budget, Limits, from_json, to_bytes

_DEFAULT: Final = Limits()
_TOO_DEEP: Final = "something is nested too deeply"


class Template:
    """A template that has been parsed and can be applied to data."""

    def __init__(self, source: str, bodies: Mapping[str, nodes.Body]) -> None:
        self._source = source
        self._bodies = bodies

    @classmethod
    def parse(cls, source: str) -> Self:
        """Parse a template.

        Raises:
            InvalidInputError: it is not one, or calls a function that does not exist; code `template-invalid`.
        """
        try:
            return cls(source, parse(source, check_function))
        except RecursionError as error:
            raise problem(source, 0, _TOO_DEEP) from error

    def render(
        self, data: object, *, shown: Callable[[str], str] | None = None, limits: Limits = _DEFAULT
    ) -> bytes:
        """Apply the template.

        Args:
            data: JSON values.
            shown: changes each value as it is written; the template's own text stays as it is.
            limits: how much may be done.

        Raises:
            InvalidInputError: the template asks for something that can't be done with this data; code
                `template-invalid`.
        """
        budget = Budget(limits)
        evaluator = Evaluator(self._bodies, FUNCTIONS, budget, shown or _unchanged)
        try:
            return to_bytes(evaluator.run(from_json(budget, data)))
        except Misplaced as error:
            raise self._problem(error.offset, error.message) from error
        except Fault as fault:
            raise self._problem(0, fault.message) from fault
        except RecursionError as error:
            raise self._problem(0, _TOO_DEEP) from error

    def _problem(self, offset: int, message: str) -> InvalidInputError:
        return problem(self._source, offset, message)


def _unchanged(text: str) -> str:
    return text
