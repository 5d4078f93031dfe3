"""A conversation's tokens, and which of them an assistant says.

The tokens are those of ``apply_chat_template``, with one difference: a content that happens to
spell a control token is encoded as the characters it is, so that none forges a role, a turn or a
call of a tool.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from midtrain_dagster.tokens import chat_template, specials, text_encoder, transcript
from midtrain_dagster.tokens.chat_template import ChatTemplate, ChatTemplateError, Rendered
from midtrain_dagster.tokens.kept_tokenizer import kept_tokenizer
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer, vocabulary_size
from midtrain_dagster.tokens.shards import BATCH_BYTES
from midtrain_dagster.tokens.text_encoder import CLOSE, OPEN, meant
from midtrain_dagster.tokens.transcript import Conversation

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerBase

VERSION = 2
USES = (chat_template, text_encoder, transcript)


class ChatTokens(NamedTuple):
    """``ids``, and for each whether it is an assistant's: begins inside one of its turns."""

    ids: np.ndarray
    targets: np.ndarray


class ChatEncoder:
    """Encodes conversations by a tokenizer's chat template."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.size = vocabulary_size(tokenizer)
        self.template = ChatTemplate(tokenizer)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """That of a tokenizer's folder. Raises ``TokenizerError`` for one without a fast form."""
        return cls(load_tokenizer(folder))

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """The same of one that ends documents, for a task of a worker (``kept_tokenizer.py``)."""
        tokenizer = kept_tokenizer(folder)
        made = cls(tokenizer.loaded)
        made._encoder = tokenizer.encoder
        return made

    @cached_property
    def _encoder(self) -> "Tokenizer":
        return text_encoder.text_encoder(self.template.tokenizer)

    def encode(
        self, conversations: Iterable[Conversation]
    ) -> Iterator[ChatTokens | ChatTemplateError]:
        """The tokens of each conversation, in order, or why the template does not write it."""
        batch: list[Rendered | ChatTemplateError] = []
        held = 0
        for rendered in map(self._rendered, conversations):
            batch.append(rendered)
            held += len(rendered.text) if isinstance(rendered, Rendered) else 0
            if held > BATCH_BYTES:
                yield from self._encoded(batch)
                batch, held = [], 0
        yield from self._encoded(batch)

    def text(self, text: str) -> list[int]:
        """The tokens of a text that is to be gone on with, and what stands before one."""
        ids = self._encoder.encode(text, add_special_tokens=False).ids
        return [*specials.around(self._encoder).before, *ids]

    def prompt(self, conversation: Conversation) -> list[int]:
        """The tokens of a conversation up to where the assistant is to speak.

        Raises ``ChatTemplateError``.
        """
        text, _ = _meant(self.template.render(conversation, prompt=True))
        return list(self._encoder.encode(text, add_special_tokens=False).ids)

    def _encoded(
        self, batch: list[Rendered | ChatTemplateError]
    ) -> Iterator[ChatTokens | ChatTemplateError]:
        written = [_meant(each) for each in batch if isinstance(each, Rendered)]
        texts = [text for text, _ in written]
        made = zip(
            written, self._encoder.encode_batch(texts, add_special_tokens=False), strict=True
        )
        for each in batch:
            if isinstance(each, ChatTemplateError):
                yield each
            else:
                (_, targets), encoding = next(made)
                yield _tokens(encoding, targets)

    def _rendered(self, conversation: Conversation) -> Rendered | ChatTemplateError:
        try:
            return self.template.render(conversation)
        except ChatTemplateError as error:
            return error


def _meant(rendered: Rendered) -> tuple[str, np.ndarray]:
    """The text as ``text_encoder`` reads it, and the places of the targets in it."""
    text, pieces, at = rendered.text, [], 0
    for start, stop in rendered.controls:
        pieces += [text[at:start], meant(text[start:stop])]
        at = stop
    controls = np.array(rendered.controls, np.int64).reshape(-1, 2)
    targets = np.array(rendered.targets, np.int64).reshape(-1, 2)
    # What begins where a control token does stands before its mark, what ends where it does behind.
    opened = np.searchsorted(controls[:, 0], targets, side="left")
    closed = np.searchsorted(controls[:, 1], targets, side="right")
    return "".join((*pieces, text[at:])), targets + opened * len(OPEN) + closed * len(CLOSE)


def _tokens(encoding: "Encoding", targets: np.ndarray) -> ChatTokens:
    """The tokens, and of each whether it begins inside a target."""
    begin = np.array(encoding.offsets, np.int64).reshape(-1, 2)[:, 0]
    number = np.searchsorted(targets[:, 0], begin, side="right") - 1
    is_target = number >= 0
    is_target[is_target] = begin[is_target] < targets[number[is_target], 1]
    return ChatTokens(np.array(encoding.ids, np.int64), is_target)
