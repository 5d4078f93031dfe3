from typing import Any

import pytest
import yaml

from assets.report import FOUND_ITEMS, measurements
from midtrain_dagster.delivery.card import model_card, way_to
from midtrain_dagster.training.artifact import Checkpoint


@pytest.mark.parametrize("measured", [True, False])
def test_the_card_tells_what_the_lineage_knows(tiny_run: Any, measured: bool) -> None:
    recipe = tiny_run.recipe
    way = {name: Checkpoint(tiny_run[f"checkpoint/{name}"]) for name in way_to(recipe, "annealed")}
    assert list(way) == ["base", "annealed"]
    shown = measurements(recipe, tiny_run["report"]) if measured else None
    found = tiny_run["report"].read(FOUND_ITEMS) if measured else None
    card = model_card(recipe, "annealed", way, shown, tiny_run["token_shards"], found)
    _, front, text = card.split("---\n", 2)
    assert yaml.safe_load(front)["library_name"] == "transformers"
    for checkpoint in way.values():
        assert checkpoint.fingerprint[:12] in text
    for source, each in recipe.sources.items():
        assert f"| {source} | {each.domain} | {each.kind} |" in text
    assert all(name in text for name in recipe.benchmarks)
    assert recipe.text.rstrip() in text
    if shown is None:
        assert "Nothing has been measured." in text
        assert "- not known: no report was made yet." in text
        return
    assert "- human_eval: 0 of 164 items (0%) were found in collected documents." in text
    names = ["base", "annealed/control", "annealed"]
    assert "- hellaswag: put bare, the question alone." in text
    assert "\n\n- " in text
    assert "| measure | | base | annealed control | annealed |" in text
    for row in shown.rows:
        assert f"| {' | '.join([row.label, row.note, *map(row.written, names)])} |" in text
