"""A judge after a method: what stays, what is a reject, and what is said of the judge."""

import json
from typing import Any, ClassVar

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.engines import transformers
from midtrain_dagster.synthesis import judged
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.frame import drive
from midtrain_dagster.synthesis.judge import Judge
from midtrain_dagster.synthesis.judged import Sitting, lowest
from midtrain_dagster.synthesis.judging import SCORES, Agreement
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.methods import rephrase
from midtrain_dagster.synthesis.report_judge import compared
from tests.midtrain_dagster.synthesis.test_frame import REQUEST, answered

MODEL = transformers.Config(model="m")
JUDGE = Judge(generator=MODEL, rubric=["it is true", "it is short"], at_least=3, pairs=2)


class Written:
    """One document of each seed but the last, which it rejects."""

    KIND: ClassVar[Any] = "prose"
    FAMILY: ClassVar[Any] = "distillation"
    FORM: ClassVar[str] = "text"
    THOUGHT: ClassVar[Any] = "none"
    PROMPT_VERSION: ClassVar[int] = 1
    domain = "written"

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        made = yield Round(seeds.select("id", prompt="write " + pl.col("id")), REQUEST)
        for identity, text in made.select("id", "completion").iter_rows():
            if identity == "d":
                collector.reject(identity, "no_text", text)
                continue
            shown = [FieldShown("Text", text, generated=True)]
            collector.accept(
                identity, text, seeds=[Seed(name=identity)], shown=shown, scores={"own": 0.5}
            )
        return collector.tables()


def judge(scores: dict[str, str], judge: Judge = JUDGE) -> tuple[Any, Sitting]:
    """Have texts judged, by the scores of "TEXT: its criterion's last word" or of the text."""
    collector = Collector(Written(), source="s", written_by="a model")
    sitting = Sitting(judge)
    making = sitting.after(Written().make(pl.DataFrame({"id": list("abcd")}), collector))

    def ask(requests: pl.DataFrame, request: Any, number: int) -> Any:
        said: dict[str, Completion] = {}
        for prompt in requests["prompt"]:
            case = prompt.rsplit("Text: ", maxsplit=1)[-1].split("\n")
            criterion = "".join(" ".join(case[1:2]).split()[-1:])
            found = scores.get(f"{case[0]}: {criterion}") or scores.get(case[0], "A")
            if prompt.endswith(("Score:", "Better:")):
                said[prompt] = Completion(found, "stop", 10, 1)
        return answered(said, [[]] * (number - 1))(requests, request, number)

    return drive(making, ask), sitting


def test_a_document_stays_where_its_lowest_score_is_high_enough() -> None:
    scores = {
        "WRITE A": "4",
        "WRITE B": "5",
        "WRITE B: short": "2",
        "WRITE C": "3",
        "WRITE C: true": "who knows",
        "WRITE C: short": "3",
    }
    made, sitting = judge(scores)
    (row,) = made.accepted.documents.rows(named=True)
    described = json.loads(row["metadata"])
    assert row["text"] == "WRITE A"
    assert described["scores"] == {"own": 0.5, "judge": 4.0}
    assert described["requests"] == ["a", f"judge:0:{row['id']}", f"judge:1:{row['id']}"]
    assert set(described["requests"]) <= set(made.requests["id"])
    assert made.accepted.rejects.rows() == [
        ("d", "no_text", "WRITE D"),
        ("b", "judged_down", "WRITE B"),
        ("c", "unjudged", "WRITE C"),
    ]
    assert made.accepted.examples["id"].to_list() == [row["id"]]
    assert sitting.scores.height == 6 and sitting.verdicts.height == 2
    assert (sitting.requests, sitting.tokens_in, sitting.tokens_out) == (10, 100, 10)
    assert (made.first, made.asked) == (4, 14)


def test_without_pairs_nothing_is_compared() -> None:
    _, sitting = judge({"WRITE A": "4"}, JUDGE.model_copy(update={"pairs": 0}))
    assert sitting.verdicts.is_empty() and sitting.requests == 6


def test_a_document_with_a_score_that_cannot_be_read_has_none() -> None:
    rows = [("a", 0, 4.0), ("b", 0, 2.0), ("a", 1, None), ("b", 1, 5.0)]
    assert lowest(pl.DataFrame(rows, SCORES, orient="row")).rows() == [("a", None), ("b", 2.0)]


def test_a_score_that_cannot_be_reached_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="at_least 6 lies outside of the scale, 1 to 5"):
        Judge(generator=MODEL, rubric=["it is true"], at_least=6)


def test_a_method_that_nobody_judges_has_the_causes_that_it_had() -> None:
    method = rephrase.Config(domains=["web"], documents=1, generator=MODEL)
    assert "judged" not in canonical(method)
    assert judged.versions(None) == {}
    assert "synthesis.judged" in judged.versions(JUDGE)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Agreement(24, 0, 3, 21, 20, 1), "prefers the text that it is shown first (20 of the 21"),
        (Agreement(24, 0, 3, 21, 1, 20), "prefers the text that it is shown second (20 of the 21"),
        (Agreement(24, 2, 12, 10, 5, 5), "no more than chance (p = 0.83): it is no judge yet"),
        (Agreement(24, 0, 2, 22, 11, 11), "no more than chance (p < 0.001): it is no judge yet"),
    ],
)
def test_a_judge_that_is_none_is_called_that(found: Agreement, said: str) -> None:
    assert said in " ".join(compared(found))


def test_a_judge_that_agrees_with_itself_is_not_called_names() -> None:
    said = " ".join(compared(Agreement(24, 0, 22, 2, 1, 1)))
    assert "agreed with itself in 22 of the other 24 (91.7%" in said
    assert "none" not in said and "no judge" not in said
