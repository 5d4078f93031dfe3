"""The probe: questions of curated documents, seeds towards what is not known, answers after."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.probe.report_section import report_section
from midtrain_dagster.recipe_document import RecipeError
from midtrain_dagster.tokens.held_out import is_held_out
from tests.endpoint import Endpoint

PROBE = {"domains": ["web", "wikipedia"], "topics": 3, "items": 24, "floor": 0.1}


def given(small_base: Path) -> dict[str, Any]:
    """A recipe that goes on from a base that is given."""
    stage = {
        "start": "base",
        "tokens": "2k",
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 0.001}],
        "inherit": {"moments": {"reset": "none are given"}, "learning_rate": {"reset": "unknown"}},
        "mixture": {"domains": {"web": 1.0}},
    }
    return {
        "base": {"checkpoint": str(small_base)},
        "tokenizer": {"path": "base"},
        "stages": {"annealed": stage},
        "probe": PROBE,
    }


def test_seeds_are_drawn_towards_what_the_base_does_not_know(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint
) -> None:
    generator = {"engine": "openai", "base_url": endpoint.address, "model": "oracle"}
    asked: dict[str, Any] = {
        "method": "question_answer",
        "domains": ["web", "wikipedia"],
        "generator": generator,
    }
    asked |= {"documents": 20, "draw": "towards_unknown"}
    made = graph(**given(small_base), synthesis={"qa": asked})
    made.make("tokenizer", "checkpoint/base", "probe/questions", "probe/gaps")
    questions, gaps = made.artifact("probe/questions"), made.artifact("probe/gaps")
    items, topics = questions.read("items"), questions.read("topics")
    apart = is_held_out(items["document"], share=0.2, seed=made.recipe.seed)
    assert items["held_out"].to_list() == apart.to_list() and 0 < apart.sum() < items.height
    answers, table = gaps.read("answers"), gaps.read("gaps")
    assert set(answers["document"]) == set(items.filter(~pl.col("held_out"))["document"])
    assert table["weight"].is_between(0.1, 1).all() and table.height == 3
    # A random model guesses: what it knows is not far from nothing.
    assert table["gap"].min() > 0.5
    made.make("synthesis/qa/documents")
    artifact = made.artifact("synthesis/qa/documents")
    drawn = artifact.read("drawn")
    assert drawn["drawn"].sum() == 20 == len(endpoint.prompts)
    assert (drawn["drawn"] >= 1).all() and (drawn["drawn"] <= drawn["eligible"]).all()
    topic = dict(topics.iter_rows())
    seeds = [
        json.loads(each)["seeds"][0]["document"] for each in artifact.read("documents")["metadata"]
    ]
    by_topic = Counter(topic[seed] for seed in seeds)
    quota = dict(drawn.select("topic", "drawn").iter_rows())
    assert all(by_topic[each] <= quota[each] for each in by_topic)
    assert not is_held_out(pl.Series(seeds), share=0.2, seed=made.recipe.seed).any()


def test_every_checkpoint_answers_the_held_out_questions(graph: Any, root: Path) -> None:
    made = graph(probe=PROBE | {"topics": "domains"})
    made.make("preflight", "checkpoint/base", "probe/questions", "probe/gaps", "probe/changes")
    names = made.artifact("probe/questions").read("names")
    assert names["name"].to_list() == ["web", "wikipedia"]
    items = made.artifact("probe/questions").read("items")
    answers = made.artifact("probe/changes").read("answers")
    assert set(answers["document"]) == set(items.filter("held_out")["document"])
    assert set(answers["checkpoint"]) == {"base"}
    gaps = made.artifact("probe/gaps").read("gaps")
    section = report_section(gaps, answers, {}, before="base", chance=0.25)
    assert "guessing gets 25% right" in str(section.lead)


def test_a_circle_is_refused_when_the_recipe_is_read(graph: Any, endpoint: Endpoint) -> None:
    generator = {"engine": "openai", "base_url": endpoint.address, "model": "oracle"}
    asked = {"method": "rephrase", "domains": ["web"], "documents": 2, "generator": generator}
    asked["draw"] = "towards_unknown"
    with pytest.raises(RecipeError, match="probe: a circle: 'base' is trained on what said"):
        graph(probe=PROBE, synthesis={"said": asked})
    with pytest.raises(RecipeError, match=r"synthesis\.said\.draw.*there is no probe"):
        graph(synthesis={"said": asked})
