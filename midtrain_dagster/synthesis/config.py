"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    counting,
    missing_file,
    question_answer,
    rephrase,
    repository,
)

SynthesisMethod = Annotated[
    counting.Config
    | missing_file.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config,
    Field(discriminator="method"),
]
