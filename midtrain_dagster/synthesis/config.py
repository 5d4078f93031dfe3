"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    extracted_questions,
    math_genie,
    maths_extraction,
    question_answer,
    rephrase,
    repository,
    templates,
)

SynthesisMethod = Annotated[
    extracted_questions.Config
    | math_genie.Config
    | maths_extraction.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config
    | templates.Config,
    Field(discriminator="method"),
]
