"""Decay laws in a recipe: two short runs on the same mixture, a law, and what it is asked."""

import pytest
from rich.console import Console

from midtrain import law as command
from midtrain.command import _parser
from midtrain_dagster.recipe_file import RecipeError
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.decay_laws.curves import moving
from midtrain_dagster.training.decay_laws.report_section import report_section

MIXTURE = {"domains": {"web": 0.5, "wikipedia": 0.5}, "max_epochs": 200}


def stage(start: str, tokens: int, schedule: str, **more) -> dict:
    return {
        "start": start,
        "tokens": tokens,
        "batch_tokens": 128,
        "sequence_length": 64,
        "schedule": schedule,
        "mixture": MIXTURE,
        **more,
    }


STAGES = {
    "base": stage("random", 5120, "Warmup(5e-3, 5 steps) -> Constant(5e-3)"),
    "cool": stage("base", 2560, "Decay(5e-4)"),
    "long": stage("base", 2560, "Constant(5e-3)"),
}
LAWS = {"worth": {"law": "annealing", "runs": ["base", "cool", "long"], "draws": 20}}


def test_law_of_runs_is_made_shown_and_asked(graph, shards, root, monkeypatch) -> None:
    made = graph(stages=STAGES, laws=LAWS)
    names = [f"checkpoint/{name}" for name in STAGES]
    made.make("preflight", *names, "law/worth")
    artifact = made.artifact("law/worth")
    curves = artifact.read("curves")
    assert set(curves["run"]) == set(STAGES)
    # A run that goes on from another has its steps behind those.
    base = moving(Checkpoint(made.artifact("checkpoint/base")).log).height
    assert curves.filter(run="cool")["step"].min() >= base
    assert artifact.read("parameters")["parameter"].to_list() == ["L0", "A", "C", "alpha"]
    assert report_section({"worth": artifact}).blocks
    assert sorted(artifact.manifest.upstream) == ["checkpoint_0", "checkpoint_1", "checkpoint_2"]

    # Made again: nothing is fitted anew.
    again = made.make("law/worth")[0].asset_materializations_for_node("small__law__worth")[0]
    assert again.metadata["reused"].value is True

    monkeypatch.setenv("MIDTRAIN_ROOT", made.artifacts.root)
    recipe = made.recipe.file
    console = Console(record=True, width=5000)
    options = _parser().parse_args(["law", recipe, "--from", "base", "--decay", "1280"])
    code = command.run(options, console)
    text = console.export_text()
    assert "annealing, fitted to base, cool, long" in text
    refused = artifact.read("verdict")["refused"].item()
    # Forty steps of a tiny model hardly tell; where they do not, the answer is why.
    assert (code, refused is None) in {(0, True), (2, False)}
    assert ("of decay (linear" if refused is None else refused) in text


@pytest.mark.parametrize(
    ("laws", "told"),
    [
        ({"runs": ["base", "coal"]}, "no run 'coal' is declared"),
        ({"runs": ["base"]}, "two runs at least"),
        ({"runs": ["base", "base"]}, "named twice"),
        ({"runs": ["base", "other"]}, "other has another mixture than base"),
        ({"runs": ["base", "short"]}, "short has 4 steps, and a curve needs 10"),
        ({"runs": ["base", "cool"], "logs": {"cool": {"path": "a.csv"}}}, "has that name"),
    ],
)
def test_what_is_wrong_with_a_law_is_told_when_the_recipe_is_loaded(graph, laws, told) -> None:
    other = {"domains": {"web": 1.0}, "max_epochs": 200}
    stages = STAGES | {
        "other": stage("base", 2560, "Decay(5e-4)") | {"mixture": other},
        "short": stage("base", 512, "Decay(5e-4)"),
    }
    with pytest.raises(RecipeError, match=told):
        graph(stages=stages, laws={"worth": {"law": "annealing", **laws}})
