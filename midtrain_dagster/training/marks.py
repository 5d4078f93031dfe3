"""The tokens that a stage puts between those of documents, by their numbers in the vocabulary."""

from typing import TYPE_CHECKING

from midtrain_dagster.dataloader.fill_in_the_middle import Sentinels
from midtrain_dagster.training.stage import Stage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def knots_of(stage: Stage, tokenizer: "PreTrainedTokenizerBase") -> tuple[int, int] | None:
    """The tokens that stand where documents are cut, if the stage's packing has some."""
    if isinstance(stage.packing, str) or stage.packing.knots is None:
        return None
    return stage.packing.ids(tokenizer.get_vocab())


def sentinels_of(
    stage: Stage, tokenizer: "PreTrainedTokenizerBase", opening: int
) -> Sentinels | None:
    """What stands before the parts of documents that the stage turns, if it does; ``opening`` is
    how many tokens a document begins with."""
    if stage.fill_in_the_middle is None:
        return None
    ids = stage.fill_in_the_middle.ids(tokenizer.get_vocab())
    return Sentinels(*ids, end=tokenizer.eos_token_id, opening=opening)
