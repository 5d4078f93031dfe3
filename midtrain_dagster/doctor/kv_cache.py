"""What a checkpoint keeps of each token that it has read: its KV cache beside the plain model's."""

from collections.abc import Iterator
from pathlib import Path

from midtrain_dagster.display import numbers
from midtrain_dagster.doctor.line import said
from midtrain_dagster.doctor.weights import Said
from midtrain_dagster.models.kv_cache import KvCache, kv_cache
from midtrain_dagster.models.load import load_config


def told_kv_cache(folder: Path) -> Said:
    """Bytes a token, how that is to the plain model's, and bytes of its longest sequence."""
    config = load_config(folder)
    found = kv_cache(config)
    yield said(
        f"{found.a_token:,} bytes a token in bf16, {_part(found)} of the plain model's "
        f"{found.plain:,} (keys and values of every attention head, in every layer)"
    )
    yield from (said(each) for each in _kinds(found))
    longest = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    if longest:
        whole = found.plain * longest
        yield said(
            f"of its longest sequence, {longest:,} tokens: {numbers.size(found.at(longest))}, the "
            f"plain model's {numbers.size(whole)}"
        )


def _part(found: KvCache) -> str:
    return "all" if found.a_token == found.plain else f"{found.a_token / found.plain:.1%}"


def _kinds(found: KvCache) -> Iterator[str]:
    if found.expanded != found.a_token:
        yield (
            f"that is one latent and one rotated key a layer (MLA), as transformers 5.23 and vLLM "
            f"keep it; where keys and values are kept expanded, it is {found.expanded:,}"
        )
    if found.window is not None:
        bounded = sum(each.tokens is not None for each in found.layers)
        yield (
            f"{bounded} of {len(found.layers)} layers keep at most {found.window:,} tokens: behind "
            f"them it grows by {found.a_later_token:,} bytes a token"
        )
    still = sum(not each.numbers for each in found.layers)
    if still:
        yield f"{still} of {len(found.layers)} layers keep nothing of single tokens"
