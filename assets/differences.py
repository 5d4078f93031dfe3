"""Which cause of an artifact is another than it was: in words, for a plan."""

from collections.abc import Iterator, Mapping
from typing import Any

from assets.declaration import EXTERNAL, Declaration
from midtrain_dagster.core.artifacts import Manifest
from midtrain_dagster.core.causes import canonical

LONGEST = 48
"""Characters of a value that are shown."""

CONTENT = {"digest", "bytes"}
"""Of a file, what says that its content is another: nothing that a person reads."""


def differences(
    declaration: Declaration, before: Manifest, section: Any, upstream: Mapping[str, Any]
) -> Iterator[str]:
    """Each cause that differs from those in the manifest ``before``, the recipe's own first.

    ``upstream`` has those inputs whose causes are known.
    """
    if before.method != declaration.method:
        yield f"it was made by {before.method}"
    for place, old, new in _differing(before.versions, declaration.versions):
        yield f"the method changed: {'.'.join(place)}, version {_shown(old)} → {_shown(new)}"
    for place, old, new in _differing(before.section, section):
        yield f"{'.'.join(place) or 'its section'}: {_shown(old)} → {_shown(new)}"
    outside = {EXTERNAL: upstream[EXTERNAL]} if EXTERNAL in upstream else {}
    for place, old, new in _differing(
        {key: value for key, value in before.upstream.items() if key in outside}, outside
    ):
        yield _outside([part for part in place[1:] if part not in CONTENT], old, new)
    yield from _inputs(declaration, before, upstream)


def _inputs(
    declaration: Declaration, before: Manifest, upstream: Mapping[str, Any]
) -> Iterator[str]:
    for name, each in declaration.inputs.items():
        if name not in upstream:
            continue
        old, new = before.upstream.get(name), canonical(upstream[name])
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            yield f"{each.asset} [{', '.join(keys)}] changed"
        else:
            yield f"{each.asset} {'changed' if name in before.upstream else 'is new to it'}"
    known = {each.asset for each in declaration.inputs.values()}
    for name in before.upstream.keys() - declaration.inputs.keys() - {EXTERNAL}:
        if name not in known:
            yield f"{name} is no longer an input"


def _outside(place: list[str], old: Any, new: Any) -> str:
    what = "/".join(place) or "a file outside the store"
    if old is _NOTHING:
        return f"{what} is new"
    return f"{what} is gone" if new is _NOTHING else f"{what} changed"


class _Nothing:
    def __str__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def _differing(old: Any, new: Any) -> list[tuple[tuple[str, ...], Any, Any]]:
    """The places where two JSON values differ, each once, with both values."""
    found: dict[tuple[str, ...], tuple[Any, Any]] = {}
    waiting: list[tuple[tuple[str, ...], Any, Any]] = [((), canonical(old), canonical(new))]
    while waiting:
        place, one, other = waiting.pop()
        one, other = _by_name(one), _by_name(other)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            keys = [*one, *(key for key in other if key not in one)]
            waiting += [
                ((*place, str(key)), one.get(key, _NOTHING), other.get(key, _NOTHING))
                for key in reversed(keys)
            ]
        elif one is not other and one != other:
            place = place[:-1] if place and place[-1] in CONTENT else place
            found.setdefault(place, (one, other))
    return [(place, *values) for place, values in found.items()]


def _by_name(value: Any) -> Any:
    """A list of things that have names, by name: so that one that is added moves no other."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(e, Mapping) and "name" in e for e in value)
    ):
        return {each["name"]: {k: v for k, v in each.items() if k != "name"} for each in value}
    return value


def _shown(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
