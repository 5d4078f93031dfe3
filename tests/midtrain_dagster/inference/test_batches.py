from pathlib import Path

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.batches import (
    COMPLETED,
    generate_table,
    generate_with_actors,
    versions,
)
from midtrain_dagster.inference.engines import openai, transformers
from midtrain_dagster.inference.generator import Request

PROMPTS = pl.DataFrame(
    {
        "id": [f"p{i}" for i in range(22)],
        "prompt": ["the cat sat on " * (1 + i * 7 % 5) + str(i) for i in range(22)],
    }
)


def request(model: Path) -> Request:
    generator = transformers.Config(model=str(model), batch_size=2)
    return Request(generator=generator, max_new_tokens=4)


def test_table_is_completed_chunk_by_chunk(tiny_model: Path) -> None:
    steps: list[tuple[int, int]] = []
    asked, table = request(tiny_model), PROMPTS[:10]
    made = generate_table(table, asked, progress=lambda done, total: steps.append((done, total)))
    assert made.drop(COMPLETED.names()).equals(table)
    assert made["completion"].null_count() == 0
    assert made["completion"].n_unique() > 1
    assert steps == [(4, 10), (8, 10), (10, 10)]
    # A model elsewhere on this machine, and a beginning of the table, change nothing.
    elsewhere = request(Path("gone"))
    assert generate_table(table[:8], elsewhere, folder=tiny_model).equals(made[:8])
    assert generate_table(table.clear(), asked).equals(made.clear())


def test_actors_give_what_one_process_gives(tiny_model: Path, on_ray: OnRay) -> None:
    asked = request(tiny_model)
    steps: list[tuple[int, int]] = []
    made = generate_with_actors(
        PROMPTS, asked, actors=2, progress=lambda done, total: steps.append((done, total))
    )
    assert made.equals(generate_table(PROMPTS, asked))
    assert steps[-1] == (22, 22)
    assert generate_with_actors(PROMPTS.clear(), asked).equals(made.clear())


def test_versions_are_those_of_the_engine_and_of_the_chunks() -> None:
    local, remote = transformers.Config(model="m"), openai.Config(base_url="http://h/v1", model="m")
    assert versions(local) == versions_of(batches, transformers)
    assert versions(remote) == versions_of(batches, openai)
