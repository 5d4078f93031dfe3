"""Real weights: ``recipes/smollm2-135m.yaml``, as it is and, start to end, with less of all."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import load_materialized

REPOSITORY = Path(__file__).parents[1]
RECIPE = REPOSITORY / "recipes" / "smollm2-135m.yaml"

TAKEN = {"openwebtext": 100, "wikipedia": 100, "docstrings": 80}
TAKEN |= {"documentation": 40, "standard_library": 40}

LITTLE = {
    "sources": {name: {"take": documents} for name, documents in TAKEN.items()},
    "stages": {
        "annealed": {
            "tokens": 1024,
            "schedule": [{"phase": "decay", "shape": "linear", "start": 1e-4, "to": 0}],
        }
    },
    "evaluation": {"tokens_by_domain": 200, "documents": 1, "length": 128},
    "benchmarks": {name: {"evaluate": {"limit": 2}} for name in ("hellaswag", "gsm8k")},
}


def variant(folder: Path, changes: dict[str, Any]) -> Path:
    """A copy of the recipe with some fields changed, and paths made absolute."""
    text = RECIPE.read_text().replace("../data", str(REPOSITORY / "data"))
    path = folder / RECIPE.name
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(text), changes), sort_keys=False))
    return path


def merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return fields | {
        name: merged(fields[name], change) if isinstance(change, dict) else change
        for name, change in changes.items()
    }


def test_gpu_changes_where_it_runs_and_nothing_that_is_made(tmp_path: Path) -> None:
    on_gpu = variant(tmp_path, {"stages": {"annealed": {"accelerator": "gpu"}}})
    here, there = (load_recipe(path).stages["annealed"] for path in (RECIPE, on_gpu))
    assert (here.accelerator, there.accelerator) == ("cpu", "gpu")
    assert canonical(here) == canonical(there)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # 135M parameters beside another test, on a CPU with AVX2: minutes
def test_annealing_a_little_makes_a_folder_that_transformers_loads(
    tmp_path: Path, command: Any, on_ray: Any
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    finished = command.here("run", str(variant(tmp_path, LITTLE)))
    assert finished.code == 0, finished.output

    before, after = (stored(command.root, tmp_path, name) for name in ("base", "annealed"))
    old, new = (AutoModelForCausalLM.from_pretrained(folder) for folder in (before, after))
    assert old.state_dict().keys() == new.state_dict().keys()
    ids = AutoTokenizer.from_pretrained(after)("The cat sat on the", return_tensors="pt").input_ids
    with torch.no_grad():
        first, second = (model(ids).logits.float().softmax(-1) for model in (old, new))
    assert 0 < (first - second).abs().max() < 0.5, "a few steps move a prediction, but not far"


def stored(root: Path, folder: Path, name: str) -> Path:
    """A checkpoint of the store as a folder of its own."""
    store = ArtifactStore(Storage(root=str(root)))
    artifact = load_materialized(store, ["smollm2_135m", "checkpoint", name])
    made = folder / name
    made.mkdir()
    for part in artifact.manifest.parts:
        (made / part.table).symlink_to(root / part.path)
    return made
