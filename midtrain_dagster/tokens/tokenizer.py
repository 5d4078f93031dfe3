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
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import CAUSE_IF_SET, digest
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.known_answers import known_answer
from midtrain_dagster.tokens import as_transformers, load_tokenizer, specials
from midtrain_dagster.tokens.as_transformers import CONFIG, as_the_file_says
from midtrain_dagster.tokens.load_tokenizer import (
    CHAT_TEMPLATE,
    SETTINGS,
    TOKENIZER_FILE,
    TOKENIZER_FILES,
    TokenizerError,
    load_with_end,
    reason,
    vocabulary_size,
)
from midtrain_dagster.tokens.shards import token_dtype
from midtrain_dagster.tokens.specials import Bos, file_around, with_opening

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 1

END_OF_TEXT = "<|endoftext|>"
PADDING = "<|padding|>"
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

    bos: Annotated[Bos, CAUSE_IF_SET] = Field(
        default="as_tokenizer",
        description="Whether BOS stands before every text that is no conversation: as the "
        "tokenizer's own post-processor has it, or always, or never (then the stored and exported "
        "tokenizer does so too)",
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
    texts: Iterable[str] | pl.Series,
    *,
    vocabulary: int,
    chat_template: str | None = None,
    added: Sequence[str] = (),
    bos: Bos = "as_tokenizer",
) -> dict[str, bytes]:
    """Train byte-level BPE and return the files of its folder, by name.

    The folder loads with ``AutoTokenizer.from_pretrained``. ``<|endoftext|>`` (id 0) ends every
    document, and begins every text with ``bos: always``; ``<|padding|>`` (id 1) fills windows.
    Behind them stand the template's control tokens and those that are ``added``. The same texts in
    the same order give the same bytes. Raises ValueError if the texts are too few for that many
    tokens: a smaller vocabulary than the recipe says would make every later shape a surprise.
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
    specials = [END_OF_TEXT, PADDING, *control_tokens(chat_template), *added]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(dict.fromkeys(specials)),
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
    if bos == "always":
        files["tokenizer.json"] = with_opening(files["tokenizer.json"], END_OF_TEXT)
    return files if chat_template is None else {**files, CHAT_TEMPLATE: chat_template.encode()}


def control_tokens(chat_template: str | None) -> list[str]:
    """What a template writes in the form of a control token, ``<|NAME|>``, in order."""
    return list(dict.fromkeys(re.findall(r"<\|[\w-]+\|>", chat_template or "")))


def tokenizer_files(
    path: str | Path,
    *,
    chat_template: str | None = None,
    default_template: str | None = None,
    bos: Bos = "as_tokenizer",
    config: bytes | None = None,
) -> dict[str, bytes]:
    """The files of an existing tokenizer (a folder or a hub id), to the byte.

    Three things may differ. ``chat_template`` takes the place of its own, ``default_template`` that
    of none. Where ``bos`` asks for another beginning of texts, the post-processor is another. And
    where ``AutoTokenizer`` would not read ``tokenizer.json`` as it is beside a model's ``config``
    (by default the ``config.json`` beside it), the settings name a class that does
    (``as_transformers.py``). A folder without ``tokenizer.json`` has one made by its class.

    Raises :class:`TokenizerError` for a file that cannot be read and for a tokenizer without a fast
    form or without an end-of-text token: the shards need both.
    """
    folder = tokenizer_folder(path)
    loaded = load_with_end(folder)
    files = stored_files(folder)
    if TOKENIZER_FILE not in files:
        files |= _made(loaded)
    if bos != "as_tokenizer":
        files[TOKENIZER_FILE] = _with_bos(files[TOKENIZER_FILE], loaded, folder, bos)
    template = chat_template or (default_template if loaded.chat_template is None else None)
    if template is not None:
        files[CHAT_TEMPLATE] = template.encode()
    beside = folder / CONFIG
    if config is None and beside.is_file():
        config = beside.read_bytes()
    return dict(sorted(as_the_file_says(files, config).items()))


def tokenizer_digests(
    path: str | Path, *, config: bytes | None = None, **settings: Any
) -> dict[str, str]:
    """The digests of what ``tokenizer_files`` gives, and of what stands before a text (``opening``)
    if something does; made anew only where the folder or a setting is another than before."""
    folder = tokenizer_folder(path)
    about = {
        "files": {name: digest(data) for name, data in stored_files(folder).items()},
        "beside": (folder / CONFIG).is_file() and digest((folder / CONFIG).read_bytes()),
        "config": None if config is None else digest(config),
        "settings": settings,
    }

    def made() -> dict[str, str]:
        files = tokenizer_files(folder, config=config, **settings)
        digests = {name: digest(data) for name, data in files.items()}
        # What the shards put before a document came to be known later than the files.
        opening = vocabulary_of(files).opening
        return digests | ({"opening": digest(bytes(str(opening), "ascii"))} if opening else {})

    found: dict[str, str] = known_answer(
        "tokenizer_digests",
        about,
        made,
        modules=(sys.modules[__name__], as_transformers, load_tokenizer, specials),
        libraries=as_transformers.LIBRARIES,
    )
    return found


def stored_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder that make its tokenizer, as they are."""
    found = (folder / name for name in TOKENIZER_FILES)
    return {file.name: file.read_bytes() for file in found if file.is_file()}


def tokenizer_folder(path: str | Path) -> Path:
    """The folder itself, or that of a hub id, whose tokenizer's files are fetched.

    Raises :class:`TokenizerError` for an id whose files cannot be had.
    """
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(path), allow_patterns=[*TOKENIZER_FILES, CONFIG]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        message = f"{path} is no folder, and the hub does not give it: {reason(error)}"
        raise TokenizerError(message) from error


def _with_bos(content: bytes, loaded: "PreTrainedTokenizerBase", folder: Path, bos: Bos) -> bytes:
    if bos == "always" and loaded.bos_token is None:
        raise TokenizerError(f"{folder}: {SETTINGS} names no bos_token, and bos: always needs one")
    try:
        return with_opening(content, loaded.bos_token if bos == "always" else None)
    except ValueError as error:
        raise TokenizerError(f"{folder}: bos: {bos}: {error}") from error


def _made(loaded: "PreTrainedTokenizerBase") -> dict[str, bytes]:
    """The files of an encoder that a class made, with settings that say what it named."""
    with TemporaryDirectory() as folder:
        loaded.save_pretrained(folder)
        settings = json.loads(Path(folder, SETTINGS).read_bytes())
        for place in ("is_local", "local_files_only", "name_or_path"):
            settings.pop(place, None)
        return {
            TOKENIZER_FILE: Path(folder, TOKENIZER_FILE).read_bytes(),
            SETTINGS: (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode(),
        }


class Vocabulary(FrozenModel):
    """What training has to know of a tokenizer: how many tokens it has, and which one pads."""

    tokens: int
    padding: int
    """The end-of-text token where the tokenizer has no padding of its own."""
    opening: tuple[int, ...] = ()
    """What stands before every text (``specials.py``)."""

    def record(self) -> bytes:
        """As it is stored; what has its default is left out."""
        return self.model_dump_json(exclude_defaults=True).encode()


def vocabulary_of(files: dict[str, bytes]) -> Vocabulary:
    """What a tokenizer's files hold."""
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        tokenizer = load_with_end(folder)
    padding = tokenizer.pad_token_id
    return Vocabulary(
        tokens=vocabulary_size(tokenizer),
        padding=tokenizer.eos_token_id if padding is None else padding,
        opening=file_around(files[TOKENIZER_FILE]).before,
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
