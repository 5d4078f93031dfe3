"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    instruction_pairs,
    knowledge,
    linked_questions,
    personas,
    code_concepts,
    code_evolution,
    code_instruction,
    question_answer,
    rephrase,
    repository,
)

SynthesisMethod = Annotated[
    instruction_pairs.Config
    | knowledge.Config
    | linked_questions.Config
    | personas.Config
    code_concepts.Config
    | code_evolution.Config
    | code_instruction.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config,
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
    question_answer,
    rephrase,
    repository,
    templates,
)

SynthesisMethod = Annotated[
    question_answer.Config | rephrase.Config | repository.Config | templates.Config,
    Field(discriminator="method"),
]
