"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    code_concepts,
    code_evolution,
    code_instruction,
    question_answer,
    rephrase,
    repository,
)

SynthesisMethod = Annotated[
    code_concepts.Config
    | code_evolution.Config
    | code_instruction.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config,
    Field(discriminator="method"),
]
