"""A run of the demo's size, made up but plausible, with text that would break careless markup."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.schema import DOCUMENTS, REJECTIONS, document_id
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.curation.decisions import DECISIONS
from midtrain_dagster.curation.distributions import distributions
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.report.data import Check, ReportData
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.tokens.splits import shard
from midtrain_dagster.tokens.tokenizer import tokenizer_figures, train_tokenizer

DOMAINS = ("mathematics", "qa", "wikipedia", "web", "code", "documentation")
SHIFTS = {
    "base": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "annealed": (-0.52, -0.71, -0.19, -0.14, -0.31, -0.22),
    "annealed_control": (-0.17, -0.11, -0.2, -0.18, -0.19, -0.16),
    "extended": (-0.56, -0.74, -0.2, 0.012, -0.36, -0.29),
}
HOSTILE = '<script>alert("x")</script> & $\\frac$'


def log(steps: int, batch: int, rates: tuple[float, float], start: float, end: float, seed: int):
    """A training log whose loss falls from start to end with noise."""
    draw = np.random.default_rng(seed)
    place = np.linspace(0, 1, steps)
    fall = (1 - np.exp(-3 * place)) / (1 - np.exp(-3))
    return pl.DataFrame(
        {
            "step": np.arange(1, steps + 1),
            "tokens": batch * np.arange(1, steps + 1),
            "loss": start + (end - start) * fall + draw.normal(0, 0.06, steps),
            "rate": rates[0] + (rates[1] - rates[0]) * place,
        }
    )


def funnel_rows() -> Iterator[tuple[str, str, str, int, int]]:
    sources = {
        "owt": ("prose", 1200, (0.99, 0.88, 0.83, 0.83)),
        "wikipedia": ("prose", 1190, (1.0, 0.96, 0.9, 0.9)),
        "python_docs": ("prose", 2100, (1.0, 0.74, 0.61, 0.61)),
        "site_packages": ("code", 3900, (1.0, 0.81, 0.66, 0.655)),
        "gsm8k_train": ("mathematics", 800, (1.0, 0.97, 0.97, 0.71)),
        "planted": ("qa", 60, (1.0, 1.0, 0.97, 0.05)),
    }
    steps = ("collected", "language", "quality", "duplicates", "contamination")
    for number, step in enumerate(steps):
        for source, (kind, documents, shares) in sources.items():
            left = documents if not number else round(documents * shares[number - 1])
            yield step, source, kind, left, left * 1450


LINEAGE = [
    ("documents", "collection", 9250, None, []),
    ("language", "curation", 9250, None, ["documents"]),
    ("signals", "curation", 9250, None, ["documents"]),
    ("rater", "curation", 1, None, ["documents"]),
    ("ratings", "curation", 9250, None, ["documents", "rater"]),
    ("personal_data", "curation", 411, None, ["documents"]),
    ("signatures", "curation", 9250, None, ["documents"]),
    ("duplicate_edges", "curation", 1530, None, ["signatures"]),
    ("duplicate_clusters", "curation", 1120, None, ["duplicate_edges", "ratings"]),
    ("benchmark_items", "decontamination", 2440, None, []),
    ("contamination", "decontamination", 96, None, ["documents", "benchmark_items"]),
    (
        "curated_documents",
        "curation",
        9250,
        None,
        ["language", "signals", "ratings", "personal_data", "duplicate_clusters", "contamination"],
    ),
    ("synthetic_documents", "synthesis", 611, None, ["curated_documents"]),
    ("synthetic_contamination", "synthesis", 2, None, ["synthetic_documents", "benchmark_items"]),
    ("tokenizer", "mixture", None, None, ["curated_documents"]),
    (
        "token_shards",
        "mixture",
        7405,
        2_310_000,
        ["curated_documents", "synthetic_documents", "synthetic_contamination", "tokenizer"],
    ),
    ("base", "training", None, 1_966_080, ["token_shards"]),
    ("annealed", "training", None, 655_360, ["base", "token_shards"]),
    ("annealed_control", "training", None, 655_360, ["base", "token_shards"]),
    ("extended", "training", None, 327_680, ["annealed", "token_shards"]),
    (
        "losses",
        "evaluation",
        24,
        None,
        ["base", "annealed", "annealed_control", "extended", "token_shards"],
    ),
    ("evaluation", "evaluation", 16, None, ["base", "annealed", "extended", "benchmark_items"]),
    ("report", "report", None, None, ["losses", "evaluation", "contamination"]),
]


@pytest.fixture(scope="session")
def data() -> ReportData:
    draw = np.random.default_rng(11)
    levels = (3.41, 3.62, 3.18, 3.77, 2.21, 2.94)
    losses = [
        (name, domain, 20_000, level + shift, 0.02 + 0.015 * row)
        for name, shifts in SHIFTS.items()
        for row, (domain, level, shift) in enumerate(zip(DOMAINS, levels, shifts, strict=True))
    ]
    scores = [
        (name, benchmark, metric, value + gain, error, items, chance, at_chance)
        for name, gain in (("base", 0.0), ("annealed", 0.012), ("extended", 0.02))
        for benchmark, metric, value, error, items, chance, at_chance in (
            ("hellaswag", "acc", 0.26, 0.044, 100, 0.25, True),
            ("hellaswag", "acc_norm", 0.27, 0.0446, 100, 0.25, True),
            ("mmlu", "acc", 0.31, 0.0146, 1000, 0.25, False),
            ("gsm8k", "loss_per_token", 3.4 - 30 * gain, 0.031, 200, None, None),
        )
    ]
    position = np.arange(0, 1024, 64)
    curves = []
    for name, shift in (("base", 0.0), ("annealed", -0.3), ("extended", -0.38)):
        loss = 3.9 + shift - 0.16 * np.log1p(position / 20)
        if name != "extended":
            loss = loss + np.clip((position - 512) / 280, 0, None)
        curves.append(
            pl.DataFrame(
                {
                    "checkpoint": name,
                    "position": position,
                    "tokens": 64 * 40,
                    "loss": loss + draw.normal(0, 0.02, len(position)),
                    "stderr": 0.045,
                }
            )
        )
    funnel = pl.DataFrame(
        list(funnel_rows()),
        schema=["step", "source", "kind", "documents", "characters"],
        orient="row",
    )
    decisions = [
        ("owt", "kept", 996),
        ("wikipedia", "kept", 1071),
        ("python_docs", "kept", 1281),
        ("site_packages", "kept", 2554),
        ("gsm8k_train", "kept", 568),
        ("planted", "kept", 3),
        ("owt", "gopher_quality:word_count", 84),
        ("python_docs", "gopher_repetition:top_3_gram", 546),
        ("site_packages", "code:long_lines", 741),
        ("site_packages", "duplicate", 585),
        ("python_docs", "duplicate", 273),
        ("gsm8k_train", "contaminated:gsm8k", 208),
        ("planted", "contaminated:hellaswag", 55),
        ("owt", "language:below_threshold", 12),
    ]
    texts = (
        ("kept", "owt", "The bridge over the strait opened on a grey morning in May. " * 12),
        ("gopher_quality:word_count", "owt", f"Log in | Sign up | {HOSTILE}"),
        ("contaminated:hellaswag", "planted", "A man is sitting on a roof. He starts pulling up."),
        ("kept", "python_docs", "list.sort(*, key=None, reverse=False) sorts in place. " * 9),
    )
    stages = ("base", "annealed", "extended")
    planned = {
        "base": {"web": 0.45, "wikipedia": 0.25, "code": 0.2, "documentation": 0.1},
        "annealed": {
            "web": 0.24,
            "wikipedia": 0.2,
            "code": 0.16,
            "documentation": 0.1,
            "mathematics": 0.2,
            "qa": 0.1,
        },
        "extended": {"web": 0.3, "wikipedia": 0.2, "code": 0.25, "documentation": 0.25},
    }
    delivered = {
        stage: {name: part + (0.003 if name == "web" else 0.0) for name, part in shares.items()}
        for stage, shares in planned.items()
    }
    epochs = [
        (stage, name, int(part * 655_360), available, part * 655_360 / available)
        for stage, shares in planned.items()
        for name, part in shares.items()
        for available in ({"web": 402_000, "qa": 61_000}.get(name, 298_000),)
    ]
    return ReportData(
        recipe="demo",
        description="A small Llama, pre-trained, annealed and extended on what a Python "
        "installation has lying about: the whole of mid-training in a few minutes.",
        recipe_text=f"name: demo\nbase:\n  model: {{hidden_size: 128}}\n# {HOSTILE}\n",
        losses=pl.DataFrame(
            losses, schema=["checkpoint", "domain", "tokens", "loss", "stderr"], orient="row"
        ),
        scores=pl.DataFrame(
            scores,
            schema=[
                "checkpoint",
                "benchmark",
                "metric",
                "value",
                "stderr",
                "items",
                "chance",
                "at_chance",
            ],
            orient="row",
        ),
        logs=(
            ("base", log(480, 4096, (1e-3, 1e-3), 7.6, 3.6, 1)),
            ("annealed", log(160, 4096, (1e-3, 0.0), 3.5, 3.0, 2)),
            ("annealed_control", log(160, 4096, (1e-3, 0.0), 3.6, 3.35, 3)),
            ("extended", log(80, 4096, (2e-4, 0.0), 3.1, 2.9, 4)),
        ),
        funnel=funnel,
        decisions=pl.DataFrame(decisions, schema=["source", "reason", "documents"], orient="row"),
        examples=pl.DataFrame(
            [
                (f"{number:032x}", source, why, text)
                for number, (why, source, text) in enumerate(texts)
            ],
            schema=["id", "source", "reason", "text"],
            orient="row",
        ),
        contamination=pl.DataFrame(
            {
                "benchmark": ["hellaswag", "mmlu", "gsm8k", "humaneval"],
                "items": [100, 1000, 1319, 164],
                "documents": [31, 9, 214, 0],
                "hits": [33, 11, 260, 0],
                "planted": [24, 12, 20, 0],
                "caught": [24, 9, 20, 0],
            }
        ),
        hits=pl.DataFrame(
            {
                "benchmark": ["hellaswag", "gsm8k"],
                "item": ["hellaswag-val-00106", "17"],
                "id": ["0c" * 16, "a1" * 16],
                "text": ["A man is sitting on a roof. He " + HOSTILE, "Natalia sold 48 clips."],
            }
        ),
        synthesis=pl.DataFrame(
            {
                "reason": ["answer_not_in_passage", "kept", "too_short", "duplicate_question"],
                "count": [402, 611, 133, 58],
            }
        ),
        pairs=pl.DataFrame(
            {
                "question": ["When did the bridge open?", f"What does {HOSTILE} do?"],
                "answer": ["On a grey morning in May.", "Nothing, since it is escaped."],
                "passage": ["The bridge over the strait opened on a grey morning in May.", "x < y"],
            }
        ),
        planned=planned,
        delivered=delivered,
        epochs=pl.DataFrame(
            epochs, schema=["stage", "domain", "tokens", "available", "epochs"], orient="row"
        ),
        positions=pl.concat(curves),
        checks=(
            Check("no benchmark text in the shards", True, "0 of 7,405 documents", gate=True),
            Check("removal ceiling", True, "most removed: python_docs 39.0% of 60%", gate=True),
            Check("general loss", False, "web rose by 0.012, bound 0.010 nats per token"),
            Check("natural floor", True, "qa is 10% synthetic; floor 70% natural"),
        ),
        lineage=pl.DataFrame(
            [
                (name, group, f"{number * 7919 + 1048583:08x}" * 8, rows, tokens, upstream)
                for number, (name, group, rows, tokens, upstream) in enumerate(LINEAGE)
            ],
            schema={
                "asset": pl.String,
                "group": pl.String,
                "fingerprint": pl.String,
                "rows": pl.Int64,
                "tokens": pl.Int64,
                "upstream": pl.List(pl.String),
            },
            orient="row",
        ),
        general=("web", "wikipedia"),
        targets=("mathematics", "qa"),
        trained_lengths=dict.fromkeys(stages[:2], 512) | {"extended": 1024},
        distortions=(
            "annealed: 50,000,000 tokens became 655,360 (1/76.3); 610 steps became 160",
            "base: 80.0% of all tokens became 66.7%",
        ),
    )


POLICY = CurationPolicy.model_validate(
    {
        "prose": {
            "rules": ["gopher_quality", "fineweb"],
            "thresholds": {"minimum_word_count": 8},
            "minimum_ratings": {"quality": 0.25},
        }
    }
)
HARBOUR = (
    "The harbour master writes the tides of the day on a slate beside the door. "
    "Every captain who leaves before noon has to read it, and to sign that he did.\n"
    "Those who come back in the evening tell him what the sea was like. "
    "Mail for the master goes to harbour@example.org, and is read on Sundays."
)
TEXTS = {
    "web": [
        HARBOUR,
        HARBOUR.replace("slate", "board").replace("Sundays", "Mondays"),
        "Click here",
        f"{HOSTILE} \x1b]0;owned\x07 The ferry is late again today, and nobody knows why it is so.",
    ],
    "books": [
        "A lighthouse keeper owns 21 brass lanterns and lends every third one to the ferry that "
        "crosses the strait at dusk; how many are left? He sat down and counted them with care.",
        "It was a bright day, and the clocks of the town had just begun to strike the hour of one.",
    ],
}


def corpus() -> list[pl.DataFrame]:
    """The documents, a part for each source."""
    return [
        pl.DataFrame(
            [
                {
                    "id": document_id(source, f"{source}.jsonl:{line}", text),
                    "text": text,
                    "source": source,
                    "domain": source,
                    "kind": "prose",
                    "format": "plain",
                    "language": None,
                    "locator": f"{source}.jsonl:{line}",
                    "metadata": json.dumps({"licence": "CC0", "url": f"https://{source}/{line}"}),
                }
                for line, text in enumerate(texts, 1)
            ],
            schema=DOCUMENTS,
        )
        for source, texts in TEXTS.items()
    ]


def attributes(documents: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Attributes as the methods would give them, but plain to see."""
    number = pl.int_range(pl.len())
    none = pl.lit(None, pl.String).alias("error")
    return {
        "language": documents.select(
            "id",
            language=pl.when(number == 2).then(pl.lit("de")).otherwise(pl.lit("en")),
            language_score=(0.98 - 0.01 * number).cast(pl.Float32),
            error=none,
        ),
        "signals": documents.select(
            "id",
            characters=pl.col("text").str.len_chars(),
            word_count=pl.col("text").str.count_matches(r"\S+"),
            stop_words=pl.lit(3, pl.UInt32),
            line_punct_ratio=(0.5 - 0.15 * number).cast(pl.Float32),
            char_dup_ratio=pl.lit(0.0, pl.Float32),
            line_count=pl.col("text").str.count_matches("\n") + 1,
            error=none,
        ),
        "ratings": documents.select(
            "id",
            quality=(0.5 - 0.1 * number).cast(pl.Float32),
            maths=(0.02 * number).cast(pl.Float32),
            error=none,
        ),
    }


def decided(documents: pl.DataFrame, reasons: dict[str, str]) -> pl.DataFrame:
    """The decisions; ``reasons`` has those of the documents that are dropped, by id."""
    reason = pl.col("id").replace_strict(reasons, default="kept", return_dtype=pl.String)
    span = pl.Struct({"start": pl.UInt64, "stop": pl.UInt64, "replacement": pl.String})
    start = HARBOUR.encode().index(b"harbour@")
    edit = [{"start": start, "stop": start + 19, "replacement": "<EMAIL>"}]
    return documents.select(
        "id",
        reason=reason,
        keep=reason == "kept",
        edits=pl.when(pl.col("text") == HARBOUR)
        .then(pl.lit(edit, dtype=pl.List(span)))
        .otherwise(pl.lit([], dtype=pl.List(span))),
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything that curation knows of six documents and a synthetic one, in a real store."""
    store = ArtifactStore(Storage(root=str(tmp_path_factory.mktemp("made"))))

    def artifact(
        method: str,
        tables: dict[str, list[pl.DataFrame]],
        upstream: dict[str, Any] | None = None,
    ) -> Artifact:
        def build(fingerprint_: str) -> Any:
            return [
                write_output(
                    store.storage, f"parts/{method}/{fingerprint_}/{number}", name, table
                ).model_copy(update={"label": table["source"][0]} if "source" in table else {})
                for name, parts in tables.items()
                for number, table in enumerate(parts)
            ], {}

        return store.make(method, 1, {"tables": list(tables)}, upstream or {}, build)

    web, books = documents = corpus()
    one, two, link, ferry = web["id"]
    riddle = books["id"][0]
    refused = pl.DataFrame(
        [("web", "web.jsonl:9", "no_text", "a number")], REJECTIONS, orient="row"
    )
    collected = artifact("documents", {"documents": documents, "rejections": [refused]})
    causes = {"documents": collected.fingerprint}
    each = [attributes(part) for part in documents]
    reasons = {
        two: "duplicate",
        link: "language:de",
        ferry: "rating:quality",
        riddle: "contamination:riddles",
    }
    spans = {"id": pl.String, "start": pl.UInt64, "stop": pl.UInt64}
    mail = HARBOUR.encode().index(b"harbour@")
    hit = books.select(
        "id",
        benchmark=pl.lit("riddles"),
        item=pl.lit("7"),
        start=pl.lit(0, pl.UInt64),
        stop=pl.lit(133, pl.UInt64),
        text=pl.col("text").str.head(133),
        ngrams=pl.lit(12, pl.UInt32),
        lcs_ratio=pl.lit(1.0),
    )
    pair = {
        **web.row(0, named=True),
        "id": "5e" * 16,
        "text": "Where are the tides written? On a slate.",
        "source": "synthetic_question_answer",
        "kind": "qa",
        "locator": f"{one}:0-74",
        "metadata": json.dumps({"document": one, "passage": {"start": 0, "stop": 74}}),
    }
    return {
        "documents": collected,
        **{
            name: artifact(name, {name: [tables[name] for tables in each]}, causes)
            for name in each[0]
        },
        "personal_data": artifact(
            "personal_data",
            {
                "personal_data": [
                    pl.DataFrame(
                        [(one, mail, mail + 19, "email")],
                        {**spans, "type": pl.String},
                        orient="row",
                    ),
                    pl.DataFrame(schema={**spans, "type": pl.String}),
                ]
            },
            causes,
        ),
        "repeated_text": artifact(
            "repeated_text",
            {
                "repeated_text": [
                    pl.DataFrame(
                        [(one, 0, 74, "sentence")], {**spans, "unit": pl.String}, orient="row"
                    )
                ]
            },
            causes,
        ),
        "duplicate_edges": artifact(
            "duplicate_edges",
            {
                "edges": [
                    pl.DataFrame(
                        {"a": [one], "b": [two], "method": ["minhash"], "jaccard": [0.8125]}
                    )
                ]
            },
        ),
        "duplicate_clusters": artifact(
            "duplicate_clusters",
            {"clusters": [pl.DataFrame({"id": [one, two], "cluster": one, "kept": [True, False]})]},
        ),
        "contamination": {
            "riddles": artifact("contamination", {"hits": [hit.head(0), hit.head(1)]}, causes)
        },
        "benchmark_items": {
            "riddles": artifact(
                "benchmark_items",
                {"items": [pl.DataFrame({"item": ["7"], "question": ["How many are left?"]})]},
            )
        },
        "curated_documents": artifact(
            "curated_documents",
            {"decisions": [decided(part, reasons) for part in documents]},
            causes,
        ),
        "synthetic_documents": artifact(
            "synthetic_documents", {"documents": [pl.DataFrame([pair], schema=DOCUMENTS)]}
        ),
    }


@pytest.fixture(scope="session")
def looked(made: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """The distributions of those documents."""
    tables = ("documents", "language", "signals", "ratings")
    given = [made[name].read(name) for name in tables]
    return distributions(*given, made["curated_documents"].read("decisions"), policy=POLICY)


WORDS = [
    "tide",
    "slate",
    "harbour",
    "captain",
    "lantern",
    "ferry",
    "strait",
    "lighthouse",
    "master",
    "sea",
    "dusk",
    "noon",
]


class Trained(NamedTuple):
    """A recipe, what its graph has made so far, and texts of documents by id."""

    recipe: Recipe
    made: dict[str, Any]
    texts: dict[str, str]
    copied: str
    held_out: str
    dropped: str


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Trained:
    """Token shards of two parts, and the records of the stages ``base`` and ``annealed`` of the
    tiny recipe, which were fed from them; no weight of them was trained. ``extended`` is not made.
    """
    recipe = load_recipe(tiny)
    store = ArtifactStore(Storage(root=str(tmp_path_factory.mktemp("trained"))))

    def artifact(
        method: str,
        outputs: list[dict[str, Any]],
        upstream: dict[str, str] | None = None,
        section: Any = None,
        **figures: int,
    ) -> Artifact:
        def build(fingerprint_: str) -> Any:
            return [
                write_output(store.storage, f"parts/{method}/{fingerprint_}/{number}", name, output)
                for number, each in enumerate(outputs)
                for name, output in each.items()
            ], figures

        return store.make(method, 1, section, upstream or {}, build)

    draw = np.random.default_rng(5)
    texts = [" ".join(draw.choice(WORDS, draw.integers(1, 80))) + f" {n}." for n in range(64)]
    domains = ("web", "wikipedia", "mathematics", "qa")
    rows = [
        {
            "id": document_id("tales", f"tales.txt:{number}", text),
            "text": text,
            "source": "tales",
            "domain": domains[number % 4],
            "kind": "prose",
            "format": "plain",
            "language": None,
            "locator": f"tales.txt:{number}",
            "metadata": "{}",
        }
        for number, text in enumerate(texts)
    ]
    documents = [pl.DataFrame(rows[part::2], schema=DOCUMENTS) for part in range(2)]
    files = train_tokenizer(texts, vocabulary=280)
    tokenizer = artifact("tokenizer", [files], **tokenizer_figures(files))
    copied, dropped = rows[4]["id"], rows[5]["id"]
    decisions = [
        part.select(
            "id",
            keep=pl.col("id") != dropped,
            reason=pl.lit("kept"),
            copies=pl.when(pl.col("id") == copied).then(3).otherwise(1),
            edits=pl.lit([], DECISIONS["edits"]),
        )
        for part in documents
    ]
    folder = Path(store.storage.root, tokenizer.parts("tokenizer.json")[0].path).parent
    made = [
        shard(*each, tokenizer=folder, held_out=0.2, seed=7)
        for each in zip(documents, decisions, strict=True)
    ]
    shards = artifact("token_shards", made, {"tokenizer": tokenizer.fingerprint})
    index = pl.concat(each["train_index"] for each in made).with_columns(part=0)
    opened = TokenShards([], index, dtype="<u2")
    runs = {}
    for name in ("base", "annealed"):
        stage = recipe.stage(name)
        plan = Plan(
            opened,
            stage.mixture,
            seed=recipe.seed,
            stage=name,
            sequence_length=stage.sequence_length,
            windows_per_step=stage.windows_per_step,
            steps=stage.steps,
        )
        mixture = plan.delivered()
        log = pl.DataFrame({"step": range(stage.steps), "loss": 2.5, "skipped": None})
        skipped = pl.when(pl.col("step") == 3).then(pl.lit("spike"))
        tables = {
            "log": log.with_columns(skipped=skipped),
            "mixture": pl.DataFrame({"domain": list(mixture), "tokens": list(mixture.values())}),
        }
        section = {"name": name, "stage": stage.model_dump(mode="json"), "seed": recipe.seed}
        causes = {"token_shards": shards.fingerprint}
        runs[name] = artifact("checkpoint", [tables], causes, section)
    held_out = pl.concat(each["held_out_index"] for each in made)
    return Trained(
        recipe,
        {"documents": artifact("documents", [{"documents": part} for part in documents])}
        | {"token_shards": shards, **runs},
        {row["id"]: row["text"] for row in rows},
        copied,
        held_out["id"][0],
        dropped,
    )
