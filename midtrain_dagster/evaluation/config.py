"""The ways to evaluate: one line a method."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice


def _spelled_out(section: Any) -> Any:
    """A method's name alone stands for the method with its defaults."""
    return {"method": section} if isinstance(section, str) else section


_Method = Annotated[AnswerLikelihood | MultipleChoice, Field(discriminator="method")]
_Name = Literal["answer_likelihood", "multiple_choice"]

EvaluationMethod = Annotated[
    _Method, BeforeValidator(_spelled_out, json_schema_input_type=_Method | _Name)
]
"""A benchmark's entry ``evaluate``, as ``{method: NAME, ...}`` or as the name alone. Each method
is a file in ``methods/`` and a subclass of ``method.Method``."""
