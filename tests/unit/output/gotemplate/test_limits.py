"""Whatever a template says, it ends soon, takes little memory, and reaches nothing but plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate import Limits, Template

SMALL = Limits(steps=20_000, text=10_000, output=5_000, depth=20)


def render(template: str, data: object = None, limits: Limits = SMALL) -> str:
    """Apply a template."""
    return Template.parse(template).render(data, limits=limits).decode()


def refusal(template: str, data: object = None, limits: Limits = SMALL) -> str:
    """Apply a template that can't be applied; the message without the place."""
    with pytest.raises(InvalidInputError) as refused:
        render(template, data, limits)
    assert refused.value.code == "template-invalid"
    return refused.value.message.partition(": ")[2]


@pytest.mark.parametrize(
    "template",
    [
        "{{range until 100}}{{range until 100}}{{range until 100}}{{end}}{{end}}{{end}}",
        "{{range 1000000000000}}{{end}}",
        "{{until 1000000000000 | len}}",
        "{{untilStep 0 -1000000000000 -1 | len}}",
        "{{seq 1000000000000 | len}}",
        (
            '{{define "a"}}{{if lt (len .) 18}}{{template "a" (append . 1)}}'
            '{{template "a" (append . 1)}}{{end}}{{end}}{{template "a" list}}'
        ),
        "{{$l := list 1 2}}{{range until 30}}{{$l = concat $l $l}}{{end}}",
        (
            "{{$l := list 1}}{{$m := list 1}}{{range until 15}}{{$l = list $l $l}}{{$m = list $m $m}}{{end}}"
            "{{deepEqual $l $m}}"
        ),
        "{{$l := list 1}}{{range until 15}}{{$l = list $l $l}}{{end}}{{deepCopy $l}}",
        "{{$l := until 500}}{{range $l}}{{$_ := has 501 $l}}{{end}}",
        '{{regexMatch "(x+x+)+y" (repeat 5000 "x")}}',
        '{{regexFindAll "(a|aa)*b" (repeat 3000 "a") -1}}',
        '{{regexReplaceAll "(.*)*" (repeat 9000 "a") "b"}}',
        '{{range until 3}}{{splitList "" (repeat 9000 "a") | len}}{{end}}',
        '{{range until 200}}{{repeat 9000 "a" | len}}{{end}}',
    ],
)
def test_steps_are_counted(template: str) -> None:
    """Loops, recursion, and what a function looks at."""
    assert refusal(template).endswith("the template takes more than 20000 steps")


@pytest.mark.parametrize(
    "template",
    [
        '{{repeat 1000000000000 "x"}}',
        '{{$s := "ab"}}{{range until 40}}{{$s = print $s $s}}{{end}}',
        '{{replace "a" (repeat 200 "b") (repeat 200 "a")}}',
        '{{replace "" (repeat 200 "b") (repeat 200 "a")}}',
        '{{join (repeat 5000 "x") (list 1 2 3 4)}}',
        '{{indent 9000 "a\\nb"}}',
        '{{nindent 1000000000000 "a"}}',
        '{{regexReplaceAll "a" (repeat 200 "a") (repeat 200 "b")}}',
        '{{regexReplaceAllLiteral "" (repeat 200 "a") (repeat 200 "b")}}',
        '{{printf "%20000d" 1}}',
        '{{printf "%*d" 20000 1}}',
        '{{printf "%.20000d" 1}}',
        '{{printf "%.20000f" 1.0}}',
        '{{printf "%020000d" 1}}',
        '{{$l := list (repeat 100 "x")}}{{range until 8}}{{$l = list $l $l}}{{end}}{{print $l}}',
        '{{$l := list (repeat 100 "x")}}{{range until 8}}{{$l = list $l $l}}{{end}}{{toPrettyJson $l}}',
        "{{$l := list 1}}{{range until 15}}{{$l = list $l $l}}{{end}}{{$l}}",
        "{{$l := list 1}}{{range until 15}}{{$l = list $l $l}}{{end}}{{toJson $l}}",
        '{{wrapWith 1 (repeat 100 "x") (repeat 200 "a")}}',
        '{{html (repeat 9000 "<")}}',
        '{{printf "%q" (repeat 9000 "\\x01")}}',
        '{{cat (repeat 6000 "a") (repeat 6000 "a")}}',
        '{{println (repeat 6000 "a") (repeat 6000 "a")}}',
    ],
)
def test_texts_have_a_length(template: str) -> None:
    """Before they are made, if that takes much."""
    assert refusal(template).endswith("a text would be longer than 10000 characters")


def test_the_output_has_a_length() -> None:
    """What is written piece by piece counts together."""
    assert (
        refusal('{{range until 10}}{{repeat 1000 "x"}}{{end}}') == "the output is longer than 5000 characters"
    )
    assert (
        refusal("{{range until 10}}" + "x" * 1000 + "{{end}}") == "the output is longer than 5000 characters"
    )


def test_templates_call_each_other_to_some_depth() -> None:
    """A tree of referrers can be walked; endless recursion ends."""
    endless = '{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}'
    assert refusal(endless) == "templates call each other more than 20 levels deep"
    assert refusal('{{template "format output"}}') == "templates call each other more than 20 levels deep"
    endless = '{{define "a"}}{{range .}}{{with .}}{{template "a" .}}{{end}}{{end}}{{end}}{{template "a" .}}'
    tree: list[Any] = []
    for _ in range(18):
        tree = [tree, []]
    assert render(endless, tree) == ""


def test_values_are_nested_to_some_depth() -> None:
    """In the data, in what a template makes, and where it puts a map into itself."""
    tree: list[Any] = []
    for _ in range(100):
        tree = [tree]
    too_deep = "something is nested more than 20 levels deep"
    assert refusal("x", tree) == too_deep
    assert refusal("{{mustFromJson .}}", json.dumps(tree)).endswith(too_deep)
    assert refusal("{{mustFromJson .}}", "[" * 9_000).endswith("the text is not JSON")
    for show in ("$d", "toJson $d", 'printf "%#v" $d', "deepCopy $d", "deepEqual $d (deepCopy $d)"):
        assert refusal("{{$d := dict}}{{$_ := set $d `d` $d}}{{" + show + "}}").endswith(too_deep)
    both = "{{$d := dict}}{{$_ := set $d `d` $d}}{{$e := dict}}{{$_ := set $e `d` $e}}"
    assert refusal(both + "{{deepEqual $d $e}}").endswith(too_deep)
    assert refusal(both + "{{merge $d $e}}").endswith(too_deep)
    assert refusal("{{regexMatch . ``}}", "(" * 1000).endswith("a regular expression is nested too deeply")


def test_regular_expressions_have_a_size() -> None:
    """Repetitions multiply."""
    assert refusal("{{regexMatch `((a{100}){100}){100}` `x`}}").endswith("a regular expression is too large")
    assert refusal("{{regexMatch . `x`}}", "()" * 101).endswith("a regular expression has too many groups")


def test_the_standing_limits_are_wide_enough() -> None:
    """An index with thousands of manifests can be shown in any way."""
    manifests = [
        {"digest": f"sha256:{number:064d}", "size": number, "platform": {"os": "linux", "architecture": "x"}}
        for number in range(5_000)
    ]
    template = (
        "{{range $i, $m := .manifests}}{{if gt $m.size 10.0}}{{$m.digest | trimPrefix `sha256:` | trunc 12}} "
        "{{with $m.platform}}{{.os}}/{{.architecture | upper}}{{end}}{{printf `%08.3f` $m.size}}\n{{end}}{{end}}"
    )
    shown = render(template, {"manifests": manifests}, Limits())
    assert len(shown.splitlines()) == 4_989
    assert json.loads(render("{{toJson .}}", manifests, Limits())) == manifests


@pytest.mark.parametrize(
    "template",
    [
        "{{(list).append}}",
        '{{("a").__class__}}',
        "{{.text.__class__}}",
        "{{.list.__len__}}",
        "{{.number.real}}",
        "{{now.at}}",
        "{{now.__class__}}",
        "{{(printf `x`).format}}",
        "{{call .text}}",
        "{{index .text `__class__`}}",
        "{{__import__ `os`}}",
        "{{eval `1`}}",
    ],
)
def test_no_attributes_of_python(template: str) -> None:
    """A name after a dot is a key of a map, or one of the few methods of times."""
    refusal(template, {"text": "a", "list": [1], "number": 1})


def test_names_of_python_are_ordinary_keys() -> None:
    """A map has what was put into it."""
    assert render("{{.__class__}} {{.keys}} {{.items.x}} {{index . `__len__`}}", {"keys": "k"}) == (
        "<no value> k <no value> <no value>"
    )


def test_only_json_gets_in() -> None:
    """A record with something else in it is a mistake of the program that does not go unnoticed."""
    assert refusal("x", {"a": object()}) == "the result holds a object, which is not JSON"
    assert refusal("x", [10**400]) == "the result holds a number that is too large for a template"


def test_lone_surrogates_become_replacement_characters() -> None:
    r"""JSON may hold `"\ud800"`, which is no text; a byte of a string can't be forged with it."""
    assert render("{{.}}|{{index . 0 | printf `%x`}}", "\ud800\udc80a") == "\ufffd\ufffda|ef"
