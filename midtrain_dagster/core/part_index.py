"""The records of an asset's parts in one file, so that thousands are found with few requests.

A part exists by its own record, ``part.json`` in its folder. An object store charges time for each
of them, so what an asset's last build found or made is written once more, together: the next build,
of which most parts are the same, reads one file and asks for the few others. It is a copy: without
it everything is found as well, and whether the parts are there is looked up in any case.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.storage import Storage

FOLDER = "part_indexes"

WORTH_IT = 64
"""Records from which they are written together."""

_RECORD = TypeAdapter(list[Part])
_INDEX = TypeAdapter(dict[str, list[Part]])


@dataclass(frozen=True)
class PartIndex:
    """What lies under a name, such as that of the asset and of the work."""

    storage: Storage
    name: str

    @property
    def path(self) -> str:
        """Where it lies in the store."""
        return f"{FOLDER}/{self.name}.json"

    def read(self) -> dict[str, list[Part]]:
        """The parts of each unit of work, by its folder; nothing where there is no index."""
        (content,) = self.storage.read_each([self.path])
        return {} if content is None else _INDEX.validate_json(content)

    def write(self, parts: Mapping[str, Sequence[Part]]) -> None:
        """Write the index anew, if there is enough for one."""
        if len(parts) >= WORTH_IT:
            content = {folder: list(each) for folder, each in parts.items()}
            self.storage.write(self.path, _INDEX.dump_json(content))


def record_of(parts: Sequence[Part]) -> bytes:
    """The record of one unit of work."""
    return json.dumps([part.model_dump() for part in parts], indent=1).encode()


def parsed_record(record: bytes) -> list[Part]:
    """The parts that a record lists."""
    return _RECORD.validate_json(record)
