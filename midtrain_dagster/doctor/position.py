"""Where a release's training stood: steps, tokens and learning rate, by what its folder says."""

import json
from pathlib import Path
from typing import Any

from midtrain_dagster.display.numbers import count
from midtrain_dagster.doctor.line import doubt, said
from midtrain_dagster.doctor.weights import Said
from midtrain_dagster.training.checkpoints.checkpoint import is_checkpoint, read_state

TRAINER = "trainer_state.json"
"""What Hugging Face's Trainer leaves beside a checkpoint."""


def told_position(folder: Path) -> Said:
    """Ours, or the Trainer's; or that nothing says it."""
    if is_checkpoint(folder):
        state = read_state(folder)
        yield said(
            f"step {state.step:,} of the stage {state.stage!r}, {count(state.tokens)} tokens seen "
            f"in it, seed {state.seed}"
        )
        yield said(f"its schedule stands at the learning rate {state.learning_rate:g}")
        place = "its place in the documents' order is kept" if state.data else "no place in data"
        yield said(place)
        return
    file = folder / TRAINER
    if not file.is_file():
        yield doubt(
            f"nothing says how many tokens it saw and where its schedule stands (no state.json of "
            f"ours, no {TRAINER}): a stage says its own first learning rate"
        )
        return
    try:
        state = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: this is no JSON: {error}") from error
    yield from _trainer(state)


def _trainer(state: dict[str, Any]) -> Said:
    steps, most = state.get("global_step"), state.get("max_steps")
    of = f" of {most:,}" if isinstance(most, int) and most > 0 else ""
    yield said(f"step {steps:,}{of} by {TRAINER}" if steps is not None else f"{TRAINER}: no step")
    tokens = state.get("num_input_tokens_seen")
    if tokens:
        yield said(f"{count(float(tokens))} tokens seen")
    else:
        yield doubt(f"{TRAINER} does not count tokens (include_num_input_tokens_seen was not set)")
    rates = [
        each["learning_rate"] for each in state.get("log_history", []) if "learning_rate" in each
    ]
    if rates:
        yield said(f"the last learning rate in its log is {rates[-1]:g}")
