import json
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.schema import PASSAGE
from midtrain_dagster.evaluation.benchmark import ITEMS
from midtrain_dagster.evaluation.shared_items import shared_items


def table(*rows: tuple[str, list[str]] | str) -> pl.DataFrame:
    pairs = [(row, []) if isinstance(row, str) else row for row in rows]
    made: list[dict[str, Any]] = [
        {"benchmark": "b", "item": str(number), "question": question, "choices": choices}
        for number, (question, choices) in enumerate(pairs, start=1)
    ]
    return pl.DataFrame(made, schema=ITEMS)


def told(**items: pl.DataFrame) -> list[tuple[str, str]]:
    found = list(shared_items(items))
    assert not any(each.stops for each in found)
    return [(".".join(map(str, each.place)), each.reason) for each in found]


def test_items_that_differ_are_not_told() -> None:
    same_question = table(("Choose.", ["a", "b"]), ("Choose.", ["a", "c"]), ("Choose. 2+2", []))
    assert not told(one=same_question, other=table(("Choose.", ["b", "c"]), "choose. 2-2"))
    assert not told(one=table(), other=table("x"))


def test_an_item_twice_in_one_benchmark_is_told_with_both_names() -> None:
    ((place, reason),) = told(exam=table(("Who?", ["a", "b"]), "x", (" WHO?\n", ["B", "a"])))
    assert place == "benchmarks.exam"
    assert "1 of 3 items repeat another, as '3' does '1'" in reason


@pytest.mark.parametrize("copied", [("Who\twas it?", ["b", "a"]), "who was it?"])
def test_the_same_items_under_another_name_are_told_with_the_overlap(copied: Any) -> None:
    one = table("What?", ("Who was it?", ["a", "b"]))
    ((place, reason),) = told(one=one, other=table(copied, "Where?", "When?"))
    assert place == "benchmarks.other"
    assert "1 of 3 items are those of benchmark 'one' (1 of 2), as '1' is '2' there" in reason


def test_passages_tell_questions_apart() -> None:
    passages = [["The otter.", "The heron."], ["The otter.", "The crow."]]
    one, other = (
        table("What swims?", "What swims?").with_columns(
            row=pl.Series([json.dumps({PASSAGE: passage}) for passage in each])
        )
        for each in passages
    )
    ((_, reason),) = told(one=one, other=other)
    assert "1 of 2 items" in reason
