"""The hash of causes, by which parts and artifacts are named.

A cause is whatever can change an output: the digest of an input, a method's version, a parameter
of the recipe. Paths, hosts and times are not causes, so a store can be moved or shared.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import BaseModel

DIGEST_BYTES = 16


def canonical(value: Any) -> Any:
    """A value as plain JSON: sections become their fields, sequences lists; keys are sorted later.

    Raises :class:`TypeError` for a value without one clear JSON form (a path, an open file, a set).
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be a cause: {value!r}")


def cause(*values: Any) -> str:
    """The hash of causes: 32 hexadecimal digits over the values' canonical JSON."""
    text = json.dumps(canonical(values), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


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
