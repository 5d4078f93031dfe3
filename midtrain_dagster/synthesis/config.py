"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    question_answer,
    rephrase,
    repository,
    templates,
)

SynthesisMethod = Annotated[
    question_answer.Config | rephrase.Config | repository.Config | templates.Config,
    Field(discriminator="method"),
]
