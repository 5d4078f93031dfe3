"""The records of invocations in the store: a recipe as it was when somebody ran it, and what became
of it.

A record is written when an invocation begins, and again when it ends. One that is killed writes no
end; while it lives it holds a lease (``core.lease``), so everybody who reads its record knows.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.lease import Holder, holders
from midtrain_dagster.core.storage import Storage

FOLDER = "invocations"

Status = Literal["running", "done", "failed", "stopped", "killed"]


class Outcome(FrozenModel):
    """What an asset, or a partition of it, is in the end, and whether it was made for this."""

    fingerprint: str
    made: bool


class Invocation(FrozenModel):
    """A record in the store, ``invocations/ID.json``. Times are UTC, ISO 8601."""

    id: str
    recipe: str
    file: str
    text: str
    until: str | None = None
    started: str
    ended: str | None = None
    """Of one that was killed: when it was seen last; null where nobody knows."""
    status: Status = "running"
    project: str | None = None
    """What git calls the state of this project, where it is a checkout."""
    machine: str
    artifacts: dict[str, Outcome] = Field(default_factory=dict)
    """By asset, with the partition in brackets; of those that there are in the end."""

    @property
    def lease(self) -> str:
        """The lease that it holds while it runs."""
        return f"{FOLDER}/{self.id}"


def write_record(storage: Storage, record: Invocation) -> None:
    """Write a record, over the one that there was."""
    storage.write(_path(record.id), record.model_dump_json(indent=1).encode())


def read_record(storage: Storage, id_: str) -> Invocation:
    """The record of an invocation, as it was written last."""
    return Invocation.model_validate_json(storage.read(_path(id_)))


def invocations(storage: Storage) -> list[Invocation]:
    """Every invocation on this store as it stands, the latest last: one that runs, as its record
    says, and whose process is no more, is ``killed``."""
    written = [path for path in storage.list(FOLDER) if path.endswith(".json")]
    found = [Invocation.model_validate_json(storage.read(path)) for path in written]
    standing = [_as_it_stands(storage, each) for each in found]
    return sorted(standing, key=lambda each: (each.started, each.id))


def _as_it_stands(storage: Storage, record: Invocation) -> Invocation:
    if record.status != "running":
        return record
    raised = holders(storage, record.lease)
    if any(not holder.is_gone for holder in raised):
        return record
    # Its end may have been written since: the lease is given back after it.
    record = read_record(storage, record.id)
    if record.status != "running":
        return record
    return record.model_copy(update={"status": "killed", "ended": _last_seen(raised)})


def _last_seen(raised: list[Holder]) -> str | None:
    seen: list[datetime] = [holder.heartbeat for holder in raised]
    return max(seen).isoformat(timespec="seconds") if seen else None


def _path(id_: str) -> str:
    return f"{FOLDER}/{id_}.json"
