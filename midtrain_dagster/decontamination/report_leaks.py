"""What the report says of held-out text that was trained on: the losses with it and without it."""

import polars as pl

from midtrain_dagster.decontamination.leaks import CLEAN, Side
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Folded,
    Notice,
    PageSection,
    Span,
    Table,
    Text,
    columns,
    short_id,
)
from midtrain_dagster.display.words import spoken

VERSION = 1

SHOWN = 20
"""Pairs of a held-out document and a training document, at most."""

LEAD = (
    "A loss on text that was trained on measures memory. Every held-out document was held against "
    "every training document; a leak is one of which at least "
    f"{numbers.share(CLEAN)} stands in training documents that contain it, that it contains, or "
    "that are nearly the same."
)


def leaks_section(
    leaks: pl.DataFrame,
    whole: pl.DataFrame,
    clean: pl.DataFrame,
    *,
    held_out: int,
    remove: Side,
) -> PageSection:
    """The section.

    ``leaks`` are ``leaks.LEAKS``; ``whole`` and ``clean`` are the losses by checkpoint and domain
    of all documents that were read and of those that are no leaks (columns checkpoint, domain,
    tokens, loss, stderr); ``held_out`` is how many documents are held out, ``remove`` what the
    recipe says.
    """
    name, title = "held_out_leaks", "Held-out text that was trained on"
    found = leaks["held_out"].n_unique()
    if not found:
        words = f"None of {numbers.count(held_out)} held-out documents is a leak."
        return PageSection(name, title, LEAD, (Notice(words),))
    said = f"{numbers.count(found)} of {numbers.count(held_out)} held-out documents are leaks. "
    blocks: list[Block]
    if remove == "training":
        said += (
            f"The {numbers.count(leaks['id'].n_unique())} training documents that they stand in "
            "were left out of the token shards (held_out_leaks.remove: training), so all losses "
            "are on text that was not trained on."
        )
        blocks = [Text(said)]
    else:
        said += (
            "All other losses of this page are of the clean part "
            "(held_out_leaks.remove: held_out); here it stands beside the whole."
        )
        blocks = [Text(said), _beside(whole, clean)]
    blocks.append(Folded(f"{min(SHOWN, leaks.height)} of {leaks.height:,} pairs", (_pairs(leaks),)))
    return PageSection(name, title, LEAD, tuple(blocks))


def _beside(whole: pl.DataFrame, clean: pl.DataFrame) -> Table:
    """The loss of each domain and checkpoint on all that was read, and on what is clean of it."""
    both = whole.join(
        clean, on=["checkpoint", "domain"], how="left", suffix="_clean", maintain_order="left"
    ).sort("domain", maintain_order=True)
    rows = tuple(
        (
            Span(row["domain"], "strong"),
            spoken(row["checkpoint"]),
            numbers.count(row["tokens"]),
            numbers.loss(row["loss"]),
            numbers.count(row["tokens_clean"]),
            _with_error(row["loss_clean"], row["stderr_clean"]),
            _difference(row["loss"], row["loss_clean"]),
        )
        for row in both.iter_rows(named=True)
    )
    head = ("Domain", "Checkpoint", "#Tokens", "#Loss of the whole", "#Tokens, clean")
    return Table(columns(*head, "#Loss of the clean part", "#Difference"), rows)


def _with_error(loss: float | None, stderr: float | None) -> str:
    if loss is None or stderr is None:
        return numbers.loss(loss)
    return f"{numbers.loss(loss)} ± {numbers.loss(2 * stderr)}"


def _difference(whole: float | None, clean: float | None) -> str:
    if whole is None or clean is None:
        return numbers.MISSING
    return numbers.change(clean - whole)


def _pairs(leaks: pl.DataFrame) -> Table:
    rows = tuple(
        (
            row["domain"],
            short_id(row["held_out"]),
            short_id(row["id"]),
            numbers.count(row["common"]),
            numbers.share(row["overlap"]),
            numbers.share(row["seen"]),
        )
        for row in leaks.head(SHOWN).iter_rows(named=True)
    )
    head = ("Domain", "Held out", "Trained on", "#Words in common", "#Of the shorter one")
    return Table(columns(*head, "#Of the held-out one, seen"), rows)
