"""How many tokens a text is likely to have, before its tokenizer is trained or asked at length."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.known_answers import known_answer
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.text_encoder import bare_text_encoder

SAMPLE_BYTES = 1 << 18
"""Text that a tokenizer is asked about."""

VOCABULARIES = (258, 512, 4_096, 32_768, 131_072)
BYTES_A_TOKEN = (1.0, 1.8, 2.9, 4.0, 4.5)
"""Of byte-level BPE on English text with some code, digits single. Other scripts have fewer."""


def bytes_a_token(
    texts: Iterable[str], *, tokenizer: Path | None = None, vocabulary: int | None = None
) -> float:
    """UTF-8 bytes of a token: measured with a tokenizer's file on some of the texts, or else what
    its size lets expect."""
    if tokenizer is None:
        size = np.log2(vocabulary or VOCABULARIES[-2])
        return float(np.interp(size, np.log2(VOCABULARIES), BYTES_A_TOKEN))
    taken, size = [], 0
    for text in texts:
        part = text[: SAMPLE_BYTES // 8]
        taken.append(part)
        size += len(part.encode("utf-8", "replace"))
        if size >= SAMPLE_BYTES:
            break
    about = {"tokenizer": known_digest(tokenizer), "texts": cause(taken)}
    tokens = known_answer(
        "token_count",
        about,
        lambda: _tokens(tokenizer, taken),
        modules=(sys.modules[__name__], text_encoder),
        libraries=("tokenizers",),
    )
    return size / max(1, tokens)


def _tokens(tokenizer: Path, texts: list[str]) -> int:
    from tokenizers import Tokenizer

    encoder = bare_text_encoder(Tokenizer.from_file(str(tokenizer)))
    encodings = encoder.encode_batch_fast(texts, add_special_tokens=False)
    return sum(len(encoding.ids) for encoding in encodings)
