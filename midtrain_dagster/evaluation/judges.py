"""The model that rates what a checkpoint wrote, where a method has one (``Method.judged_by``)."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from midtrain_dagster.evaluation.method import Judges
from midtrain_dagster.inference.batches import generate_table
from midtrain_dagster.inference.generator import Request


def judges(request: Request, folder: str | Path | None) -> Judges:
    """Who is asked: the generator of the request, whose model lies in ``folder`` (None: elsewhere,
    or where the recipe says).

    A prompt that it does not answer has an empty answer, which is no rating. Raises
    GenerationError where it answers nobody.
    """

    def answers(prompts: Sequence[str]) -> list[str]:
        asked = pl.DataFrame({"prompt": prompts}, schema={"prompt": pl.String})
        return generate_table(asked, request, folder=folder)["completion"].fill_null("").to_list()

    return answers
