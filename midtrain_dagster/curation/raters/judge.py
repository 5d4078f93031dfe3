"""A text generator as a judge: which documents it reads, and how it is asked."""

import polars as pl
from pydantic import Field

from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.raters import judgements
from midtrain_dagster.curation.raters.judgements import Generate
from midtrain_dagster.curation.raters.method import Training
from midtrain_dagster.inference.generator import GeneratorConfig, Request

ANSWER_TOKENS = 4


class Judge(FrozenModel):
    """The text generator, asked about a sample of the documents."""

    generator: GeneratorConfig
    """The model that judges."""
    documents: int = Field(1_000, ge=2, description="how many are drawn, by a hash of their ids")
    sources: list[str] = Field([], description="sources to draw from; none: all")
    characters: int = Field(2_000, ge=1, description="how much of a document the judge reads")
    seed: Seed = 1
    """Of the draw of documents, and of the generator."""

    def drawn(self, training: Training) -> pl.DataFrame:
        """The documents that it reads: id, text, in the order drawn."""
        count = {"count": self.documents, "seed": self.seed}
        works = [
            Work(judgements.drawn, tables={"documents": [part]}, parameters=count)
            for part in training.documents
            if not self.sources or part.label in self.sources
        ]
        parts = [part for made in training.run(works) for part in made]
        every = pl.concat([training.read(part) for part in parts])
        return judgements.drawn(every, **count)["drawn"].select("id", "text")

    def answers(self, training: Training) -> Generate:
        """What answers prompts: a few tokens each."""
        request = Request(generator=self.generator, max_new_tokens=ANSWER_TOKENS, seed=self.seed)
        return lambda prompts: training.ask(request, prompts)
