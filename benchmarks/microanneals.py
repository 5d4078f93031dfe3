"""Microanneals without the graph, on the default data: the table in ``docs/microanneals.md``.

    python -m benchmarks.microanneals

Some forty seconds of one core. Web text and Wikipedia, the standard library, mpmath's docstrings,
and as a candidate that should fail, web text whose words are sorted; a small Llama is trained on
the first two, and each of the others is judged from it, before and after a fine-tuning on code and
mathematics. The same modules as in the graph, in one process, without curation.
"""

import inspect
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import decide, judge, table_of
from midtrain_dagster.experiments.microanneals.report_section import decision_rows, verdict_rows
from midtrain_dagster.experiments.microanneals.runs import planned
from midtrain_dagster.experiments.short_run import Measures, Vocabulary, run
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.tokens.shards import tokenize
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import Stage

PAGES = Path(__file__).parents[1] / "data/evals/evals/registry/data/schelling_point"
VOCABULARY = Vocabulary(tokens=1024, dtype="<u2", padding=0)
GENERAL = {"web": 0.5, "wikipedia": 0.5}
HELD_OUT = 8
"""Of so many documents, one is held out."""

BASE = {
    "start": "random",
    "tokens": 180_000,
    "batch_tokens": 1024,
    "sequence_length": 128,
    "schedule": [{"phase": "warmup", "to": 3e-3, "tokens": 20_000}, {"phase": "constant"}],
    "mixture": {"domains": GENERAL, "max_epochs": 20},
    "checkpoint_every": 1000,
}
ASKED = {
    "start": "base",
    "tokens": 20_480,
    "candidates": ["code", "mathematics", "shuffled"],
    "max_epochs": 20,
    "targets": ["loss/code", "loss/mathematics"],
    "judged_after": "fine_tuning",
}
TUNING = {
    "domains": {"mathematics": 0.5, "code": 0.5},
    "steps": 10,
    "rate": 1e-3,
    "batch_tokens": 1024,
    "loss_on": "all",
    "max_epochs": 20,
}


def texts() -> dict[str, list[str]]:
    """The documents of each domain."""
    import mpmath

    def pages(name: str) -> list[str]:
        return [json.loads(line)["0"] for line in (PAGES / name).read_text().splitlines()]

    web, said = pages("owt_5.jsonl"), map(inspect.getdoc, vars(mpmath).values())
    library = sorted(Path(json.__file__).parents[1].glob("*.py"))[:110]
    return {
        "web": web[:260],
        "wikipedia": pages("wikipedia_5.jsonl")[:260],
        "code": [path.read_text()[:3000] for path in library],
        "mathematics": [text for text in said if text and len(text) > 300][:160],
        "shuffled": [" ".join(sorted(text.split())) for text in web[260:420]],
    }


def written(folder: Path) -> list[tuple[Path, Path]]:
    """Shards of both splits and a tokenizer, below the folder; the files that are trained on."""
    rows = [
        (f"{name}-{at}", name, text, at)
        for name, every in texts().items()
        for at, text in enumerate(every)
    ]
    documents = pl.DataFrame(rows, ["id", "domain", "text", "at"], orient="row")
    (folder / "tokenizer").mkdir()
    sample = documents["text"].sample(400, seed=1)
    for name, data in train_tokenizer(sample, vocabulary=VOCABULARY.tokens).items():
        (folder / "tokenizer" / name).write_bytes(data)
    apart = pl.col("at") % HELD_OUT == 0
    for split, chosen in (
        ("train", documents.filter(~apart)),
        ("held_out", documents.filter(apart)),
    ):
        (folder / split).mkdir()
        for domain, part in chosen.group_by("domain", maintain_order=True):
            made = tokenize(part, tokenizer=folder / "tokenizer")
            made["tokens"].tofile(folder / split / f"{domain[0]}_tokens.bin")
            made["index"].write_parquet(folder / split / f"{domain[0]}_index.parquet")
    tokens = sorted((folder / "train").glob("*.bin"))
    return [
        (each, each.with_name(each.name.replace("tokens.bin", "index.parquet"))) for each in tokens
    ]


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Train the base and every run, and print both tables."""
    asked, tuning = Microanneals.model_validate(ASKED), FineTuning.model_validate(TUNING)
    stage = Stage.model_validate(BASE)
    measures = Measures(
        domains=("web", "wikipedia", "code", "mathematics"),
        sequence_length=128,
        tokens_by_domain=4000,
    )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        job = Job(
            name="base",
            stage=stage,
            seed=42,
            shards=tuple(written(folder)),
            token_dtype=VOCABULARY.dtype,
            padding=0,
            vocabulary=VOCABULARY.tokens,
            model=ModelConfig(hidden_size=64, layers=2, heads=4, kv_heads=2, intermediate_size=192),
            tokenizer=folder / "tokenizer",
        )
        start = train(job, output=folder / "base")
        every = planned(asked, Run("base", stage, 42), Scale(), tuning)
        made = [
            run(
                phases=each.phases,
                seed=each.seed,
                measures=measures,
                vocabulary=VOCABULARY,
                shards=folder / "train",
                held_out=folder / "held_out",
                tokenizer=folder / "tokenizer",
                start=start,
            )
            for each in every
        ]
    runs, losses = (
        table_of(
            (each.candidate, each.seed, one[name]) for each, one in zip(every, made, strict=True)
        )
        for name in ("runs", "losses")
    )
    phases = [phase.name for phase in every[0].phases]
    decided = decide(losses, GENERAL, asked.targets, asked.candidates, asked.accept, phases)
    domains = {each: each for each in asked.candidates}
    judged = judge(decided, runs, asked.judged_after, asked.accept, domains)
    print(markdown(*verdict_rows(judged)), markdown(*decision_rows(decided)), sep="\n\n")


if __name__ == "__main__":
    main()
