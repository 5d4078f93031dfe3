import polars as pl
import pytest

from midtrain_dagster.evaluation.method import at_chance, versions
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice

METHOD = MultipleChoice(method="multiple_choice")


def test_documents_are_the_first_items(quiz: pl.DataFrame) -> None:
    method = MultipleChoice(method="multiple_choice", limit=2)
    assert method.documents(quiz) == METHOD.documents(quiz)[:2]
    assert len(METHOD.documents(quiz)) == quiz.height


def test_documents_are_cleaned_in_question_choices_and_answer(quiz: pl.DataFrame) -> None:
    marked = quiz.head(1).with_columns(
        question=pl.lit("Tie [substeps]it"),
        choices=pl.lit(pl.Series([["a [title] b", "c"]])),
        answer=pl.lit("a [title] b"),
    )
    (document,) = METHOD.documents(marked, "hellaswag")
    assert METHOD.asks(document) == [("Tie it", " a. b"), ("Tie it", " c")]
    (document,) = AnswerLikelihood(method="answer_likelihood").documents(marked, "hellaswag")
    assert document == {"question": "Tie it", "answer": " a. b"}
    assert METHOD.asks(METHOD.documents(marked)[0])[0].question == "Tie [substeps]it"


def test_documents_name_the_item_that_cannot_be_scored(quiz: pl.DataFrame) -> None:
    for broken, message in (
        (pl.lit(None, pl.String).alias("question"), "the question is null"),
        (pl.lit(None, pl.List(pl.String)).alias("choices"), "needs at least two choices"),
        (pl.lit(7, pl.Int64).alias("gold"), "gold is 7"),
    ):
        with pytest.raises(ValueError, match=f"benchmark 'quiz', item '0': .*{message}"):
            METHOD.documents(quiz.with_columns(broken))


def test_versions_are_those_of_the_method_s_own_module() -> None:
    assert versions(METHOD) == {
        "evaluation.methods.multiple_choice": 3,
        "evaluation.clustered_mean": 1,
    }
    likelihood = AnswerLikelihood(method="answer_likelihood")
    assert versions(likelihood) == {
        "evaluation.methods.answer_likelihood": 2,
        "evaluation.clustered_mean": 1,
    }


def test_chance_has_the_larger_error_of_the_two() -> None:
    assert at_chance(0.0, 0.0, chance=0.25, items=2)
    assert not at_chance(0.0, 0.0, chance=0.25, items=200)
    assert at_chance(0.3, 0.1, chance=0.25, items=200)
    assert at_chance(0.3, None, chance=0.25, items=200)
