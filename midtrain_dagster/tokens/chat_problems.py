"""What a chat template will make of the conversations that a recipe names, before a run.

The first conversations of each source are written as a run will write them. That the tokenizer has
no template of its own is told, with what is used in its place.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.problems import Location
from midtrain_dagster.tokens.chat_template import CHATML, TURN_START, ChatTemplateError
from midtrain_dagster.tokens.chat_tokens import ChatEncoder
from midtrain_dagster.tokens.tokenizer import (
    SMALLEST_VOCABULARY,
    TokenizerConfig,
    control_tokens,
    train_tokenizer,
)
from midtrain_dagster.tokens.transcript import Conversation

PLACE: Location = ("tokenizer", "chat_template")


def chat_problems(
    config: TokenizerConfig,
    folder: Path | None,
    conversations: Mapping[str, Sequence[Conversation]],
    path: Callable[[str], str],
) -> Iterator[Finding]:
    """What does not fit, and which template is used where the tokenizer has none.

    ``folder`` is the tokenizer's, None for one that is trained here or not at hand;
    ``conversations`` are the first of each source; ``path`` opens paths of the recipe.
    """
    try:
        said = config.read_chat_template(path)
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(PLACE, f"the chat template cannot be read: {error}")
        return
    if not conversations or (folder is None and config.train is None):
        return
    with TemporaryDirectory() as temporary:
        if folder is None:
            folder = _like_the_trained(Path(temporary), said)
        encoder = ChatEncoder.load(folder)
        tokenizer = encoder.template.tokenizer
        if said is not None:
            tokenizer.chat_template = said
        elif config.train is not None or tokenizer.chat_template is None:
            tokenizer.chat_template = CHATML
            pieces = len(tokenizer.tokenize(TURN_START))
            spelt = f", its {TURN_START} being {pieces} tokens of it" if pieces > 1 else ""
            yield doubt(
                PLACE,
                f"the tokenizer has no chat template: conversations are written in ChatML{spelt}",
            )
        for source, some in conversations.items():
            yield from _refused(encoder, source, some)


def _like_the_trained(folder: Path, template: str | None) -> Path:
    """A tokenizer of bytes with the control tokens that the trained one will have."""
    template = template or CHATML
    vocabulary = SMALLEST_VOCABULARY + len(control_tokens(template))
    for name, data in train_tokenizer([], vocabulary=vocabulary, chat_template=template).items():
        (folder / name).write_bytes(data)
    return folder


def _refused(encoder: ChatEncoder, source: str, some: Sequence[Conversation]) -> Iterator[Finding]:
    reasons = Counter(
        str(each) for each in encoder.encode(some) if isinstance(each, ChatTemplateError)
    )
    if not reasons:
        return
    count = sum(reasons.values())
    (reason, _), *_ = reasons.most_common(1)
    yield Finding(
        PLACE,
        f"{count} of the first {len(some)} conversations of {source!r} cannot be written: {reason}",
        # The beginning of a source may be unlike the rest of it.
        stops=count == len(some),
    )
