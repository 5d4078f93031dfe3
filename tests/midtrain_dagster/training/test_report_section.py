"""What the report says of training is what the checkpoints of a run say."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.dataloader.plan import TURNED
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Notice, Stack, Table, Text
from midtrain_dagster.tokens.report_section import tokens_by_domain
from midtrain_dagster.training.metrics.log import log_table
from midtrain_dagster.training.report_section import (
    distortions_blocks,
    mixture_section,
    training_section,
)

RUNS = ("base", "annealed", "annealed/control", "extended")


@pytest.fixture(scope="module")
def logs(tiny_run: Any) -> dict[str, pl.DataFrame]:
    return {name: tiny_run[f"checkpoint/{name}"].read("log") for name in RUNS}


def rows(section: Any) -> dict[str, tuple[Any, ...]]:
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    return {getattr(row[0], "text", row[0]): row for row in table.rows}


def test_training_lists_every_run(logs: Any) -> None:
    made = training_section(logs)
    found = rows(made)
    assert list(found) == ["base", "annealed", "annealed control", "extended"]
    assert found["base"][1:4] == ("16", "0", "16,384")
    losses = logs["base"]["loss"]
    assert found["base"][6:] == (f"{losses[0]:.3f}", f"{losses[-1]:.3f}")
    (number,) = made.numbers
    assert number.value == "32,768", "controls are not counted"


def test_skipped_steps_are_counted_and_have_no_part_in_means(logs: Any) -> None:
    at_first = pl.col("step") == 0
    skipping = logs["base"].with_columns(
        loss=pl.when(at_first).then(None).otherwise("loss"),
        skipped=pl.when(at_first).then(pl.lit("not finite")),
    )
    made = training_section({"base": skipping})
    assert rows(made)["base"][2] == "1"
    assert rows(made)["base"][6] == "\N{EN DASH}"
    (gate,) = made.gates
    assert gate.detail.endswith("16 steps, 1 skipped")


def test_steps_that_estimated_moments_and_routers_are_told() -> None:
    rows_ = [
        {
            "step": step,
            "tokens": 1024 * (step + 1),
            "loss": 4.0,
            "learning_rate": 0.0 if step < 2 else 1e-3,
            "gradient_norm": 1.0,
            "router_loss": 2.5,
        }
        for step in range(6)
    ]
    made = training_section({"annealed": log_table(rows_)}, (), {"annealed": 2})
    told = " ".join(str(block.content) for block in made.blocks if isinstance(block, Text))
    assert "The first 2 steps of annealed (2,048 tokens with padding)" in told
    assert "no weight moved" in told
    assert "auxiliary loss of annealed went from 2.500 to 2.500" in told
    assert rows(made)["annealed"][4] == numbers.rate(1e-3)


def test_mixture_shows_what_each_run_read_and_how_often(tiny_run: Any, logs: Any) -> None:
    mixtures = {name: tiny_run[f"checkpoint/{name}"].read("mixture") for name in RUNS}
    by_domain = tokens_by_domain(tiny_run["token_shards"]).select("domain", "unique_tokens")
    available = dict(by_domain.iter_rows())
    padded = {name: int(log["tokens"][-1]) for name, log in logs.items()}
    found = rows(mixture_section(mixtures, available, padded))
    assert set(found) == {"web", "wikipedia", "mathematics", "qa", "in all"}
    for name, cell in zip(RUNS, found.pop("in all")[2:], strict=True):
        assert cell.lines == (
            f"{mixtures[name]['tokens'].sum():,}",
            f"{padded[name]:,} with padding",
        )
    for domain, row in found.items():
        assert row[1] == f"{available[domain]:,}" or row[1].endswith("K")
        for name, cell in zip(RUNS, row[2:], strict=True):
            read = dict(mixtures[name].select("domain", "tokens").iter_rows())
            if domain not in read:
                assert cell == "\N{EN DASH}"
                continue
            assert isinstance(cell, Stack)
            assert cell.lines[0] == f"{read[domain]:,}"
            assert cell.lines[1] == f"{read[domain] / available[domain]:.2f} epochs"


def test_mixture_says_where_some_documents_were_read_more_often(tiny_run: Any) -> None:
    mixture = tiny_run["checkpoint/base"].read("mixture").with_columns(epochs=pl.lit(3.0))
    unique = {"web": 10**6, "wikipedia": 10**6}
    found = rows(mixture_section({"base": mixture}, unique, {"base": 16_384}))
    assert found["web"][2].lines[2] == "some up to 3.00 times"


def test_mixture_says_how_many_documents_were_turned(tiny_run: Any) -> None:
    mixture = {"base": tiny_run["checkpoint/base"].read("mixture")}
    table = pl.DataFrame([("web", 1_000, 480, 250)], TURNED, orient="row")
    made = mixture_section(mixture, {"web": 1}, {"base": 1}, turned={"base": table})
    (told,) = [str(each.content) for each in made.blocks if isinstance(each, Text)][1:]
    assert "base read 1,000 documents of web" in told
    assert "480 of them (48%) with their middle at their end; 250 of these" in told


def test_a_scaled_run_names_its_distortions() -> None:
    assert distortions_blocks([]) == ()
    (aside,) = distortions_blocks(["610 steps became 160"])
    assert aside.items == ("610 steps became 160",)


def test_nothing_trained_is_said() -> None:
    assert training_section({}).blocks == (Notice("No stage has been trained."),)
    assert mixture_section({}, {}, {}).blocks == (Notice("No stage declares a mixture."),)
