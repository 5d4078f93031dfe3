"""A small generator is the model in its folder, asked without what it learnt without."""

import json
import shutil
from pathlib import Path

import pytest

from midtrain_dagster.inference.beginnings import BEGINNINGS
from midtrain_dagster.inference.engine import GenerationError
from midtrain_dagster.inference.engines.distilled import Config

SMOLLM2 = Path(__file__).parents[4] / "data" / "smollm2-135m-instruct"


def test_it_answers_as_the_model_does_to_the_rest_of_a_prompt(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    for file in SMOLLM2.iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    (folder / BEGINNINGS).write_text(json.dumps(["Worked examples.\n"]))
    section = Config(engine="distilled", generator="small", batch_size=2)
    assert (section.name, section.remote, section.prompts_at_once) == ("small", False, 2)
    small = section.open(folder, threads=1)
    asked = [{"role": "user", "content": "Name a colour."}]
    (found,) = small.generate(["Worked examples.\nName a colour."], max_new_tokens=4)
    (plain,) = small.model.generate([asked], max_new_tokens=4)
    assert found == plain
    assert found.text.strip()
    shutil.rmtree(folder)


def test_it_lies_at_no_path_of_the_recipe() -> None:
    section = Config(engine="distilled", generator="small")
    assert list(section.findings(str)) == []
    for look in (section.folder, section.identity):
        with pytest.raises(GenerationError, match=r"generators\.small"):
            look(str)
    with pytest.raises(GenerationError, match="its folder is not there"):
        section.open(None, threads=1)
