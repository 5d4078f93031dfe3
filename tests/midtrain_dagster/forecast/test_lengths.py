"""What first rows let expect of classes of length, before anything is made."""

import json
from pathlib import Path
from typing import Any

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.forecast.inputs import look
from midtrain_dagster.forecast.lengths import length_problems
from midtrain_dagster.forecast.supply import Supply
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage

from .conftest import SENTENCE, Changed, stage

WEB = Supply(100, 40_000, 10_000, 60, seen=(20.0,) * 30 + (60.0,) * 10)
BOOKS = Supply(10, 40_000, 10_000, 1_000, seen=(1_000.0,) * 10)


def found(mixture: dict[str, Any], role: Any = "stage", **fields: Any) -> list[Finding]:
    made = Stage.model_validate(stage("random", mixture=mixture, **fields))
    known = {"web": WEB, "books": BOOKS}
    run = Run("base", made, 1, role)
    return list(length_problems(run, known, {name: each.tokens for name, each in known.items()}))


def test_what_is_there_is_not_doubted() -> None:
    both = {"domains": {"web": 0.4, "books": 0.6}}
    assert found({**both, "length_classes": "prolong"}) == []
    assert found(both) == []


def test_a_class_that_nothing_reaches() -> None:
    mixture = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    (near,) = found(mixture)
    assert not near.stops
    assert near.place == ("stages", "base", "mixture", "length_classes")
    assert "60% of the tokens are asked of documents of 1 window up, 64 tokens" in near.reason
    assert "the longest that was seen has about 60" in near.reason
    (far,) = found(mixture, sequence_length=4096, batch_tokens=4096)
    assert far.stops
    assert found(mixture, role="seed") == []


def test_epochs_that_follow_from_a_share() -> None:
    mixture = {
        "domains": {"web": 1.0},
        "length_classes": {"method": "shares", "shares": {"1/2": 1}},
    }
    # Half of the tokens seen are of documents of 60: about 5,000 of 10,000.
    assert found(mixture, tokens=19_968) == []
    (doubt,) = found(mixture, tokens=40_960)
    assert not doubt.stops
    assert "40,960 tokens are asked of documents of 1/2 window up" in doubt.reason
    assert "about 5,000 before curation: about 8.19 epochs, where max_epochs is 4" in doubt.reason


def test_windows_too_short_and_domains_of_their_own() -> None:
    mixture = {"domains": {"web": 1.0}, "length_classes": "qwen3"}
    (finding,) = found(mixture, sequence_length=2)
    assert finding.stops
    assert "windows of 2 tokens are too short" in finding.reason
    rule = {"method": "prolong", "own_class": ["web"]}
    (doubt,) = found({"domains": {"web": 0.4, "books": 0.6}, "length_classes": rule})
    assert not doubt.stops
    assert "no document that was seen is of under 1 window, which is to give 40%" in doubt.reason
    rule = {"method": "shares", "shares": {1: 1}, "own_class": ["web"]}
    assert found({"domains": {"web": 0.4, "books": 0.6}, "length_classes": rule}) == []


def test_a_look_at_a_recipe_tells_it(changed: Changed, tmp_path: Path) -> None:
    lines = (json.dumps({"text": f"{number} {SENTENCE}"}) for number in range(400))
    (tmp_path / "short.jsonl").write_text("\n".join(lines))
    recipe = changed(
        {
            "sources.pages.paths": ["short.jsonl"],
            "stages.base.sequence_length": 1024,
            "stages.base.batch_tokens": 1024,
            "stages.base.mixture.length_classes": "prolong",
        }
    )
    told = [each for each in look(recipe).findings if "length_classes" in each.place]
    assert any("documents of 1 window up, 1,024 tokens" in each.reason for each in told)
