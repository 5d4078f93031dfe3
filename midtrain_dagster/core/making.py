"""What making an artifact took: the ground on which a later run is foretold.

A record lies beside the manifest, not in it: two machines make the same artifact in other times.
"""

import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.machine import machine
from midtrain_dagster.core.storage import Storage


class Making(FrozenModel):
    """How one artifact was made. ``amount`` is what there was to do: as a rule bytes of input; 0
    where nobody knows, as of a model whose tokenizer's size is not in the recipe."""

    asset: str
    seconds: float
    amount: float
    bytes: int
    rows: int
    tokens: int
    machine: str
    when: str

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it was made where this process runs."""
        return self.machine == this_machine()


@cache
def this_machine() -> str:
    """The machine's processor, cores and GPUs: what speeds are compared by."""
    here = machine()
    return ", ".join((here.processor, f"{here.cores} cores", *here.gpus))


def record_making(asset: str, artifact: Artifact, seconds: float, amount: float) -> None:
    """Write down what the artifact took. Parts that were found from an earlier attempt took none,
    so the time is that of this attempt."""
    parts = artifact.manifest.parts
    making = Making(
        asset=asset,
        seconds=round(seconds, 3),
        amount=amount if math.isfinite(amount) else 0,
        bytes=artifact.bytes,
        rows=sum(part.rows for part in parts),
        tokens=artifact.tokens,
        machine=this_machine(),
        when=now(),
    )
    artifact.storage.write(_path(artifact), making.model_dump_json(indent=1).encode())


def making_of(artifact: Artifact) -> Making | None:
    """The record of one artifact; None where there is none, as of a store that was copied."""
    if artifact.storage.size(_path(artifact)) is None:
        return None
    return Making.model_validate_json(artifact.storage.read(_path(artifact)))


def makings(storage: Storage, method: str) -> list[Making]:
    """Every record of a method, the latest last."""
    paths = [path for path in storage.list(f"records/{method}") if Path(path).suffix == ".json"]
    found = [Making.model_validate_json(storage.read(path)) for path in paths]
    return sorted(found, key=lambda making: making.when)


def _path(artifact: Artifact) -> str:
    return f"records/{artifact.manifest.method}/{artifact.fingerprint}.json"


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
