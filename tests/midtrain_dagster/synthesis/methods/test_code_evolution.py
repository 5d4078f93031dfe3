"""Problems made harder with scripted answers, and real programs."""

import json
from typing import Any

import pytest

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.methods.code_evolution import (
    WAYS,
    Config,
    eliminated,
    harder_problem,
    problems,
    prompt,
)
from midtrain_dagster.synthesis.worked_exercises import WORKED_EXAMPLES
from tests.scripted_answers import made_by

from .test_code_concepts import CODE, RIGHT

FIRST = "Write a function `area(radius)`. The area of a circle with that radius."
HARDER = f"{FIRST} A radius below zero has to raise a ValueError."


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    given = {"method": "code_evolution", "domains": ["code"], "documents": 10, "samples": 1}
    return Config(**{**given, "generator": generator, **fields})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (HARDER, None),
        ("", "unsaid"),
        (FIRST, "nothing_new"),
        (FIRST + " Be very quick.", "nothing_new"),
        ("This is a harder version: " + HARDER, "speaks_of_the_request"),
        ("Sure! Here is what you want: " + HARDER, "speaks_of_the_request"),
        (HARDER + " and" * 100, "runaway"),
        ("x " * 200_000, "nothing_new"),
    ],
)
def test_what_is_no_harder_problem_is_eliminated(said: str, reason: str | None) -> None:
    assert eliminated(said, FIRST, finished=True) == reason
    assert eliminated(said, FIRST, finished=False) == "unsaid"


def test_worked_examples_are_harder() -> None:
    for way, each in WAYS.items():
        assert eliminated(each.harder, WORKED_EXAMPLES[0].problem, finished=True) is None
        assert prompt("P", way).endswith("Problem: P\nHarder:")


def test_problems_are_made_harder_in_other_ways_and_solved(documents: Any) -> None:
    texts = [f"# {n}\n{CODE}" for n in range(4)]
    sources = documents(*texts, domain="code")
    order = {identity: n for n, identity in enumerate(problems(sources, 0)["document"])}

    def script(row: dict[str, Any], number: int, _: Any) -> str | Completion:
        which = order[row["id"].partition(":")[0]]
        if number < 3:
            assert FIRST in row["prompt"]
            if which == 1:
                return FIRST
            if which == 2 and number == 2:
                return "This harder problem has no end."
            if which == 3:
                return Completion("", fault="failed", detail="broken")
            extra = "Then it has to return nothing at all." if number == 2 else f"For {which}."
            return f"Harder: {HARDER} {extra} In round {number}."
        return RIGHT.replace("get_double", f"area_{which}")

    made = made_by(config(evolutions=2), sources, script)
    rows = {
        order[described["document"]]: (row["text"], described)
        for row in made.accepted.documents.iter_rows(named=True)
        for described in [json.loads(row["metadata"])]
    }
    assert set(rows) == {0, 2}
    text, described = rows[0]
    assert "In round 2." in text
    assert len(set(described["ways"])) == 2
    assert [each.rpartition("/")[2] for each in described["requests"]] == [
        *("harder-1", "harder-2", "solution-1"),
    ]
    assert described["family"] == "evolution"
    # The second way failed, so the problem of the first stands.
    assert "In round 1." in rows[2][0]
    assert len(rows[2][1]["ways"]) == 1
    reasons = dict(made.accepted.rejects.select("reason", "id").iter_rows())
    assert set(reasons) == {"nothing_new", "failed"}


def test_a_heading_is_no_part_of_a_problem() -> None:
    assert harder_problem(" Harder: a b\n") == harder_problem("a b") == "a b"
