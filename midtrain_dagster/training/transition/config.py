"""A model's configuration at the beginning of a stage: that of its start, as the stage changes it.

What is compared here needs no weights: the architecture, the positions, the size of the vocabulary.
So a chain of stages is gone through before anything is trained, and each is refused where it would
be refused at its beginning.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from midtrain_dagster.models.load import CheckpointError, load_config
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.models.router_loss import lacks_router_loss
from midtrain_dagster.training.inherit import Mapped, Reset, TransitionError
from midtrain_dagster.training.rope.apply import RopeError, apply_rope
from midtrain_dagster.training.rope.former import check_sound
from midtrain_dagster.training.stage import Stage

CONFIG = "config.json"


class PositionError(TransitionError):
    """A window that is longer than the start has positions."""


class VocabularyError(TransitionError):
    """A tokenizer with more tokens than the start has rows."""


def begun_config(folder: Path) -> Any:
    """The transformers config of a Hugging Face folder that can be trained.

    Raises ``CheckpointError`` for none or one that lacks what is needed, and ``TransitionError``
    for an architecture that is no causal language model, or without the attention that keeps
    packed documents apart.
    """
    file = folder / CONFIG
    try:
        written = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: this is no JSON: {error}") from error
    if not isinstance(written, dict) or "model_type" not in written:
        raise CheckpointError(f"{file}: it does not say its `model_type`")
    from huggingface_hub.errors import StrictDataclassError

    try:
        config = load_config(folder)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        ArithmeticError,
        StrictDataclassError,
    ) as error:
        raise CheckpointError(f"{file}: {' '.join(str(error).split())[:200]}") from error
    try:
        check_sound(config)
    except RopeError as error:
        raise CheckpointError(f"{file}: {error}") from error
    from transformers import AutoModelForCausalLM

    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise TransitionError(f"{file}: {config.model_type!r} is no causal language model")
    model: Any = AutoModelForCausalLM._model_mapping[type(config)]
    if not model._supports_sdpa:
        raise TransitionError(
            f"{file}: {model.__name__} has no scaled dot-product attention in transformers, and "
            "nothing else keeps packed documents apart; docs/models.md lists families that have"
        )
    if (said := lacks_router_loss(config, model)) is not None:
        raise TransitionError(
            f"{file}: {said} is {getattr(config, said):g}, and transformers computes no loss of a "
            f"{model.__name__}'s router: say {said}: 0.0 there to train without (a bias that "
            "balances experts stays as it is)"
        )
    for field in ("max_position_embeddings", "vocab_size"):
        if not isinstance(getattr(config, field, None), int):
            raise CheckpointError(f"{file}: it does not say `{field}`")
    return config


def new_config(model: ModelConfig, *, vocabulary: int, sequence_length: int) -> Any:
    """What ``change_config`` reads and writes of the model that ``models.new`` makes."""
    return SimpleNamespace(
        model_type="llama",
        hidden_size=model.hidden_size,
        num_attention_heads=model.heads,
        max_position_embeddings=sequence_length,
        vocab_size=vocabulary,
        rope_parameters={"rope_type": "default", "rope_theta": model.rope_base},
    )


def change_config(
    config: Any, stage: Stage, *, vocabulary: int | None, name: str, start: str
) -> list[str]:
    """Change a config in place as a stage does at its beginning; what is doubtful in its ``rope``.

    ``vocabulary`` are the tokens of the tokenizer (None: not known), ``name`` and ``start`` are for
    messages. Raises ``RopeError``, :class:`PositionError` and :class:`VocabularyError`.
    """
    doubts = []
    if stage.rope is not None:
        doubts = apply_rope(stage.rope, config, stage.sequence_length)
    if stage.sequence_length > config.max_position_embeddings:
        raise PositionError(
            f"{name}: sequence_length {stage.sequence_length} is beyond the "
            f"{config.max_position_embeddings} positions of {start}: say in `rope` what is done"
        )
    if vocabulary is not None and vocabulary > config.vocab_size:
        weights = stage.inherit.weights
        if not (isinstance(weights, Reset) or (isinstance(weights, Mapped) and weights.grow)):
            raise VocabularyError(
                f"{name}: the tokenizer has {vocabulary} tokens, but {start} has "
                f"{config.vocab_size}: take its own tokenizer, or say inherit: {{weights: {{map: "
                "WHY, grow: [model.embed_tokens.weight]}}"
            )
        config.vocab_size = vocabulary
    return doubts


def has_learned_positions(config: Any) -> bool:
    """Whether a model looks its positions up in a table, beyond whose end it cannot read."""
    return not getattr(config, "rope_parameters", None)


__all__ = ["PositionError", "RopeError", "VocabularyError", "begun_config", "change_config"]
