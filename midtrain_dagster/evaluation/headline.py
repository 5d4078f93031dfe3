"""What mid-training did to the model: one row per measure, one column per checkpoint.

The report's first table, the one in the UI and the terminal's last one are made of these rows, so
that they cannot differ. Beside the losses by domain, which are read in the shortest window that any
stage has, stands the loss beyond that window where a stage has a longer one: what an extension of
the context is for.

A benchmark has the row of its method's figure. Where that tells no checkpoint from one that
guesses, the bits per byte of the answer stand before it: below some billion parameters they move
long before anything is right (Schaeffer et al., arXiv 2304.15004).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.words import is_control, is_main, spoken, stage_of
from midtrain_dagster.evaluation.items_asked import counted, left_out
from midtrain_dagster.evaluation.loss_by_position import loss_beyond
from midtrain_dagster.evaluation.method import ACCURACY, BITS

LOSS = "nats per token"


@dataclass(frozen=True)
class Measured:
    """A value with its standard error (null where there is none to estimate)."""

    value: float
    stderr: float | None = None
    at_chance: bool = False


@dataclass(frozen=True)
class Headline:
    """One measure on every checkpoint that has it."""

    label: str
    role: str
    """``target``, ``general``, ``domain`` (neither), ``long`` (documents) or ``benchmark``."""
    unit: str
    higher_is_better: bool
    values: Mapping[str, Measured]
    items: str = ""
    """Of a benchmark, how many items were scored."""
    left_out: str = ""
    """Of a benchmark, the items that were not, with the reasons."""
    figure: str = ""
    """Of a benchmark, which figure it is, in a word or three."""

    @property
    def note(self) -> str:
        """What the number is, to stand under the label."""
        words = {
            "target": "target loss, ",
            "general": "general loss, ",
            "domain": "loss, ",
            "long": "loss on long documents, ",
        }
        return words.get(self.role, "") + self.unit + (f", {self.items}" if self.items else "")

    def written(self, checkpoint: str) -> str:
        """The value with two standard errors, as text."""
        measured = self.values.get(checkpoint)
        if measured is None:
            return numbers.MISSING
        text = self._number(measured.value)
        if measured.stderr is None:
            return text
        return f"{text} ± {self._number(2 * measured.stderr)}"

    def short(self, checkpoint: str) -> str:
        """The value alone, as text; a share with its sign of percent."""
        measured = self.values.get(checkpoint)
        if measured is None:
            return numbers.MISSING
        return self._number(measured.value) + (" %" if self.higher_is_better else "")

    def change(self, checkpoint: str, start: str) -> float | None:
        """How far the value moved from that of ``start``; null where one of them is missing."""
        if checkpoint not in self.values or start not in self.values:
            return None
        return self.values[checkpoint].value - self.values[start].value

    def better(self, checkpoint: str, start: str) -> bool | None:
        """Whether the change is for the better; null where it says nothing.

        That is a change that rounds to zero and, for a benchmark, one within two standard errors
        of the difference. (Losses of all checkpoints are read on the same documents, so their
        errors largely cancel and would hide real changes.)
        """
        moved = self.change(checkpoint, start)
        if moved is None or self._number(abs(moved)) == self._number(0.0):
            return None
        errors = (self.values[checkpoint].stderr or 0.0, self.values[start].stderr or 0.0)
        if self.role == "benchmark" and abs(moved) <= 2 * hypot(*errors):
            return None
        return (moved > 0) == self.higher_is_better

    def written_change(self, checkpoint: str, start: str) -> str:
        """The change as text, with its sign."""
        moved = self.change(checkpoint, start)
        if moved is not None and self.higher_is_better:
            return numbers.change(100 * moved, 1)
        return numbers.change(moved)

    def _number(self, value: float) -> str:
        return f"{100 * value:.1f}" if self.higher_is_better else numbers.loss(value)


@dataclass(frozen=True)
class Measurements:
    """What was measured of every checkpoint, and what the recipe says of it.

    ``losses`` has ``checkpoint``, ``domain``, ``loss`` and ``stderr``; ``positions`` and ``scores``
    have ``checkpoint`` and the columns of ``loss_by_position.POSITIONS`` and ``harness.SCORES``;
    ``asked`` is ``items_asked.ASKED``. ``window`` is the shortest of any stage, in tokens; None
    where no stage has a longer one.
    """

    losses: pl.DataFrame
    positions: pl.DataFrame
    scores: pl.DataFrame
    asked: pl.DataFrame
    general: Sequence[str] = ()
    targets: Sequence[str] = ()
    window: int | None = None

    @property
    def checkpoints(self) -> list[str]:
        """Every checkpoint measured, in order: the base first."""
        names = [*self.losses["checkpoint"].to_list(), *self.scores["checkpoint"].to_list()]
        return list(dict.fromkeys(names))

    @property
    def rows(self) -> tuple[Headline, ...]:
        """The table: target domains, general ones, others, long documents, then benchmarks."""
        return (*self._domains(), *self._beyond(), *self._benchmarks())

    def _domains(self) -> Iterator[Headline]:
        domains = self.losses["domain"].unique(maintain_order=True).to_list()
        roles = dict.fromkeys(self.targets, "target") | dict.fromkeys(self.general, "general")
        order = {"target": 0, "general": 1, "domain": 2}
        for domain in sorted(domains, key=lambda name: order[roles.get(name, "domain")]):
            of_domain = self.losses.filter(pl.col("domain") == domain)
            yield Headline(domain, roles.get(domain, "domain"), LOSS, False, _losses(of_domain))

    def _beyond(self) -> Iterator[Headline]:
        if self.window is None:
            return
        beyond = loss_beyond(self.positions, self.window)
        if beyond.height:
            label = f"beyond {beyond['position'][0]:,} tokens"
            yield Headline(label, "long", LOSS, False, _losses(beyond))

    def _benchmarks(self) -> Iterator[Headline]:
        figures = self.scores.filter(pl.col("value").is_not_null())
        for part in figures.partition_by("benchmark", maintain_order=True):
            shown = part.filter("headline").partition_by("metric", maintain_order=True)
            if shown and says_nothing(shown[0]):
                bits = part.filter(pl.col("unit") == BITS, ~pl.col("headline"))
                shown = [*([bits] if bits.height else []), *shown]
            yield from map(self._benchmark, shown)

    def _benchmark(self, scores: pl.DataFrame) -> Headline:
        """The row of one figure of a benchmark."""
        values = {
            row["checkpoint"]: Measured(row["value"], row["stderr"], bool(row["at_chance"]))
            for row in scores.iter_rows(named=True)
        }
        name, metric, unit = (scores[column][0] for column in ("benchmark", "metric", "unit"))
        higher = unit == ACCURACY
        words = f"{metric}, %" if higher else unit
        items, missing = counted(self.asked, name), left_out(self.asked, name)
        figure = metric.replace("_", " ") if unit == BITS else metric
        return Headline(name, "benchmark", words, higher, values, items, missing, figure)


def says_nothing(scores: pl.DataFrame) -> bool:
    """Whether an accuracy (of ``harness.SCORES``, a row a checkpoint) tells no checkpoint from one
    that guesses: all are at chance, or, where one cannot guess, none has anything right."""
    silent = pl.col("at_chance") | (pl.col("at_chance").is_null() & (pl.col("value") == 0))
    is_share = (scores["unit"] == ACCURACY).all()
    return is_share and bool(scores.select(silent.fill_null(False).all()).item())


def _losses(rows: pl.DataFrame) -> dict[str, Measured]:
    known = rows.filter(pl.col("loss").is_not_null())
    return {
        checkpoint: Measured(loss, stderr)
        for checkpoint, loss, stderr in known.select("checkpoint", "loss", "stderr").iter_rows()
    }


def final_checkpoint(names: Sequence[str]) -> str:
    """The last stage or soup, which is what mid-training leaves behind."""
    return [name for name in names if is_main(name)][-1]


def verdict(rows: Sequence[Headline], names: Sequence[str]) -> list[str]:
    """The outcome in a few sentences, from the same rows as the table.

    ``names`` are the checkpoints in order, the base first.
    """
    first, last = names[0], final_checkpoint(names)
    roles = ("target", "general") if last != first else ()
    moves = [_move(rows, role, first, last) for role in roles]
    moved = " and ".join(move for move in moves if move)
    sentences = (
        [f"From {first} to {last}, the held-out loss in nats per token {moved}."] if moved else []
    )
    for control in filter(is_control, names):
        against = [_against(rows, role, control) for role in ("target", "long")]
        compared = " and ".join(words for words in against if words)
        if compared:
            sentences.append(f"Against its control {spoken(stage_of(control))} is {compared}.")
    guessing = [
        row.label
        for row in rows
        if row.role == "benchmark" and row.values and all(m.at_chance for m in row.values.values())
    ]
    if guessing:
        sentences.append(f"At chance before and after: {', '.join(dict.fromkeys(guessing))}.")
    return sentences


def _against(rows: Sequence[Headline], role: str, control: str) -> str:
    """How far the stage's mean loss on the rows of a role lies from its control's."""
    chosen = [row for row in rows if row.role == role]
    changes = [row.change(stage_of(control), control) for row in chosen]
    gains = [change for change in changes if change is not None]
    if not gains:
        return ""
    gained = sum(gains) / len(gains)
    where = "on target domains" if role == "target" else f"{chosen[0].label} of long documents"
    return f"{numbers.loss(abs(gained))} {'lower' if gained < 0 else 'higher'} {where}"


def _move(rows: Sequence[Headline], role: str, first: str, last: str) -> str:
    """How the mean loss on the domains of a role moved; empty where none was measured."""
    chosen = [row for row in rows if row.role == role and row.change(last, first) is not None]
    if not chosen:
        return ""
    before = sum(row.values[first].value for row in chosen) / len(chosen)
    after = sum(row.values[last].value for row in chosen) / len(chosen)
    domains = ", ".join(row.label for row in chosen)
    return (
        f"on {role} domains ({domains}) {'fell' if after < before else 'rose'} from "
        f"{numbers.loss(before)} to {numbers.loss(after)} ({numbers.change(after - before)})"
    )
