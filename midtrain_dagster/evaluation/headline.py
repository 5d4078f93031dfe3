"""What mid-training did to the model: one row per measure, one column per checkpoint.

The report's first table, the one in the UI and the terminal's last one are made of these rows, so
that they cannot differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.words import is_control, is_main, spoken, stage_of
from midtrain_dagster.evaluation.method import ACCURACY


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
    """``target``, ``general``, ``domain`` (neither), or ``benchmark``."""
    unit: str
    higher_is_better: bool
    values: Mapping[str, Measured]

    @property
    def note(self) -> str:
        """What the number is, to stand under the label."""
        words = {"target": "target loss, ", "general": "general loss, ", "domain": "loss, "}
        return words.get(self.role, "") + self.unit

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


def headline(
    losses: pl.DataFrame,
    scores: pl.DataFrame,
    general: Sequence[str] = (),
    targets: Sequence[str] = (),
) -> tuple[Headline, ...]:
    """Rows of the before/after table: target domains, general ones, others, then benchmarks.

    ``losses`` has ``checkpoint``, ``domain``, ``loss`` and ``stderr``; ``scores`` has
    ``checkpoint`` and the columns of ``harness.SCORES``.
    """
    rows = []
    domains = losses["domain"].unique(maintain_order=True).to_list()
    roles = dict.fromkeys(targets, "target") | dict.fromkeys(general, "general")
    order = {"target": 0, "general": 1, "domain": 2}
    for domain in sorted(domains, key=lambda name: order[roles.get(name, "domain")]):
        part = losses.filter((pl.col("domain") == domain) & pl.col("loss").is_not_null())
        values = {
            checkpoint: Measured(loss, stderr)
            for checkpoint, loss, stderr in part.select("checkpoint", "loss", "stderr").iter_rows()
        }
        role = roles.get(domain, "domain")
        rows.append(Headline(domain, role, "nats per token", False, values))
    figures = scores.filter("headline", pl.col("value").is_not_null())
    for (benchmark, metric, unit), part in figures.group_by(
        "benchmark", "metric", "unit", maintain_order=True
    ):
        values = {
            row["checkpoint"]: Measured(row["value"], row["stderr"], bool(row["at_chance"]))
            for row in part.iter_rows(named=True)
        }
        higher = unit == ACCURACY
        words = f"{metric}, %" if higher else str(unit)
        rows.append(Headline(str(benchmark), "benchmark", words, higher, values))
    return tuple(rows)


def checkpoints(losses: pl.DataFrame, scores: pl.DataFrame) -> list[str]:
    """Every checkpoint measured, in order: the base first."""
    names = [*losses["checkpoint"].to_list(), *scores["checkpoint"].to_list()]
    return list(dict.fromkeys(names))


def final_checkpoint(names: Sequence[str]) -> str:
    """The last stage or soup, which is what mid-training leaves behind."""
    return [name for name in names if is_main(name)][-1]


def verdict(rows: Sequence[Headline], names: Sequence[str]) -> list[str]:
    """The outcome in a few sentences, from the same rows as the table.

    ``names`` are the checkpoints in order, the base first.
    """
    first, last = names[0], final_checkpoint(names)
    moves = [_move(rows, role, first, last) for role in ("target", "general")]
    moved = " and ".join(move for move in moves if move)
    sentences = (
        [f"From {first} to {last}, the held-out loss in nats per token {moved}."] if moved else []
    )
    for control in filter(is_control, names):
        stage = stage_of(control)
        changes = [row.change(stage, control) for row in rows if row.role == "target"]
        gains = [change for change in changes if change is not None]
        if gains:
            gained = sum(gains) / len(gains)
            side = "below" if gained < 0 else "above"
            sentences.append(
                f"On target domains {spoken(stage)} is {numbers.loss(abs(gained))} {side} its "
                "control."
            )
    guessing = [
        row.label
        for row in rows
        if row.role == "benchmark" and row.values and all(m.at_chance for m in row.values.values())
    ]
    if guessing:
        sentences.append(f"At chance before and after: {', '.join(guessing)}.")
    return sentences


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
