"""A document's story on the terminal: what `midtrain explain` prints of a document."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from midtrain_dagster.curation.distribution_rows import spoken_value
from midtrain_dagster.display import numbers
from midtrain_dagster.report.explanation.blocks import (
    Blocks,
    new_table,
    one_line,
    pairs,
    shorten,
    shorten_start,
    styled,
    visible,
)
from midtrain_dagster.report.explanation.document import Measured, Passage, Story
from midtrain_dagster.report.explanation.side_by_side import pieces
from midtrain_dagster.report.explanation.training_runs import Seen
from midtrain_dagster.report.explanation.verdict import also_fails, verdict
from midtrain_dagster.tokens.transcript import LAYOUT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

EXCERPT = 700
PASSAGES = 12
SHORT = 12
FIRST_METADATA = ("url", "title", "licence", "license", "date", "author")


def explain(story: Story, console: "Console", *, full: bool = False) -> None:
    """Print the story; ``full`` prints the whole text instead of its beginning."""
    marked = console.color_system is None
    for title, make in SECTIONS:
        blocks = list(make(story, full, marked))
        if blocks:
            if title:
                console.print(f"\n[bold]{title}[/bold]", soft_wrap=False)
            for block in blocks:
                console.print(block, soft_wrap=False)


def _head(story: Story, full: bool, marked: bool) -> Blocks:
    found, decision = story.found, story.decision
    yield styled((found.id, "bold"), "  ", f"{found.source}/{found.locator}")
    kept = decision is not None and decision["keep"]
    reason = "" if decision is None or kept else f"  {decision['reason']}"
    yield styled((verdict(story), "green" if kept else "red" if decision else ""), (reason, "dim"))
    others = "; ".join(also_fails(story))
    if others and kept:
        yield styled(f"By the recipe as it is now, {others}: `midtrain run` decides again.")
    elif others:
        yield styled(f"Other reasons against it: {others}.")
    if story.missing:
        names = ", ".join(story.missing)
        yield styled((f"Not made yet: {names}. `midtrain run` makes them.", "yellow"))


def _origin(story: Story, full: bool, marked: bool) -> Blocks:
    document = story.document
    rows: dict[str, Any] = {
        "source": document["source"],
        "place": document["locator"],
        "domain, kind": f"{document['domain']}, {document['kind']} ({document['format']})",
        "part": f"{story.found.part + 1} of {story.parts}",
    }
    if document["language"]:
        rows["declared language"] = document["language"]
    known = [name for name in FIRST_METADATA if name in story.metadata]
    for name in (*known, *sorted(story.metadata.keys() - set(known))):
        value = story.metadata[name]
        if name == LAYOUT and isinstance(value, dict):
            continue  # where in the text each message stands: the text shows it
        rows[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if story.origin:
        made_from = story.origin
        rows["made from"] = f"{made_from['id']}  {made_from['source']}/{made_from['locator']}"
        if made_from["passage"]:
            rows["its passage"] = shorten(made_from["passage"], EXCERPT)
    if story.made_of_it:
        rows["made of it"] = ", ".join(each[:SHORT] for each in story.made_of_it) + " (synthetic)"
    yield pairs(rows)


def _making(story: Story, full: bool, marked: bool) -> Blocks:
    for each in story.asked:
        ended = "" if each.finish == "stop" else f" (ended: {each.finish})"
        # What differs between prompts stands at their end, after the worked examples.
        prompt = each.prompt if full else shorten_start(each.prompt, EXCERPT)
        completion = each.completion if full else shorten(each.completion, EXCERPT)
        yield pairs({f"prompt {each.round}": prompt, f"completion{ended}": completion})
    if story.checks:
        yield styled(("passed: ", "dim"), f"it is not {story.checks.replace('_', ' ')}")


def _document_text(story: Story, full: bool, marked: bool) -> Blocks:
    text = story.document["text"]
    if text is None:
        yield styled(("The text is null.", "italic"))
        return
    size = f"{len(text):,} characters, {len(text.encode()):,} bytes"
    shown = text if full else shorten(text, EXCERPT)
    more = "" if full or shown == text else "; the beginning, --full for all of it"
    yield styled((f"{size}{more}", "dim"))
    yield styled(shown)


def _attributes(story: Story, full: bool, marked: bool) -> Blocks:
    if story.language:
        language, score = story.language["language"], story.language["language_score"]
        wanted = story.policy.languages
        asked = (
            f"; kept are {', '.join(wanted)} from {story.policy.minimum_language_score:.2f}"
            if wanted != "all"
            else "; every language is kept"
        )
        found = f"{language} with a score of {score:.3f}" if language else "not recognised"
        yield pairs({"language": found + asked})
    measured = [
        *(("ratings", each) for each in story.ratings),
        *(("signals", each) for each in story.signals),
    ]
    tested = [(table, each) for table, each in measured if each.tests]
    if tested:
        yield _tests(tested)
    plain = {each.name: _value(table, each) for table, each in measured if not each.tests}
    if plain:
        values = ", ".join(f"{name} {value}" for name, value in plain.items())
        yield styled(("not tested: ", "dim"), values)
    for name, message in story.errors.items():
        yield styled((f"{name} could not process it: {message}", "red"))


def _tests(tested: list[tuple[str, Measured]]) -> "Table":
    table = new_table("attribute", "#value", "bound", "#", "rule", "")
    for name, each in tested:
        for test in each.tests:
            side = "at least" if test.bound.side == "minimum" else "at most"
            limit = spoken_value(name, each.name, test.bound.value)
            rule = test.bound.reason.rpartition(":")[0] or test.bound.reason
            style = "" if test.passed else "bold red"
            cells = (
                each.name,
                _value(name, each),
                side,
                limit,
                rule,
                "" if test.passed else "fails",
            )
            table.add_row(*(styled((cell, style)) for cell in cells))
    return table


def _value(table: str, each: Measured) -> str:
    value = numbers.MISSING if each.value is None else spoken_value(table, each.name, each.value)
    if each.percentile is None:
        return value
    return f"{value} (above {each.percentile:.0%} of its source)"


def _spans(name: str) -> Callable[[Story, bool, bool], Blocks]:
    def make(story: Story, full: bool, marked: bool) -> Blocks:
        passages: tuple[Passage, ...] = getattr(story, name)
        for each in passages[:PASSAGES]:
            label = each.label
            if name in ("edits", "c4_edits"):
                shown = "a line break" if label == "\n" else label
                label = f"becomes {shown}" if label else "is cut"
            line = styled((f"{each.start:,}-{each.stop:,}  ", "dim"), (f"{label}  ", "cyan"))
            left, right = ("[", "]") if marked else ("", "")
            line.append_text(
                styled(
                    (one_line(each.before), "dim"),
                    (f"{left}{one_line(shorten(each.text, 200))}{right}", "reverse"),
                    (one_line(each.after), "dim"),
                )
            )
            yield line
        if len(passages) > PASSAGES:
            yield styled((f"and {len(passages) - PASSAGES:,} more", "dim"))

    return make


def _duplicates(story: Story, full: bool, marked: bool) -> Blocks:
    cluster = story.cluster
    if cluster is None:
        return
    yield styled(f"{cluster.size:,} documents; the first stays")
    members = new_table("document", "place", "")
    for each in cluster.members:
        here = "this one" if each["id"] == story.found.id else ""
        role = ", ".join(filter(None, ("stays" if each["kept"] else "goes", here)))
        members.add_row(each["id"][:SHORT], styled(f"{each['source']}/{each['locator']}"), role)
    yield members
    for edge in cluster.edges[:PASSAGES]:
        other = edge["b"] if edge["a"] == story.found.id else edge["a"]
        alike = "" if edge["jaccard"] is None else f", Jaccard similarity {edge['jaccard']:.3f}"
        yield styled(f"with {other[:SHORT]}: {edge['method']}{alike}")
    other = next((each for each in cluster.members if each["id"] != story.found.id), None)
    if other and other["text"] is not None and story.document["text"] is not None:
        yield _side_by_side(story, other, marked)


def _side_by_side(story: Story, other: dict[str, Any], marked: bool) -> "Table":
    from rich.text import Text

    left, right = Text(), Text()
    opening, closing = ("[-", "-]") if marked else ("", "")
    for piece in pieces(visible(story.document["text"]), visible(other["text"])):
        for side, words, style in ((left, piece.left, "red"), (right, piece.right, "green")):
            if not words:
                continue
            side.append(" " if side else "")
            if piece.same:
                side.append(words)
            else:
                side.append(f"{opening}{words}{closing}", style=f"bold {style}")
    table = new_table(f"this document, {story.found.id[:SHORT]}", other["id"][:SHORT])
    for column in table.columns:
        column.ratio, column.overflow = 1, "fold"
    table.expand = True
    table.add_row(left, right)
    return table


def _contamination(story: Story, full: bool, marked: bool) -> Blocks:
    for hit in story.hits:
        yield styled(
            (f"{hit['benchmark']}, item {hit['item']}", "bold"),
            f"  bytes {hit['start']:,}-{hit['stop']:,}, {hit['ngrams']} n-grams, "
            f"longest common subsequence {hit['lcs_ratio']:.0%}",
        )
        rows = {"in the text": shorten(hit["text"], EXCERPT)}
        if hit["question"]:
            rows["the item asks"] = shorten(hit["question"], EXCERPT)
        yield pairs(rows)


def _training(story: Story, full: bool, marked: bool) -> Blocks:
    trained = [each for each in story.seen if each.is_trained]
    if not trained:
        if story.seen:
            yield styled(("No stage is trained yet.", "dim"))
        return
    if all(each.is_held_out for each in trained):
        yield styled("Held out: never trained on.")
        return
    if not any(each.tokens or each.error or each.is_held_out for each in trained):
        yield styled("It is in no token shard: no step of any stage saw it.")
        return
    table = new_table("stage", "#step", "#slot", "tokens")
    for each in story.seen:
        rows = each.sightings.rows() if full else each.sightings.head(PASSAGES).rows()
        table.add_row(
            styled((each.run, "bold")), "", "", styled((_in_all(each), "red" if each.error else ""))
        )
        middles = each.middles or [None] * len(rows)
        for (copy, step, slot, start, stop), middle in zip(rows, middles, strict=False):
            notes = [f"copy {copy}"] if copy > 1 else []
            notes += [f"turned: {middle.order}"] if middle else []
            notes += [f"skipped: {each.skipped[step]}"] if step in each.skipped else []
            span = "  ".join([f"{start:,}-{stop:,}", *notes])
            table.add_row("", f"{step:,}", f"{slot:,}", styled(span))
        if len(rows) < each.sightings.height:
            more = f"and {each.sightings.height - len(rows):,} more, --full for all"
            table.add_row("", "", "", styled((more, "dim")))
    yield table


def _in_all(seen: Seen) -> str:
    """What a run saw of a document, all steps together."""
    if not seen.is_trained:
        return "not trained yet"
    if seen.error:
        return seen.error
    if seen.is_held_out:
        return "held out: never trained on"
    if not seen.sightings.height:
        return f"none of its {seen.steps:,} steps" if seen.tokens else "not in its token shards"
    tokens = int((seen.sightings["stop"] - seen.sightings["start"]).sum())
    steps = seen.sightings["step"].n_unique()
    times = "1 step" if steps == 1 else f"{steps:,} steps"
    skipped = seen.sightings.filter(pl.col("step").is_in(list(seen.skipped)))["step"].n_unique()
    less = f", {skipped:,} of them skipped" if skipped else ""
    return f"{tokens:,} in {times}: {tokens / seen.tokens:.2f} times its {seen.tokens:,}{less}"


SECTIONS: tuple[tuple[str, Callable[[Story, bool, bool], Blocks]], ...] = (
    ("", _head),
    ("Where it came from", _origin),
    ("How it was made", _making),
    ("Text", _document_text),
    ("What was measured", _attributes),
    ("What C4 cuts", _spans("c4_edits")),
    ("Personal data", _spans("personal_data")),
    ("Text that the corpus repeats", _spans("repeated_text")),
    ("Duplicates", _duplicates),
    ("Benchmark text", _contamination),
    ("Edits", _spans("edits")),
    ("Training", _training),
)
"""Title and maker of each section, in order; one that has nothing to tell is left out."""
