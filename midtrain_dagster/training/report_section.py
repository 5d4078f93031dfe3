"""What training has to say in the report: the runs, and what they were fed."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Aside,
    Block,
    Cell,
    Column,
    Figure,
    Gate,
    KeyNumber,
    Notice,
    PageSection,
    Span,
    Stack,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import is_main, spoken
from midtrain_dagster.training import report_plots
from midtrain_dagster.training.metrics.log import ROUTER_LOSS

VERSION = 4

MORE_OFTEN = 0.05
"""How much more often than a domain as a whole some of its documents must have been read, in
epochs, for the table to say so."""


def training_section(
    logs: Mapping[str, pl.DataFrame],
    checkpoints: Sequence[str] = (),
    reestimated: Mapping[str, int] | None = None,
) -> PageSection:
    """Schedule and loss of every run; ``logs`` are their logs by name, in order.

    ``checkpoints`` are all those of the recipe, so that a run looks alike in every figure;
    ``reestimated`` are the steps by which runs estimated their moments anew, at rate 0.
    """
    filling = {name: steps for name, steps in (reestimated or {}).items() if steps}
    lead = (
        "Mid-training continues pre-training: the learning rate takes over where the stage before "
        "left it, and decays while the data gets better."
    )
    if not logs:
        return PageSection("training", "Training", lead, (Notice("No stage has been trained."),))
    figure = Figure(
        "schedule",
        report_plots.schedule_and_loss(logs, checkpoints),
        "Above: the learning rate. Below: the training loss, each step faint and its running mean "
        "strong. Controls are dashed, further seeds dotted; they start where their stage does. The "
        "very first losses of a random start lie above the frame. The loss falls faster as the "
        "rate decays; a jump at a border between stages is the new mixture, whose text may be "
        "easier or harder, so compare checkpoints on held-out loss and not here.",
    )
    head = ("Run", "#Steps", "#Skipped", "#Tokens with padding", "#First rate", "#Last rate")
    table = Table(
        columns(*head, "#First loss", "#Last loss"),
        tuple(_row(name, log, filling.get(name, 0)) for name, log in logs.items()),
    )
    told = tuple(Text(_filled(name, logs[name], steps)) for name, steps in filling.items())
    routers = tuple(Text(text) for text in _routers(logs))
    note = Text("First and last loss are means over a twentieth of the run.", note=True)
    trained = sum(int(log["tokens"][-1]) for name, log in logs.items() if is_main(name))
    return PageSection(
        "training",
        "Training",
        lead,
        (figure, table, *told, *routers, note),
        numbers=(KeyNumber(numbers.count(trained), "tokens with padding in all stages"),),
        gates=(_finite_loss(logs.values()),),
    )


def _filled(name: str, log: pl.DataFrame, steps: int) -> str:
    """What was done at rate 0, in a sentence."""
    tokens = int(log["tokens"][steps - 1])
    return (
        f"The first {steps:,} steps of {spoken(name)} ({numbers.count(tokens)} tokens with "
        "padding) estimated the optimizer's moments anew: at rate 0, no weight moved, to the bit. "
        f"Its loss was {numbers.loss(_mean(log['loss'].head(steps)))} over them, that of its start."
    )


def _routers(logs: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """What the routers of mixtures of experts were held to, a sentence a run."""
    for name, log in logs.items():
        if ROUTER_LOSS in log.columns:
            end = max(1, log.height // 20)
            first, last = (
                _mean(each) for each in (log[ROUTER_LOSS].head(end), log[ROUTER_LOSS].tail(end))
            )
            yield (
                f"The router's auxiliary loss of {spoken(name)} went from {numbers.loss(first)} to "
                f"{numbers.loss(last)}, before its coefficient; the losses above are without it."
            )


def _row(name: str, log: pl.DataFrame, filling: int) -> tuple[Cell, ...]:
    end = max(1, log.height // 20)
    return (
        spoken(name),
        numbers.count(log.height),
        numbers.count(_steps(log)[1]),
        numbers.count(log["tokens"][-1]),
        numbers.rate(log["learning_rate"][filling]),
        numbers.rate(log["learning_rate"][-1]),
        numbers.loss(_mean(log["loss"].head(end))),
        numbers.loss(_mean(log["loss"].tail(end))),
    )


def _mean(losses: pl.Series) -> float | None:
    """The mean of the steps that have a loss; null where none has."""
    mean = losses.mean()
    return mean if isinstance(mean, float) else None


def _finite_loss(logs: Collection[pl.DataFrame]) -> Gate:
    steps, skipped = (sum(each) for each in zip(*map(_steps, logs), strict=True))
    return Gate(
        "finite_loss",
        f"no step that changed the weights had a loss that is not a number: {steps:,} steps, "
        f"{skipped:,} skipped",
    )


def _steps(log: pl.DataFrame) -> tuple[int, int]:
    """Steps of a run, and how many of them were skipped."""
    return log.height, log["skipped"].count()


def mixture_section(
    mixtures: Mapping[str, pl.DataFrame],
    available: Mapping[str, int],
    padded: Mapping[str, int],
    courses: Mapping[str, pl.DataFrame] | None = None,
    lengths: Mapping[str, pl.DataFrame] | None = None,
    turned: Mapping[str, pl.DataFrame] | None = None,
) -> PageSection:
    """What each run was to read, what it read, and how often.

    ``mixtures`` are the tables ``mixture`` of checkpoints by run, in order; ``available`` are the
    unique tokens that there are of each domain to train on; ``padded`` each run's tokens with
    padding; ``courses`` what was planned and delivered over the course of runs
    (``dataloader.plan.COURSE``), ``lengths`` the same by classes of length (``by_length.COURSE``),
    ``turned`` the documents whose middle was moved to their end (``plan.TURNED``).
    """
    lead = (
        "A stage's mixture says what share of its tokens comes from each domain. Part of the old "
        "distribution stays in, so that the model keeps what it knew."
    )
    if not mixtures:
        notice = Notice("No stage declares a mixture.")
        return PageSection("mixture", "Mixture", lead, (notice,))
    figure = Figure(
        "mixture",
        report_plots.mixture(mixtures),
        "Shares of all tokens of a run without padding, 100% in each bar: planned above, delivered "
        "below. They should agree to within a window of tokens; where they do not, a domain ran "
        "out or its documents did not fit.",
    )
    note = Text(
        "Tokens are counted without padding. Epochs are tokens read of a domain by the unique "
        "tokens that it has to train on. Up to about four cost little; beyond that repeated text "
        "is worth ever less (Muennighoff et al., arXiv 2305.16264). Some documents of a domain may "
        "be read more often than that: long ones that have a share of their own, copies that "
        "sampling made, or those that a stage before began with, which are counted from there on.",
        note=True,
    )
    over = [_over_the_stage(courses)] if courses else []
    blocks: tuple[Block, ...] = (
        figure,
        *over,
        _epochs(mixtures, available, padded),
        note,
        *(_by_length(lengths) if lengths else ()),
        *(Text(each) for each in _turned(turned or {})),
    )
    return PageSection("mixture", "Mixture", lead, blocks)


def _turned(tables: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """What was turned, a sentence a run and domain."""
    for run, table in tables.items():
        for domain, pieces, turned, suffix_first in table.iter_rows():
            yield (
                f"Fill-in-the-middle: {spoken(run)} read {pieces:,} documents of {domain} (a piece "
                "each of those longer than its window), "
                f"{turned:,} of them ({numbers.share(turned / pieces if pieces else 0)}) with "
                f"their middle at their end; {suffix_first:,} of these had the suffix first."
            )


def _by_length(courses: Mapping[str, pl.DataFrame]) -> tuple[Block, ...]:
    """What was planned and delivered of each class of length, over the stages and in all."""
    tokens = pl.col("end") - pl.col("begin")
    sums = {
        run: {
            name: (planned, delivered)
            for name, planned, delivered in table.group_by("class", maintain_order=True)
            .agg((pl.col("planned", "delivered") * tokens).sum() / tokens.sum())
            .iter_rows()
        }
        for run, table in courses.items()
    }
    names = dict.fromkeys(name for each in sums.values() for name in each)
    heads = (Column(spoken(run), number=True) for run in sums)
    rows = tuple(
        (
            Span(name, "strong"),
            *(_planned_and_delivered(each.get(name)) for each in sums.values()),
        )
        for name in names
    )
    return (
        Figure(
            "mixture_lengths",
            report_plots.mixture_course(courses, "class"),
            "Shares of tokens by the length of the documents that they are of, relative to the "
            "window of the stage: planned dotted, delivered in full. A document longer than the "
            "window fills it, and the rest of it comes in other windows. Where a stage says "
            "nothing of lengths, planned is what its domains' documents have.",
        ),
        Table((Column("Length of the document"), *heads), rows),
    )


def _planned_and_delivered(shares: tuple[float, float] | None) -> Cell:
    if shares is None:
        return numbers.MISSING
    return Stack((numbers.share(shares[1]), f"planned {numbers.share(shares[0])}"))


def _over_the_stage(courses: Mapping[str, pl.DataFrame]) -> Figure:
    """Shares over the course of runs, and where planned and delivered are furthest apart."""
    apart = {
        run: float((table["delivered"] - table["planned"]).abs().max() or 0)  # type: ignore[arg-type]
        for run, table in courses.items()
    }
    worst = max(apart, key=lambda run: apart[run])
    return Figure(
        "mixture_course",
        report_plots.mixture_course(courses),
        "Shares of tokens over the course of each stage, a point for each of its parts: planned "
        "dotted, delivered in full. A window is of one domain, so within a part they differ by a "
        f"window or two; most in {spoken(worst)}, by {numbers.share(apart[worst])} of a part.",
    )


def _epochs(
    mixtures: Mapping[str, pl.DataFrame],
    available: Mapping[str, int],
    padded: Mapping[str, int],
) -> Table:
    """Tokens of each domain that each run read, how many epochs that is, and the sum of a run."""
    read = {
        (run, row["domain"]): row
        for run, table in mixtures.items()
        for row in table.iter_rows(named=True)
    }
    domains = dict.fromkeys(domain for _, domain in read)
    rows = tuple(
        (
            Span(domain, "strong"),
            numbers.count(available.get(domain)),
            *(_often(read.get((run, domain)), available.get(domain)) for run in mixtures),
        )
        for domain in domains
    )
    sums = {run: int(table["tokens"].sum()) for run, table in mixtures.items()}
    whole: tuple[Cell, ...] = (
        Span("in all", "muted"),
        numbers.count(sum(available.get(domain, 0) for domain in domains)),
        *(Stack((numbers.count(sums[run]), _padding(sums[run], padded[run]))) for run in sums),
    )
    heads = (Column(f"Read in {spoken(run)}", number=True) for run in mixtures)
    columns = (Column("Domain"), Column("Unique tokens", number=True), *heads)
    return Table(columns, (*rows, whole))


def _padding(tokens: int, padded: int) -> str:
    """What the tokens of a run are with padding."""
    return f"{numbers.count(padded)} with padding" if padded > tokens else "without padding"


def _often(row: Mapping[str, float] | None, available: int | None) -> Cell:
    """A cell of the table; ``row`` is that of a domain in a run's mixture."""
    if row is None:
        return numbers.MISSING
    lines = [numbers.count(row["tokens"])]
    if available:
        often = row["tokens"] / available
        lines.append(f"{numbers.decimal(often)} epochs")
        if row["epochs"] > often + MORE_OFTEN:
            lines.append(f"some up to {numbers.decimal(row['epochs'])} times")
    return Stack(tuple(lines))


def distortions_blocks(distortions: Sequence[str]) -> tuple[Block, ...]:
    """What ``scale`` shrank, and each proportion that this changed; nothing for a full run."""
    if not distortions:
        return ()
    words = (
        "The recipe was shrunk to fit a small machine. These proportions are not those of the "
        "full run, so read the outcome as a rehearsal and not as a forecast:"
    )
    return (Aside("This is a scaled-down run", (words,), tuple(distortions)),)
