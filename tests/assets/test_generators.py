"""A small generator: trained on what one method accepted, asked by another."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from definitions import recipe_assets
from midtrain_dagster.recipe_document import RecipeError
from midtrain_dagster.synthesis.methods.question_answer import INSTRUCTION, WORKED_EXAMPLES
from tests.endpoint import Endpoint

SMALL = {"engine": "distilled", "generator": "small", "dtype": "float32"}


def fields(base: Path, endpoint: Endpoint, documents: int = 8) -> dict[str, Any]:
    """A teacher behind an endpoint, and its student, which is asked about what is left."""
    oracle = {"engine": "openai", "base_url": endpoint.address, "model": "oracle"}
    asked = {"method": "question_answer", "domains": ["web", "wikipedia"]}
    return {
        "synthesis": {
            "teacher": {**asked, "documents": documents, "generator": oracle},
            "student": {**asked, "documents": 4, "max_new_tokens": 8, "generator": SMALL},
        },
        "generators": {
            "small": {
                "pairs_of": "teacher",
                "base": str(base),
                "epochs": 2,
                "learning_rate": 1e-3,
                "batch_tokens": 2048,
                "sequence_length": 1024,
            }
        },
    }


TEACHER = ("language", "signals", "ratings", "signatures", "contamination", "duplicate_edges")
TEACHER += ("eligibility", "duplicate_clusters", "curated_documents")


def test_a_student_is_trained_on_accepted_pairs_and_asked_about_other_documents(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint
) -> None:
    made = graph(**fields(small_base, endpoint))
    made.make("synthesis/teacher/documents", *(f"synthesis/teacher/{each}" for each in TEACHER))
    made.make("generator/small")
    small, teacher = made.artifact("generator/small"), made.artifact("synthesis/teacher/documents")
    figures, pairs = small.manifest.figures, small.read("pairs")
    left_out = sum(int(n) for name, n in figures.items() if name.startswith("left_out_"))
    kept = made.artifact("synthesis/teacher/curated_documents").read("decisions").filter("keep")
    assert figures["pairs"] == pairs.height > 0
    assert pairs.height + left_out == kept.height
    assert set(pairs["id"]) <= set(kept["id"])
    # Learnt without instruction and worked examples, which all prompts begin with.
    (beginning,) = json.loads(small.content("beginnings.json"))
    assert beginning.startswith(INSTRUCTION)
    assert WORKED_EXAMPLES[-1][1] in beginning and beginning.endswith("\n")
    assert all(prompt.startswith(beginning) for prompt in pairs["prompt"])
    # The loss was taken on answers alone, and it went down.
    log = small.read("log")
    assert 0 < figures["target_tokens"] < log["tokens"][-1] / 2
    assert log["loss"][-1] < log["loss"][0]
    assert not [part for part in small.manifest.parts if "optimizer" in part.path]

    asked = len(endpoint.prompts)
    made.make("synthesis/student/documents")
    student = made.artifact("synthesis/student/documents")
    assert len(endpoint.prompts) == asked
    learnt = {each.partition(":")[0] for each in teacher.read("requests")["id"]}
    own = {each.partition(":")[0] for each in student.read("requests")["id"]}
    assert own and learnt.isdisjoint(own)
    # The prompts are the teacher's; what is read is much shorter.
    assert all(each.startswith(beginning) for each in student.read("answers")["prompt"])
    read = student.manifest.figures["tokens_in"] / student.manifest.figures["requests"]
    assert read < len(beginning) / 2


def test_nothing_to_learn_is_told(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint
) -> None:
    given = fields(small_base, endpoint)
    given["generators"]["small"]["sequence_length"] = 64
    given["generators"]["small"]["batch_tokens"] = 128
    made = graph(**given)
    made.make("synthesis/teacher/documents", *(f"synthesis/teacher/{each}" for each in TEACHER))
    with pytest.raises(dg.Failure, match=r"pairs_of: teacher has no pair.*long \d"):
        made.make("generator/small")


def test_shards_of_stages_come_after_students_and_the_graph_has_no_circle(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint
) -> None:
    assets = recipe_assets(graph(**fields(small_base, endpoint)).recipe)
    above = {
        spec.key.to_user_string().removeprefix("small/"): {
            each.asset_key.to_user_string().removeprefix("small/") for each in spec.deps
        }
        for each in assets
        for spec in each.specs
    }
    assert "generator/small" in above["synthesis/student/documents"]
    assert above["generator/small"] == {
        "synthesis/teacher/documents",
        "synthesis/teacher/curated_documents",
    }
    assert "synthesis/student/documents" in above["token_shards"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pairs_of": "tutor"}, "no method of synthesis 'tutor' is declared"),
        ({"pairs_of": "student"}, "a circle: 'student' asks what 'small' is trained for"),
        ({"pairs_of": "counted"}, "'counted' asks no generator"),
    ],
)
def test_generators_that_do_not_fit_are_refused(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint, change: Any, told: str
) -> None:
    given = fields(small_base, endpoint)
    given["generators"]["small"] |= change
    given["synthesis"]["counted"] = {"method": "templates", "problems": 3}
    with pytest.raises(RecipeError, match=told):
        graph(**given)


def test_a_generator_that_nobody_trains_is_refused(
    graph: Any, root: Path, small_base: Path, endpoint: Endpoint
) -> None:
    with pytest.raises(RecipeError, match=r"no small generator 'small' is declared"):
        graph(**fields(small_base, endpoint) | {"generators": {}})
