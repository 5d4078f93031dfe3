"""The same beginnings continued by every checkpoint: what no number shows, one can read.

A beginning is a prompt of the recipe, or the first tokens of one held-out document of each domain,
beside which the document's own continuation stands. Decoding is greedy, so a sample is a pure
function of weights and prompt; that makes small models repeat themselves, which is theirs to show.
Samples are anecdotes: a checkpoint is judged by its losses and scores.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.tokens.specials import opening
from midtrain_dagster.tokens.splits import open_shards

VERSION = 2
USES = (text_encoder,)

SAMPLES = pl.Schema(
    {
        "checkpoint": pl.String,
        "origin": pl.String,
        "prompt": pl.String,
        "continuation": pl.String,
        "document": pl.String,
    }
)
"""``origin`` is the domain of the held-out document, or ``recipe``; ``document`` is how the
document itself goes on, null for a prompt of the recipe."""

OF_THE_RECIPE = "recipe"

PROMPT_TOKENS = 32
"""Of a held-out document; fewer where the window has no room for them beside the new ones."""


class PromptError(ValueError):
    """A text that a model cannot continue; the message says why."""


class Samples(FrozenModel):
    """What every checkpoint continues, for a person to read."""

    prompts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="Texts to continue; none: the beginning of one held-out document a domain"
    )
    tokens: int = Field(48, gt=0, description="New tokens a prompt, as far as the window has room")


class Prompt(NamedTuple):
    """Tokens to be continued, where they come from, and how their document goes on."""

    origin: str
    tokens: list[int]
    document: list[int] | None


def sample(
    *,
    model: Path,
    shards: Path,
    dtype: str,
    checkpoint: str,
    domains: list[str],
    window: int,
    prompts: list[str],
    tokens: int,
) -> dict[str, pl.DataFrame]:
    """One checkpoint's continuations, as a unit of work: ``samples`` (:data:`SAMPLES`).

    ``window`` is the number of tokens, prompt and continuation together, that every checkpoint of
    the recipe can read. A longer prompt loses its beginning; the table has what was read.
    """
    tokenizer = load_tokenizer(model)
    new = min(tokens, window - max(1, window // 3))
    if prompts:
        chosen = list(_given(tokenizer, prompts, window - new))
    else:
        at_most = min(PROMPT_TOKENS, window - new)
        chosen = list(_held_out(open_shards(shards, dtype=dtype), domains, at_most, new))
    before = opening(tokenizer, text_encoder.text_encoder(tokenizer))
    continued = continue_prompts(model, [prompt.tokens for prompt in chosen], new)
    rows = [
        {
            "checkpoint": checkpoint,
            "origin": prompt.origin,
            "prompt": tokenizer.decode(_without(before, prompt.tokens)),
            "continuation": text,
            "document": None if prompt.document is None else tokenizer.decode(prompt.document),
        }
        for prompt, text in zip(chosen, continued, strict=True)
    ]
    return {"samples": pl.DataFrame(rows, schema=SAMPLES)}


def continue_texts(model: Path, texts: Sequence[str], tokens: int) -> list[str]:
    """What the model of a folder writes after each text, greedily.

    Raises :class:`PromptError` for a text that leaves no room in the model's positions.
    """
    from transformers import AutoConfig

    tokenizer = load_tokenizer(model)
    prompts = _encoded(tokenizer, texts)
    positions = AutoConfig.from_pretrained(model).max_position_embeddings
    longest = max(map(len, prompts), default=0)
    if not all(prompts) or longest >= positions:
        raise PromptError(
            f"a prompt has from 1 to {positions - 1} tokens, what the model reads; given: "
            f"{', '.join(str(len(prompt)) for prompt in prompts)}"
        )
    return continue_prompts(model, prompts, min(tokens, positions - longest))


def continue_prompts(model: Path, prompts: Sequence[Sequence[int]], tokens: int) -> list[str]:
    """What the model of a folder writes after each prompt, greedily, up to its end of text."""
    import torch
    from transformers import GenerationConfig

    tokenizer, loaded = load_tokenizer(model), load_to_evaluate(model)
    end = tokenizer.eos_token_id
    greedy = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=end,
        pad_token_id=end if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
    )
    loaded.generation_config = greedy
    generate: Any = loaded.generate
    texts = []
    with torch.inference_mode():
        for prompt in prompts:
            given = torch.tensor([list(prompt)], device=loaded.device)
            written = generate(given, attention_mask=torch.ones_like(given))
            new = written[0, len(prompt) :]
            texts.append(str(tokenizer.decode(new, skip_special_tokens=True)))
    return texts


def _without(before: Sequence[int], tokens: list[int]) -> list[int]:
    """A prompt without what stands before any text, which a person need not read."""
    return tokens[len(before) :] if tuple(tokens[: len(before)]) == tuple(before) else tokens


def _given(tokenizer: Any, prompts: Sequence[str], at_most: int) -> Iterator[Prompt]:
    for tokens in _encoded(tokenizer, prompts):
        yield Prompt(OF_THE_RECIPE, tokens[-at_most:], None)


def _encoded(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    encoder = text_encoder.text_encoder(tokenizer)
    before = opening(tokenizer, encoder)
    return [[*before, *encoder.encode(text, add_special_tokens=False).ids] for text in texts]


def _held_out(
    shards: TokenShards, domains: Sequence[str], at_most: int, new: int
) -> Iterator[Prompt]:
    """The beginning of one document a domain: the first that goes on long enough, or the longest.

    A domain without a held-out document of two tokens has none.
    """
    for domain in (domain for domain in domains if domain in shards.domains):
        documents = shards.documents_of(domain)
        # The last token is the end of text, which is no continuation.
        lengths = shards.lengths[documents].astype(int) - 1
        if not len(lengths) or lengths.max() < 2:
            continue
        enough = (lengths >= at_most + new).nonzero()[0]
        chosen = int(enough[0]) if len(enough) else int(lengths.argmax())
        begins = min(at_most, int(lengths[chosen]) - 1)
        read = shards.tokens(int(documents[chosen]), 0, min(begins + new, int(lengths[chosen])))
        yield Prompt(domain, read[:begins].tolist(), read[begins:].tolist())
