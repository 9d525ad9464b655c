"""Resource scopes `type:name:action[,action]`: what a token is for (AUTH-14)."""

from __future__ import annotations

from collections.abc import Iterable


def merge(*groups: Iterable[str]) -> tuple[str, ...]:
    """Unite scopes by type and name, their actions too; `*` swallows the rest.

    A scope that is not of the three-part form (ECR's `aws`) is kept as it is. Resources keep the order of their
    first appearance, actions are sorted.
    """
    actions: dict[str, set[str]] = {}
    for group in groups:
        for scope in group:
            resource, wanted = _split(scope)
            actions.setdefault(resource, set()).update(wanted)
    return tuple(_join(resource, wanted) for resource, wanted in actions.items())


def covers(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether a token asked for with `held` serves a request that needs `wanted` (AUTH-15)."""
    have = dict(_split(scope) for scope in merge(held))
    return all(
        resource in have and ("*" in have[resource] or actions <= have[resource])
        for resource, actions in (_split(scope) for scope in merge(wanted))
    )


def only_pulls(wanted: Iterable[str]) -> bool:
    """Tell whether nothing but reading is asked for."""
    return all(_split(scope)[1] <= {"pull"} for scope in wanted)


def describe(wanted: Iterable[str]) -> str:
    """Words for a message: `'pull,push' on repository 'a/b'` (AUTH-18)."""
    parts = []
    for scope in wanted:
        resource, actions = _split(scope)
        kind, _colon, name = resource.partition(":")
        parts.append(f"{','.join(sorted(actions))!r} on {kind} {name!r}" if actions else repr(scope))
    return " and ".join(parts)


def _split(scope: str) -> tuple[str, frozenset[str]]:
    """Resource and actions. The name may hold a port, so the actions begin at the last colon."""
    resource, colon, actions = scope.rpartition(":")
    if not colon or ":" not in resource:
        return scope, frozenset()
    return resource, frozenset(action for action in actions.split(",") if action)


def _join(resource: str, actions: set[str]) -> str:
    if not actions:
        return resource
    return f"{resource}:{'*' if '*' in actions else ','.join(sorted(actions))}"
