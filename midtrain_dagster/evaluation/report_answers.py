"""A few items of each benchmark with what the last checkpoint answered, folded."""

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Any

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Code,
    Folded,
    Heading,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import excerpt, spoken
from midtrain_dagster.evaluation import answers as chosen
from midtrain_dagster.evaluation.answers import EACH
from midtrain_dagster.evaluation.headline import final_checkpoint

VERSION = 1
USES = (chosen,)

SHORT = 300
"""Characters of a text that are shown at once; a longer one is folded."""

CHOICE = 160
"""Characters of a choice that are shown in its row."""

WORDS = (
    "Items of each benchmark with what {} answered: up to {} that it has right and as many that it "
    "has wrong; of benchmarks that measure a loss, those with the fewest and with the most bits "
    "per byte. Which of many are shown is drawn from their names, the same in every run. They are "
    "anecdotes. The right choice is bold, and so are the best figures. Texts are those of the "
    "benchmark and of a model, as they are."
)

KINDS = {
    "right": "right",
    "wrong": "wrong",
    "lowest": "few bits per byte",
    "highest": "many bits per byte",
}


def answers_blocks(
    answers: pl.DataFrame, items: Mapping[str, pl.DataFrame], by_item: pl.DataFrame
) -> list[Block]:
    """A fold a benchmark. ``answers`` (``answers.ANSWERS``) and ``by_item`` (``harness.BY_ITEM``)
    have a ``checkpoint``; ``items`` are the benchmarks' (``benchmark.ITEMS``)."""
    if answers.is_empty():
        return []
    every = answers["checkpoint"].unique(maintain_order=True).to_list()
    last = final_checkpoint(every)
    shown = answers.filter(checkpoint=last)
    if shown.is_empty():
        return []
    folds = [
        Folded(
            f"{benchmark}: {_counted(part)}",
            tuple(_benchmark(part, items[str(benchmark)], by_item.filter(benchmark=benchmark))),
        )
        for (benchmark,), part in shown.group_by("benchmark", maintain_order=True)
    ]
    words = WORDS.format(spoken(last), EACH)
    return [Heading("Items and answers"), Text(words, note=True), *folds]


def _counted(part: pl.DataFrame) -> str:
    kinds = part["kind"].to_list()
    told = [f"{kinds.count(kind)} {words}" for kind, words in KINDS.items() if kind in kinds]
    absent = {"right": "none is right", "wrong": "none is wrong"}
    is_share = "right" in kinds or "wrong" in kinds
    return ", ".join(
        [*told, *(words for kind, words in absent.items() if is_share and kind not in kinds)]
    )


def _benchmark(part: pl.DataFrame, items: pl.DataFrame, by_item: pl.DataFrame) -> Iterator[Block]:
    known = items.rows_by_key("item", named=True, unique=True)
    for row in part.iter_rows(named=True):
        yield from _item(row, known[row["item"]], by_item.filter(item=row["item"]))


def _item(
    row: Mapping[str, Any], item: Mapping[str, Any], by_item: pl.DataFrame
) -> Iterator[Block]:
    """One item: the question, the right answer, what was answered, and what others made of it."""
    tone: Any = {"right": "passed", "wrong": "failed"}.get(row["kind"], "same")
    named = f"{row['metric']} {row['value']:.3g}"
    title = (
        Span(KINDS[row["kind"]], tone),
        " ",
        Span(f"item {row['item']}", "strong"),
        f" {named}",
    )
    yield Text(title)
    weighs = row["weighed"] and not (row["written"] and len(row["weighed"]) == 1)
    if not weighs or _stand_in_question(row["weighed"]):
        yield from _long("Question", item["question"])
    right = item["answer"]
    if right is None and item["gold"] is not None and item["choices"]:
        right = item["choices"][item["gold"]]
    if right:
        yield from _long("Right answer", right)
    for number, written in enumerate(row["written"], start=1):
        which = f" {number} of {row['samples']}" if row["samples"] > 1 else ""
        cut = ", cut at the most tokens" if written["is_cut"] else ""
        yield from _long(f"Written{which}{cut}", written["text"], written["behind"])
    if weighs:
        yield from _weighed(row["weighed"], right)
    yield Text(_others(by_item, row), note=True)


def _long(name: str, text: str, behind: int = 0) -> Iterator[Block]:
    """A text under its name; folded where it is long."""
    more = f" ({behind:,} more characters are not kept)" if behind else ""
    if not text.strip():
        yield Text((Span(f"{name}: ", "muted"), Span("nothing", "muted")))
    elif len(text) <= SHORT and "\n" not in text.strip():
        yield Text((Span(f"{name}: ", "muted"), text.strip() + more))
    else:
        yield Folded(f"{name}: {excerpt(text, 100)}", (Code(text + more),))


def _weighed(weighed: Sequence[Mapping[str, Any]], right: str | None) -> Iterator[Block]:
    """The continuations that were weighed, each with its likelihood; what they stand behind is told
    where it differs."""
    prompts = list(dict.fromkeys(each["prompt"] for each in weighed))
    apart = _stand_in_question(weighed)
    heads = columns("Continuation", "#Log-likelihood, nats", "#Bits per byte")
    for prompt in [None] if apart else prompts:
        rows = [each for each in weighed if prompt is None or each["prompt"] == prompt]
        bits = [-each["nats"] / log(2) / max(1, each["bytes"]) for each in rows]
        most, least = max(each["nats"] for each in rows), min(bits)
        table: list[tuple[Cell, ...]] = []
        for each, by_byte in zip(rows, bits, strict=True):
            text = each["continuation"].strip() or each["continuation"]
            told = f"… {each['prompt'][-CHOICE:]} | {text}" if apart else text
            is_right = right is not None and text == right.strip()
            line = excerpt(told, CHOICE)
            table.append(
                (
                    Span(line, "strong") if is_right else line,
                    _best(numbers.loss(each["nats"]), len(rows) > 1 and each["nats"] == most),
                    _best(numbers.loss(by_byte), len(rows) > 1 and by_byte == least),
                )
            )
        if prompt is not None:
            before = rows[0]["before"]
            cut = f" ({before:,} characters before it are not kept)" if before else ""
            yield from _long(f"Asked after{cut}", prompt or "nothing")
        yield Table(heads, tuple(table))


def _stand_in_question(weighed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the choices stand in the question, so that each continuation has another prompt."""
    return len({each["prompt"] for each in weighed}) == len(weighed) > 1


def _best(number: str, is_best: bool) -> Cell:
    told = number.replace("-", numbers.MINUS)
    return Span(told, "strong") if is_best else told


def _others(by_item: pl.DataFrame, row: Mapping[str, Any]) -> str:
    """What every checkpoint made of the item, by the same metric."""
    told = [
        f"{spoken(each['checkpoint'])} {each['sum'] / max(1, each['count']):.3g}"
        for each in by_item.filter(metric=row["metric"]).iter_rows(named=True)
    ]
    return f"{row['metric']} of this item: {', '.join(told)}."
