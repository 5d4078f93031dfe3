"""The tokenizer of a run: the base checkpoint's, any other, or one trained on the curated corpus.

Mid-training keeps the tokenizer of its base checkpoint, for the embeddings are tied to it; only a
run from nothing trains one. What is trained is byte-level BPE as in GPT-2 (Radford et al. 2019,
section 2.2): every text has tokens, and decoding gives the very same bytes back. Digits stay single
(as in Llama and SmolLM), which costs tokens on tables and helps arithmetic.

Its chat template is the recipe's, or its own; where there are conversations and neither has one, it
is ChatML. A tokenizer that is trained here has the template's control tokens (``<|im_start|>``) as
tokens of their own; one that exists keeps its vocabulary, to which the base's embeddings are tied.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.tokens.shards import token_dtype

VERSION = 1

END_OF_TEXT = "<|endoftext|>"
PADDING = "<|padding|>"
CHAT_TEMPLATE = "chat_template.jinja"
"""The file in a tokenizer's folder that holds its chat template."""
SMALLEST_VOCABULARY = 256 + 2
"""One token for each byte, and the two special ones."""


class TrainedTokenizer(FrozenModel):
    """A tokenizer that the run trains on its own curated documents."""

    vocabulary: int = Field(
        ge=SMALLEST_VOCABULARY, description="Number of tokens, the two special ones included."
    )


class TokenizerConfig(FrozenModel):
    """Exactly one of the two: a tokenizer to train, or one that exists."""

    train: TrainedTokenizer | None = Field(
        default=None, description="One to be trained on the curated documents."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="A Hugging Face folder or hub id; `base` is the base checkpoint's tokenizer.",
    )
    chat_template: Annotated[str | None, CAUSE_IF_SET] = Field(
        default=None,
        min_length=1,
        description="A Jinja template that writes conversations, or a file of it, in place of the "
        "tokenizer's own.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.train is None) == (self.path is None):
            raise ValueError("give exactly one of `train: {vocabulary: N}` and `path: FOLDER`")
        return self

    def read_chat_template(self, path: Callable[[str], str]) -> str | None:
        """The text of the recipe's template, if it names one; ``path`` makes a relative path one
        that can be opened. Raises OSError for a file that cannot be read."""
        named = self.chat_template
        if named is None or "{" in named:
            return named
        return Path(path(named)).read_text("utf-8")


def train_tokenizer(
    texts: Iterable[str] | pl.Series, *, vocabulary: int, chat_template: str | None = None
) -> dict[str, bytes]:
    """Train byte-level BPE and return the files of its folder, by name.

    The folder loads with ``AutoTokenizer.from_pretrained``. ``<|endoftext|>`` (id 0) ends every
    document, ``<|padding|>`` (id 1) fills windows. The same texts in the same order give the same
    bytes. Raises ValueError if the texts are too few for that many tokens: a smaller vocabulary
    than the recipe says would make every later shape a surprise.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(dict.fromkeys([END_OF_TEXT, PADDING, *control_tokens(chat_template)])),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(iter(texts), trainer)
    learnt = tokenizer.get_vocab_size()
    if learnt != vocabulary:
        raise ValueError(
            f"the texts gave {learnt} tokens of the {vocabulary} asked for: "
            "train on more text, or lower `tokenizer.train.vocabulary`"
        )
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": PADDING,
        "clean_up_tokenization_spaces": False,
    }
    files = {
        "tokenizer.json": tokenizer.to_str(pretty=True).encode(),
        "tokenizer_config.json": (json.dumps(settings, indent=2) + "\n").encode(),
    }
    return files if chat_template is None else {**files, CHAT_TEMPLATE: chat_template.encode()}


def control_tokens(chat_template: str | None) -> list[str]:
    """What a template writes in the form of a control token, ``<|NAME|>``, in order."""
    return list(dict.fromkeys(re.findall(r"<\|[\w-]+\|>", chat_template or "")))


def tokenizer_files(
    path: str | Path, *, chat_template: str | None = None, default_template: str | None = None
) -> dict[str, bytes]:
    """The files of an existing tokenizer (a folder or a hub id), in the form that training uses.

    ``chat_template`` takes the place of its own, ``default_template`` that of none.

    Weights beside it are left out, and so is what says where it was loaded from. Raises ValueError
    for a tokenizer without a fast form or without an end-of-text token: the shards need both.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    if not tokenizer.is_fast or tokenizer.eos_token_id is None:
        raise ValueError(f"{path}: the tokenizer needs a fast form and an eos_token")
    if chat_template is not None:
        tokenizer.chat_template = chat_template
    elif tokenizer.chat_template is None:
        tokenizer.chat_template = default_template
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        configuration = Path(folder, "tokenizer_config.json")
        settings = json.loads(configuration.read_bytes())
        for place in ("is_local", "local_files_only", "name_or_path"):
            settings.pop(place, None)
        configuration.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")
        files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


class Vocabulary(FrozenModel):
    """What training has to know of a tokenizer: how many tokens it has, and which one pads."""

    tokens: int
    padding: int
    """The end-of-text token where the tokenizer has no padding of its own."""


def vocabulary_of(files: dict[str, bytes]) -> Vocabulary:
    """What a tokenizer's files hold."""
    from transformers import AutoTokenizer

    with TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    padding = tokenizer.pad_token_id
    return Vocabulary(
        tokens=len(tokenizer), padding=tokenizer.eos_token_id if padding is None else padding
    )


VOCABULARY = "vocabulary.json"
"""The part of a tokenizer's artifact that holds its :class:`Vocabulary`."""


@dataclass(frozen=True)
class Tokenizer:
    """The handle on a tokenizer's artifact."""

    artifact: Artifact

    @property
    def files(self) -> list[Part]:
        """The files of its Hugging Face folder."""
        return [part for part in self.artifact.manifest.parts if part.table != VOCABULARY]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """How many tokens it has, and which one pads."""
        return Vocabulary.model_validate_json(self.artifact.content(VOCABULARY))

    @property
    def dtype(self) -> str:
        """The type of its tokens on disk, as NumPy writes it."""
        return token_dtype(self.vocabulary.tokens).str
