"""Searches in a real graph: swarms, what is found from them, the stage that is trained on it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from assets.report import RunArtifacts
from definitions import recipe_assets
from midtrain import law
from midtrain.command import _parser
from midtrain_dagster.laws.mixing.constraints import ConflictError
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe_file import RecipeError
from midtrain_dagster.training.artifact import Checkpoint

BASE = {
    "start": "random",
    "tokens": "4k",
    "batch_tokens": 256,
    "sequence_length": 64,
    "schedule": [{"phase": "constant", "learning_rate": 0.01}],
    "mixture": {"domains": {"web": 1.0}, "max_epochs": 50},
}
AFTER = BASE | {
    "start": "base",
    "tokens": "1k",
    "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}],
    "mixture": {"from": "found"},  # its max_epochs are the stage's
}
SEARCH: dict[str, Any] = {
    "domains": ["web", "wikipedia"],
    "rounds": [6],
    "draw": "space_filling",
    "absence": 0.1,
    "proxy": {"start": "base", "tokens": "1k", "batch_tokens": 256, "sequence_length": 64},
    "sizes": {"longer": {"tokens": "2k", "proxies": 3}},
    "targets": {"answers": ["riddles"], "tokens_by_domain": 500, "items": 5},
    "repeat": {"stage": "base"},
}
FOUND = {
    "method": "proposed",
    "search": "small",
    "law": {"law": "log_linear"},
    "targets": {"loss/wikipedia": 1},
    "tokens": "1k",
    "max_epochs": 50,
    "folds": 2,
}
SECTIONS: dict[str, Any] = {
    "stages": {"base": BASE, "annealed": AFTER},
    "mixture_search": {"small": SEARCH},
    "mixtures": {"found": FOUND},
}


def changed(**fields: Any) -> dict[str, Any]:
    return SECTIONS | {"mixture_search": {"small": SEARCH | fields}}


def trained(store: Any) -> set[str]:
    """The proxies that the store has."""
    return {path.split("/")[2] for path in store.list("parts/train.train")}


def asked(recipe: Path, *arguments: str) -> tuple[int, str]:
    """What ``midtrain law`` says of a recipe."""
    console = Console(record=True, width=300)
    options = _parser().parse_args(["law", str(recipe), *arguments])
    return law.run(options, console), console.export_text()


def test_from_annealing_proxies_to_a_stage_on_what_a_law_proposes(
    graph, shards, root, folder, tmp_path, monkeypatch
) -> None:
    made = graph(**SECTIONS)
    # Proxies start from the base, so the look before it goes on without what they will find.
    made.make("preflight", "checkpoint/base", "swarm/small", "mixture/found")
    swarm = made.artifact("swarm/small")
    proxies, losses = swarm.read("proxies"), swarm.read("losses")
    assert dict(proxies.group_by("size").len().iter_rows()) == {"default": 6, "longer": 3}
    assert proxies["failed"].null_count() == 9
    assert set(losses["target"]) == {"loss/web", "loss/wikipedia", "answers/riddles"}
    assert swarm.manifest.figures == {
        "proxies": 9,
        "failed": 0,
        "tokens_trained": 6 * 1024 + 3 * 2048,
    }
    assert swarm.read("stability").height == 3
    domains = swarm.read("domains")
    assert (domains["read"] < domains["tokens"]).all()
    shares = FoundMixture(made.artifact("mixture/found")).shares
    assert sum(shares.values()) == pytest.approx(1)
    monkeypatch.setenv("MIDTRAIN_ROOT", str(root))
    code, text = asked(folder / f"{tmp_path.name}.yaml", "--ratio", "wikipedia=0.3")
    assert code == 2
    assert "the share of wikipedia in the proxies of search small" in text
    assert "law d_cpt has 7 numbers to fit" in text and "there are 9. Raise `rounds`" in text
    made.make("checkpoint/annealed")
    annealed = Checkpoint(made.artifact("checkpoint/annealed"))
    assert annealed.record.mixture.max_epochs_of == {"web": 50, "wikipedia": 50}
    table = annealed.mixture
    planned = dict(table.select("domain", "planned").iter_rows())
    assert planned == pytest.approx({k: v for k, v in shares.items() if v}, abs=0.05)
    section = str(RunArtifacts(made.recipe, {"swarm/small": swarm})._searches({}))
    assert "9 proxies were trained" in section and "loss/wikipedia" in section
    before = trained(swarm.storage)
    # More items of a benchmark are asked of weights that are there.
    more = graph(**changed(targets=SEARCH["targets"] | {"items": 4}))
    more.make("swarm/small")
    assert more.artifact("swarm/small").fingerprint != swarm.fingerprint
    assert trained(swarm.storage) == before
    # Two more mixtures are two more proxies.
    more = graph(**changed(rounds=[8]))
    more.make("swarm/small")
    assert len(trained(swarm.storage) - before) == 2


def test_a_benchmark_that_is_not_asked_and_a_stage_are_no_cause_of_a_swarm(graph) -> None:
    alone = graph(**changed(proxy=SEARCH["proxy"] | {"start": "random"}, targets={}))
    specs = {spec.key.path[-1]: spec for each in recipe_assets(alone.recipe) for spec in each.specs}
    upstream = {dep.asset_key.path[-1] for dep in specs["small"].deps}
    assert upstream == {"tokenizer", "token_shards"}
    preflight = {dep.asset_key for dep in specs["preflight"].deps}
    assert dg.AssetKey([alone.recipe.name, "mixture", "found"]) in preflight


def test_a_proposal_that_the_tokens_do_not_allow_is_told_before_proxies_are_trained(
    graph, root
) -> None:
    proxy = SEARCH["proxy"] | {"start": "random"}
    wanted = FOUND | {"tokens": "10M", "floors": {"wikipedia": 0.5}}
    mixtures = {"mixtures": {"found": wanted}}
    made = graph(**changed(proxy=proxy) | mixtures)
    with pytest.raises(ConflictError, match=r"nothing is trained: found: floor 0.5 of wiki"):
        made.make("swarm/small")
    late = graph(**changed() | mixtures)
    with pytest.raises(RecipeError, match=r"mixtures\.found: floor 0.5 of wikipedia is above"):
        late.make("preflight")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domains": ["web", "wiki"]}, "no source feeds 'wiki'"),
        ({"proxy": SEARCH["proxy"] | {"start": "bass"}}, "no checkpoint 'bass' is declared"),
        ({"proxy": SEARCH["proxy"] | {"start": "annealed"}}, "trained on a mixture that these"),
        ({"targets": {"answers": ["riddle"]}}, "no benchmark 'riddle' is declared"),
        ({"rounds": [2], "sizes": {}}, "it needs"),
    ],
)
def test_a_search_that_cannot_be_made_is_told(graph, changes, reason) -> None:
    with pytest.raises(RecipeError, match=reason):
        graph(**changed(**changes))


def test_a_ratio_without_proxies_is_told(graph, folder, tmp_path, monkeypatch) -> None:
    recipe = folder / f"{tmp_path.name}.yaml"
    monkeypatch.setenv("MIDTRAIN_ROOT", str(tmp_path / "store"))
    graph()
    code, text = asked(recipe, "--ratio", "web")
    assert code == 2 and "the recipe has no mixture_search, whose proxies" in text
    graph(**SECTIONS)
    assert (
        "one of the recipe's mixture_search (small)" in asked(recipe, "smal", "--ratio", "web")[1]
    )
    assert "`midtrain run` makes it" in asked(recipe, "--ratio", "web")[1]
    assert "leave out --logs" in asked(recipe, "--ratio", "web", "--decay", "1k")[1]
