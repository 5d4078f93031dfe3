"""The hash of causes, by which parts and artifacts are named.

A cause is whatever can change an output: the digest of an input, a method's version, a parameter
of the recipe. Paths, hosts and times are not causes, so a store can be moved or shared. A field of
a recipe that changes nothing in what is made says so where it stands::

    workers: Annotated[int, NOT_A_CAUSE] = 1

One that came later, and whose default makes what was made before it, says that::

    loss_on: Annotated[Literal["all", "assistant"], CAUSE_IF_SET] = "all"

Versions travel as a mapping, module to number, never as a sum: two branches that raise different
modules would meet in the same sum, and a shared store would hand over the wrong artifact.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

DIGEST_BYTES = 16

Versions = Mapping[str, int]
"""The versions of the modules that make something, by the module's name."""


NO_CAUSE = "x-no-cause"
"""What the JSON schema of such a field says."""


class NotACause:
    """Marks a field that changes nothing in what is made: where it lies, how fast it is made."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), NO_CAUSE: True}


NOT_A_CAUSE = NotACause()


class CauseIfSet:
    """Marks a field that is a cause where it has another value than its default."""


CAUSE_IF_SET = CauseIfSet()


class CauseAs:
    """Marks a field whose values were called otherwise before; older stores know them by those
    names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names


def canonical(value: Any) -> Any:
    """A value as plain JSON: models become their fields, sequences lists; keys are sorted later.

    Fields marked ``NOT_A_CAUSE`` are left out, at any depth, and those marked ``CAUSE_IF_SET``
    where they have their default. Raises :class:`TypeError` for a value without one clear JSON form
    (a path, an open file, a set).
    """
    # First what nearly all values are: asking whether something is a mapping takes longer.
    if isinstance(value, str) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, RootModel):
        return canonical(value.root)
    if isinstance(value, BaseModel):
        return {
            name: canonical(_as_cause(field, getattr(value, name)))
            for name, field in type(value).model_fields.items()
            if _is_cause(field, getattr(value, name))
        }
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be a cause: {value!r}")


def _is_cause(field: FieldInfo, value: Any) -> bool:
    if any(isinstance(mark, NotACause) for mark in field.metadata):
        return False
    if any(isinstance(mark, CauseIfSet) for mark in field.metadata):
        return bool(value != field.get_default(call_default_factory=True))
    return True


def _as_cause(field: FieldInfo, value: Any) -> Any:
    for mark in field.metadata:
        if isinstance(mark, CauseAs):
            return mark.names.get(value, value)
    return value


def cause(*values: Any) -> str:
    """The hash of causes: 32 hexadecimal digits over the values' canonical JSON."""
    text = json.dumps(canonical(values), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def versions_of(*modules: ModuleType) -> dict[str, int]:
    """The ``VERSION`` of each module, and of those that it names in ``USES``.

    A module is called by its path below the package (``tokens.shards``), so no two are one, and one
    that moves makes its artifacts anew. Raises :class:`TypeError` for a module without a version.
    """
    found: dict[str, int] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        name = module.__name__.partition(".")[2] or module.__name__
        if not isinstance(getattr(module, "VERSION", None), int):
            raise TypeError(f"{module.__name__} has no VERSION, so what it makes has none")
        if name not in found:
            found[name] = module.VERSION
            waiting += getattr(module, "USES", ())
    return found


def digest(data: bytes | memoryview) -> str:
    """A content digest: 32 hexadecimal digits over the bytes."""
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def file_digest(path: Path) -> str:
    """The content digest of a local file, read in blocks."""
    state = blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()
