import pytest

from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods.output_prediction import (
    VERSION,
    OutputPrediction,
    read_literal,
)

METHOD = OutputPrediction(method="output_prediction")


@pytest.mark.parametrize(
    ("written", "output", "right", "no_literal"),
    [
        (" [3, 2, 1]", "[3, 2, 1]", 1, 0),
        ("[3,2,1]", "[3, 2, 1]", 1, 0),
        ('"A"', "'A'", 1, 0),
        ("[1, 2, 3]", "[3, 2, 1]", 0, 0),
        ("f([1, 3, 2])", "[3, 2, 1]", 0, 1),
        ("", "None", 0, 1),
        ("None", "None", 1, 0),
        ("(" * 9000, "1", 0, 1),
        ("9" * 10_001, "1", 0, 1),
    ],
)
def test_values_are_compared_and_nothing_is_run(
    written: str, output: str, right: int, no_literal: int
) -> None:
    assert VERSION == 1
    outcome = Outcome(
        documents=[METHOD.document(Item("Q", [], None, output))],
        responses=[[(-1.0, False)]],
        tokens=[[1]],
        written=[[Written(written, False)]],
    )
    values = {each.metric: float(each.sums[0]) for each in METHOD.item_values(outcome)}
    assert (values["right"], values["no_literal"]) == (right, no_literal)


def test_an_output_that_is_no_literal_is_refused() -> None:
    with pytest.raises(ValueError, match="the output 'open' is no literal of Python"):
        METHOD.document(Item("Q", [], None, "open"))
    assert read_literal("None") == (None,)
