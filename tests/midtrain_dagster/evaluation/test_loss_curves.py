"""Held-out losses along the way of a run, of what the finished tiny run read."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.evaluation.learning_curves import LOSS_CURVES, POINTS, loss_curves

MILESTONE = "annealed@4"
WAY = [
    ("base", "annealed", 0, 0),
    (MILESTONE, "annealed", 4, 4096),
    ("annealed", "annealed", 8, 8192),
]


def test_losses_go_over_milestones_and_leave_out_what_leaked(tiny_run: Any, tmp_path: Path) -> None:
    """The stage `extended` stands for a milestone of `annealed`."""
    held_out = tiny_run["held_out_losses"]
    assert loss_curves(held_out).is_empty(), "none was asked"
    read, losses = held_out.read("losses_by_document"), held_out.read("losses")
    is_milestone = pl.col("checkpoint") == "extended"
    store = ArtifactStore(Storage(root=str(tmp_path)))

    def build(fingerprint: str) -> tuple[list[Any], dict[str, int]]:
        tables = {
            "losses_by_document": read.filter(~is_milestone),
            "milestone_losses_by_document": read.filter(is_milestone).with_columns(
                checkpoint=pl.lit(MILESTONE)
            ),
            "curve": pl.DataFrame(WAY, schema=POINTS, orient="row"),
        }
        at = f"parts/{fingerprint}"
        return [write_output(store.storage, at, name, each) for name, each in tables.items()], {}

    made = store.make("held_out_losses", {}, [], {}, build)
    found = loss_curves(made)
    assert found.schema == LOSS_CURVES
    assert found["tokens"].to_list() == [0, 4096, 8192] * losses["domain"].n_unique()
    for domain, part in found.group_by("domain", maintain_order=True):
        told = [
            losses.filter(domain=domain[0], checkpoint=name)["loss"].item()
            for name in ("base", "extended", "annealed")
        ]
        assert part["loss"].to_list() == pytest.approx(told)
    leaked = read.filter(domain="web")["id"].unique().to_list()
    assert "web" not in set(loss_curves(made, leaked)["domain"])
