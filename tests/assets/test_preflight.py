"""The look before the first step: what is wrong with later stages is told before any is trained.

One set of shards serves all cases: two domains with text enough, one of three documents of which
none is held out, one whose documents curation drops, and two of conversations, of which one keeps
none, for they hold a benchmark.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.plan import Planner
from definitions import recipe_assets
from midtrain_dagster.core.findings import findings_of
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.recipe_file import RecipeError, load_recipe
from tests.assets.conftest import FIELDS, RIDDLES, Graph, in_folder, passages, write_lines

RIDDLED = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
SUMS = [{"q": f"{n} plus {n}?", "a": str(2 * n)} for n in range(4)]


def source(domain: str, name: str, kind: str = "qa") -> dict[str, Any]:
    return {"reader": "json_lines", "domain": domain, "kind": kind, "paths": [f"{name}.jsonl"]}


def stage(**changes: Any) -> dict[str, Any]:
    fields = {
        "tokens": "2k",
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 0.001}],
        "mixture": {"domains": {"web": 0.5, "wikipedia": 0.5}},
    }
    return fields | changes


def later(**changes: Any) -> dict[str, Any]:
    return stage(start="base", schedule=[{"phase": "constant"}], **changes)


BASE = stage(start="random")
SOURCES = {
    "web": source("web", "web"),
    "wikipedia": source("wikipedia", "wikipedia"),
    "few": source("few", "few"),
    "gone": source("gone", "gone", "prose"),
    "chat": source("chat", "chat", "instruction"),
    "asked": source("asked", "asked", "instruction"),
    "notes": source("asked", "notes"),
}
SECTIONS: dict[str, Any] = {
    "name": "larder",
    "seed": 9,
    "sources": SOURCES,
    "raters": {},
    "curation": {
        "prose": {"thresholds": {"minimum_word_count": 20}},
        "removal_ceilings": {"gone": 1.0, "asked": 1.0},
    },
    "benchmarks": {
        "riddles": RIDDLED,
        "sums": {
            "paths": ["sums.jsonl"],
            "question": "q",
            "answer": "a",
            "evaluate": {"method": "answer_likelihood"},
        },
    },
    "held_out": 0.15,
    "stages": {"base": BASE, "annealed": later()},
    "evaluation": {"general": ["web"], "targets": ["wikipedia"], "length": 64},
}
TALK = passages("owt", 44, 60)
TO_THE_SHARDS = [name for name in Graph.TO_THE_SHARDS if name not in ("rater/quality", "ratings")]


def conversation(turns: tuple[str, str]) -> str:
    roles = zip(("user", "assistant"), turns, strict=True)
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in roles]})


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the recipe's files, and a store with all as far as the token shards."""
    folder = tmp_path_factory.mktemp("larder")
    write_lines(folder / "web.jsonl", passages("owt", 0, 40))
    write_lines(folder / "wikipedia.jsonl", passages("wikipedia", 0, 40))
    write_lines(folder / "few.jsonl", passages("owt", 40, 43))
    write_lines(folder / "gone.jsonl", [{"text": f"Nothing but {n} words."} for n in range(9)])
    write_lines(folder / "riddles.jsonl", RIDDLES)
    write_lines(folder / "sums.jsonl", SUMS)
    write_lines(folder / "notes.jsonl", passages("wikipedia", 40, 50))
    said = {
        "chat": [(f"What is said of {n}?", line["text"][:300]) for n, line in enumerate(TALK)],
        "asked": [(each["q"], each["a"]) for each in RIDDLES],
    }
    for name, talks in said.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(conversation, talks)))
    (folder / "larder.yaml").write_text(yaml.safe_dump(FIELDS | SECTIONS, sort_keys=False))
    root = tmp_path_factory.mktemp("larder_store")
    made = Graph(load_recipe(folder / "larder.yaml"), in_folder(root), dagster(root))
    made.make(*TO_THE_SHARDS)
    index = made.artifact("token_shards")
    held_out, train = (index.read(f"{split}_index")["domain"] for split in ("held_out", "train"))
    assert {"web", "wikipedia"} <= set(held_out) and "few" not in set(held_out)
    assert {"web", "wikipedia", "few", "chat", "asked"} == set(train)
    return folder, root


def dagster(folder: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral(str(folder / "home"))


Kitchen = Callable[..., Graph]


@pytest.fixture
def kitchen(larder: tuple[Path, Path], tmp_path: Path) -> Kitchen:
    """The recipe with some sections changed, over a copy of the store."""
    folder, root = larder
    shutil.copytree(root, tmp_path / "store")
    instance = dagster(tmp_path)

    def made(**changes: Any) -> Graph:
        path = folder / f"{tmp_path.name}.yaml"
        path.write_text(yaml.safe_dump(FIELDS | SECTIONS | changes, sort_keys=False))
        return Graph(load_recipe(path), in_folder(tmp_path / "store"), instance)

    return made


LONG = {"web": 0.9, "few": 0.1}
EXTENDED = {"rope": {"method": "ntk", "factor": 2}, "sequence_length": 128}
STOPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a domain without a token": (
        {
            "stages": {
                "base": BASE,
                "annealed": later(mixture={"domains": {"web": 0.5, "gone": 0.5}}),
            }
        },
        "stages.annealed.mixture",
        "stage annealed gives domain gone a share, but the token shards have no document of it",
    ),
    "a domain that runs dry": (
        {
            "stages": {
                "base": BASE,
                "annealed": later(tokens="40k", mixture={"domains": {"few": 0.6, "web": 0.4}}),
            }
        },
        "stages.annealed.mixture",
        "of domain few (all documents)",
    ),
    "long documents that there are not": (
        {
            "stages": {
                "base": BASE,
                "annealed": later(
                    mixture={
                        "domains": {"web": 1.0},
                        "long_documents": {"minimum_tokens": 9000, "share": 0.5},
                    }
                ),
            }
        },
        "stages.annealed.mixture",
        "asks for 0.500 of its tokens from documents of at least 9000 tokens",
    ),
    "a length in long contexts that no held-out document reaches": (
        {"long_context": {"tasks": {"one": "needle"}, "lengths": [96, 9000]}},
        "long_context.lengths.1",
        "one, 9000 tokens: no document has the",
    ),
    "a length in long contexts in which a task has no room": (
        {"long_context": {"tasks": {"one": {"task": "needle", "keys": 9}}, "lengths": [64]}},
        "long_context.lengths.0",
        "64 leave no room for the task's own text",
    ),
    "a mixture that was found and runs dry": (
        {
            "mixtures": {"found": {"method": "proportional", "domains": ["few"]}},
            "stages": {"base": BASE, "annealed": later(tokens="40k", mixture={"from": "found"})},
        },
        "stages.annealed.mixture",
        "of domain few (all documents)",
    ),
    "epochs of a domain that the mixture has not": (
        {
            "mixtures": {"found": {"method": "proportional", "domains": ["web"]}},
            "stages": {
                "base": BASE,
                "annealed": later(mixture={"from": "found", "max_epochs_of": {"few": 2}}),
            },
        },
        "stages.annealed.mixture",
        "max_epochs_of names few",
    ),
    "an order of documents that goes on and runs dry": (
        {
            "stages": {
                "base": BASE | {"mixture": {"domains": LONG, "max_epochs": 1}, "tokens": "8k"},
                "annealed": later(
                    tokens="8k",
                    mixture={"domains": LONG, "max_epochs": 1},
                    inherit={"data": "keep"},
                ),
            }
        },
        "stages.annealed.mixture",
        "stage annealed repeats",
    ),
    "an assistant that says nothing": (
        {
            "stages": {
                "base": BASE,
                "annealed": later(
                    mixture={"domains": {"web": 0.5, "asked": 0.5}}, loss_on="assistant"
                ),
            }
        },
        "stages.annealed.loss_on",
        "has a token that an assistant says (there are some in: chat)",
    ),
    "a target of which nothing is held out": (
        {"evaluation": {"general": ["web"], "targets": ["few"], "length": 64}},
        "evaluation.targets.0",
        "no document of 'few' is held out",
    ),
    "nothing general that is held out": (
        {
            "evaluation": {"targets": ["web", "wikipedia", "chat", "asked"], "length": 64},
        },
        "held_out",
        "nothing is left to compare in annealed_general_loss",
    ),
    "a length that no document reaches": (
        {"evaluation": {"general": ["web"], "targets": ["wikipedia"], "length": 30000}},
        "evaluation.length",
        "no held-out document has 30,000 tokens",
    ),
    "a control beyond whose window nothing reaches": (
        {
            "stages": {
                "base": BASE,
                "extended": later(
                    batch_tokens=32768,
                    tokens=32768,
                    sequence_length=16384,
                    rope={"method": "ntk", "factor": 256},
                    mixture={"domains": {"web": 1.0}, "max_epochs": 50},
                    control={"sequence_length": 8192, "rope": {"method": "ntk", "factor": 128}},
                ),
            },
            "evaluation": {"general": ["web"], "targets": []},
        },
        "evaluation.length",
        "nothing is left to compare in extended_length",
    ),
    "a soup of unlike lengths": (
        {
            "stages": {"base": BASE, "annealed": later(), "extended": later(**EXTENDED)},
            "soups": {"soup": {"of": ["annealed", "extended"]}},
        },
        "soups.soup.of",
        "max_position_embeddings is 64 and 128",
    ),
    "answers that fit no window": (
        {
            "stages": {"base": BASE | {"sequence_length": 4}},
            "benchmarks": {"riddles": RIDDLED | {"evaluate": {"method": "answer_likelihood"}}},
        },
        "benchmarks.riddles.evaluate",
        "the answers of 3 of 3 items are longer than the 4 tokens",
    ),
    "a benchmark that does nothing": (
        {
            "benchmarks": {
                **SECTIONS["benchmarks"],
                "sums": {"paths": ["sums.jsonl"], "question": "q", "answer": "a"},
            }
        },
        "benchmarks.sums",
        "none of its 4 items can be searched in the corpus",
    ),
}


def stopping(made: Graph) -> list[str]:
    """What the gate says; the artifact has the same, and what is only doubtful."""
    with pytest.raises(RecipeError) as raised:
        made.make(*(f"mixture/{name}" for name in made.recipe.mixtures), "preflight")
    return str(raised.value).splitlines()


@pytest.mark.parametrize("kind", STOPS)
def test_what_cannot_go_well_stops_before_the_first_step(kitchen: Kitchen, kind: str) -> None:
    changes, field, words = STOPS[kind]
    lines = stopping(kitchen(**changes))
    assert all(".yaml, line " in line for line in lines)
    assert any(f": {field}: " in line and words in line for line in lines), lines


def test_everything_that_is_wrong_is_told_at_once(kitchen: Kitchen) -> None:
    kinds = ("a domain without a token", "a length that no document reaches")
    soups = {"both": {"of": ["base", "annealed"]}}
    lines = stopping(kitchen(**STOPS[kinds[0]][0], **STOPS[kinds[1]][0], soups=soups))
    assert [line.split(": ")[1] for line in lines] == [STOPS[kind][1] for kind in kinds]


def look(made: Graph) -> tuple[dict[str, str], list[str]]:
    """What is doubtful by its field, where nothing stops, and what is not known."""
    made.make(*(f"mixture/{name}" for name in made.recipe.mixtures), "preflight")
    found = made.artifact("preflight")
    findings = findings_of(found.read("findings"))
    assert not any(finding.stops for finding in findings)
    doubts = {".".join(map(str, each.place)): each.reason for each in findings}
    return doubts, found.read("unknown")["reason"].to_list()


def test_what_is_doubtful_stops_nothing_and_what_cannot_be_known_is_listed(
    kitchen: Kitchen,
) -> None:
    doubts, unknown = look(kitchen(evaluation={}))
    assert set(doubts) == {"held_out", "benchmarks.sums"}
    assert "so it has no loss" in doubts["held_out"]
    assert "nothing says whether they were trained on" in doubts["benchmarks.sums"]
    assert any("that is measured" in reason for reason in unknown)
    assert any("whether its 4 items are in the corpus" in reason for reason in unknown)


def test_a_recipe_that_fits_is_looked_at_once_and_is_no_cause_of_what_is_trained(
    kitchen: Kitchen,
) -> None:
    """Another measure is looked at anew, and trains nothing anew."""
    stages = {"base": BASE}
    made = kitchen(stages=stages, benchmarks={"riddles": RIDDLED})
    doubts, _ = look(made)
    assert doubts == {}
    made.make("checkpoint/base")
    first, trained = (made.artifact(name).fingerprint for name in ("preflight", "checkpoint/base"))
    (again,) = made.make("preflight")
    assert again.asset_materializations_for_node("larder__preflight")[0].metadata["reused"].value
    other = kitchen(
        stages=stages,
        benchmarks={"riddles": RIDDLED},
        evaluation=SECTIONS["evaluation"] | {"length": 32},
    )
    plan = Planner(other.artifacts.store(), recipe_assets(other.recipe)).plan()
    planned = {step.name: step.outcome for step in plan.steps}
    assert planned["preflight"] == "make"
    assert planned["checkpoint/base"] == "reuse"
    other.make("preflight", "checkpoint/base")
    assert other.artifact("preflight").fingerprint != first
    assert other.artifact("checkpoint/base").fingerprint == trained


def test_nothing_is_trained_where_the_look_has_stopped(kitchen: Kitchen) -> None:
    made = kitchen(**STOPS["a domain without a token"][0])
    stopping(made)
    with pytest.raises(Exception, match="preflight"):
        made.make("checkpoint/base")


def test_a_given_base_is_looked_at_where_the_recipe_says_it_lies(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """A soup of it and of what another stage extended; and weights that are no numbers."""
    from safetensors.torch import load_file, save_file

    model = ModelConfig(hidden_size=16, layers=1, heads=1, kv_heads=1, intermediate_size=16)
    base = tmp_path / "given"
    new_model(model, vocabulary=500, sequence_length=64, seed=1).save_pretrained(base)
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    resets = {field: {"reset": "none is given"} for field in ("moments", "learning_rate")}
    begun = stage(start="base", inherit=resets)
    made = kitchen(
        base={"checkpoint": str(base)},
        stages={"annealed": begun, "extended": begun | EXTENDED},
        soups={"soup": {"of": ["base", "extended"]}},
    )
    made.make("checkpoint/base")
    lines = stopping(made)
    places = [line.split(": ")[1] for line in lines]
    assert places == ["stages.annealed.start", "stages.extended.start", "soups.soup.of"]
    assert f"{base}: model.norm.weight holds values that are no finite numbers" in lines[0]


def test_every_run_and_every_measure_comes_after_the_look(kitchen: Kitchen) -> None:
    specs = {
        "/".join(spec.key.path[1:]): {"/".join(dep.asset_key.path[1:]) for dep in spec.deps}
        for each in recipe_assets(kitchen().recipe)
        for spec in each.specs
    }
    after = {name for name, upstream in specs.items() if "preflight" in upstream}
    assert after == {
        *("checkpoint/base", "checkpoint/annealed"),
        *("held_out_losses", "evaluation", "samples", "report"),
    }
