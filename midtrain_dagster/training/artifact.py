"""The handle on a checkpoint's artifact: a stage that was trained, a given base, or a soup.

Beside the files of a Hugging Face folder, the artifact of a run holds its log, what it was fed, its
record, and the weights alone at milestones of tokens. A given base and a soup hold the folder.
"""

import json
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.models.kv_cache import KvCache, kv_cache_of
from midtrain_dagster.training.checkpoints.average import COPIED, WEIGHTS
from midtrain_dagster.training.checkpoints.checkpoint import STATE, State, parse_state
from midtrain_dagster.training.record import RunRecord

CONFIG = "config.json"
LOG = "log"
MIXTURE = "mixture"
LENGTHS = "lengths"
"""What was planned and read of each class of length, where the mixture has ``length_classes``."""

RECORD = "run.json"
MILESTONE = "milestone"
"""The weights alone, at a milestone of tokens; the label says after how many steps."""

ON_THE_WAY = "on_the_way"
"""The other files of a checkpoint at a milestone, where moments are kept there."""

OWN = (LOG, MIXTURE, LENGTHS, RECORD, MILESTONE, ON_THE_WAY)
"""What a run's artifact holds beside the folder of its checkpoint."""


def is_of_model(name: str) -> bool:
    """Whether a file of that name makes a model: no moments, no state, no log of the folder."""
    return name in COPIED or name.startswith("model")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in the store."""

    artifact: Artifact

    @property
    def fingerprint(self) -> str:
        """The artifact's."""
        return self.artifact.fingerprint

    @property
    def files(self) -> list[Part]:
        """The files of its Hugging Face folder."""
        return [part for part in self.artifact.manifest.parts if part.table not in OWN]

    @property
    def model_files(self) -> list[Part]:
        """Those of them that make a model: no moments, no state, no log of the folder."""
        return [part for part in self.files if is_of_model(part.table)]

    @property
    def milestones(self) -> list[Part]:
        """The weights that its run kept on the way, the oldest first."""
        return [part for part in self.artifact.manifest.parts if part.table == MILESTONE]

    def at(self, milestone: Part) -> list[Part]:
        """The files of the model as it was at a milestone."""
        return [milestone, *(part for part in self.model_files if part.table != WEIGHTS)]

    def whole_at(self, label: str) -> list[Part]:
        """The files of the checkpoint at a milestone, with moments and state. Raises ``KeyError``
        where it was trained before milestones kept those."""
        whole = [
            part
            for part in self.artifact.manifest.parts
            if part.label == label and part.table in (MILESTONE, ON_THE_WAY)
        ]
        if not any(part.table == ON_THE_WAY for part in whole):
            raise KeyError(f"no moments are kept at {label}")
        return whole

    @property
    def is_trained(self) -> bool:
        """Whether it was trained here: only then it has a log, a mixture, a record."""
        return self.artifact.has(RECORD)

    @property
    def log(self) -> pl.DataFrame:
        """One row a step (``metrics.log.LOG``). Raises ``KeyError`` if it was not trained here."""
        return self.artifact.read(LOG)

    @property
    def mixture(self) -> pl.DataFrame:
        """What its run was fed (``record.MIXTURE``). Raises ``KeyError`` as ``log`` does."""
        return self.artifact.read(MIXTURE)

    @property
    def lengths(self) -> pl.DataFrame | None:
        """What its run was fed of each class of length (``by_length.LENGTHS``), where its mixture
        says anything of lengths."""
        return self.artifact.read(LENGTHS) if self.artifact.has(LENGTHS) else None

    @cached_property
    def kv_cache(self) -> KvCache | None:
        """What its model keeps of every token; None of an architecture that is not known here."""
        return kv_cache_of(json.loads(self.artifact.content(CONFIG)))

    @cached_property
    def record(self) -> RunRecord:
        """What its run's plan depends on. Raises ``KeyError`` as ``log`` does."""
        return RunRecord.model_validate_json(self.artifact.content(RECORD))

    @cached_property
    def state(self) -> State | None:
        """Where its stage stands; None for one that has no state, such as a soup.

        Raises ``CheckpointError`` for a state of another version.
        """
        if not self.artifact.has(STATE):
            return None
        (part,) = self.artifact.parts(STATE)
        return parse_state(self.artifact.content(STATE), self.artifact.storage.uri(part.path))
