"""How often the rules decide as datatrove's filters do: ``docs/agreement.md``.

    python -m benchmarks.agreement [--documents 10000]

datatrove runs in the peers' environment (`agreement_datatrove`) and hands back, with its
decisions, the words (spaCy's tokens) and sentences by which it made them. Each rule is then asked
twice: given those words and sentences, and with our own splitters (`spacy_words`,
`spacy_sentences`); and beside it the nearest rule in our own reading, of our own words. The
documents are real: the 2,000 passages of web text and Wikipedia of the default data, and Debian's
documentation (`corpus`), files of at most `LONGEST` bytes. The last line printed is one JSON object
with the shares that agree.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import corpus
from benchmarks.side_by_side import peers_python
from midtrain_dagster.core.text_buffer import Text, text_buffer
from midtrain_dagster.curation.signals.measure import measure
from midtrain_dagster.curation.signals.rules import Rule, asked, violation
from midtrain_dagster.curation.signals.signals import SIGNALS
from midtrain_dagster.curation.text.sentences import Sentences
from midtrain_dagster.curation.text.words import Words, from_spans

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "agreement.md"
PASSAGES = ROOT / "data/evals/evals/registry/data/schelling_point"
LONGEST = 6_000
AT_A_TIME = 500

OURS: dict[str, Rule] = {
    "gopher_quality_datatrove": "gopher_quality",
    "gopher_repetition_datatrove": "gopher_repetition",
    "c4_fineweb": "c4",
    "fineweb_datatrove": "fineweb",
}
"""The rules in our reading that come nearest to datatrove's."""

FILTERS: dict[Rule, str] = {
    "gopher_quality_datatrove": "GopherQualityFilter",
    "gopher_repetition_datatrove": "GopherRepetitionFilter",
    "c4_datatrove": "C4QualityFilter",
    "c4_fineweb": "C4QualityFilter, no terminal punctuation",
    "fineweb_datatrove": "FineWebQualityFilter",
}

Described = list[dict[str, Any]]


def documents(count: int) -> pl.DataFrame:
    """The documents compared: id, text, source."""
    passages = [
        {"id": f"{source}-{number:04d}", "text": json.loads(line)["0"], "source": source}
        for source in ("owt", "wikipedia")
        for number, line in enumerate((PASSAGES / f"{source}_5.jsonl").open(encoding="utf-8"))
    ]
    table = pl.DataFrame(passages).head(count)
    rest = corpus.documents().filter(pl.col("text").str.len_bytes() <= LONGEST)
    return pl.concat([table, rest.head(count - table.height)])


def described(texts: pl.Series) -> Described:
    """What datatrove decides of each text, and by which words and sentences."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "texts.jsonl"), Path(folder, "described.jsonl")
        source.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [str(peers_python()), "-m", "benchmarks.agreement_datatrove"]
        subprocess.run([*command, str(source), str(target)], cwd=ROOT, check=True)
        return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def given(text: Text, described: Described) -> tuple[Words, Sentences]:
    """The words and sentences that datatrove went by."""

    def places(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
        offsets = np.cumsum([0] + [len(each) for each in lists])
        begins = np.repeat(text.offsets[:-1], np.diff(offsets))
        return offsets, begins + np.array([at for each in lists for at in each], np.int64)

    offsets, starts = places([each["words"][0] for each in described])
    _, stops = places([each["words"][1] for each in described])
    sentences = Sentences(*places([each["sentences"] for each in described]))
    return from_spans(text, offsets, starts, stops), sentences


def reasons(text: Text, words: Words | None, sentences: Sentences | None) -> pl.DataFrame:
    """For each rule, a column with the reason why it drops a document, or null; likewise ``our_``
    and the rule for its counterpart in our reading.
    """
    measured = measure(text, words=words, sentences=sentences)
    signals = pl.DataFrame({name: measured[name] for name in SIGNALS}).cast(SIGNALS)
    return signals.select(
        *(violation(asked([rule], {})).alias(rule) for rule in FILTERS),
        *(violation(asked([ours], {})).alias(f"our_{rule}") for rule, ours in OURS.items()),
    )


def compare(table: pl.DataFrame) -> pl.DataFrame:
    """A row per document and rule: id, source, rule, and four reasons or nulls: theirs, given, own,
    and ours, of the counterpart in our reading (theirs where there is none).
    """
    rows = []
    for part in table.iter_slices(AT_A_TIME):
        text = text_buffer(part["text"])
        theirs = described(part["text"])
        dropped = pl.DataFrame(
            [each["drops"] for each in theirs], schema=dict.fromkeys(FILTERS, pl.String)
        )
        with_given = reasons(text, *given(text, theirs))
        with_own = reasons(text, None, None)
        rows += [
            part.select(
                "id", "source", rule=pl.lit(rule), theirs=dropped[rule],
                given=with_given[rule], own=with_own[rule],
                ours=with_own[f"our_{rule}"] if rule in OURS else dropped[rule],
            )
            for rule in FILTERS
        ]  # fmt: skip
        print(f"{sum(each.height for each in rows) // len(FILTERS)} of {table.height}", flush=True)
    return pl.concat(rows)


def agrees(column: str) -> pl.Expr:
    """Whether the column's decision to keep or drop is datatrove's."""
    return pl.col(column).is_null() == pl.col("theirs").is_null()


def markdown(compared: pl.DataFrame, table: pl.DataFrame) -> str:
    """The report: agreement by filter, and each difference given the same words."""
    megabytes = int(table["text"].str.len_bytes().sum()) / 1e6
    lines = [
        "# Agreement with datatrove",
        "",
        f"`python -m benchmarks.agreement`: {table.height:,} real documents "
        f"({megabytes:.1f} MB), keep or drop as datatrove 0.10.1's",
        "filters with their defaults: *given* spaCy's words and sentences, as datatrove has",
        "them, then on our rewriting of them (`spacy_words`, `spacy_sentences`). At the end stands",
        "the nearest rule in our reading, on our own words (`words`): punctuation is no word.",
        "",
        "| rule | datatrove's filter | it keeps | given | rewritten | our reading | agrees |",
        "|---|---|---:|---:|---:|---|---:|",
    ]
    for rule, name in FILTERS.items():
        rows = compared.filter(pl.col("rule") == rule)
        shares = rows.select(agrees(column).mean() for column in ("given", "own", "ours")).row(0)
        given, own, ours = (f"{share:.2%}" for share in shares)
        lines.append(
            f"| `{rule}` | {name} | {rows['theirs'].null_count():,} | {given} | {own} | "
            + (f"`{OURS[rule]}` | {ours} |" if rule in OURS else "| |")
        )
    titles = {"given": "Differences, given the same words", "own": "Differences, words rewritten"}
    for column, title in titles.items():
        differing = compared.filter(~agrees(column))
        lines += ["", f"## {title}", ""]
        lines += [
            f"- {row['id']} ({row['source']}), `{row['rule']}`: datatrove "
            f"{row['theirs'] or 'keeps'}, ours {row[column] or 'keeps'}"
            for row in differing.iter_rows(named=True)
        ] or ["None."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compare, write the table, print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    count = parser.parse_args().documents
    table = documents(count)
    compared = compare(table)
    report = markdown(compared, table)
    TABLE.write_text(report, encoding="utf-8")
    print(report)
    shares = compared.group_by("rule").agg(given=agrees("given").mean(), own=agrees("own").mean())
    print(
        json.dumps(
            {rule: {"given": one, "own": two} for rule, one, two in shares.sort("rule").rows()}
        )
    )


if __name__ == "__main__":
    main()
