"""lm-evaluation-harness's model as items are asked of it here: a folder's, which reads text.

Models that were asked last are kept, as long as all of them are small: a recipe asks one benchmark
of all of its checkpoints after another, and each process that asks loads a checkpoint once.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.evaluation import likelihoods
from midtrain_dagster.evaluation.likelihoods import Pair, Prefixes, log_likelihoods
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.models.shared_reading import can_share
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.specials import Bos, opening

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

    class TextModel(HFLM):
        """The harness's model, which reads items as text: none spells a control token, and none
        has an end of text behind it."""

        prefixes: Prefixes | None
        """Read what several texts begin with; none where each has to be read alone."""

else:
    TextModel = Any

VERSION = 1
USES = (likelihoods, text_encoder)

ENCODED = 2**14
"""Texts whose tokens are kept: each is asked for several times."""

KEPT_BYTES = 2**30
"""Weights of all models that are kept, at most."""

_kept: dict[object, TextModel] = {}


def text_model(folder: Path, max_length: int | None = None, bos: Bos = "as_tokenizer") -> TextModel:
    """The model of a folder; ``harness.evaluate`` says what the window and ``bos`` are."""
    key = (_identity(folder), max_length, bos)
    found = _kept.pop(key, None)
    if found is None:
        found = _loaded(folder, max_length, bos)
        _make_room(_weights(found))
    if _weights(found) <= KEPT_BYTES:
        _kept[key] = found  # the last of them, as the one that was asked last
    return found


def _make_room(weights: int) -> None:
    """Let go of the models that were not asked for longest."""
    while _kept and weights + sum(map(_weights, _kept.values())) > KEPT_BYTES:
        del _kept[next(iter(_kept))]


def _weights(model: TextModel) -> int:
    """Bytes of the weights."""
    return sum(each.nbytes for each in model.model.parameters())


def _identity(folder: Path) -> tuple[tuple[str, int, int, int, int], ...]:
    """Which files lie in a folder, by whatever path: a unit of work gets links to those of the
    store, in a folder of its own."""
    found = sorted((path.name, path.stat()) for path in folder.iterdir())
    return tuple((name, at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns) for name, at in found)


def _loaded(folder: Path, max_length: int | None, bos: Bos) -> TextModel:
    from lm_eval.models.huggingface import HFLM

    model = load_to_evaluate(folder)
    tokenizer = load_tokenizer(folder)
    encoder = text_encoder.text_encoder(tokenizer)
    before = opening(tokenizer, encoder, bos)

    @lru_cache(maxsize=ENCODED)
    def encoded(string: str) -> tuple[int, ...]:
        return tuple(encoder.encode(string, add_special_tokens=False).ids)

    class Made(HFLM):
        def tok_encode(
            self,
            string: str,
            add_special_tokens: bool | None = None,
            left_truncate_len: int | None = None,
            **_: Any,
        ) -> list[int]:
            ids = [*(() if add_special_tokens is False else before), *encoded(string)]
            return ids[-left_truncate_len:] if left_truncate_len else ids

        def _loglikelihood_tokens(
            self,
            requests: list[tuple[tuple[str, str], list[int], list[int]]],
            disable_tqdm: bool = False,
            override_bs: int | None = None,
        ) -> list[tuple[float, bool]]:
            if self.prefixes is None:
                return super()._loglikelihood_tokens(requests, disable_tqdm, override_bs)
            pairs = [Pair(tuple(context), tuple(text)) for _, context, text in requests]
            return log_likelihoods(
                self.model, pairs, max_length=self.max_length, prefixes=self.prefixes
            )

    with quiet():
        # The stored weights may be bf16 on a GPU; likelihoods are summed in float32 anyhow.
        made: Any = Made(
            pretrained=model,
            tokenizer=tokenizer,
            backend="causal",
            softmax_dtype="float32",
            max_length=max_length,
        )
    made.prefixes = Prefixes(model) if can_share(model, made.max_length) else None
    return made


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice from the harness; exceptions and results pass as they are."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logger.setLevel(level)
