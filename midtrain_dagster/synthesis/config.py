"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    question_answer,
    rephrase,
    repository,
    tool_agent,
    tool_calls,
    tool_sessions,
    tool_tasks,
)

SynthesisMethod = Annotated[
    question_answer.Config
    | rephrase.Config
    | repository.Config
    | tool_agent.Config
    | tool_calls.Config
    | tool_sessions.Config
    | tool_tasks.Config,
    Field(discriminator="method"),
]
