"""Teacher and student stand beside each other, with what the student learnt."""

from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.display.blocks import Heading, Seconds, Span, Stack, Table
from midtrain_dagster.synthesis.report_small import blocks, trained


def artifact(root: Path, name: str, documents: int, **figures: Any) -> Artifact:
    storage = Storage(root=str(root))
    table = pl.DataFrame({"id": [str(number) for number in range(documents)]})
    part = write_output(storage, f"parts/{name}", "documents", table)
    return ArtifactStore(storage=storage).make(name, {}, None, {}, lambda _: ([part], figures))


def test_a_student_stands_below_its_teacher(tmp_path: Path) -> None:
    took = {"tokens_in": 70_000, "tokens_out": 2_000, "requests": 100, "prompts": 100}
    documents = {
        "teacher": artifact(tmp_path, "teacher", 40, **took),
        "student": artifact(
            tmp_path, "student", 10, **(took | {"tokens_in": 8_000, "prompts": 50})
        ),
        "other": artifact(tmp_path, "other", 1, **took),
    }
    figures = {"pairs": 31, "pair_tokens": 4_000, "steps": 20, "last_loss": 0.75}
    small = artifact(tmp_path, "small", 0, **figures, left_out_cut=9, left_out_again=0)
    asked = {"teacher": None, "student": "small", "other": None}
    heading, learnt, _, compared, _ = blocks(
        trained({"small": small}, {"small": "teacher"}, asked), documents
    )
    assert heading == Heading("Small generators")
    assert isinstance(learnt, Table) and isinstance(compared, Table)
    assert learnt.rows == (
        (
            *(Span("small", "strong"), "teacher", "31", Stack(("cut 9",)), "4,000", "20", "0.75"),
            Seconds("generator/small"),
        ),
    )
    assert [[str(cell) for cell in row[1:7]] for row in compared.rows] == [
        ["teacher", "100", "40", "400", "700", "20"],
        ["small generator small", "50", "10", "200", "80", "20"],
    ]


def test_a_recipe_without_one_says_nothing() -> None:
    assert blocks({}, {}) == ()
