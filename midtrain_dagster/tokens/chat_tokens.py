"""A conversation's tokens, and which of them an assistant says.

The tokens are those of ``apply_chat_template``, with one difference: text that happens to spell a
special token is encoded as the characters it is, so that no content forges a role or a turn. Where
a content spells one, the conversation is encoded in pieces, between and around those places; for
byte-level tokenizers that changes nothing else, others may begin a piece with a space.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from midtrain_dagster.tokens import chat_template, transcript
from midtrain_dagster.tokens.chat_template import ChatTemplate, ChatTemplateError, Rendered
from midtrain_dagster.tokens.shards import BATCH_BYTES
from midtrain_dagster.tokens.transcript import Conversation

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

VERSION = 1
USES = (chat_template, transcript)

# Two of Unicode's noncharacters, which are there for a program's own use.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}|[{_OPEN}{_CLOSE}]")


class ChatTokens(NamedTuple):
    """``ids``, and for each whether it is an assistant's: begins inside one of its turns."""

    ids: np.ndarray
    targets: np.ndarray


class ChatEncoder:
    """Encodes conversations by the chat template of a tokenizer's folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError for a tokenizer without a fast form."""
        from transformers import AutoTokenizer

        loaded = AutoTokenizer.from_pretrained(folder)
        if not loaded.is_fast:
            raise ValueError(f"{folder}: the tokenizer needs a fast form")
        self.size = len(loaded)
        self.template = ChatTemplate(loaded)
        self._encoder: Tokenizer = loaded.backend_tokenizer
        self._encoder.no_truncation()
        self._encoder.no_padding()

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

    def _encoded(
        self, batch: list[Rendered | ChatTemplateError]
    ) -> Iterator[ChatTokens | ChatTemplateError]:
        whole = [
            each.text
            for each in batch
            if isinstance(each, Rendered) and not _MARK.search(each.text)
        ]
        encodings = iter(self._encoder.encode_batch(whole, add_special_tokens=False))
        for each in batch:
            if isinstance(each, ChatTemplateError):
                yield each
            elif _MARK.search(each.text):
                yield _tokens(self._pieces(each.text), each.targets)
            else:
                yield _tokens([(0, next(encodings))], each.targets)

    def _rendered(self, conversation: Conversation) -> Rendered | ChatTemplateError:
        try:
            return self.template.render(_marked(conversation, self.template.special))
        except ChatTemplateError as error:
            return error

    def _pieces(self, text: str) -> "Iterator[tuple[int, Encoding]]":
        """What stands between the marks, and inside of them as text; each with its first place."""
        at = 0
        for mark in _MARK.finditer(text):
            yield at, self._encoder.encode(text[at : mark.start()], add_special_tokens=False)
            if mark[1]:
                yield mark.start(1), self._as_text.encode(mark[1], add_special_tokens=False)
            at = mark.end()
        yield at, self._encoder.encode(text[at:], add_special_tokens=False)

    @cached_property
    def _as_text(self) -> "Tokenizer":
        """The same tokenizer, which reads no special token."""
        from tokenizers import Tokenizer

        encoder = Tokenizer.from_str(self._encoder.to_str())
        encoder.encode_special_tokens = True
        return encoder


def _tokens(pieces: "Iterable[tuple[int, Encoding]]", targets: list[tuple[int, int]]) -> ChatTokens:
    """The pieces' tokens as one sequence; of each, whether it begins inside a target."""
    ids, begins = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for at, encoding in pieces:
        ids.append(np.array(encoding.ids, np.int64))
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        begins.append(offsets[:, 0] + at)
    begin = np.concatenate(begins)
    bounds = np.array(targets, np.int64).reshape(-1, 2)
    number = np.searchsorted(bounds[:, 0], begin, side="right") - 1
    is_target = number >= 0
    is_target[is_target] = begin[is_target] < bounds[number[is_target], 1]
    return ChatTokens(np.concatenate(ids), is_target)


def _marked(value: Any, special: "re.Pattern[str]") -> Any:
    """A conversation with marks around what spells a special token, and without such marks."""
    if isinstance(value, str):
        plain = value.replace(_OPEN, "").replace(_CLOSE, "")
        return special.sub(f"{_OPEN}\\g<0>{_CLOSE}", plain)
    if isinstance(value, dict):
        return {_marked(key, special): _marked(each, special) for key, each in value.items()}
    if isinstance(value, list):
        return [_marked(each, special) for each in value]
    return value
