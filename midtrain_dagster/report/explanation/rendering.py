"""A document's story on the terminal: what `midtrain explain` prints.

Text of documents is shown as text: control characters, which could move the cursor or change the
terminal's title, and characters that reverse the order of reading are made visible.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from midtrain_dagster.report import numbers
from midtrain_dagster.report.corpus_look import spoken_value
from midtrain_dagster.report.explanation.document import Measured, Passage, Story
from midtrain_dagster.report.explanation.side_by_side import pieces
from midtrain_dagster.report.explanation.verdict import also_fails, verdict

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

EXCERPT = 700
PASSAGES = 12
SHORT = 12
FIRST_METADATA = ("url", "title", "licence", "license", "date", "author")

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


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


def seen(text: object) -> str:
    """A text with nothing in it that a terminal would obey."""

    def shown(match: re.Match[str]) -> str:
        code = ord(match.group())
        return chr(0x2400 + code) if code < 0x20 else f"<U+{code:04X}>"

    return _UNSEEN.sub(shown, str(text))


Blocks = Iterator["RenderableType"]


def _head(story: Story, full: bool, marked: bool) -> Blocks:
    found, decision = story.found, story.decision
    yield _text((found.id, "bold"), "  ", f"{found.source}/{found.locator}")
    kept = decision is not None and decision["keep"]
    reason = "" if decision is None or kept else f"  {decision['reason']}"
    yield _text((verdict(story), "green" if kept else "red" if decision else ""), (reason, "dim"))
    others = "; ".join(also_fails(story))
    if others and kept:
        yield _text(f"By the recipe as it is now, {others}: `midtrain run` decides again.")
    elif others:
        yield _text(f"Against it speaks too: {others}.")
    if story.missing:
        told = f"Not made yet, so not told: {', '.join(story.missing)}. `midtrain run` makes them."
        yield _text((told, "yellow"))


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
        rows[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if story.origin:
        made_from = story.origin
        rows["made from"] = f"{made_from['id']}  {made_from['source']}/{made_from['locator']}"
        if made_from["passage"]:
            rows["its passage"] = _cut(made_from["passage"], EXCERPT)
    if story.made_of_it:
        rows["made of it"] = ", ".join(each[:SHORT] for each in story.made_of_it) + " (synthetic)"
    yield _pairs(rows)


def _document_text(story: Story, full: bool, marked: bool) -> Blocks:
    text = story.document["text"]
    if text is None:
        yield _text(("The text is null.", "italic"))
        return
    size = f"{len(text):,} characters, {len(text.encode()):,} bytes"
    shown = text if full else _cut(text, EXCERPT)
    more = "" if full or shown == text else "; the beginning, --full for all of it"
    yield _text((f"{size}{more}", "dim"))
    yield _text(shown)


def _attributes(story: Story, full: bool, marked: bool) -> Blocks:
    if story.language:
        language, score = story.language["language"], story.language["language_score"]
        wanted = story.policy.language
        asked = (
            f"; kept are {', '.join(wanted)} from {story.policy.minimum_language_score:.2f}"
            if wanted
            else "; every language is kept"
        )
        told = f"{language} with a score of {score:.3f}" if language else "not recognised"
        yield _pairs({"language": told + asked})
    measured = [
        *(("ratings", each) for each in story.ratings),
        *(("signals", each) for each in story.signals),
    ]
    tested = [(table, each) for table, each in measured if each.tests]
    if tested:
        yield _tests(tested)
    plain = {each.name: _value(table, each) for table, each in measured if not each.tests}
    if plain:
        told = ", ".join(f"{name} {value}" for name, value in plain.items())
        yield _text(("not tested: ", "dim"), told)
    for name, message in story.errors.items():
        yield _text((f"{name} could not process it: {message}", "red"))


def _tests(tested: list[tuple[str, Measured]]) -> "Table":
    table = _table("attribute", "#value", "bound", "#", "rule", "")
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
            table.add_row(*(_text((cell, style)) for cell in cells))
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
            if name == "edits":
                label = f"becomes {label}" if label else "is cut"
            line = _text((f"{each.start:,}-{each.stop:,}  ", "dim"), (f"{label}  ", "cyan"))
            left, right = ("[", "]") if marked else ("", "")
            line.append_text(
                _text(
                    (_line(each.before), "dim"),
                    (f"{left}{_line(_cut(each.text, 200))}{right}", "reverse"),
                    (_line(each.after), "dim"),
                )
            )
            yield line
        if len(passages) > PASSAGES:
            yield _text((f"and {len(passages) - PASSAGES:,} more", "dim"))

    return make


def _duplicates(story: Story, full: bool, marked: bool) -> Blocks:
    cluster = story.cluster
    if cluster is None:
        return
    yield _text(f"{cluster.size:,} documents; the first stays")
    members = _table("document", "place", "")
    for each in cluster.members:
        here = "this one" if each["id"] == story.found.id else ""
        role = ", ".join(filter(None, ("stays" if each["kept"] else "goes", here)))
        members.add_row(each["id"][:SHORT], _text(f"{each['source']}/{each['locator']}"), role)
    yield members
    for edge in cluster.edges[:PASSAGES]:
        other = edge["b"] if edge["a"] == story.found.id else edge["a"]
        yield _text(
            f"with {other[:SHORT]}: {edge['method']}, Jaccard similarity {edge['jaccard']:.3f}"
        )
    other = next((each for each in cluster.members if each["id"] != story.found.id), None)
    if other and other["text"] is not None and story.document["text"] is not None:
        yield _side_by_side(story, other, marked)


def _side_by_side(story: Story, other: dict[str, Any], marked: bool) -> "Table":
    from rich.text import Text

    left, right = Text(), Text()
    opening, closing = ("[-", "-]") if marked else ("", "")
    for piece in pieces(seen(story.document["text"]), seen(other["text"])):
        for side, words, style in ((left, piece.left, "red"), (right, piece.right, "green")):
            if not words:
                continue
            side.append(" " if side else "")
            if piece.same:
                side.append(words)
            else:
                side.append(f"{opening}{words}{closing}", style=f"bold {style}")
    table = _table(f"this document, {story.found.id[:SHORT]}", other["id"][:SHORT])
    for column in table.columns:
        column.ratio, column.overflow = 1, "fold"
    table.expand = True
    table.add_row(left, right)
    return table


def _contamination(story: Story, full: bool, marked: bool) -> Blocks:
    for hit in story.hits:
        yield _text(
            (f"{hit['benchmark']}, item {hit['item']}", "bold"),
            f"  bytes {hit['start']:,}-{hit['stop']:,}, {hit['ngrams']} n-grams, "
            f"longest common subsequence {hit['lcs_ratio']:.0%}",
        )
        rows = {"in the text": _cut(hit["text"], EXCERPT)}
        if hit["question"]:
            rows["the item asks"] = _cut(hit["question"], EXCERPT)
        yield _pairs(rows)


SECTIONS: tuple[tuple[str, Callable[[Story, bool, bool], Blocks]], ...] = (
    ("", _head),
    ("Where it came from", _origin),
    ("Text", _document_text),
    ("What was measured", _attributes),
    ("Personal data", _spans("personal_data")),
    ("Text that the corpus repeats", _spans("repeated_text")),
    ("Duplicates", _duplicates),
    ("Benchmark text", _contamination),
    ("Edits", _spans("edits")),
)
"""Title and maker of each section, in order; one that has nothing to tell is left out. What happens
to a document after curation (the training steps that saw it) is told after these."""


def _text(*parts: str | tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(
        *(seen(part) if isinstance(part, str) else (seen(part[0]), part[1]) for part in parts)
    )


def _pairs(rows: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(_text(name), _text(str(value)))
    return table


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        right = column.startswith("#")
        table.add_column(column.removeprefix("#"), justify="right" if right else "left")
    return table


def _line(text: str) -> str:
    """A text on one line."""
    return re.sub(r"\s", " ", text)


def _cut(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    return text[:characters].rsplit(" ", 1)[0] + " …"
