"""How fast a step was: tokens a second, MFU, the wait for data, memory. For watching only."""

import time
from typing import TYPE_CHECKING, Any

from midtrain_dagster.training.metrics.flops import flops_per_token, peak_flops
from midtrain_dagster.training.metrics.memory import peak_memory
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.parallel import Place

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Throughput:
    """Times the steps of a worker."""

    def __init__(self, stage: Stage, model: "PreTrainedModel", place: Place) -> None:
        """Measures the device's peak where no data sheet says it; see ``flops.py``."""
        self._tokens, self._place = 0, place
        self._flops = flops_per_token(model, stage.sequence_length)
        peak = peak_flops(place.device, stage.precision)
        self._peak = peak and peak * place.world_size
        self._begun = self._waited = 0.0

    def start(self, tokens: int) -> None:
        """A step of so many tokens, over all workers, begins."""
        self._tokens, self._begun = tokens, time.perf_counter()

    def has_data(self) -> None:
        """Its batch is there."""
        self._waited = time.perf_counter() - self._begun

    def measured(self) -> dict[str, Any]:
        """What the step took until now: the clock's fields of a ``StepRecord``."""
        seconds = time.perf_counter() - self._begun
        return {
            "seconds": seconds,
            "tokens_per_second": self._tokens / seconds,
            "mfu": self._peak and self._tokens * self._flops / seconds / self._peak,
            "data_wait": self._waited,
            "memory": peak_memory(self._place.device),
        }
