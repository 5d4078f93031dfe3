"""A training step's story on the terminal: what `midtrain explain RECIPE STAGE:STEP` prints.

Every window of the step with the documents in it: where each is from, which of its tokens stand
there, and the text that they are, decoded. All of it is exact, for the plan is a pure function.
Where the loss is taken on what an assistant says, that is green.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.dataloader.fill_in_the_middle import Middle
from midtrain_dagster.dataloader.occurrences import middles_of_step, spans_of_step
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.explanation.blocks import Blocks, indented, pairs, shorten, styled
from midtrain_dagster.report.explanation.document_search import Artifacts, corpora
from midtrain_dagster.report.explanation.training_runs import (
    Piece,
    RunError,
    TrainingRun,
    training_run,
)

if TYPE_CHECKING:
    from rich.console import Console

EXCERPT = 140
EXCERPT_TOKENS = 80
SHORT = 12
LEARNT = "green"


@dataclass(frozen=True)
class StepStory:
    """What a step of a run sees. ``logged`` is the step's row in the run's log, if it was trained.

    ``spans`` has the columns of ``dataloader.occurrences.spans_of_step``, with source and locator
    (null for a document that is no more in the corpus); ``pieces`` are the text of each span, in
    its document's own order; ``middles`` say how training turns it.
    """

    run: TrainingRun
    step: int
    logged: dict[str, Any]
    spans: pl.DataFrame
    pieces: list[list[Piece]]
    middles: list[Middle | None]


RUN_AND_STEP = re.compile(r"([\w/-]+):(\d+)")


def asked_step(recipe: Recipe, asked: str) -> tuple[str, int] | None:
    """The run and the step that ``RUN:STEP`` names; None if it is no run of the recipe."""
    match = RUN_AND_STEP.fullmatch(asked)
    if match is None or match[1] not in (run.name for run in recipe.runs()):
        return None
    return match[1], int(match[2])


def run_meant(recipe: Recipe, asked: str) -> str:
    """Of what is neither a document nor a step: the run that was probably meant, to end a message
    with."""
    match = RUN_AND_STEP.fullmatch(asked)
    if match is None or asked_step(recipe, asked):
        return ""
    return did_you_mean(match[1], [run.name for run in recipe.runs()])


def story_of_step(
    recipe: Recipe, artifacts: Artifacts, name: str, step: int, *, full: bool = False
) -> StepStory:
    """Gather what a step sees; ``full`` decodes the whole of each span, not its beginning.

    Raises :class:`RunError` where the run has no plan or no such step.
    """
    run = training_run(recipe, artifacts, name)
    if step >= run.plan.steps:
        raise RunError(f"{name} has the steps 0 to {run.plan.steps - 1:,}, and none {step:,}")
    spans = spans_of_step(run.plan, step)
    pieces = run.pieces(spans, longest=None if full else EXCERPT_TOKENS)
    spans = spans.join(
        _places(artifacts, spans["document"].unique()),
        left_on="document",
        right_on="id",
        how="left",
        maintain_order="left",
    )
    middles = middles_of_step(run.plan, step)
    return StepStory(run, step, _logged(run, step), spans, pieces, middles)


def _places(artifacts: Artifacts, documents: pl.Series) -> pl.DataFrame:
    """The source and the place in it of documents: id, source, locator."""
    found = [
        corpus.scan("documents")
        .select("id", "source", "locator")
        .filter(pl.col("id").is_in(documents.implode()))
        .collect()
        for corpus in corpora(artifacts).values()
    ]
    schema = {"id": pl.String, "source": pl.String, "locator": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *found])


def _logged(run: TrainingRun, step: int) -> dict[str, Any]:
    if run.checkpoint is None:
        return {}
    rows = run.checkpoint.log.filter(step=step).to_dicts()
    return rows[0] if rows else {}


def explain_step(story: StepStory, console: "Console", *, full: bool = False) -> None:
    """Print the story; ``full`` prints the whole text of each span."""
    for block in _head(story):
        console.print(block, soft_wrap=False)
    ordered = story.spans.with_row_index("place").sort("domain", "slot")
    for (domain,), spans in ordered.group_by("domain", maintain_order=True):
        console.print()
        for block in _domain(str(domain), spans, story, full):
            console.print(block, soft_wrap=False)


def _head(story: StepStory) -> Blocks:
    plan, spans = story.run.plan, story.spans
    state = "" if story.run.checkpoint else "  planned, not trained yet"
    yield styled((f"{story.run.name}:{story.step}", "bold"), (state, "yellow"))
    tokens = int((spans["stop"] - spans["start"]).sum())
    windows = plan.windows_of(story.step)
    room = windows * plan.sequence_length
    yield styled(
        f"Step {story.step:,} of the steps 0 to {plan.steps - 1:,}: {windows:,} "
        f"windows of {plan.sequence_length:,} tokens, with {tokens:,} tokens "
        f"({tokens / room:.1%}) of {spans['document'].n_unique():,} documents."
    )
    if story.run.loss_on != "all":
        yield styled("Of conversations, the loss looks at what is ", ("green", LEARNT), ".")
    turned = sum(each is not None for each in story.middles)
    if turned:
        yield styled(
            f"{turned:,} of {len(story.middles):,} spans are turned to fill in the middle: read in "
            "the order that is named, shown in their own."
        )
    logged = {
        name: _figure(value)
        for name, value in story.logged.items()
        if name != "step" and value is not None
    }
    if logged:
        yield pairs({name.replace("_", " "): value for name, value in logged.items()})


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _domain(domain: str, spans: pl.DataFrame, story: StepStory, full: bool) -> Blocks:
    window, masked = story.run.plan.sequence_length, story.run.loss_on != "all"
    windows = spans["slot"].n_unique()
    tokens = int((spans["stop"] - spans["start"]).sum())
    count = "1 window" if windows == 1 else f"{windows:,} windows"
    yield styled((domain, "bold"), f"  {count}, {tokens:,} of {windows * window:,} tokens")
    for span in spans.iter_rows(named=True):
        whole = span["stop"] - span["start"] == span["length"]
        which = "all" if whole else f"{span['start']:,}-{span['stop']:,} of"
        place = "no more in the corpus"
        if span["source"] is not None:
            place = f"{span['source']}/{span['locator']}"
        middle = story.middles[span["place"]]
        copy = f"  copy {span['copy']}" if span["copy"] > 1 else ""
        copy += f"  turned: {middle.order}" if middle else ""
        yield styled(
            (f"  slot {span['slot']}  ", "dim"),
            (f"{which} {span['length']:,} tokens  ", "cyan"),
            f"{span['document'][:SHORT]}  {place}",
            (copy, "yellow"),
        )
        pieces = story.pieces[span["place"]]
        shown = pieces if full else _excerpt(pieces)
        plain = "" if full else "dim"
        yield indented(*((text, LEARNT if masked and learnt else plain) for text, learnt in shown))


def _excerpt(pieces: list[Piece]) -> list[Piece]:
    """The beginning of a text, on one line, in its pieces."""
    shown: list[Piece] = []
    room = EXCERPT
    for number, (text, is_learnt) in enumerate(pieces):
        line = re.sub(r"\s+", " ", text)
        line = line.lstrip() if number == 0 else line
        line = line.rstrip() if number == len(pieces) - 1 else line
        shown.append(Piece(shorten(line, room), is_learnt))
        room -= len(line)
        if room <= 0:
            break
    return shown
