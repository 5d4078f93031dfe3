"""Tokenizer against model: rows without a token, special tokens, the chat template."""

import json
import re
from pathlib import Path
from typing import Any

from midtrain_dagster.doctor.line import doubt, said, wrong
from midtrain_dagster.doctor.weights import Said, Stored
from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.special_ids import (
    BOS,
    CONFIG,
    EOS,
    GENERATION,
    PADDING,
    SpecialIds,
    generation_settings,
    special_ids,
    with_special_ids,
)
from midtrain_dagster.tokens.input_problems import tokenizer_input
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.tokenizer import TokenizerConfig

EMBEDDINGS = ("embed_tokens.weight", "embed_in.weight", "wte.weight", "word_embeddings.weight")
"""What families call the embedding, at the end of its name."""


def told_words(folder: Path, found: Stored) -> Said:
    """Vocabulary, special tokens and template."""
    address = str(folder)
    looked = tokenizer_input(TokenizerConfig(path=address), address, (folder / CONFIG).read_bytes())
    for finding in looked.findings:
        yield (finding.reason, "wrong" if finding.stops else "doubt")
    if looked.vocabulary is None:
        return
    yield from _rows(folder, found, looked.vocabulary)
    yield from _specials(folder, special_ids(folder))
    tokenizer: Any = load_tokenizer(folder)
    if tokenizer.chat_template is None:
        yield said("no chat template: conversations would be written in ChatML")
    else:
        turn = special_ids(folder).turn_end
        marks = re.search(r"\{%-?\s*generation\s*-?%\}", str(tokenizer.chat_template))
        ends = f"turns end with {turn}" if turn is not None else "no token ends a turn of its own"
        what = "it marks what an assistant says" if marks else "without {% generation %} marks"
        yield said(f"a chat template: {ends}; {what}")


def _rows(folder: Path, found: Stored, tokens: int) -> Said:
    rows = next(
        (shape[0] for name, shape in found.shapes.items() if name.endswith(EMBEDDINGS)), None
    )
    said_rows = getattr(load_config(folder).get_text_config(), "vocab_size", None)
    if rows is None:
        yield doubt(f"no embedding among its tensors by a known name; vocab_size is {said_rows}")
        return
    if rows != said_rows:
        yield wrong(f"the embedding has {rows:,} rows, and config.json says {said_rows}")
    if tokens > rows:
        yield wrong(f"the tokenizer has {tokens:,} tokens for {rows:,} rows of the embedding")
    elif tokens < rows:
        even = next((size for size in (512, 256, 128, 64) if rows % size == 0), None)
        of = f", a multiple of {even}" if even else ""
        idle = f"{rows - tokens:,} rows have none, and stay"
        yield said(f"the embedding has {rows:,} rows{of}, the tokenizer {tokens:,} tokens: {idle}")
    else:
        yield said(f"{rows:,} rows of the embedding, as many tokens")


def _specials(folder: Path, ids: SpecialIds) -> Said:
    yield said(f"BOS {ids.bos}, EOS {ids.eos}, padding {ids.padding} by the tokenizer")
    for name, made in ((CONFIG, with_special_ids), (GENERATION, generation_settings)):
        file = folder / name
        before = json.loads(file.read_bytes()) if file.is_file() else {}
        if not file.is_file():
            yield doubt(f"no {name}: generation ends where config.json says")
            continue
        after = made(before, ids)
        for field in (BOS, EOS, PADDING):
            if before.get(field) != after.get(field):
                yield doubt(
                    f"{name} says {field} {before.get(field)}, and it should be {after.get(field)} "
                    "by the tokenizer: checkpoints of stages say so"
                )
