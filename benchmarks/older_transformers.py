"""What transformers 4.57 makes of the checkpoints that we write: ``docs/training.md``.

    python -m benchmarks.older_transformers

A small Llama with each way of changing positions is written as checkpoints are, and read in the
peers' environment. The table has the largest difference of its logits from ours, with and without
the older names of RoPE in config.json (``models/older_names.py``); ours are of transformers 5.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LENGTH, EXTENDED, TOKENS = 64, 256, 50
ROPES: dict[str, list[dict[str, Any]]] = {
    "default": [],
    "abf": [{"method": "abf", "base": 5e5}],
    "linear": [{"method": "linear", "factor": 4}],
    "ntk": [{"method": "ntk", "factor": 4}],
    "ntk twice": [{"method": "ntk", "factor": 4}, {"method": "ntk", "factor": 8}],
    "yarn": [{"method": "yarn", "factor": 4, "original_length": LENGTH}],
    "llama3": [{"method": "llama3", "factor": 4, "original_length": LENGTH}],
    "longrope": [
        {
            "method": "longrope",
            "original_length": LENGTH,
            "long_factors": [1 + number / 4 for number in range(16)],
        }
    ],
}


def main() -> None:
    """Write the models, read them twice, print the table."""
    from benchmarks.side_by_side import peers_python

    with tempfile.TemporaryDirectory() as temporary:
        folders = [
            _written(Path(temporary, str(number)), each) for number, each in enumerate(ROPES)
        ]
        ours = {str(folder): logits(folder) for folder in folders}
        site = next(each for each in sys.path if each.endswith("site-packages"))
        read = subprocess.run(
            [peers_python(), __file__, site, *map(str, folders)],
            check=True,
            capture_output=True,
            text=True,
        )
        version, theirs = json.loads(read.stdout.splitlines()[-1])
        print(f"transformers {version}")
        for name, folder in zip(ROPES, folders, strict=True):
            print(
                f"{name:10}",
                *(f"{_apart(ours[str(folder)], each):.1e}" for each in theirs[str(folder)]),
            )


def _written(folder: Path, name: str) -> Path:
    from pydantic import TypeAdapter
    from transformers import LlamaForCausalLM
    from transformers.utils.logging import disable_progress_bar

    from midtrain_dagster.models.new import ModelConfig, new_model
    from midtrain_dagster.models.older_names import write_older_names
    from midtrain_dagster.training.rope.apply import Rope, apply_rope

    shape = ModelConfig(hidden_size=64, layers=2, heads=2, kv_heads=1, intermediate_size=64)
    model = new_model(shape, vocabulary=TOKENS, sequence_length=LENGTH, seed=0)
    adapter: TypeAdapter[Rope] = TypeAdapter(Rope)
    for rope in ROPES[name]:
        apply_rope(adapter.validate_python(rope), model.config, EXTENDED)
    # Weights large enough for the logits to depend on positions.
    for parameter in model.parameters():
        parameter.data.mul_(4)
    extended = LlamaForCausalLM(model.config)  # type: ignore[arg-type]
    extended.load_state_dict(model.state_dict())
    disable_progress_bar()
    extended.save_pretrained(folder)
    write_older_names(folder)
    return folder


def logits(folder: Path) -> list[float]:
    """Of the last position of a window, by the transformers that runs this."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found: list[float] = model(torch.arange(EXTENDED)[None] * 7 % TOKENS).logits[0, -1].tolist()
    return found


def _apart(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _read_by_peers(folders: list[str]) -> None:
    import transformers

    found = {}
    for folder in folders:
        file = Path(folder, "config.json")
        whole = logits(Path(folder))
        config = json.loads(file.read_bytes())
        for name in ("rope_theta", "rope_scaling"):
            config.pop(name)
        file.write_text(json.dumps(config))
        found[folder] = [whole, logits(Path(folder))]
    print(json.dumps([transformers.__version__, found]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        # Its own transformers, and the torch of ours.
        sys.path = [each for each in sys.path if not each.endswith("benchmarks")] + [sys.argv[1]]
        _read_by_peers(sys.argv[2:])
    else:
        main()
