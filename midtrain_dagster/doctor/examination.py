"""A released checkpoint looked at before anything runs: what it is, and what it can give a stage.

Headers are read, and where a config and two stored matrices may disagree on a tie, those two. Each
section stands for itself: what is broken is a line of it, and the others go on.
"""

from collections.abc import Iterator
from pathlib import Path

from midtrain_dagster.doctor.contracts import told_contracts
from midtrain_dagster.doctor.kv_cache import told_kv_cache
from midtrain_dagster.doctor.line import Line, doubt, lines, said
from midtrain_dagster.doctor.optimizer_state import told_optimizer, told_others
from midtrain_dagster.doctor.position import told_position
from midtrain_dagster.doctor.rope import told_rope
from midtrain_dagster.doctor.weights import Said, Stored, stored, told_ties, told_weights
from midtrain_dagster.doctor.words import told_words
from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.router_loss import named_coefficient
from midtrain_dagster.training.transition.config import CONFIG, begun_config

CHECKPOINT = "checkpoint"


def examined(folder: Path) -> Iterator[Line]:
    """Every line about a folder, section by section; of one that is no model's, why, and what of an
    optimizer lies there."""
    if not folder.is_dir():
        what = "it is a file: name the folder that it lies in" if folder.is_file() else "no folder"
        yield Line(CHECKPOINT, f"{folder}: {what}", "wrong")
        return
    if not (folder / CONFIG).is_file():
        yield Line(CHECKPOINT, f"{folder}: there is no {CONFIG}; is it a model's folder?", "wrong")
        yield from lines("optimizer state", lambda: told_others(folder))
        return
    yield from lines(CHECKPOINT, lambda: _model(folder))
    found = Stored()

    def weights() -> Said:
        nonlocal found
        found = stored(folder)
        return told_weights(folder, found)

    yield from lines("weights", lambda: iter(weights()))
    yield from lines("tied embeddings", lambda: told_ties(folder))
    yield from lines("optimizer state", lambda: told_optimizer(folder))
    yield from lines("schedule and tokens", lambda: told_position(folder))
    yield from lines("positions (RoPE)", lambda: told_rope(folder))
    yield from lines("KV cache", lambda: told_kv_cache(folder))
    yield from lines("vocabulary", lambda: told_words(folder, found))
    yield from lines("what a stage can inherit", lambda: told_contracts(folder))


def _model(folder: Path) -> Said:
    config = begun_config(folder)
    family = (getattr(config, "architectures", None) or [type(config).__name__])[0]
    yield said(f"{family}, {config.model_type}")
    written = getattr(load_config(folder), "transformers_version", None)
    if written:
        yield said(f"written by transformers {written}")
    router = named_coefficient(config)
    if router is not None:
        yield said(f"its router's loss counts with {router[0]} {router[1]:g}")
    if router is None and any(getattr(config, name, None) for name in EXPERTS):
        yield doubt("a mixture of experts whose config says no loss of the router: none is taken")


EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
"""What families call the number of experts."""
