"""Applies a parsed template to a value, by the rules of Go's text/template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NoReturn

from ocictl.output.gotemplate import nodes
from ocictl.output.gotemplate.formatting import show
from ocictl.output.gotemplate.functions import GO_NAMES, Function, Kind, fit
from ocictl.output.gotemplate.parser import MAIN
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.time_functions import method
from ocictl.output.gotemplate.values import (
    MISSING,
    Budget,
    Int64,
    Moment,
    Uint8,
    Value,
    is_integer,
    truth,
    type_name,
)

_EXPECTED: Final[Mapping[Kind, str]] = {
    "string": "string",
    "int": "integer",
    "float64": "float",
    "bool": "bool",
}


class Misplaced(Exception):  # noqa: N818 - not an error of ours yet
    """A fault and where in the template it is."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class _Leave(Exception):  # noqa: N818 - a signal
    """`{{break}}` or `{{continue}}`."""

    def __init__(self, keyword: str) -> None:
        super().__init__(keyword)
        self.keyword = keyword


class Evaluator:
    """One evaluation: what it writes and what it has spent."""

    def __init__(
        self,
        bodies: Mapping[str, nodes.Body],
        functions: Mapping[str, Function],
        budget: Budget,
        shown: Callable[[str], str],
    ) -> None:
        """`shown` changes values as they are written, to make them safe; the template's own text stays as it is."""
        self._bodies = bodies
        self._functions = functions
        self._budget = budget
        self._shown = shown
        self._variables: list[tuple[str, Value]] = []
        self._depth = 0
        self._output: list[str] = []
        self._size = 0

    def run(self, data: Value) -> str:
        """Write the template for a value.

        Raises:
            Misplaced: something in it can't be evaluated.
        """
        self._variables = [("$", data)]
        self._walk(data, self._bodies[MAIN])
        return "".join(self._output)

    def _fail(self, node: nodes.Node | nodes.Operand | nodes.Command, message: str) -> NoReturn:
        raise Misplaced(node.offset, message)

    def _write(self, node: nodes.Node, text: str) -> None:
        self._size += len(text)
        limit = self._budget.limits.output
        if self._size > limit:
            self._fail(node, f"the output is longer than {limit} characters")
        self._output.append(text)

    # What stands in the text

    def _walk(self, dot: Value, body: nodes.Body) -> None:
        for node in body:
            try:
                self._budget.spend()
                self._step(dot, node)
            except Fault as fault:
                raise Misplaced(node.offset, fault.message) from fault

    def _step(self, dot: Value, node: nodes.Node) -> None:
        match node:
            case nodes.Text():
                self._write(node, node.text)
            case nodes.Action():
                value = self._pipe(dot, node.pipe)
                if not node.pipe.variables:
                    self._write(node, self._shown(show(self._budget, value)))
            case nodes.Branch(keyword="range"):
                self._range(dot, node)
            case nodes.Branch():
                self._branch(dot, node)
            case nodes.Call():
                self._template(dot, node)
            case nodes.Leave():
                raise _Leave(node.keyword)

    def _branch(self, dot: Value, node: nodes.Branch) -> None:
        known = len(self._variables)
        value = self._pipe(dot, node.pipe)
        if truth(value):
            self._walk(value if node.keyword == "with" else dot, node.body)
        elif node.other is not None:
            self._walk(dot, node.other)
        del self._variables[known:]

    def _range(self, dot: Value, node: nodes.Branch) -> None:
        known = len(self._variables)
        value = self._pipe(dot, node.pipe)
        inside = len(self._variables)
        try:
            if not self._iterate(node, value, inside) and node.other is not None:
                self._walk(dot, node.other)
        except _Leave as leave:
            if leave.keyword != "break":
                raise
        del self._variables[known:]

    def _iterate(self, node: nodes.Branch, value: Value, inside: int) -> bool:
        """Go through all entries, and tell whether there were any."""
        found = False
        for index, entry in self._entries(node, value):
            found = True
            self._budget.spend()
            self._name_entry(node, index, entry, inside)
            try:
                self._walk(entry, node.body)
            except _Leave as leave:
                if leave.keyword != "continue":
                    raise
            del self._variables[inside:]
        return found

    def _entries(self, node: nodes.Branch, value: Value) -> Iterable[tuple[Value, Value]]:
        if value is MISSING or value is None:
            return ()
        if isinstance(value, dict | list):
            self._budget.spend(len(value))
        if isinstance(value, dict):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, list):
            return list(enumerate(value))
        if is_integer(value):
            if len(node.pipe.variables) > 1:
                self._fail(node, "a number gives only one variable to {{range}}")
            kind = next((kind for kind in (Int64, Uint8) if isinstance(value, kind)), int)
            return ((MISSING, kind(number)) for number in range(value))
        self._fail(node, f"{{{{range}}}} can't go through a value of the type {type_name(value)}")

    def _name_entry(self, node: nodes.Branch, index: Value, entry: Value, inside: int) -> None:
        names = node.pipe.variables
        if not names:
            return
        values = [entry] if len(names) == 1 else [index, entry]
        if node.pipe.assigns:
            for name, value in zip(names, values, strict=True):
                self._assign(node, name, value)
        else:
            self._variables[inside - len(names) : inside] = zip(names, values, strict=True)

    def _template(self, dot: Value, node: nodes.Call) -> None:
        body = self._bodies.get(node.name)
        if body is None:
            self._fail(node, f"template {node.name!r} is not defined")
        if self._depth >= self._budget.limits.depth:
            self._fail(node, f"templates call each other more than {self._depth} levels deep")
        value = MISSING if node.pipe is None else self._pipe(dot, node.pipe)
        outer, self._variables = self._variables, [("$", value)]
        self._depth += 1
        self._walk(value, body)
        self._depth -= 1
        self._variables = outer

    # Pipelines

    def _pipe(self, dot: Value, pipe: nodes.Pipe) -> Value:
        value: Value = MISSING
        for number, command in enumerate(pipe.commands):
            value = self._command(dot, command, (value,) if number else ())
            if value is None:
                value = MISSING
        for name in pipe.variables:
            if pipe.assigns:
                self._assign(pipe, name, value)
            else:
                self._variables.append((name, value))
        return value

    def _assign(self, node: nodes.Node | nodes.Pipe, name: str, value: Value) -> None:
        for position in reversed(range(len(self._variables))):
            if self._variables[position][0] == name:
                self._variables[position] = (name, value)
                return
        self._fail(node, f"undefined variable {name!r}")

    def _command(self, dot: Value, command: nodes.Command, final: Sequence[Value]) -> Value:
        """Evaluate a command; `final` holds what comes through the pipeline, if anything does."""
        self._budget.spend()
        first, arguments = command.operands[0], command.operands[1:]
        match first:
            case nodes.Function():
                return self._function(dot, first, arguments, final)
            case nodes.Field():
                return self._fields(dot, dot, first, first.names, arguments, final)
            case nodes.Chain():
                start = self._plain(dot, first.start)
                return self._fields(dot, start, first, first.names, arguments, final)
            case nodes.Variable(names=names) if names:
                return self._fields(dot, self._variable(first), first, names, arguments, final)
        if arguments or final:
            self._fail(first, "only functions take arguments")
        if isinstance(first, nodes.Nil):
            self._fail(first, "nil is no command")
        return self._plain(dot, first)

    def _plain(self, dot: Value, operand: nodes.Operand) -> Value:
        """Evaluate an operand that takes no arguments."""
        match operand:
            case nodes.Dot():
                return dot
            case nodes.Nil():
                return None
            case nodes.Boolean() | nodes.String():
                return operand.value
            case nodes.Number():
                return operand.plain
            case nodes.Pipe():
                return self._pipe(dot, operand)
            case nodes.Function():
                return self._function(dot, operand, (), ())
            case nodes.Field():
                return self._fields(dot, dot, operand, operand.names, (), ())
            case nodes.Chain():
                start = self._plain(dot, operand.start)
                return self._fields(dot, start, operand, operand.names, (), ())
            case nodes.Variable():
                value = self._variable(operand)
                return self._fields(dot, value, operand, operand.names, (), ()) if operand.names else value

    def _variable(self, node: nodes.Variable) -> Value:
        for name, value in reversed(self._variables):
            if name == node.name:
                return value
        self._fail(node, f"undefined variable {node.name!r}")

    # Fields

    def _fields(
        self,
        dot: Value,
        receiver: Value,
        node: nodes.Operand,
        names: Sequence[str],
        arguments: Sequence[nodes.Operand],
        final: Sequence[Value],
    ) -> Value:
        for name in names[:-1]:
            receiver = self._field(dot, receiver, node, name, (), ())
        return self._field(dot, receiver, node, names[-1], arguments, final)

    def _field(
        self,
        dot: Value,
        receiver: Value,
        node: nodes.Operand,
        name: str,
        arguments: Sequence[nodes.Operand],
        final: Sequence[Value],
    ) -> Value:
        self._budget.spend()
        if receiver is MISSING:
            return MISSING
        if receiver is None:
            self._fail(node, f"nil has no field {name!r}")
        if isinstance(receiver, Moment):
            return self._call(dot, node, name, method(name), arguments, final, (receiver,))
        if not isinstance(receiver, dict):
            self._fail(node, f"a value of the type {type_name(receiver)} has no field {name!r}")
        if arguments or final:
            self._fail(node, f"the field {name!r} takes no arguments")
        return receiver.get(name, MISSING)

    # Functions

    def _function(
        self,
        dot: Value,
        node: nodes.Function,
        arguments: Sequence[nodes.Operand],
        final: Sequence[Value],
    ) -> Value:
        function = self._functions[node.name]
        if node.name in {"and", "or"}:
            return self._logic(dot, node, arguments, final)
        return self._call(dot, node, node.name, function, arguments, final, ())

    def _logic(
        self,
        dot: Value,
        node: nodes.Function,
        arguments: Sequence[nodes.Operand],
        final: Sequence[Value],
    ) -> Value:
        """`and` and `or` stop at the first argument that decides."""
        if not arguments and not final:
            self._fail(node, f"function {node.name!r} needs at least 1 argument")
        value: Value = MISSING
        for argument in arguments:
            value = self._plain(dot, argument)
            if truth(value) == (node.name == "or"):
                return value
        return final[0] if final else value

    def _call(
        self,
        dot: Value,
        node: nodes.Operand,
        name: str,
        function: Function,
        arguments: Sequence[nodes.Operand],
        final: Sequence[Value],
        bound: Sequence[Value],
    ) -> Value:
        """Call a function; `bound` comes before the arguments."""
        count = len(arguments) + len(final)
        if not function.takes(count + len(bound)):
            least = "" if function.variadic is None else "at least "
            wanted = len(function.parameters) - len(bound)
            self._fail(node, f"function {name!r} takes {least}{wanted} arguments, not {count}")
        values = list(bound)
        for argument in arguments:
            values.append(self._argument(dot, argument, function.parameter(len(values)), name))
        for value in final:
            values.append(self._fitting(node, value, function.parameter(len(values)), name))
        texts = sum(len(value) for value in values if isinstance(value, str))
        self._budget.spend(1 + len(values) + texts // 16)
        try:
            result = function.call(self._budget, *values)
            if isinstance(result, str):
                self._budget.text(len(result))
        except Fault as fault:
            raise Misplaced(node.offset, f"function {name!r}: {fault.message}") from fault
        return result

    def _argument(self, dot: Value, operand: nodes.Operand, kind: Kind, name: str) -> Value:
        """Evaluate an argument; a constant becomes what the function wants, if it can."""
        self._budget.spend()
        if kind in _EXPECTED:
            match operand:
                case nodes.Number() if kind == "int" and operand.integer is not None:
                    return operand.integer
                case nodes.Number() if kind == "float64":
                    return operand.real
                case nodes.Number() | nodes.String() | nodes.Boolean() if not _is(operand, kind):
                    self._fail(operand, f"function {name!r} takes {_EXPECTED[kind]} here")
                case nodes.Nil():
                    self._fail(operand, f"function {name!r} takes {_EXPECTED[kind]} here, not nil")
        if isinstance(operand, nodes.Nil) and kind in {"map", "any", "value"}:
            return fit(MISSING, kind)[1]
        return self._fitting(operand, self._plain(dot, operand), kind, name)

    def _fitting(self, node: nodes.Operand, value: Value, kind: Kind, name: str) -> Value:
        fits, fitting = fit(value, kind)
        if not fits:
            shown = "no value" if value is MISSING or value is None else type_name(value)
            self._fail(node, f"function {name!r} takes {GO_NAMES.get(kind, kind)} here, not {shown}")
        return fitting


def _is(operand: nodes.Operand, kind: Kind) -> bool:
    return isinstance(operand, nodes.String if kind == "string" else nodes.Boolean) and kind in {
        "string",
        "bool",
    }
