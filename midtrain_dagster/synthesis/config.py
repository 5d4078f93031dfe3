"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import question_answer, rephrase, repository, tool_calls

SynthesisMethod = Annotated[
    question_answer.Config | rephrase.Config | repository.Config | tool_calls.Config,
    Field(discriminator="method"),
]
