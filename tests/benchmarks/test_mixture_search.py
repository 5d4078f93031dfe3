"""What the benchmark of mixture search compares is one base on mixtures of the same tokens."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from benchmarks.mixture_search import (
    FILE,
    HAND_MADE,
    PRIOR,
    PROPOSED,
    Unsuitable,
    domains,
    hand_made,
    objective,
    page,
    said,
    variant,
)
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from tests.midtrain_dagster.mixture.methods.test_proposed import proposed, swarm

RECIPES = Path(__file__).parents[2] / "recipes"
SHARES = {"code": 0.1, "documentation": 0.3, "mathematics": 0.1, "web": 0.2, "wikipedia": 0.3}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(RECIPES / "demo.yaml")


def test_all_mixtures_anneal_the_same_base_for_the_same_tokens(
    recipe: Recipe, tmp_path: Path
) -> None:
    document = variant(recipe, SHARES, [1, 2, 3], 12, "log_linear")
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    (tmp_path / "demo.yaml").write_text(text, encoding="utf-8")
    (tmp_path / FILE).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    made = load_recipe(tmp_path / FILE)
    assert list(made.stages) == ["base", PRIOR, *HAND_MADE, PROPOSED]
    annealed = [run for run in made.runs() if run.stage_name != "base"]
    assert len(annealed) == 5 * 3
    assert {(run.start, run.stage.tokens, run.role == "control") for run in annealed} == {
        ("base", 150_000, False)
    }
    search = made.mixture_search["search"]
    assert (search.proxy.start, search.proxy.tokens) == ("base", 36_864)
    assert set(search.domains) == set(SHARES)


def test_mixtures_by_hand_are_mixtures(recipe: Recipe) -> None:
    targets, general = domains(recipe)
    assert (targets, general) == (["code", "mathematics"], ["web", "wikipedia", "documentation"])
    made = hand_made(SHARES, targets)
    assert list(made) == list(HAND_MADE)
    for shares in made.values():
        assert sum(shares.values()) == pytest.approx(1)
    assert made["half_targets"] == pytest.approx(
        {
            "code": 0.25,
            "documentation": 0.1875,
            "mathematics": 0.25,
            "web": 0.125,
            "wikipedia": 0.1875,
        }
    )
    assert made["seventy_general"]["code"] == pytest.approx(0.07 + 0.15)


def test_recipe_without_targets_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    path = tmp_path / "demo.yaml"
    path.write_text(text.replace("targets: [code, mathematics]", "targets: []"), encoding="utf-8")
    with pytest.raises(Unsuitable, match="name general and target domains"):
        domains(load_recipe(path))


def test_objective_weighs_targets_and_general_text_alike() -> None:
    rows = [("a", "code", 4.0), ("a", "maths", 2.0), ("a", "web", 1.0)]
    table = pl.DataFrame(rows, ["checkpoint", "domain", "loss"], orient="row")
    assert objective(table, ["a"], ["code", "maths"], ["web"]).tolist() == [2.0]


def test_proposal_that_does_not_win_says_so() -> None:
    same = np.array([1.0, 1.1, 0.9])
    assert "shows nothing: +0.0000" in said(same, same, "the prior")
    assert "is worse: +1.0000" in said(same + 1, same, "the prior")
    assert "is better: -1.0000" in said(same - 1, same, "the prior")


def test_page_has_what_was_made(recipe: Recipe, store: ArtifactStore) -> None:
    """Real tables of a law's proposal, and losses by which the proposal loses to a mixture by
    hand."""

    def stored(name: str, **tables: pl.DataFrame) -> Artifact:
        parts = [write_output(store.storage, name, each, made) for each, made in tables.items()]
        return store.make(name.replace("/", "_"), {}, None, {}, lambda _: (parts, {}))

    tables = swarm()
    fed = pl.DataFrame({"domain": ["code", "web"], "planned": [0.4, 0.6], "epochs": [2.5, 0.5]})
    log = pl.DataFrame({"tokens": [1024, 150_000]})
    every = [PRIOR, *HAND_MADE, PROPOSED]
    mean = dict(zip(every, (3.0, 2.9, 2.5, 2.8, 2.7), strict=True))
    losses = [
        (run, domain, mean[name] + 0.01 * number)
        for name in every
        for number, run in enumerate((name, f"{name}/seed_2"))
        for domain in ("code", "mathematics", "web", "wikipedia", "documentation")
    ]
    made = {f"checkpoint/{each}": stored(f"c/{each}", mixture=fed, log=log) for each in every}
    made["held_out_losses"] = stored(
        "losses", losses=pl.DataFrame(losses, ["checkpoint", "domain", "loss"], orient="row")
    )
    made["swarm/search"] = stored("swarm", **tables)
    made[f"mixture/{PROPOSED}"] = stored("mixture", **proposed(tables))
    text = page(recipe, "python -m benchmarks.mixture_search", [1, 2], made.__getitem__)
    assert "annealed for 150,000 tokens" in text
    assert "Beside the prior, the proposal is better: -0.3000 ± 0.0304" in text
    assert "Beside `half_targets`, the best that was made by hand, the proposal is worse" in text
    assert "trained 40 proxies of 1,000\ntokens (0 failed)" in text
    assert "| `prior` | 40.0% (2.5) | 60.0% (0.5) |" in text
    assert text.count("\n| loss/") == 2
