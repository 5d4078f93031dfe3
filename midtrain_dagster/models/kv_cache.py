"""What a model keeps of every token that it has read, in bytes: keys and values of its attention.

For long windows this, and not the weights, is what a served model's memory goes to (the survey *LLM
Mid-Training*, arXiv 2510.23081, on help by the architecture). It depends on the attention alone:

- **GQA** (Ainslie et al. 2023, arXiv 2305.13245): keys and values of ``num_key_value_heads`` heads.
- **MLA** (DeepSeek-V2, arXiv 2405.04434, section 2.1): one latent of ``kv_lora_rank`` and one
  rotated key of ``qk_rope_head_dim`` for all heads. Readers that keep the keys and values expanded
  (older transformers) keep those of every head.
- **Sliding and chunked** layers keep the tokens that a next one still sees, one less than their
  window. **Linear** and convolutional layers keep a state that does not grow.
- Experts keep nothing: a mixture of experts has the cache of its attention.

Layers are told apart as transformers' ``DynamicCache`` does it, by which the tests compare. Beside
it stands the *plain* model: every attention head with keys and values of its own, in every layer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

BF16 = 2
"""Bytes of a number in the precision that models are mostly served in."""

WITHOUT_TOKENS = {"conv", "linear_attention", "dummy"}
"""Types of layers that keep nothing of single tokens."""

GROWING = {
    *("full_attention", "sliding_attention", "chunked_attention", "hybrid", "hybrid_sliding"),
    "reference_sliding_attention",
}


class KvLayer(NamedTuple):
    """What one layer keeps."""

    numbers: int
    """Of a token."""
    expanded: int
    """Of a token, where an MLA's keys and values are kept expanded; elsewhere the same."""
    plain: int
    """Of a token, if every attention head had keys and values of its own."""
    tokens: int | None
    """The most tokens that it keeps; None: all."""

    def held(self, length: int) -> int:
        """The tokens that it keeps of a sequence."""
        return length if self.tokens is None else min(length, self.tokens)


@dataclass(frozen=True)
class KvCache:
    """What all layers of a model keep."""

    layers: tuple[KvLayer, ...]

    @property
    def a_token(self) -> int:
        """Bytes of each token in bf16, while every layer keeps all."""
        return BF16 * sum(layer.numbers for layer in self.layers)

    @property
    def a_later_token(self) -> int:
        """Bytes by which the cache grows with a token once every window is full."""
        return BF16 * sum(layer.numbers for layer in self.layers if layer.tokens is None)

    @property
    def expanded(self) -> int:
        """Bytes of a token where an MLA's keys and values are kept expanded."""
        return BF16 * sum(layer.expanded for layer in self.layers)

    @property
    def plain(self) -> int:
        """Bytes of a token of the plain model of the same heads and layers."""
        return BF16 * sum(layer.plain for layer in self.layers)

    @property
    def window(self) -> int | None:
        """From how many tokens on every bounded layer is full; None without such layers."""
        return max((each.tokens for each in self.layers if each.tokens is not None), default=None)

    def at(self, length: int, *, bytes_a_number: int = BF16) -> int:
        """Bytes of a sequence of so many tokens."""
        return bytes_a_number * sum(each.numbers * each.held(length) for each in self.layers)


def kv_cache(config: "PreTrainedConfig") -> KvCache:
    """The cache of a model with this config (its text part, where it has others).

    Raises ValueError for a type of layer that is not known here, as compressed attention.
    """
    from transformers.cache_utils import get_layer_types_and_kwargs

    text = config.get_text_config(decoder=True)
    kinds, bounds = get_layer_types_and_kwargs(text)
    unknown = sorted(set(kinds) - GROWING - WITHOUT_TOKENS)
    if unknown:
        raise ValueError(f"what layers of type {', '.join(unknown)} keep of a token is not known")
    layers = zip(text.per_layer_config, kinds, bounds, strict=True)
    return KvCache(tuple(_layer(each, kind, bound) for each, kind, bound in layers))


def kv_cache_of(raw: dict[str, Any]) -> KvCache | None:
    """The cache of a model whose ``config.json`` this is; None of one that is not known here."""
    from transformers import AutoConfig

    fields = dict(raw)
    try:
        return kv_cache(AutoConfig.for_model(fields.pop("model_type"), **fields))
    except (KeyError, ValueError, AttributeError, TypeError):
        return None  # code of its own, or none that transformers has


def _layer(config: Any, kind: str, bound: dict[str, Any]) -> KvLayer:
    if kind in WITHOUT_TOKENS:
        # The plain model has attention there too.
        return KvLayer(0, 0, _plain(config), None)
    window = bound.get("sliding_window")
    tokens = None if window is None else window - 1
    if getattr(config, "kv_lora_rank", None):
        latent = config.kv_lora_rank + config.qk_rope_head_dim
        return KvLayer(latent, _plain(config), _plain(config), tokens)
    heads = getattr(config, "num_key_value_heads", None)
    if heads is None:
        heads = 1 if getattr(config, "multi_query", False) else config.num_attention_heads
    kept = 2 * heads * _head_size(config)
    return KvLayer(kept, kept, _plain(config), tokens)


def _plain(config: Any) -> int:
    heads: int = config.num_attention_heads
    if getattr(config, "kv_lora_rank", None):
        return heads * (config.qk_nope_head_dim + config.qk_rope_head_dim + config.v_head_dim)
    return 2 * heads * _head_size(config)


def _head_size(config: Any) -> int:
    size = getattr(config, "head_dim", None)
    return int(size or config.hidden_size // config.num_attention_heads)
