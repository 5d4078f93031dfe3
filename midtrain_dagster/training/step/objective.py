"""What is minimised: the loss of packed windows, from token ids to one number, as one module.

It is a module because DistributedDataParallel and FSDP2 do their work around a module's call: the
head and the loss have to lie inside. Where the model's head is plain (``models.head``), logits are
made in chunks (``cross_entropy.py``); where it scales or caps them, the model makes its own, whole.
The loss of a router (``models.router_loss``) is a mean over tokens, and counts for each label.

Where workers share windows (``models.attention.exchange``), each gets whole windows and computes
its part of their tokens; the objectives of all add up to that of the windows.
"""

from typing import TYPE_CHECKING

from midtrain_dagster.dataloader.batch import UNLABELLED
from midtrain_dagster.models.attention.carried import documents_of_batch, is_carried
from midtrain_dagster.models.attention.documents import Documents
from midtrain_dagster.models.attention.exchange import Exchange
from midtrain_dagster.models.head import has_plain_head, hidden_states, logits
from midtrain_dagster.models.router_loss import routed, router_loss
from midtrain_dagster.training.step.cross_entropy import chunked_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel


def make_objective(
    model: "PreTrainedModel", *, z_loss: float = 0.0, exchange: Exchange | None = None
) -> "Module":
    """A module of ``model`` that maps ``input_ids``, ``position_ids`` and ``labels`` (each [n, L])
    to the objective and the cross-entropy, as ``chunked_cross_entropy`` does, and to the router's
    loss times the labels (None for a model without a router).

    ``documents`` of the windows are heard by a model that attends by them (``models.attention``;
    None: as positions say), and by no other. With an ``exchange`` it has to be one.

    ``model`` is whole and in eval mode. Its parameters stay its own.
    """
    import torch

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.is_plain = has_plain_head(model)
            self.router = router_loss(model)

        def forward(
            self,
            input_ids: "Tensor",
            position_ids: "Tensor",
            labels: "Tensor",
            documents: Documents | None = None,
        ) -> tuple["Tensor", "Tensor", "Tensor | None"]:
            if not is_carried(self.model):
                return self._found(input_ids, position_ids, labels)
            documents = documents or Documents.of_positions(position_ids)
            if exchange is not None:
                part = exchange.part(input_ids.shape[1])
                input_ids, position_ids = input_ids[:, part], position_ids[:, part]
                # What its last token predicts is the first token of the next part.
                labels = labels[:, part.start : part.stop + 1]
            with documents_of_batch(documents, exchange):
                return self._found(input_ids, position_ids, labels)

        def _found(
            self, input_ids: "Tensor", position_ids: "Tensor", labels: "Tensor"
        ) -> tuple["Tensor", "Tensor", "Tensor | None"]:
            if self.router is None:
                return *self._losses(input_ids, position_ids, labels), None
            with routed(self.model) as routes:
                objective, cross_entropy = self._losses(input_ids, position_ids, labels)
            mean = self.router(routes())
            if mean is None:
                return objective, cross_entropy, None
            balance = mean * (labels[:, 1:] != UNLABELLED).sum()
            return objective + self.router.coefficient * balance, cross_entropy, balance.detach()

        def _losses(
            self, input_ids: "Tensor", position_ids: "Tensor", labels: "Tensor"
        ) -> tuple["Tensor", "Tensor"]:
            if self.is_plain:
                hidden = hidden_states(self.model, input_ids, position_ids)
                head = self.model.get_output_embeddings().weight
                return chunked_cross_entropy(hidden, head, labels, z_loss=z_loss)
            whole = logits(self.model, input_ids, position_ids)
            cross_entropy = summed_loss(whole, labels)
            if not z_loss:
                return cross_entropy, cross_entropy.detach()
            square = _squared_log_partition(whole, labels)
            return cross_entropy + z_loss * square, cross_entropy.detach()

    return Objective()


def summed_loss(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """Cross entropy in nats, summed over the labels that are not ``UNLABELLED``; always in fp32.

    ``labels`` [n, L] are aligned with the inputs, as transformers has them: position t predicts the
    label at t + 1; there may be one more, for the last. A sum, so that the caller divides by the
    labels of the whole step and neither micro-batches nor workers change the loss.
    """
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits[:, : labels.shape[1] - 1].flatten(0, 1).float(),
        labels[:, 1:].flatten(),
        ignore_index=UNLABELLED,
        reduction="sum",
    )


def _squared_log_partition(logits: "Tensor", labels: "Tensor") -> "Tensor":
    kept = labels[:, 1:] != UNLABELLED
    return logits[:, : labels.shape[1] - 1][kept].float().logsumexp(-1).square().sum()
