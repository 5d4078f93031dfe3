"""A tokenizer as the tasks of one worker have it: made once, and not once for every part.

To read a vocabulary and to make its encoder for text takes a second, as long as it takes to encode
a megabyte; a refresh is made of many small parts. What is kept is found by what the folder holds,
for each task has a folder of its own. One is kept: a worker has one recipe's tokenizer at a time.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import (
    TOKENIZER_FILES,
    load_with_end,
    vocabulary_size,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class KeptTokenizer:
    """A tokenizer that ends documents, and what is made of it."""

    loaded: "PreTrainedTokenizerBase"

    @cached_property
    def encoder(self) -> "Tokenizer":
        """Encodes text, of which no control token comes."""
        return text_encoder.text_encoder(self.loaded)

    @property
    def decoder(self) -> "Tokenizer":
        """Gives text back."""
        return self.loaded.backend_tokenizer

    @cached_property
    def vocabulary(self) -> int:
        """Ids that it can give."""
        return vocabulary_size(self.loaded)

    @property
    def end(self) -> int:
        """The token that ends a document."""
        return int(self.loaded.eos_token_id)


_kept: dict[tuple[tuple[str, str], ...], KeptTokenizer] = {}


def kept_tokenizer(folder: Path) -> KeptTokenizer:
    """The tokenizer of a folder; raises ``TokenizerError`` as ``load_with_end`` does."""
    files = (folder / name for name in TOKENIZER_FILES)
    content = tuple((file.name, file_digest(file)) for file in files if file.is_file())
    found = _kept.get(content)
    if found is None:
        found = KeptTokenizer(load_with_end(folder))
        _kept.clear()
        _kept[content] = found
    return found
