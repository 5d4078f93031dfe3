"""After a run there is no news; a new instance, or a changed bound of a gate or check, is some."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.plan import Planner
from definitions import recipe_assets
from jobs.news import News
from midtrain_dagster.recipe_file import load_recipe


@pytest.fixture
def instance(whole_run: Any) -> Any:
    with dg.DagsterInstance.from_config(str(whole_run[0].root / ".dagster")) as found:
        yield found


def test_nothing_is_due_after_a_run(tiny_run: Any, instance: dg.DagsterInstance) -> None:
    planner = Planner(tiny_run.store, recipe_assets(tiny_run.recipe))
    assert News(planner, instance)() == set()


def test_everything_is_told_to_a_new_instance(tiny_run: Any, tmp_path: Path) -> None:
    assets = recipe_assets(tiny_run.recipe)
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as other:
        due = News(Planner(tiny_run.store, assets), other)()
        wanted = {dg.AssetKey(["tiny", "documents"])}
        some = News(Planner(tiny_run.store, assets), other, wanted)()
    assert {key for key, _ in due} == {asset.key for asset in assets}
    assert some == {(dg.AssetKey(["tiny", "documents"]), None)}


def test_gates_and_checks_are_asked_again_when_the_recipe_changes(
    tiny: Path, tmp_path: Path, tiny_run: Any, instance: dg.DagsterInstance
) -> None:
    text = tiny.read_text().replace("../../data", str(tiny.parents[2] / "data"))
    path = tmp_path / "tiny.yaml"
    path.write_text(text.replace("{planted: 1.0}", "{planted: 0.9}"))
    planner = Planner(tiny_run.store, recipe_assets(load_recipe(path)))
    due = {"/".join(key.path[1:]) for key, _ in News(planner, instance)()}
    assert due >= {"curated_documents", "token_shards", "checkpoint/base", "held_out_losses"}
    assert due >= {"language", "signals", "eligibility"}  # each has the gate of the ceiling
    assert not due & {"signatures", "duplicate_edges", "duplicate_clusters", "tokenizer"}
