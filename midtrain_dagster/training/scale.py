"""Shrinking a recipe to a laptop, and saying what that distorts.

Tokens of a stage become max(tokens / scale, minimum steps x batch), and never more than they were,
nor fewer than a step for each phase of its schedule;
lengths and batches have divisors of their own. What a stage says in tokens of length (of RoPE's
original window, of long documents) shrinks with the length, and the schedule with the tokens. Each
proportion that this changes (steps of a stage, its share of all tokens) is listed, so that nobody
mistakes the small run for the large.
"""

from collections.abc import Mapping

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.dataloader.untie_knots import UntieKnots
from midtrain_dagster.training.batch.ramp import in_words, levels_of
from midtrain_dagster.training.batch.steps import Levels, steps_of
from midtrain_dagster.training.inherit import Scaled
from midtrain_dagster.training.stage import Stage


class Scale(FrozenModel):
    """Divisors by which a run is shrunk; 1 leaves a quantity as the recipe says."""

    tokens: float = Field(
        default=1.0, ge=1, description="What the tokens of a stage are divided by"
    )
    batch: int = Field(default=1, ge=1, description="What the tokens of a step are divided by")
    length: int = Field(default=1, ge=1, description="What the windows are divided by")
    minimum_steps: int = Field(default=20, ge=1, description="Steps that a stage keeps at least")


def scaled_stage(stage: Stage, scale: Scale) -> Stage:
    """The stage at the scale's size; its schedule shrinks in proportion, by whole steps.

    Raises ``pydantic.ValidationError`` for what is no stage any more (more workers than windows).
    """
    if scale == Scale():
        return stage
    length = max(2, stage.sequence_length // scale.length)
    # Workers that share a window have parts of one length.
    length = max(1, length // stage.context_parallel) * stage.context_parallel
    levels = levels_of(stage.batch_tokens)
    sizes = [max(1, size // scale.batch // length) * length for size, _ in levels]
    steps = max(scale.minimum_steps, len(stage.schedule.root), len(levels))
    tokens = min(stage.tokens, max(int(stage.tokens / scale.tokens), steps * max(sizes)))
    ratio = tokens / stage.tokens
    scaled = _scaled_levels(sizes, [int(after * ratio) for _, after in levels], tokens)
    batch: int | list[dict[str, int]] = scaled[0][0]
    if len(scaled) > 1:
        batch = [{"tokens": size, "after": after} for size, after in scaled]
    laid_out = steps_of(scaled, tokens)
    schedule = stage.schedule.resized(ratio, laid_out)
    fields = stage.model_dump(exclude_unset=True) | {
        "tokens": tokens,
        "batch_tokens": batch,
        "sequence_length": length,
        "schedule": schedule.model_dump(),
    }
    if stage.micro_batch_tokens is not None:
        fields["micro_batch_tokens"] = max(1, stage.micro_batch_tokens // length) * length
    if stage.checkpoints.milestones is not None:
        milestones = int(stage.checkpoints.milestones * tokens / stage.tokens)
        fields["checkpoints"]["milestones"] = max(1, milestones)
    kept = stage.inherit.learning_rate
    if isinstance(kept, Scaled) and kept.warmup is not None:
        fields["inherit"]["learning_rate"]["warmup"] = max(1, int(kept.warmup * ratio))
    if stage.reestimated_steps:
        share = laid_out.count / stage.learning_steps
        fewer = max(1, round(share * stage.reestimated_steps))
        fields["inherit"]["moments"]["steps"] = min(stage.reestimated_steps, fewer)
    if isinstance(stage.packing, UntieKnots) and stage.packing.chunk_tokens is not None:
        fields["packing"]["chunk_tokens"] = max(1, stage.packing.chunk_tokens // scale.length)
    if stage.rope is not None:
        fields["rope"] = stage.rope.scaled(scale.length)
    if stage.mixture.long_documents is not None:
        long = stage.mixture.long_documents.minimum_tokens // scale.length
        fields["mixture"]["long_documents"]["minimum_tokens"] = max(2, long)
    return Stage.model_validate(fields)


def _scaled_levels(sizes: list[int], after: list[int], tokens: int) -> Levels:
    """The levels of a batch, moved so that each has a step; of equal ones in a row, the first."""
    kept = [(sizes[0], 0)]
    for number, (size, place) in enumerate(zip(sizes[1:], after[1:], strict=True), 1):
        before, begun = kept[-1]
        # A level begins behind a step of the one before it, and leaves a step to each behind it.
        most = (tokens - sum(sizes[number:]) - begun) // before
        steps = max(1, min(round((place - begun) / before), most))
        if size != before:
            kept.append((size, begun + steps * before))
    return tuple(kept)


def distortions(full: Mapping[str, Stage], scaled: Mapping[str, Stage]) -> list[str]:
    """Each proportion of the full stages that the scaled ones do not keep, in words."""
    if full == scaled:
        return []
    lines: list[str] = []
    full_total = sum(stage.tokens for stage in full.values())
    total = sum(stage.tokens for stage in scaled.values())
    for name, stage in full.items():
        small = scaled[name]
        lines.append(
            f"{name}: {stage.tokens:,} tokens became {small.tokens:,} "
            f"(1/{stage.tokens / small.tokens:.3g}); {stage.steps:,} steps became {small.steps:,}; "
            f"length {stage.sequence_length:,} became {small.sequence_length:,}"
        )
        if len(stage.batches.sizes) > 1:
            lines.append(
                f"{name}: its batch {in_words(stage.batch_tokens)} became "
                f"{in_words(small.batch_tokens)}"
            )
        share, small_share = stage.tokens / full_total, small.tokens / total
        if abs(share - small_share) > 0.005:
            lines.append(f"{name}: {share:.1%} of all tokens became {small_share:.1%}")
        parts = zip(stage.schedule, _parts(stage), _parts(small), strict=True)
        lines += [
            f"{name}: its {phase.phase}, {part:.1%} of it, became {small_part:.1%}"
            for phase, part, small_part in parts
            if abs(part - small_part) > 0.005
        ]
    return lines


def _parts(stage: Stage) -> list[float]:
    """What part of the stage each phase of its schedule is."""
    *phases, _ = stage.schedule
    parts = [(phase.tokens or 0) / stage.tokens for phase in phases]
    return [*parts, 1 - sum(parts)]
