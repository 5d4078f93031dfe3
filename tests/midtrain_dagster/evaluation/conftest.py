"""A tiny random Llama with a tokenizer trained on the spot, and token shards of three domains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.benchmark import BENCHMARK_ITEMS
from midtrain_dagster.tokens.shards import TokenShards

VOCABULARY = 300
LENGTH = 64


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder: two layers, 64 positions, byte-level BPE of 300 tokens."""
    return tiny(tmp_path_factory.mktemp("model"), LENGTH)


@pytest.fixture(scope="session")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with room for the prompts of real benchmarks."""
    return tiny(tmp_path_factory.mktemp("roomy"), 4096)


def tiny(folder: Path, positions: int) -> Path:
    """The model of these tests, in a folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = "The boys are seen outside again with one man speaking in the same spot. Answer: A B C D"
    tokenizer.train_from_iterator([text] * 4, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_shards(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TokenShards]:
    """Shards of documents given as (domain, length); the tokens follow from the seed."""

    def make(documents: list[tuple[str, int]], seed: int = 3) -> TokenShards:
        file = tmp_path_factory.mktemp("shards") / "tokens.bin"
        lengths = np.array([length for _, length in documents], np.int64)
        draws = np.random.default_rng(seed).integers(1, VOCABULARY, lengths.sum())
        draws.astype("<u2").tofile(file)
        index = pl.DataFrame(
            {
                "id": [f"document-{number}" for number in range(len(documents))],
                "domain": [domain for domain, _ in documents],
                "offset": np.cumsum(lengths) - lengths,
                "length": lengths,
            }
        )
        return TokenShards.open([(file, index)], dtype="<u2")

    return make


HELD_OUT = [("web", 90), ("code", 40), ("web", 70), ("code", 65)]


@pytest.fixture
def held_out_folder(make_shards: Callable[..., TokenShards], tmp_path: Path) -> Path:
    """The shards in two parts, as the store hands them over."""
    shards = make_shards(HELD_OUT)
    for part, numbers in enumerate(([0, 1], [2, 3])):
        tokens = [shards.tokens(number, 0, int(shards.lengths[number])) for number in numbers]
        np.concatenate(tokens).astype("<u2").tofile(tmp_path / f"{part:06d}-held_out_tokens.bin")
        lengths = np.array([len(each) for each in tokens])
        index = pl.DataFrame(
            {
                "id": [shards.ids[number] for number in numbers],
                "domain": [HELD_OUT[number][0] for number in numbers],
                "offset": np.cumsum(lengths) - lengths,
                "length": lengths,
            }
        )
        index.write_parquet(tmp_path / f"{part:06d}-held_out_index.parquet")
    return tmp_path


@pytest.fixture(scope="session")
def loaded(model: Path) -> Any:
    """The tiny model, as evaluation loads it."""
    from midtrain_dagster.models.load import load_to_evaluate

    return load_to_evaluate(model)


@pytest.fixture(scope="session")
def naive_losses(model: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Next-token losses of one window by the model's own logits, unbatched."""
    import torch
    from transformers import AutoModelForCausalLM

    llama = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)

    def losses(ids: np.ndarray) -> np.ndarray:
        tokens = torch.from_numpy(ids.astype(np.int64))
        with torch.no_grad():
            logits = llama(tokens[None]).logits[0, :-1]
        chosen = logits.log_softmax(-1).gather(1, tokens[1:, None])
        return -chosen[:, 0].numpy()

    return losses


@pytest.fixture(scope="session")
def continuation_losses(
    model: Path, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> Callable[[str, str], np.ndarray]:
    """Losses of the tokens that a text adds to a question."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)

    def losses(question: str, text: str) -> np.ndarray:
        whole = np.array(tokenizer.encode(question + text))
        return naive_losses(whole)[len(tokenizer.encode(question)) - 1 :]

    return losses


Rows = tuple[str, list[str], int | None, str]


@pytest.fixture(scope="session")
def make_items() -> Callable[..., pl.DataFrame]:
    """Items of a benchmark, each (question, choices, gold, answer)."""

    def make(*rows: Rows, name: str = "quiz") -> pl.DataFrame:
        numbered = [(name, str(number), *row) for number, row in enumerate(rows)]
        return pl.DataFrame(numbered, schema=BENCHMARK_ITEMS, orient="row")

    return make


QUIZ = [
    ("The boys are seen", ["outside again", "in the spot", "man"], 0),
    ("One man speaking", ["in the same spot.", "A B C D"], 1),
    ("Answer:", ["A", "B", "C", "D"], 3),
    ("Who is there?", ["boys", "one man with the boys", "again"], 2),
    ("The same", ["spot", "man", "answer is A", "D"], 1),
    ("Are the boys", ["outside", "speaking"], 0),
]


@pytest.fixture(scope="session")
def quiz(make_items: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """Six items with two to four choices."""
    return make_items(*((question, of, gold, of[gold]) for question, of, gold in QUIZ))
