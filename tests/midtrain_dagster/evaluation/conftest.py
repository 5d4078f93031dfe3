"""A tiny random Llama with a tokenizer trained on the spot, and token shards of three domains."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.tokens.shards import TokenShards

VOCABULARY = 300
LENGTH = 64


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder: two layers, 64 positions, byte-level BPE of 300 tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LENGTH,
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
