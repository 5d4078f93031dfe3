"""What a worker gets: a run, and the files that it works on. It travels as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.dataloader.fill_in_the_middle import Sentinels
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.checkpoints.checkpoint import is_checkpoint, read_state
from midtrain_dagster.training.record import RunRecord, plan_of, record_of
from midtrain_dagster.training.runs import Role, Run
from midtrain_dagster.training.stage import RANDOM, Stage

if TYPE_CHECKING:
    from midtrain_dagster.dataloader.plan import Plan
    from midtrain_dagster.tokens.shards import TokenShards


class Job(FrozenModel):
    """One run of one stage. Every worker builds the same shards and the same plan from it."""

    name: str
    """Of the stage: it names the checkpoints' state and seeds the plan."""
    stage: Stage
    """With a mixture that is bound."""
    seed: int
    role: Role = "stage"
    shards: tuple[tuple[Path, Path], ...]
    """Token file and index of each part, in the order of the parts."""
    targets: tuple[Path | None, ...] = ()
    """The file of each part that says what an assistant says; none without conversations."""
    token_dtype: str
    """As NumPy writes it: ``<u2``."""
    held_out: tuple[tuple[Path, Path], ...] = ()
    """Token file and index of each part that is held out, where the stage looks at them: for
    LongRoPE's search alone, which trains on none."""
    padding: int
    """The token that fills a window's end."""
    knots: tuple[int, int] | None = None
    """The tokens that stand where ``untie_knots`` has cut a document (``UntieKnots.ids``)."""
    sentinels: Sentinels | None = None
    """What stands before the parts of a document that is turned (``FillInTheMiddle.ids``)."""
    vocabulary: int
    start: Path | None = None
    """Hugging Face folder of the stage or base it continues; none for a random start."""
    model: ModelConfig | None = None
    """The model of a random start."""
    tokenizer: Path | None = None
    """Folder whose tokenizer files go into every checkpoint."""

    @model_validator(mode="after")
    def _has_a_start(self) -> Self:
        if (self.stage.start == RANDOM) != (self.start is None):
            raise ValueError(
                f"{self.name}: it starts from {self.stage.start!r}, but start is {self.start}"
            )
        if self.start is None and self.model is None:
            raise ValueError(f"{self.name}: a random start needs a model")
        return self

    def open_shards(self) -> "TokenShards":
        """The token shards, mapped into memory."""
        from midtrain_dagster.tokens.shards import TokenShards

        return TokenShards.open(self.shards, dtype=self.token_dtype, targets=self.targets)

    def open_held_out(self) -> "TokenShards | None":
        """The held-out documents, mapped into memory; None where the stage does not look at any."""
        from midtrain_dagster.tokens.shards import TokenShards

        return TokenShards.open(self.held_out, dtype=self.token_dtype) if self.held_out else None

    @property
    def run(self) -> Run:
        """Which run it is."""
        return Run(self.name, self.stage, self.seed, self.role)

    def record(self) -> RunRecord:
        """What the run's plan depends on. Raises as ``record.record_of`` does."""
        state = read_state(self.start) if self.start and is_checkpoint(self.start) else None
        return record_of(self.run, state)

    def plan(self, shards: "TokenShards") -> "Plan":
        """Which spans of which documents each window of each step holds."""
        return plan_of(self.record(), shards)
