"""How LongRoPE's factors are searched: what a recipe says of it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel


class Search(FrozenModel):
    """An evolutionary search over factors, scored on held-out documents as long as the stage's
    windows. The defaults are the paper's (arXiv 2402.13753, appendix A)."""

    population: Annotated[int, Field(ge=2)] = 64
    """Factors tried at first: those of PI, NTK-aware and YaRN, and mutations of them."""
    iterations: Annotated[int, Field(ge=0)] = 40
    """How often new ones are made of the best."""
    mutations: Annotated[int, Field(ge=0)] = 16
    """New ones an iteration, each a parent with some factors changed."""
    crossovers: Annotated[int, Field(ge=0)] = 16
    """New ones an iteration, each of two parents."""
    parents: Annotated[int, Field(ge=2)] = 32
    """How many of the best the new ones are made of."""
    mutation_rate: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The chance of each factor to change in a mutation."""
    documents: Annotated[int, Field(ge=1)] = 5
    """Held-out documents that each is scored on: the longest, cut to the stage's window."""
    score: Literal["documents", "needles"] = "documents"
    """What is minimised: the loss over whole documents (LongRoPE), or over the tokens alone that
    repeat a passage from far before (LongRoPE2's idea, arXiv 2502.20082: most tokens need no long
    context, and drown those that do)."""

    @model_validator(mode="after")
    def _parents_are_there(self) -> Self:
        if self.parents > self.population:
            raise ValueError(
                f"parents {self.parents} are more than the population {self.population}"
            )
        if self.iterations and not self.mutations + self.crossovers:
            raise ValueError("iterations without mutations and crossovers try nothing new")
        return self

    @property
    def evaluations(self) -> int:
        """Factors that are scored, at most: each is a forward pass over all the documents."""
        return self.population + self.iterations * (self.mutations + self.crossovers)
