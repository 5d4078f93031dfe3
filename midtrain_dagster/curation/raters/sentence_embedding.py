"""Sentence embeddings: a document's beginning as a vector of length 1.

Two sorts of model are read, from a folder:

- a BERT-like encoder in Hugging Face format, such as MiniLM (``all-MiniLM-L6-v2``; Reimers and
  Gurevych 2019, arXiv 1908.10084): the mean of the last layer's vectors over the tokens;
- static vectors, such as WordLlama's: one safetensors file with a single matrix and a tokenizer's
  JSON, anywhere below the folder: the mean of the tokens' vectors. Coarser, and about a
  hundred times faster on a CPU.

Only a document's first tokens are read: as many as the encoder was trained on (``max_seq_length``
of sentence_bert_config.json, 256 for MiniLM, else its positions), 512 for static vectors. What
stands later in a document does not move its embedding.

Text that spells a control token of the model (``[SEP]``) is read as the characters it is.

Documents of like length share a batch. One thread works, as Ray gives one core to a task; the same
table gives the same vectors, and a batch's neighbours move them by no more than rounding.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.text_encoder import bare_text_encoder

VERSION = 2
USES = (text_encoder,)

BATCH = 32
STATIC_WINDOW = 512
"""Tokens of a document that static vectors are averaged over."""

CHARACTERS_PER_TOKEN = 16
"""A document is cut to its window times so many characters before it is made tokens: far more than
any but a text of endless words needs."""


class Embedding(Protocol):
    """A model that embeds texts."""

    dimensions: int

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of length 1: float32 of shape (texts, dimensions)."""
        ...


def embedding_fault(folder: Path) -> str | None:
    """Why a folder cannot be one of an embedding model; None: it looks like one."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if (folder / "config.json").is_file() or any(own_files(folder, "**/*.safetensors")):
        return None
    return f"{folder}: no embedding model: neither config.json nor *.safetensors is there"


def embed(texts: pl.Series, folder: Path) -> np.ndarray:
    """The embedding of each text: float32 of shape (texts, dimensions), rows of length 1.

    A row of zeros where a text is null or has no token. Raises FileNotFoundError if the folder
    holds no model, ValueError if it holds one of another sort.
    """
    model = open_embedding(folder)
    vectors = np.zeros((texts.len(), model.dimensions), np.float32)
    rows = texts.is_not_null().arg_true().to_numpy()
    if rows.size:
        vectors[rows] = model.embed(texts.drop_nulls().to_list())
    return vectors


@lru_cache(maxsize=1)
def open_embedding(folder: Path) -> Embedding:
    """The model in a folder, kept in memory for the next part."""
    if (folder / "config.json").is_file():
        return Encoder(folder)
    return StaticVectors(folder)


class Encoder:
    """A BERT-like encoder with mean pooling."""

    def __init__(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        pooling = folder / "1_Pooling" / "config.json"
        if pooling.is_file():
            modes = json.loads(pooling.read_text(encoding="utf-8"))
            if not modes.get("pooling_mode_mean_tokens"):
                raise ValueError(f"{pooling}: only mean pooling is known here")
        self.model: Any = AutoModel.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa", use_safetensors=True
        )
        self.model.eval()
        self.dimensions: int = self.model.config.hidden_size
        window = self.model.config.max_position_embeddings
        trained = folder / "sentence_bert_config.json"
        if trained.is_file():
            window = json.loads(trained.read_text(encoding="utf-8"))["max_seq_length"]
        self.characters = window * CHARACTERS_PER_TOKEN
        self.tokenizer = bare_text_encoder(Tokenizer.from_file(str(folder / "tokenizer.json")))
        self.tokenizer.enable_truncation(window)

    def embed(self, texts: list[str]) -> np.ndarray:
        """The normalised mean of the last layer over a text's tokens."""
        import torch

        tokens = [self.tokenizer.encode(text[: self.characters]).ids for text in texts]
        order = sorted(range(len(texts)), key=lambda index: (len(tokens[index]), index))
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        with torch.inference_mode(), _one_thread():
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                lengths = torch.tensor([len(tokens[index]) for index in batch])
                ids = torch.zeros(len(batch), int(lengths.max()), dtype=torch.int64)
                for row, index in enumerate(batch):
                    ids[row, : lengths[row]] = torch.tensor(tokens[index])
                mask = torch.arange(ids.shape[1]) < lengths[:, None]
                states = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
                sums = (states * mask[:, :, None]).sum(dim=1)
                vectors[batch] = torch.nn.functional.normalize(sums, dim=1).numpy()
        return vectors


class StaticVectors:
    """A vector for each token, and a document's is their mean."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        matrices = load_file(_the_one(folder, "*.safetensors"))
        if len(matrices) != 1:
            raise ValueError(f"{folder}: one matrix of vectors is wanted, not {sorted(matrices)}")
        (matrix,) = matrices.values()
        self.vectors = matrix.astype(np.float32)
        self.dimensions: int = self.vectors.shape[1]
        self.tokenizer = bare_text_encoder(
            Tokenizer.from_file(str(_the_one(folder, "*tokenizer*.json")))
        )
        self.tokenizer.enable_truncation(STATIC_WINDOW)

    def embed(self, texts: list[str]) -> np.ndarray:
        """The normalised mean of the vectors of a text's tokens."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            beginning = text[: STATIC_WINDOW * CHARACTERS_PER_TOKEN]
            ids = self.tokenizer.encode(beginning, add_special_tokens=False).ids
            if ids:
                vectors[row] = self.vectors[np.minimum(ids, len(self.vectors) - 1)].sum(axis=0)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths, lengths, 1)


def _the_one(folder: Path, pattern: str) -> Path:
    found = sorted(own_files(folder, f"**/{pattern}"))
    if len(found) != 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found) or "none"
        raise FileNotFoundError(
            f"{folder}: no embedding model: one {pattern} is wanted, there is {names}"
        )
    return found[0]


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
