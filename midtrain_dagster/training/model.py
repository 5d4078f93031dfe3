"""Building and loading models, and the loss of a packed batch.

A window holds several documents, and no token may see another document's. The positions restart at
every document, and transformers masks by them, but only when there is no cache: with the default
``use_cache`` it lets documents see each other without a word, and its eager attention misreads a
boolean mask. Hence ``use_cache=False`` and SDPA, always, and a test against separate documents.
Masking by positions, not by a mask of our own, keeps sliding windows and other families right.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.dataloader.batch import UNLABELLED
from midtrain_dagster.training.checkpoints.moments import CheckpointError, told
from midtrain_dagster.training.stage import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def new_model(
    config: ModelConfig, *, vocabulary: int, sequence_length: int, seed: int
) -> "PreTrainedModel":
    """A Llama with random fp32 weights, the same for the same seed; the global RNG is untouched.

    Special tokens are left out of its config: they belong to the tokenizer beside it.
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


def load_config(folder: Path) -> Any:
    """The config of a Hugging Face folder; nothing is fetched, no foreign code runs."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_model(
    folder: Path, config: Any = None, *, seed: int | None = None, shapes_only: bool = False
) -> "PreTrainedModel":
    """The model of a Hugging Face folder, with fp32 weights, as ``config`` (default: its own).

    With a ``seed`` the weights are drawn anew: the architecture is kept and the weights are not.
    With ``shapes_only`` the weights stay on the meta device. Raises ``CheckpointError`` where the
    weights are not all and only those of the model: transformers would draw the missing ones.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    config = load_config(folder) if config is None else config
    if seed is not None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return AutoModelForCausalLM.from_config(
                config, dtype=torch.float32, attn_implementation="sdpa"
            )
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            device_map="meta" if shapes_only else None,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: its weights cannot be loaded: {error}") from error
    model, found = loaded
    other = {name: (tuple(old), tuple(new)) for name, old, new in found["mismatched_keys"]}
    if wrong := told(found["missing_keys"], found["unexpected_keys"], other):
        raise CheckpointError(f"{folder}: not the weights of its config.json: {wrong}")
    return model


def packed_forward(model: Any, input_ids: "Tensor", position_ids: "Tensor") -> "Tensor":
    """Logits [n, L, vocabulary] of windows [n, L] whose positions restart at every document."""
    return model(input_ids=input_ids, position_ids=position_ids, use_cache=False).logits


def summed_loss(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """Cross entropy in nats, summed over the labels that are not ``UNLABELLED``; always in fp32.

    ``labels`` [n, L] are aligned with the inputs, as transformers has them: position t predicts the
    label at t + 1. A sum, so that the caller divides by the labels of the whole step and neither
    micro-batches nor workers change the loss.
    """
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits[:, :-1].flatten(0, 1).float(),
        labels[:, 1:].flatten(),
        ignore_index=UNLABELLED,
        reduction="sum",
    )
