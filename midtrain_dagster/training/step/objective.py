"""What is minimised: the loss of packed windows, from token ids to one number, as one module.

It is a module because DistributedDataParallel and FSDP2 do their work around a module's call: the
head and the loss have to lie inside. Where the model's logits are its last hidden states times its
output matrix, as in nearly all families, they are made in chunks (``cross_entropy.py``). Some
families do more (Gemma may cap its logits, Granite and Cohere scale them, Phi adds a bias): these
keep their own whole logits. Which it is, is tried, not looked up.
"""

from typing import TYPE_CHECKING, Any

from midtrain_dagster.training.model import packed_forward, summed_loss
from midtrain_dagster.training.step.cross_entropy import chunked_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

PROBE = 4
"""Tokens on which it is tried whether the logits are the plain product."""

LARGE = 100.0
"""The largest logit of that trial."""


def make_objective(model: "PreTrainedModel", *, z_loss: float = 0.0) -> "Module":
    """A module of ``model`` that maps ``input_ids``, ``position_ids`` and ``labels`` (each [n, L])
    to the objective and the cross-entropy, as ``chunked_cross_entropy`` does.

    ``model`` is whole and in eval mode. Its parameters stay its own.
    """
    import torch

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.is_plain = has_plain_head(model)

        def forward(
            self, input_ids: "Tensor", position_ids: "Tensor", labels: "Tensor"
        ) -> tuple["Tensor", "Tensor"]:
            if self.is_plain:
                hidden = hidden_states(self.model, input_ids, position_ids)
                head = self.model.get_output_embeddings().weight
                return chunked_cross_entropy(hidden, head, labels, z_loss=z_loss)
            logits = packed_forward(self.model, input_ids, position_ids)
            cross_entropy = summed_loss(logits, labels)
            if not z_loss:
                return cross_entropy, cross_entropy.detach()
            square = _squared_log_partition(logits, labels)
            return cross_entropy + z_loss * square, cross_entropy.detach()

    return Objective()


def has_plain_head(model: "PreTrainedModel") -> bool:
    """Whether the logits are the last hidden states times the output matrix, and no more."""
    import torch

    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        return False
    places = torch.arange(PROBE, device=model.device)[None]
    ids = places % model.config.vocab_size
    with torch.no_grad():
        product = hidden_states(model, ids, places) @ head.weight.T
        # Made large, for a cap does nothing to the small logits of a fresh model.
        factor = LARGE / product.abs().max().clamp(min=1e-12)
        enlarged = head.register_forward_hook(lambda *call: call[-1] * factor)
        try:
            logits = packed_forward(model, ids, places)
        finally:
            enlarged.remove()
    product *= factor
    return product.shape == logits.shape and torch.allclose(product, logits, atol=1e-3 * LARGE)


def hidden_states(model: Any, input_ids: "Tensor", position_ids: "Tensor") -> "Tensor":
    """The last hidden states [n, L, H], after the last norm, of windows packed as in ``model``."""
    output = model.base_model(input_ids=input_ids, position_ids=position_ids, use_cache=False)
    return output.last_hidden_state


def _squared_log_partition(logits: "Tensor", labels: "Tensor") -> "Tensor":
    from midtrain_dagster.dataloader.batch import UNLABELLED

    kept = labels[:, 1:] != UNLABELLED
    return logits[:, :-1][kept].float().logsumexp(-1).square().sum()
