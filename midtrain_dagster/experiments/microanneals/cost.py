"""What microanneals cost, known before them: runs, and the tokens that they are trained on."""

from collections.abc import Collection, Iterator, Mapping

from midtrain_dagster.display.numbers import count
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.runs import planned
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale


def outlook(
    sections: Mapping[str, Microanneals],
    every: Collection[Run],
    scale: Scale,
    fine_tuning: FineTuning | None,
) -> Iterator[str]:
    """The lines of ``midtrain check``; ``every`` are the recipe's runs, at full scale."""
    starts = {run.name: run for run in every}
    for name, asked in sections.items():
        runs = planned(asked, starts.get(asked.start), scale, fine_tuning)
        trained = sum(phase.stage.batches.tokens for run in runs for phase in run.phases)
        decay, *after = runs[0].phases
        tuned = f", each fine-tuned on {after[0].stage.batches.tokens:,}" if after else ""
        seeds = f"{len(asked.seeds)} seed{'s' if len(asked.seeds) > 1 else ''}"
        yield (
            f"  {name:<22} {len(asked.candidates)} candidates and general alone, "
            f"{seeds}, from {asked.start}: {len(runs)} decays of "
            f"{decay.stage.batches.tokens:,} tokens{tuned}; {count(trained)} tokens in all"
        )
        if len(asked.seeds) == 1:
            yield "    with one seed there is no spread, and nothing will be decided: add seeds"
