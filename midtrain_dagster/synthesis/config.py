"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    cited_answers,
    counting,
    document_parsing,
    hierarchical_summary,
    long_questions,
    missing_file,
    question_answer,
    rephrase,
    repository,
    translation,
)

SynthesisMethod = Annotated[
    cited_answers.Config
    | counting.Config
    | document_parsing.Config
    | hierarchical_summary.Config
    | long_questions.Config
    | missing_file.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config
    | translation.Config,
    Field(discriminator="method"),
]
