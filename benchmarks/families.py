"""In which families documents that share a window see each other: the lists of docs/models.md.

    python -m benchmarks.families [TYPE ...]

A small model of each causal type that transformers knows, with random weights, is asked what a
stage asks of its own before its first step: whether it attends by documents (`models.attention`),
and whether they are apart (`models.isolation`). Types that take more than text,
and those whose configuration no rule of ours makes small, are listed with what they said. Each runs
in a process of its own, since some ask for all memory there is; it takes some minutes.
"""

import multiprocessing
import resource
import sys
from multiprocessing.connection import Connection
from typing import Any

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "n_embd": 32,
    "d_model": 32,
    "word_embed_proj_dim": 32,
    "lru_width": 32,
    "intermediate_size": 48,
    "n_inner": 48,
    "ffn_dim": 48,
    "num_hidden_layers": 4,
    "n_layer": 4,
    "n_layers": 4,
    "num_attention_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "sliding_window": 16,
    "attention_window_size": 16,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "n_group": 1,
    "topk_group": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "state_size": 8,
    "expand": 2,
    "mamba_n_heads": 4,
    "mamba_d_state": 8,
    "mamba_d_head": 16,
    "mamba_n_groups": 1,
    "mamba_d_ssm": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""What makes a configuration small, by the names that families have for it."""

SECONDS = 20
MEMORY = 12 << 30
"""Bytes of address space, of each process."""


def small_model(model_type: str) -> Any:
    """A model of a type, of some ten thousand parameters, in eval mode, with random weights.

    Raises ValueError for a type that takes more than text, and whatever transformers raises where
    these sizes do not go together.
    """
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    kind: Any = CONFIG_MAPPING[model_type]
    usual = kind()
    if usual.get_text_config() is not usual:
        raise ValueError("it takes more than text")
    sizes = {
        name: size
        for name, size in SIZES.items()
        if hasattr(usual, name) and not isinstance(getattr(kind, name, None), property)
    }
    if "qk_rope_head_dim" in sizes:
        sizes.pop("head_dim", None)  # it is made of the others
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(
            kind(**sizes), dtype=torch.float32, attn_implementation="sdpa"
        ).eval()


def main() -> None:
    """Probe the types that are named, or all, and print the lists."""
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    types = sys.argv[1:] or sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    said: dict[str, list[str]] = {}
    for model_type in types:
        answer = asked(model_type)
        said.setdefault(answer, []).append(model_type)
        print(f"{model_type}: {answer}", flush=True)
    for answer, named in sorted(said.items()):
        print(f"\n{answer}: {', '.join(named)}")


def asked(model_type: str) -> str:
    """What a small model of a type says, in a process that may not take all memory."""
    processes = multiprocessing.get_context("fork")  # it has imported what all need
    receiving, sending = processes.Pipe(duplex=False)
    process = processes.Process(target=_tell, args=(model_type, sending))
    process.start()
    sending.close()
    try:
        if receiving.poll(SECONDS):
            return str(receiving.recv())
    except EOFError:
        pass  # it ended before it answered
    finally:
        process.kill()
        process.join()
    return "not tried: it is too large"


def _tell(model_type: str, sending: Connection) -> None:
    from midtrain_dagster.models.attention.carried import attend_by_documents
    from midtrain_dagster.models.isolation import NOISE, crossing

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        model = small_model(model_type)
        reason = attend_by_documents(model)
        moved = crossing(model)
    except Exception as error:  # whatever it is, it is what is told of the type
        said = " ".join(str(error).split())
        no_sdpa = "scaled_dot_product_attention" in said
        sending.send("no scaled dot-product attention" if no_sdpa else f"not tried: {said[:90]}")
    else:
        apart = "apart" if reason is None else f"apart, with a mask: {reason}"
        sending.send("they see each other" if moved > NOISE else apart)


if __name__ == "__main__":
    main()
