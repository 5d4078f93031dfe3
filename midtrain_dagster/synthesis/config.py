"""The methods of synthesis that a recipe can name, one line a member."""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.synthesis.methods import (
    cited_answers,
    code_concepts,
    code_evolution,
    code_instruction,
    counting,
    document_parsing,
    extracted_questions,
    hierarchical_summary,
    instruction_pairs,
    knowledge,
    linked_questions,
    long_questions,
    math_genie,
    maths_extraction,
    missing_file,
    personas,
    question_answer,
    rephrase,
    repository,
    templates,
    tool_agent,
    tool_calls,
    tool_sessions,
    tool_tasks,
    translation,
)

SynthesisMethod = Annotated[
    cited_answers.Config
    | code_concepts.Config
    | code_evolution.Config
    | code_instruction.Config
    | counting.Config
    | document_parsing.Config
    | extracted_questions.Config
    | hierarchical_summary.Config
    | instruction_pairs.Config
    | knowledge.Config
    | linked_questions.Config
    | long_questions.Config
    | math_genie.Config
    | maths_extraction.Config
    | missing_file.Config
    | personas.Config
    | question_answer.Config
    | rephrase.Config
    | repository.Config
    | templates.Config
    | tool_agent.Config
    | tool_calls.Config
    | tool_sessions.Config
    | tool_tasks.Config
    | translation.Config,
    Field(discriminator="method"),
]
