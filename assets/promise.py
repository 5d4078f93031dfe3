"""An artifact that is yet to be made, for a plan: what is known of it, and what is not.

A promise stands where an artifact will stand. Whoever asks it for content, or for a fingerprint
that hangs on content, is told what has to be made first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from midtrain_dagster.core.artifacts import Artifact, Manifest, Part
from midtrain_dagster.core.storage import Storage


class NotMadeError(RuntimeError):
    """What was asked for is known only when ``asset`` has been made."""

    def __init__(self, asset: str) -> None:
        super().__init__(f"that is known when {asset} has been made")
        self.asset = asset


class _Unmade(tuple[Part, ...]):
    """The parts of an artifact that has none yet."""

    asset: str

    def _raise(self) -> NoReturn:
        raise NotMadeError(self.asset)

    def __iter__(self) -> Iterator[Part]:
        self._raise()

    def __len__(self) -> int:  # noqa: PLE0303
        self._raise()

    def __getitem__(self, _: object) -> NoReturn:
        self._raise()


@dataclass(frozen=True)
class Promise(Artifact):
    """``known`` is its fingerprint, or None where that hangs on what ``waits_for`` will hold."""

    known: str | None
    waits_for: str
    size: float
    """Bytes that it is expected to have."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint that it will have."""
        if self.known is None:
            raise NotMadeError(self.waits_for)
        return self.known


def expected_bytes(artifact: Artifact) -> float:
    """The size of an artifact, or that which is expected of one that is yet to be made."""
    return artifact.size if isinstance(artifact, Promise) else artifact.bytes


def promise(
    storage: Storage, method: str, known: str | None, waits_for: str, size: float
) -> Promise:
    """A promise of an artifact; ``waits_for`` is what has to be made before its content is known:
    itself, or what decides whether it is made."""
    parts = _Unmade()
    parts.asset = waits_for
    manifest = Manifest.model_construct(
        method=method, versions={}, section=None, upstream={}, parts=parts, figures={}
    )
    return Promise(storage, manifest, known, waits_for, size)
