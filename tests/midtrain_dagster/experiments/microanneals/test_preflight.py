"""What every run would fail on is told before any of them is trained."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.experiments.groups import GROUPS
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.preflight import check_data, check_first
from midtrain_dagster.experiments.microanneals.runs import MicroannealError, Planned, planned
from midtrain_dagster.experiments.short_run import Measures
from midtrain_dagster.training.scale import Scale

from ..conftest import World

INDEX = pl.DataFrame(
    {
        "id": [f"{domain}-{number}" for domain in ("web", "code") for number in range(40)],
        "domain": ["web"] * 40 + ["code"] * 40,
        "offset": [0] * 80,
        "length": [100] * 40 + [3] * 40,
    },
    schema_overrides={"offset": pl.UInt64, "length": pl.UInt32},
)
MEASURES = Measures(domains=("web",), sequence_length=32, tokens_by_domain=100)
ASKED: dict[str, Any] = {
    "start": "base",
    "tokens": 2048,
    "candidates": ["code", "forum", "poems"],
    "general": {"web": 1},
    "batch_tokens": 256,
    "sequence_length": 32,
    "seeds": [1],
}


def runs(**fields: Any) -> tuple[Microanneals, list[Planned]]:
    asked = Microanneals.model_validate(ASKED | fields)
    return asked, planned(asked, None, Scale(), None)


def test_candidates_without_tokens_are_told_all_at_once() -> None:
    groups = {"forum": pl.DataFrame({"id": ["web-1"], "group": ["forum"]}, GROUPS)}
    with pytest.raises(MicroannealError) as error:
        check_data(runs()[1], INDEX, groups, {"web"}, MEASURES)
    told = str(error.value)
    assert "candidate code: stage anneal repeats the 120 tokens" in told
    assert "candidate forum: stage anneal repeats the 100 tokens" in told
    assert "candidate poems: stage anneal gives domain poems a share" in told
    assert "general alone" not in told


def test_a_domain_without_held_out_documents_is_told() -> None:
    with pytest.raises(MicroannealError, match="no held-out document of 'web'"):
        check_data([], INDEX, {}, {"code"}, MEASURES)


def checked(world: World, start: Path, **fields: Any) -> None:
    asked, every = runs(candidates=["code"], **fields)
    check_first(asked, every[0], world.vocabulary, start, world.tokenizer)


def test_our_own_checkpoint_has_a_rate_and_moments(world: World) -> None:
    checked(world, world.base)


def test_a_given_base_without_them_is_told_what_to_write(world: World, tmp_path: Path) -> None:
    given = tmp_path / "given"
    shutil.copytree(world.base, given)
    for name in ("optimizer.safetensors", "state.json", "digests.json", "log.jsonl"):
        (given / name).unlink()
    with pytest.raises(MicroannealError, match=r"`rate: 3\.0e-4`"):
        checked(world, given)
    with pytest.raises(MicroannealError, match="there are no moments to keep"):
        checked(world, given, rate=1e-3)
    checked(world, given, rate=1e-3, moments={"reset": "the release has none"})
