from pathlib import Path

import polars as pl

from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import generate_table, generate_with_actors
from midtrain_dagster.synthesis.question_answer import PROMPTS, SynthesisConfig, accept, prompts


def config(model: Path, **generator: object) -> SynthesisConfig:
    return SynthesisConfig(
        domains=["web"],
        documents=10,
        max_new_tokens=4,
        generator={"engine": "transformers", "model": str(model), **generator},
    )


def prompt_table(count: int) -> pl.DataFrame:
    rows = [
        (f"p{i}", "d", 0, i, "the cat sat on " * (1 + i * 7 % 5) + str(i)) for i in range(count)
    ]
    return pl.DataFrame(rows, schema=PROMPTS, orient="row")


def test_in_process(tiny_model: Path) -> None:
    steps: list[tuple[int, int]] = []
    settings = config(tiny_model, batch_size=2)
    table = prompt_table(10)
    made = generate_table(
        table, settings.request, progress=lambda done, total: steps.append((done, total))
    )
    assert made.drop("completion").equals(table)
    assert made["completion"].null_count() == 0
    assert made["completion"].n_unique() > 1
    assert steps == [(4, 10), (8, 10), (10, 10)]
    # A model elsewhere on this machine, and a beginning of the table, change nothing.
    elsewhere = settings.model_copy(
        update={"generator": config(Path("gone"), batch_size=2).generator}
    )
    assert generate_table(table[:8], elsewhere.request, folder=tiny_model).equals(made[:8])
    assert generate_table(table.clear(), settings.request).equals(made.clear())


def test_actors_give_what_one_process_gives(tiny_model: Path, on_ray: OnRay) -> None:
    settings = config(tiny_model, batch_size=2)
    table = prompt_table(22)
    steps: list[tuple[int, int]] = []
    made = generate_with_actors(
        table, settings.request, actors=2, progress=lambda done, total: steps.append((done, total))
    )
    assert made.equals(generate_table(table, settings.request))
    assert steps[-1] == (22, 22)
    assert generate_with_actors(table.clear(), settings.request).equals(made.clear())


def test_smollm_writes_a_pair_that_is_located(smollm: Path) -> None:
    text = (
        "The bridge over the Tamar was opened by Prince Albert in May 1859. It carries the railway "
        "from Plymouth to Saltash, and its engineer was Isambard Kingdom Brunel. "
    )
    sources = pl.DataFrame(
        [(f"d{i}", text + end, "s", "web", "prose", "plain", None, "f", "{}") for i, end in
         enumerate(["It is still in use.", "Trains cross it slowly."])],
        schema=DOCUMENTS, orient="row",
    )  # fmt: skip
    settings = config(smollm).model_copy(update={"max_new_tokens": 32})
    made = generate_table(prompts(sources, settings), settings.request)
    result = accept(made, sources, generator="smollm2-135m-instruct")
    assert result["documents"].height + result["rejects"].height == 2
    assert result["documents"].height >= 1
