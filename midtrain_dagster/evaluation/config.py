"""The ways to evaluate: one line a method."""

from typing import Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.code_completion import CodeCompletion
from midtrain_dagster.evaluation.methods.generated_answer import GeneratedAnswer
from midtrain_dagster.evaluation.methods.judge import Judge
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice
from midtrain_dagster.evaluation.methods.olmes import Olmes
from midtrain_dagster.evaluation.methods.output_prediction import OutputPrediction
from midtrain_dagster.evaluation.methods.pass_at_k import PassAtK
from midtrain_dagster.evaluation.methods.patches import Patches
from midtrain_dagster.evaluation.methods.tool_calls import ToolCalls

_Method = Annotated[
    AnswerLikelihood
    | CodeCompletion
    | GeneratedAnswer
    | Judge
    | MultipleChoice
    | Olmes
    | OutputPrediction
    | PassAtK
    | Patches
    | ToolCalls,
    Field(discriminator="method"),
]
_Name = Literal[
    "answer_likelihood",
    "code_completion",
    "generated_answer",
    "multiple_choice",
    "olmes",
    "output_prediction",
    "patches",
    "tool_calls",
]
"""Those whose defaults suffice: pass_at_k has to be told its program, and judge its judge."""

EvaluationMethod = Annotated[_Method, by_name("method", _Method | _Name)]
"""A benchmark's entry ``evaluate``, as ``{method: NAME, ...}`` or as the name alone. Each method
is a file in ``methods/`` and a subclass of ``method.Method``."""
