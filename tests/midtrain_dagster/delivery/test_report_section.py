from pathlib import Path
from typing import Any

from midtrain_dagster.delivery.report_section import delivery_section
from midtrain_dagster.display.blocks import Code, Stack, Table
from midtrain_dagster.training.artifact import Checkpoint


def test_each_checkpoint_is_where_it_is_said_to_be(tiny_run: Any) -> None:
    names = tiny_run.recipe.checkpoints()
    section = delivery_section({name: Checkpoint(tiny_run[f"checkpoint/{name}"]) for name in names})
    table, _, command = section.blocks
    assert isinstance(table, Table)
    assert isinstance(command, Code)
    assert len(table.rows) == len(names)
    for _, _, kept, place in table.rows:
        # Two layers of two heads of 16, of which keys and values share one, two bytes a number.
        assert kept == Stack(("128 B", "plain 256 B"))
        folder = Path(tiny_run.store.storage.uri(place.text))  # type: ignore[union-attr]
        assert (folder / "config.json").is_file()
        assert (folder / "model.safetensors").is_file()
    assert command.text == "midtrain export RECIPE extended FOLDER"
