"""By what a stage's model attends, settled before its first step; and that no packed documents see
each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from midtrain_dagster.models.attention.carried import attend_by_documents
from midtrain_dagster.models.attention.within import SHORT, backend
from midtrain_dagster.models.isolation import NOISE, crossing
from midtrain_dagster.models.router_loss import router_loss
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.stage import Stage

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Attention:
    """What was settled."""

    line: str
    """For who watches the stage begin."""
    is_quadratic: bool
    """Whether windows of several documents cost memory by the square of their length, where that
    is more than they would have to."""


def choose_attention(stage: Stage, model: "PreTrainedModel", name: str) -> Attention:
    """Switch a model that can to attention within documents, and try that they are apart.

    The model is in eval mode; it costs some three forward passes over three to four hundred tokens.
    Raises ``TransitionError`` for packed windows in which one document moves another's logits, and
    for what only attention within documents can do: positions that run over documents, and windows
    that workers share.
    """
    family = type(model).__name__
    reason = attend_by_documents(model, workers=stage.context_parallel)
    if stage.context_parallel > 1:
        if reason is None and router_loss(model) is not None:
            reason = "its router's loss is a mean over whole windows"
        if reason is not None:
            raise TransitionError(
                f"{name}: a {family} cannot share windows among workers, for {reason}: leave out "
                f"context_parallel {stage.context_parallel}, or lower it"
            )
    if reason is not None and stage.positions == "window":
        raise TransitionError(
            f"{name}: a {family} is kept from seeing other documents by positions that begin anew, "
            f"for {reason}: say positions: document"
        )
    if stage.packing != "one_document" and stage.positions != "one_text":
        _check_isolation(model, name)
    if reason is None:
        return Attention(
            f"{name}: attention by {backend(stage.accelerator, stage.precision)}", False
        )
    return Attention(
        f"{name}: attention by a mask of {stage.sequence_length:,} x {stage.sequence_length:,} for "
        f"each window of several documents, for {reason} (docs/training.md)",
        is_quadratic=stage.sequence_length > SHORT,
    )


def _check_isolation(model: "PreTrainedModel", name: str) -> None:
    moved = crossing(model)
    if moved > NOISE:
        family = type(model).__name__
        raise TransitionError(
            f"{name}: in a {family}, documents that share a window see each other (another text "
            f"beside a document moves its logits by {moved:.2g} of the largest): say packing: "
            "one_document, which pads instead, or take a base of a family that keeps them apart "
            "(docs/models.md)"
        )
