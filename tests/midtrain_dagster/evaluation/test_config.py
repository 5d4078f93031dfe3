from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.evaluation.config import EvaluationMethod
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice

SECTION: TypeAdapter[Any] = TypeAdapter(EvaluationMethod)


def test_methods_are_told_apart_by_their_name() -> None:
    chosen = SECTION.validate_python({"method": "multiple_choice", "limit": 3})
    assert chosen == MultipleChoice(method="multiple_choice", limit=3)


def test_a_method_s_name_alone_is_the_method_with_its_defaults() -> None:
    chosen = SECTION.validate_python("answer_likelihood")
    assert chosen == AnswerLikelihood(method="answer_likelihood")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("guessing", "'guessing' found using 'method' does not match"),
        ({"limit": 3}, "Unable to extract tag"),
        ({"method": "multiple_choice", "limit": 0}, "greater than 0"),
        ({"method": "multiple_choice", "shots": 5}, "Extra inputs"),
    ],
)
def test_a_section_that_names_no_method_is_refused(section: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SECTION.validate_python(section)
