"""Makes a tree of a template, by the grammar of Go's text/template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NoReturn, TypeVar

from ocictl.lazy_dataclass import dataclass
from ocictl.output.gotemplate import literals, nodes
from ocictl.output.gotemplate.lexer import Token, tokens
from ocictl.output.gotemplate.problems import Fault, problem

T = TypeVar("T")

MAIN: Final = "format output"
"""The name of the template itself, as oras calls it; it may call itself by that name."""
_DEEPEST: Final = 50
"""How deep actions and parentheses may be nested."""
_LITERALS: Final = (nodes.Boolean, nodes.String, nodes.Number, nodes.Nil, nodes.Dot)


def parse(source: str, check_function: Callable[[str], str | None]) -> Mapping[str, nodes.Body]:
    """Parse a template and the templates that it defines.

    Args:
        source: the text.
        check_function: returns what is wrong with a function's name, or None.

    Returns:
        The bodies by name; the whole is called `MAIN`.

    Raises:
        InvalidInputError: the text is not a template.
    """
    return _Parser(source, check_function).parse()


@dataclass(slots=True)
class _Scope:
    """What is known where the parser is: a template of its own begins with an empty one."""

    variables: list[str]
    loops: int = 0


class _Parser:
    def __init__(self, source: str, check_function: Callable[[str], str | None]) -> None:
        self._source = source
        self._check_function = check_function
        self._tokens: Iterator[Token] = tokens(source)
        self._ahead: list[Token] = []
        self._scope = _Scope(["$"])
        self._depth = 0
        self._bodies: dict[str, nodes.Body] = {}

    def parse(self) -> Mapping[str, nodes.Body]:
        main: list[nodes.Node] = []
        while self._peek().kind != "end of template":
            token = self._take()
            if token.kind == "{{" and self._peek_solid().kind == "define":
                self._define()
                continue
            node = self._node(token)
            if isinstance(node, Token):
                self._fail(node, f"unexpected {{{{{node.kind}}}}}")
            main.append(node)
        self._add(0, MAIN, tuple(main))
        return self._bodies

    # Tokens

    def _peek(self, count: int = 0) -> Token:
        while len(self._ahead) <= count:
            self._ahead.append(next(self._tokens))
        return self._ahead[count]

    def _take(self) -> Token:
        token = self._peek()
        self._ahead.pop(0)
        return token

    def _peek_solid(self) -> Token:
        while self._peek().kind == "space":
            self._take()
        return self._peek()

    def _take_solid(self) -> Token:
        self._peek_solid()
        return self._take()

    def _expect(self, kind: str, where: str) -> Token:
        token = self._take_solid()
        if token.kind != kind:
            self._unexpected(token, where)
        return token

    def _unexpected(self, token: Token, where: str) -> NoReturn:
        shown = token.kind if token.kind == "end of template" else repr(token.text)
        self._fail(token, f"unexpected {shown} in {where}")

    def _fail(self, token: Token, message: str) -> NoReturn:
        raise problem(self._source, token.offset, message)

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(token, f"nested more than {_DEEPEST} levels deep")

    # Actions

    def _define(self) -> None:
        self._take_solid()
        name = self._name("a definition")
        self._expect("}}", "a definition")
        self._add_inner(name)

    def _name(self, where: str) -> tuple[Token, str]:
        token = self._expect("string", where)
        return token, self._constant(token, literals.unquote)

    def _add_inner(self, name: tuple[Token, str]) -> None:
        outer, self._scope = self._scope, _Scope(["$"])
        body, end = self._body()
        if end.kind != "end":
            self._fail(end, "unexpected {{else}} in a definition")
        self._scope = outer
        self._add(name[0].offset, name[1], body)

    def _add(self, offset: int, name: str, body: nodes.Body) -> None:
        """A definition that is blank neither replaces another nor is in its way."""
        before = self._bodies.get(name, ())
        if not nodes.is_blank(before) and not nodes.is_blank(body):
            raise problem(self._source, offset, f"template {name!r} is defined twice")
        if nodes.is_blank(before):
            self._bodies[name] = body

    def _body(self) -> tuple[nodes.Body, Token]:
        """Parse up to the `end` or `else` that belongs to what has just begun, and return that token too."""
        found: list[nodes.Node] = []
        while True:
            token = self._take_solid()
            if token.kind == "end of template":
                self._fail(token, "an {{end}} is missing")
            node = self._node(token)
            if isinstance(node, Token):
                return tuple(found), node
            found.append(node)

    def _node(self, token: Token) -> nodes.Node | Token:
        if token.kind == "text":
            return nodes.Text(token.offset, token.text)
        if token.kind != "{{":
            self._unexpected(token, "the text")
        word = self._peek_solid()
        match word.kind:
            case "if" | "with" | "range":
                return self._branch(self._take())
            case "end":
                self._take()
                self._expect("}}", "{{end}}")
                return word
            case "else":
                return self._else(self._take())
            case "break" | "continue":
                return self._leave(self._take())
            case "template" | "block":
                return self._call(self._take())
        return nodes.Action(word.offset, self._pipe("an action", "}}"))

    def _else(self, word: Token) -> Token:
        """`{{else if …}}` leaves the `if` where it is."""
        if self._peek_solid().kind not in {"if", "with"}:
            self._expect("}}", "{{else}}")
        return word

    def _leave(self, word: Token) -> nodes.Leave:
        self._expect("}}", f"{{{{{word.kind}}}}}")
        if not self._scope.loops:
            self._fail(word, f"{{{{{word.kind}}}}} outside of {{{{range}}}}")
        return nodes.Leave(word.offset, word.kind)

    def _branch(self, word: Token) -> nodes.Branch:
        self._enter(word)
        known = len(self._scope.variables)
        pipe = self._pipe(f"{{{{{word.kind}}}}}", "}}", pair=word.kind == "range")
        self._scope.loops += word.kind == "range"
        body, end = self._body()
        self._scope.loops -= word.kind == "range"
        other: nodes.Body | None = None
        if end.kind == "else":
            following = self._peek_solid()
            if following.kind in {"if", "with"}:
                if following.kind != word.kind:
                    self._fail(following, f"unexpected {following.kind} after {{{{else}}}}")
                other = (self._branch(self._take()),)  # its end is this one's end
            else:
                other, end = self._body()
                if end.kind != "end":
                    self._fail(end, "unexpected {{else}}, an {{end}} is missing")
        del self._scope.variables[known:]
        self._depth -= 1
        return nodes.Branch(word.offset, word.kind, pipe, body, other)

    def _call(self, word: Token) -> nodes.Call:
        where = f"{{{{{word.kind}}}}}"
        self._enter(word)
        name = self._name(where)
        pipe = None
        if word.kind == "block" or self._peek_solid().kind != "}}":
            pipe = self._pipe(where, "}}")
        else:
            self._take()
        if word.kind == "block":
            self._add_inner(name)
        self._depth -= 1
        return nodes.Call(word.offset, name[1], pipe)

    # Pipelines

    def _pipe(self, where: str, end: str, *, pair: bool = False) -> nodes.Pipe:
        start = self._peek_solid()
        variables, assigns = self._variables(where, pair=pair)
        commands: list[nodes.Command] = []
        while (token := self._peek_solid()).kind != end:
            command = self._command()
            if commands and isinstance(command.operands[0], _LITERALS):
                self._fail(token, f"{token.text!r} is no function and can't take what comes before it")
            commands.append(command)
        self._take()
        if not commands:
            self._fail(token, f"a value is missing in {where}")
        return nodes.Pipe(start.offset, variables, assigns, tuple(commands))

    def _variables(self, where: str, *, pair: bool) -> tuple[tuple[str, ...], bool]:
        """Parse `$x :=`, `$x =` or `$i, $x :=`, if there is one of them."""
        found: list[str] = []
        while self._peek_solid().kind == "variable":
            position = 1
            while self._peek(position).kind == "space":
                position += 1
            following = self._peek(position)
            if following.kind not in {":=", "=", ","}:
                break
            name = self._take()
            self._take_solid()
            found.append(name.text)
            self._scope.variables.append(name.text)
            if following.kind != ",":
                return tuple(found), following.kind == "="
            if not pair or len(found) > 1:
                self._fail(following, f"too many variables in {where}")
            if self._peek_solid().kind not in {"variable", "}}", ")"}:
                self._unexpected(self._peek(), where)
        return tuple(found), False

    def _command(self) -> nodes.Command:
        operands: list[nodes.Operand] = []
        while True:
            start = self._peek_solid()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            token = self._peek()
            if token.kind == "space":
                self._take()
                continue
            if token.kind == "|":
                self._take()
            elif token.kind not in {"}}", ")"}:
                self._unexpected(token, "an action")
            break
        if not operands:
            self._fail(start, "an empty command")
        return nodes.Command(operands[0].offset, tuple(operands))

    def _operand(self) -> nodes.Operand | None:
        term = self._term()
        if term is None or self._peek().kind != "field":
            return term
        point = self._peek()
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._take().text[1:])
        match term:
            case nodes.Field():
                return nodes.Field(term.offset, (*term.names, *names))
            case nodes.Variable():
                return nodes.Variable(term.offset, term.name, (*term.names, *names))
            case nodes.Pipe() | nodes.Function():
                return nodes.Chain(term.offset, term, tuple(names))
        self._fail(point, "a constant has no fields")

    def _term(self) -> nodes.Operand | None:
        token = self._peek_solid()
        offset = token.offset
        found: nodes.Operand
        match token.kind:
            case "name":
                self._check_name(token)
                found = nodes.Function(offset, token.text)
            case ".":
                found = nodes.Dot(offset)
            case "nil":
                found = nodes.Nil(offset)
            case "variable":
                if token.text not in self._scope.variables:
                    self._fail(token, f"undefined variable {token.text!r}")
                found = nodes.Variable(offset, token.text)
            case "field":
                found = nodes.Field(offset, (token.text[1:],))
            case "bool":
                found = nodes.Boolean(offset, token.text == "true")
            case "number":
                found = self._constant(token, lambda text: literals.number(offset, text))
            case "character":
                number = self._constant(token, literals.character)
                found = nodes.Number(offset, token.text, number, float(number), number)
            case "string":
                found = nodes.String(offset, self._constant(token, literals.unquote))
            case "(":
                self._enter(self._take())
                pipe = self._pipe("parentheses", ")")
                self._depth -= 1
                return pipe
            case _:
                return None
        self._take()
        return found

    def _check_name(self, token: Token) -> None:
        wrong = self._check_function(token.text)
        if wrong is not None:
            self._fail(token, wrong)

    def _constant(self, token: Token, read: Callable[[str], T]) -> T:
        try:
            return read(token.text)
        except Fault as fault:
            raise problem(self._source, token.offset, fault.message) from fault
