"""From hidden states to logits: whether a model's head is plain, and what it makes of a batch.

Of nearly all families (Llama, Qwen, OLMo, SmolLM) the logits are the last hidden states times the
output matrix and nothing else, so they can be made a slice at a time, and a loss costs memory with
the length of a window and not with length times vocabulary. Some families do more: Gemma may cap
its logits, Granite and Cohere scale them, Phi adds a bias. Of these the model makes its own logits,
whole. Which it is, is tried on a few tokens and not looked up, so that no list of families ages.

A window may hold several documents, and no token may see another document's. Where positions
restart at every document, transformers masks by them, but only when there is no cache: with the
default ``use_cache`` it lets documents see each other without a word, and its eager attention
misreads a boolean mask. Hence ``use_cache=False`` here always, SDPA where windows are packed, and a
test against separate documents. Masking by positions, not by a mask of our own, keeps sliding
windows and other families right. A model that attends by documents (``attention.carried``) needs no
mask: the same positions, or who calls it, say the documents.
"""

from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.attention.carried import documents_by

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

PROBE = 4
"""Tokens on which it is tried whether the logits are the plain product."""

LARGE = 100.0
"""The largest logit of that trial."""

LOGITS = 2**25
"""Logits held at a time (128 MiB in float32)."""


def has_plain_head(model: "PreTrainedModel") -> bool:
    """Whether the logits are the last hidden states times the output matrix, and no more.

    It costs two forward passes over a few tokens. The model is in eval mode.
    """
    import torch

    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        return False
    places = torch.arange(PROBE, device=model.device)[None]
    ids = places % vocabulary_size(model)
    with torch.no_grad():
        product = hidden_states(model, ids, places) @ head.weight.T
        # Made large, for a cap does nothing to the small logits of a fresh model.
        factor = LARGE / product.abs().max().clamp(min=1e-12)
        enlarged = head.register_forward_hook(lambda *call: call[-1] * factor)
        try:
            found = logits(model, ids, places)
        finally:
            enlarged.remove()
    product *= factor
    tolerance = LARGE * max(1e-3, 4 * torch.finfo(product.dtype).eps)
    return product.shape == found.shape and torch.allclose(product, found, atol=tolerance)


def below_head(model: Any) -> Any:
    """What makes the last hidden states, which transformers calls the base model.

    ``Llama4ForCausalLM`` names another attribute than its own as that, and so is its own base
    (transformers 5.23): of such a model it is what stands in ``model``, as of nearly all others.
    """
    base = model.base_model
    return model.model if base is model else base


def hidden_states(
    model: Any, input_ids: "Tensor", position_ids: "Tensor | None" = None
) -> "Tensor":
    """The last hidden states [n, L, H], after the last norm, of windows [n, L].

    Positions that restart within a window mask the documents in it from one another; without any, a
    window is one document.
    """
    with documents_by(model, position_ids):
        output = below_head(model)(input_ids=input_ids, position_ids=position_ids, use_cache=False)
    return output.last_hidden_state


def logits(model: Any, input_ids: "Tensor", position_ids: "Tensor | None" = None) -> "Tensor":
    """The model's own logits [n, L, vocabulary] of windows [n, L], whole."""
    with documents_by(model, position_ids):
        return model(input_ids=input_ids, position_ids=position_ids, use_cache=False).logits


def next_token_losses(
    model: "PreTrainedModel", ids: "Tensor", is_real: "Tensor", *, is_plain: bool
) -> "Tensor":
    """The loss of each next token in nats, float32, row after row: [number of real ones].

    ``ids`` [n, L + 1] are padded on the right, and ``is_real`` [n, L] says which of the tokens that
    are predicted are no padding. ``is_plain`` is what :func:`has_plain_head` says of the model:
    then logits are made in slices, otherwise whole. Meant for ``torch.inference_mode``.
    """
    import torch
    from torch.nn.functional import cross_entropy

    targets = ids[:, 1:][is_real]
    if not is_plain:
        whole = logits(model, ids[:, :-1])[is_real]
        return cross_entropy(whole.float(), targets, reduction="none")
    hidden = hidden_states(model, ids[:, :-1])[is_real]
    head = model.get_output_embeddings()
    step = max(1, LOGITS // vocabulary_size(model))
    slices = [
        cross_entropy(
            head(hidden[at : at + step]).float(), targets[at : at + step], reduction="none"
        )
        for at in range(0, len(hidden), step)
    ]
    return torch.cat(slices)


def vocabulary_size(model: "PreTrainedModel") -> int:
    """Rows of the embedding."""
    return int(model.config.get_text_config().vocab_size)
