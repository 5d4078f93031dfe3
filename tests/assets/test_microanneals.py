"""Microanneals in a real graph: runs that train, decisions, the mixture, the stage after them."""

from typing import Any

import pytest
import yaml

from assets.run_artifacts import RunArtifacts
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.experiments.microanneals.decisions import ALONE, DECISIONS, VERDICTS
from midtrain_dagster.experiments.microanneals.runs import MicroannealError
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe_file import RecipeError

BASE = {
    "start": "random",
    "tokens": "6k",
    "batch_tokens": 256,
    "sequence_length": 64,
    "schedule": [{"phase": "constant", "learning_rate": 0.01}],
    "mixture": {"domains": {"web": 1.0}, "max_epochs": 50},
}
AFTER = BASE | {
    "start": "base",
    "tokens": "1k",
    "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}],
    "mixture": {"from": "accepted", "max_epochs": 50},
}
ASKED: dict[str, Any] = {
    "start": "base",
    "tokens": "2k",
    "share": 0.8,
    "candidates": ["wikipedia"],
    "seeds": [1, 2],
    "max_epochs": 50,
    "judged_after": "fine_tuning",
    "accept": {"general_bound": 5, "confidence": 0.6},
    "targets": ["loss/wikipedia", "answers/riddles"],
}
SECTIONS: dict[str, Any] = {
    "stages": {"base": BASE, "annealed": AFTER},
    "microanneals": {"sources": ASKED},
    "mixtures": {
        "accepted": {
            "method": "accepted",
            "microanneals": "sources",
            "general": {"web": 1},
            "share": 0.25,
        }
    },
    "fine_tuning": {
        "domains": {"wikipedia": 1},
        "steps": 4,
        "rate": 0.002,
        "batch_tokens": 256,
        "loss_on": "all",
        "max_epochs": 50,
        "checkpoints": ["annealed"],
    },
}


def units(artifact: Artifact) -> set[str]:
    """The runs that the store has."""
    return {path.split("/")[2] for path in artifact.storage.list("parts/short_run.run")}


def changed(**fields: Any) -> dict[str, Any]:
    return SECTIONS | {"microanneals": {"sources": ASKED | fields}}


def test_from_short_decays_to_a_stage_on_what_they_accept(graph, shards, root) -> None:
    made = graph(**SECTIONS)
    # The mixture is known after training, so the look before it goes on without.
    made.make("preflight", "checkpoint/base", "microanneals/sources", "mixture/accepted")
    found = made.artifact("microanneals/sources")
    runs, losses = found.read("runs"), found.read("losses")
    assert runs.height == 2 * 2 * 2
    assert set(runs["candidate"]) == {ALONE, "wikipedia"}
    assert runs["failed"].null_count() == runs.height
    assert set(runs["tokens"]) == {2048, 4 * 256}
    targets = {"loss/web", "loss/wikipedia", "answers/riddles"}
    assert set(losses["target"]) == targets
    assert losses.height == 2 * 2 * 2 * len(targets)
    decided, verdicts = found.read("decisions"), found.read("verdicts")
    assert (decided.schema, verdicts.schema) == (DECISIONS, VERDICTS)
    assert set(decided["target"]) == {"loss/wikipedia", "answers/riddles", "general"}
    effect = decided.filter(target="loss/wikipedia", phase="anneal")["effect"][0]
    pairs = losses.filter(target="loss/wikipedia", phase="anneal").pivot(
        "candidate", index="seed", values="value"
    )
    assert effect == pytest.approx((pairs["wikipedia"] - pairs[ALONE]).mean())
    assert effect < -0.01
    assert verdicts["verdict"].to_list() == ["accept"]
    assert verdicts["tokens"].to_list() == [2 * (2048 + 1024)]
    shares = FoundMixture(made.artifact("mixture/accepted")).shares
    assert shares == pytest.approx({"web": 0.75, "wikipedia": 0.25})
    made.make("checkpoint/annealed", "checkpoint/annealed/fine_tuned")
    made.make("held_out_leaks", "held_out_losses")
    measured = made.artifact("held_out_losses").read("losses")
    assert set(measured["checkpoint"]) == {"base", "annealed", "annealed/fine_tuned"}
    tuned = made.artifact("checkpoint/annealed/fine_tuned").read("log")
    assert tuned.height == 4
    kept = units(found)
    assert len(kept) == 4
    # One more seed trains its own two runs alone.
    more = graph(**changed(seeds=[1, 2, 3]))
    more.make("microanneals/sources")
    assert len(units(found) - kept) == 2
    section = RunArtifacts(made.recipe, {"microanneals/sources": found})._microanneals()
    assert "wikipedia" in str(section)


def test_a_candidate_without_tokens_ends_it_before_anything_is_trained(graph, shards, root) -> None:
    made = graph(**changed(max_epochs=0.1))
    made.make("preflight", "checkpoint/base")
    with pytest.raises(MicroannealError, match=r"candidate wikipedia: .* repeats the"):
        made.make("microanneals/sources")
    assert units(made.artifact("checkpoint/base")) == set()


def test_a_mixture_of_microanneals_that_there_are_not_is_told(graph, shards, root) -> None:
    mixtures = {"accepted": SECTIONS["mixtures"]["accepted"] | {"microanneals": "source"}}
    with pytest.raises(RecipeError, match="no microanneals 'source' is declared"):
        graph(**SECTIONS | {"mixtures": mixtures})


def test_microanneals_from_a_stage_that_waits_for_them_are_told(graph, shards, root) -> None:
    with pytest.raises(RecipeError, match="waits for these microanneals"):
        graph(**changed(start="annealed", rate=1e-3, general={"web": 1}))


def test_recipe_of_the_test_is_one_that_people_can_write() -> None:
    assert yaml.safe_load(yaml.safe_dump(SECTIONS)) == SECTIONS
