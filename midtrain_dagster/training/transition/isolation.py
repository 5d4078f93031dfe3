"""No stage trains on packed windows with a model in which packed documents see each other."""

from typing import TYPE_CHECKING

from midtrain_dagster.models.isolation import NOISE, crossing
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.stage import Stage

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def check_isolation(stage: Stage, model: "PreTrainedModel", name: str) -> None:
    """Raise ``TransitionError`` for packed windows where one document moves another's logits.

    The model is put in eval mode; it costs one forward pass over 72 tokens.
    """
    if stage.packing == "one_document":
        return
    moved = crossing(model.eval())
    if moved > NOISE:
        family = type(model).__name__
        raise TransitionError(
            f"{name}: in a {family}, documents that share a window see each other (another text "
            f"beside a document moves its logits by {moved:.2g} of the largest): say packing: "
            "one_document, which pads instead, or take a base of a family that keeps them apart "
            "(docs/models.md)"
        )
