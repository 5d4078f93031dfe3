"""Scores along the way of runs, of an evaluation that lies in a store."""

from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.evaluation.harness import SCORES
from midtrain_dagster.evaluation.learning_curves import CURVE, CURVES, POINTS, learning_curves


def scored(benchmark: str, value: float) -> pl.DataFrame:
    rows = [
        {"benchmark": benchmark, "metric": metric, "value": value + at, "unit": "accuracy"}
        for at, metric in enumerate(("right", "bits_per_byte"))
    ]
    return pl.DataFrame(rows, schema=SCORES)


def evaluation(folder: Path, benchmark: str, points: list[Any], **values: float) -> Artifact:
    """An evaluation of checkpoints and, where a name says so, milestones."""
    store = ArtifactStore(Storage(root=str(folder)))

    def build(fingerprint: str) -> tuple[list[Any], dict[str, int]]:
        parts = []
        for name, value in values.items():
            label = name.replace("_at_", "@")
            table = "milestone_scores" if "@" in label else "scores"
            at = f"parts/{fingerprint}/{name}"
            part = write_output(store.storage, at, table, scored(benchmark, value))
            parts.append(part.model_copy(update={"label": label}))
        if points:
            curve = pl.DataFrame(points, schema=POINTS, orient="row")
            parts.append(write_output(store.storage, f"parts/{fingerprint}", CURVE, curve))
        return parts, {}

    return store.make("evaluation", {}, [benchmark], {}, build)


def test_curves_go_from_a_runs_start_over_its_milestones_to_its_end(tmp_path: Path) -> None:
    points = [("base", "on", 0, 0), ("on@3", "on", 3, 30), ("on", "on", 9, 90)]
    values = {"base": 0.1, "on": 0.4, "other": 0.9, "on_at_3": 0.2}
    made = [
        evaluation(tmp_path, "quiz", points, **values),
        evaluation(tmp_path, "maths", points, **{name: 2 * at for name, at in values.items()}),
    ]
    curves = learning_curves(made)
    assert curves.schema == CURVES
    shown = curves.select("benchmark", "metric", "checkpoint", "step", "tokens", "value").rows()
    assert shown[:6] == [
        ("quiz", "right", "base", 0, 0, 0.1),
        ("quiz", "right", "on@3", 3, 30, 0.2),
        ("quiz", "right", "on", 9, 90, 0.4),
        ("quiz", "bits_per_byte", "base", 0, 0, 1.1),
        ("quiz", "bits_per_byte", "on@3", 3, 30, 1.2),
        ("quiz", "bits_per_byte", "on", 9, 90, 1.4),
    ]
    assert [row[0] for row in shown[6:]] == ["maths"] * 6


def test_evaluations_without_milestones_have_no_curves(tmp_path: Path) -> None:
    curves = learning_curves([evaluation(tmp_path, "quiz", [], base=0.1, on=0.4)])
    assert curves.is_empty()
    assert curves.schema == CURVES
