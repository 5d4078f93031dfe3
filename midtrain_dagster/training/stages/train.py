"""The usual kind of stage: one run, and a control or further seeds where they are wanted."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.long_context.settings import Gates
from midtrain_dagster.training.inherit import Reset
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import Stage

ONE_OF_THE_SEEDS = Reset(reset="one of the seeds that a soup is made of")


class Train(Stage):
    """A stage that is trained as it stands.

    ``control`` has fields that are changed in one more run, each replacing the stage's own, whole.
    ``seeds`` are several runs, to be averaged in a soup: the first seed's has the stage's name, the
    others' are called ``NAME/seed_N``. They differ in the order of the documents.
    """

    kind: Literal["train"] = "train"
    control: dict[str, Any] | None = None
    """Fields that are changed in one more run, each replacing the stage's own, whole."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)] | None = None
    """Several seeds, a run each, to be averaged in a soup."""
    checks: Annotated[Gates | None, NOT_A_CAUSE] = None
    """What it has to show before another stage may start from it; null: nothing."""

    @model_validator(mode="after")
    def _runs_fit_together(self) -> Self:
        if self.seeds is not None and (
            self.seed is not None or len(set(self.seeds)) < len(self.seeds)
        ):
            raise ValueError("give either 'seed' or several different 'seeds'")
        if self.seeds is not None and self.inherit.data == "keep":
            raise ValueError("'seeds' order the documents anew: inherit.data cannot be kept")
        if self.control is not None:
            try:
                self._control()
            except ValidationError as error:
                raise ValueError(f"control: {error}") from error
        return self

    def runs(self, name: str, scale: Scale, *, seed: int) -> Iterator[Run]:
        """The stage, its other seeds, its control, which has the first of the seeds."""
        own = seed if self.seed is None else self.seed
        for number, each in enumerate(self.seeds or (own,)):
            role: Literal["stage", "seed"] = "seed" if number else "stage"
            yield Run(name, scaled_stage(self._stage(each), scale), each, role)
        if self.control is not None:
            control = self._control()
            own = seed if control.seed is None else control.seed
            first = control.seeds[0] if control.seeds else own
            yield Run(name, scaled_stage(control._stage(first), scale), first, "control")

    def _control(self) -> "Train":
        """This stage with the fields of ``control`` replaced."""
        fields = self.model_dump(mode="json", exclude={"control"}, exclude_unset=True)
        return Train.model_validate(fields | (self.control or {}))

    def _stage(self, seed: int) -> Stage:
        """What one run trains."""
        fields = self.model_dump(exclude={"kind", "control", "seeds", "checks"}, exclude_unset=True)
        stage = Stage.model_validate(fields)
        if self.seeds is None:
            return stage
        inherit = stage.inherit
        if inherit.rng == "keep":
            inherit = inherit.model_copy(update={"rng": ONE_OF_THE_SEEDS})
        return stage.model_copy(update={"seed": seed, "inherit": inherit})
