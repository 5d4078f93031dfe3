"""The units of work that an artifact was built with, beside it: what the next build finds again.

An artifact's manifest names its own parts. A refresh also wants what those were made from on the
way (the hashes of a part, the pairs of a band), which no manifest names; this list keeps them from
being cleaned away. It is no part of the artifact, which is the same without it.
"""

from collections.abc import Collection

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.storage import Storage

SUFFIX = ".used"


class UsedWork(FrozenModel):
    """``folders`` of the units of work; ``replaced`` are files in them that must not stay, since a
    removal list has named what they hold."""

    folders: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


def record_used_work(
    artifact: Artifact, folders: Collection[str], replaced: Collection[str]
) -> None:
    """Write down what an artifact was built with."""
    used = UsedWork(folders=tuple(sorted(folders)), replaced=tuple(sorted(replaced)))
    path = _path(artifact.manifest.method, artifact.fingerprint)
    artifact.storage.write(path, used.model_dump_json().encode())


def used_work(storage: Storage, method: str, fingerprint: str) -> UsedWork:
    """What an artifact was built with; nothing where that was not written down."""
    path = _path(method, fingerprint)
    if storage.size(path) is None:
        return UsedWork()
    return UsedWork.model_validate_json(storage.read(path))


def _path(method: str, fingerprint: str) -> str:
    return f"records/{method}/{fingerprint}{SUFFIX}"
