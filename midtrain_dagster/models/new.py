"""A small model from random weights: the base of a run that has no other."""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NEW_MODEL = b'{"model_type": "llama"}'
"""What the ``config.json`` of a new model says of its family."""


class ModelConfig(FrozenModel):
    """A small Llama, trained from random weights as a base."""

    hidden_size: Annotated[int, Field(ge=2)]
    """Width of the residual stream."""
    layers: Annotated[int, Field(ge=1)]
    """Transformer blocks."""
    heads: Annotated[int, Field(ge=1)]
    """Attention heads of a layer."""
    kv_heads: Annotated[int, Field(ge=1)]
    """Heads of keys and values, which the attention heads share."""
    intermediate_size: Annotated[int, Field(ge=1)]
    """Width of the feed-forward layers."""
    tie_embeddings: bool = True
    """Whether the output layer is the embedding."""
    rope_base: Annotated[float, Field(gt=1)] = 10_000.0
    """The base of the rotation's frequencies."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is no even number for each of heads {self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")
        return self


def new_model(
    config: ModelConfig, *, vocabulary: int, sequence_length: int, seed: int
) -> "PreTrainedModel":
    """A Llama with random fp32 weights, the same for the same seed; the global RNG is untouched.

    Special tokens are left out of its config: they belong to the tokenizer beside it, by which
    they are written (``special_ids.py``).
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    llama = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        max_position_embeddings=sequence_length,
        tie_word_embeddings=config.tie_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_base},
        bos_token_id=None,
        eos_token_id=None,
    )
    llama._attn_implementation = "sdpa"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(llama)
