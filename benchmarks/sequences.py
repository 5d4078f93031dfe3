"""How often the policy ``fineweb`` keeps what datatrove's sequence keeps, and DCLM's rules decide
as DCLM: ``docs/sequences.md``.

    python -m benchmarks.sequences [--documents 10000] [--long 1500] [--mutated 4000] [--dclm 3000]

Documents are those of `agreement`; longer ones of Debian's documentation, up to `LONGEST_OF_ALL`
bytes, of which DCLM is asked about a tenth as many; and `mutated` ones, with lines doubled, cut or
joined and with citations, notices, odd breaks and symbols strewn in. datatrove runs its filters one
after the other in the peers' environment (`sequences_peers`), as FineWeb's script does after the
language; ours are the functions that the assets call: signals, eligibility by the policy, edits
applied. Compared are decisions, and of documents that both keep the text, byte for byte. DCLM's own
rules are restated (`dclm_filters`) on the words of the packages that it uses. The last line printed
is one JSON object.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import corpus
from benchmarks.agreement import LONGEST, documents
from benchmarks.side_by_side import peers_python
from midtrain_dagster.curation.c4_edits import c4_edits
from midtrain_dagster.curation.eligibility import eligibility
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals.rules import Rule, asked, violation
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.tokens.splits import curated

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "sequences.md"

LONGEST_OF_ALL = 60_000

DCLM: tuple[Rule, ...] = ("gopher_quality_dclm", "gopher_repetition_dclm")

FINEWEB = CurationPolicy.model_validate({"languages": "all", "prose": {"policy": "fineweb"}})
BY_FORMAT = CurationPolicy(languages="all")

STREWN = (
    *(
        "[1]",
        "[edit]",
        "[citation needed]",
        "Log in",
        "We use cookies here.",
        "Enable JavaScript now",
    ),
    *(
        "...",
        ". . .",
        "\u2026",
        "#",
        "- ",
        "\u2022 ",
        "\r",
        "\x0c",
        "\u2028",
        "\x85",
        "\u00a0",
        "\t",
    ),
    *("x" * 1001, "the the", "3.14", "snake_case", "don't", "{", "lorem ipsum", " \n \n", "\u00ad"),
)


def long_documents(count: int) -> pl.DataFrame:
    """Longer documents of the corpus, the smallest ids, which are hashes."""
    size = pl.col("text").str.len_bytes()
    return corpus.documents().filter(size.is_between(LONGEST + 1, LONGEST_OF_ALL)).head(count)


def mutated(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """Copies of ``count`` documents, each with some of its lines and places changed."""
    draw = random.Random(11)
    rows = table.sample(count, with_replacement=True, seed=11)
    texts = [_mutation(text, draw) for text in rows["text"]]
    ids = pl.Series("id", [f"mutated-{number}" for number in range(count)])
    return rows.with_columns(ids, pl.Series("text", texts), source=pl.lit("mutated"))


def _mutation(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(len(lines))
        match draw.randrange(5):
            case 0:
                lines += [lines[place]] * draw.randint(1, 3)
            case 1:
                lines.insert(place, draw.choice(STREWN))
            case 2:
                at = draw.randint(0, len(lines[place]))
                lines[place] = lines[place][:at] + draw.choice(STREWN) + lines[place][at:]
            case 3:
                lines[place : place + 2] = [" ".join(lines[place : place + 2])]
            case _:
                lines[place : place + 1] = lines[place].split(". ")
    return "\n".join(lines)


def theirs(texts: pl.Series, dclm: int) -> pl.DataFrame:
    """What datatrove keeps of each text, and DCLM of the first so many: dropped, text, dclm."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "texts.jsonl"), Path(folder, "kept.jsonl")
        source.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [str(peers_python()), "-m", "benchmarks.sequences_peers"]
        subprocess.run([*command, str(source), str(target), str(dclm)], cwd=ROOT, check=True)
        rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    schema = {"dropped": pl.String, "text": pl.String}
    decided = {rule: [row.get("dclm", {}).get(rule) for row in rows] for rule in DCLM}
    return pl.DataFrame(rows, schema=schema).with_columns(
        pl.Series(rule, decided[rule], pl.Boolean) for rule in DCLM
    )


def ours(table: pl.DataFrame, policy: CurationPolicy) -> pl.DataFrame:
    """What a policy keeps of each document: id, reason, text (null if it is dropped)."""
    named = table.with_columns(kind=pl.lit("prose"), format=pl.lit("plain"), domain=pl.lit(""))
    named = named.with_columns(metadata=pl.lit("{}"))
    measured = signals(named, names=policy.signals, cutting=policy.cutting)["signals"]
    judged = eligibility(named, None, measured, None, policy=policy)["eligibility"]
    edits = c4_edits(named, policy=policy)["c4_edits"]
    listed = edits.group_by("id").agg(edits=pl.struct("start", "stop", "replacement"))
    decided = judged.select("id", "reason", keep=pl.col("reason").is_null())
    kept = curated(named, decided.join(listed, on="id", how="left")).select("id", "text")
    return decided.join(kept, on="id", how="left", maintain_order="left")


def compare(table: pl.DataFrame, dclm: int) -> dict[str, Any]:
    """The shares that agree on some documents."""
    there = theirs(table["text"], dclm)
    own, by_format = ours(table, FINEWEB), ours(table, BY_FORMAT)["reason"].is_null()
    kept, also = there["dropped"].is_null(), own["reason"].is_null()
    step = own["reason"].str.split(":").list.first()
    both = kept & also
    differ = pl.DataFrame({"id": table["id"], "theirs": there["dropped"], "ours": own["reason"]})
    found = {
        "documents": table.height,
        "kept": int(kept.sum()),
        "decisions": (kept == also).mean(),
        "steps": there["dropped"].eq_missing(step).mean(),
        "texts": (there["text"] == own["text"]).filter(both).mean(),
        "changed": (there["text"] != table["text"].str.strip_chars()).filter(both).mean(),
        "differing": differ.filter(kept != also).rows(),
        "by_format": (kept == by_format).mean(),
        "jaccard": int((kept & by_format).sum()) / max(1, int((kept | by_format).sum())),
    }
    some = table.head(dclm)
    bounds = {rule: asked([rule], {}) for rule in DCLM}
    names = sorted({each.signal for rule in DCLM for each in bounds[rule]})
    measured = signals(some, names=names)["signals"]
    for rule in DCLM:
        keeps = measured.select(violation(bounds[rule]).is_null()).to_series()
        decided = there[rule].head(dclm)
        found[rule] = (keeps == decided).mean()
        found[f"{rule}_kept"] = int(decided.sum())
    return found


def markdown(found: dict[str, dict[str, Any]], dclm: dict[str, int]) -> str:
    """The report."""
    lines = [
        "# Agreement with FineWeb's sequence and DCLM's rules",
        "",
        "`python -m benchmarks.sequences`: datatrove 0.10.1's filters one after the other, as",
        "FineWeb's script has them after the language (C4 cuts, FineWeb's own rules see what it",
        "leaves), beside `policy: fineweb`; and DCLM's rules of Gopher, restated on the words of",
        "`uniseg` and fastText. The language is not compared: what the model is shown is another",
        "matter. *Text* is that of documents that both keep, byte for byte.",
        "",
        "| | " + " | ".join(found) + " |",
        "|---|" + "---:|" * len(found),
    ]

    def row(title: str, *cells: str) -> None:
        lines.append(f"| {title} | " + " | ".join(cells) + " |")

    each = list(found.values())
    row("documents", *(f"{one['documents']:,}" for one in each))
    row("FineWeb keeps", *(f"{one['kept']:,}" for one in each))
    row(
        "of these it cuts more than white space at the ends of",
        *(f"{one['changed']:.1%}" for one in each),
    )
    for name, title in (
        ("decisions", "`policy: fineweb` decides alike"),
        ("steps", "and drops by the same step"),
        ("texts", "and keeps the same text"),
        ("by_format", "`policy: by_format` decides alike"),
        ("jaccard", "Jaccard of what the two keep"),
    ):
        row(title, *(f"{one[name]:.2%}" for one in each))
    row("of them asked of DCLM", *(f"{dclm[name]:,}" for name in found))
    for rule in DCLM:
        row(f"`{rule}`: DCLM keeps", *(f"{one[f'{rule}_kept']:,}" for one in each))
        row(f"`{rule}` decides alike", *(f"{one[rule]:.2%}" for one in each))
    lines += ["", "## Differences of `policy: fineweb`", ""]
    lines += [
        f"- {document}: datatrove {theirs or 'keeps'}, ours {own or 'keeps'}"
        for one in each
        for document, theirs, own in one["differing"]
    ] or ["None."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compare, write the table, print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=1_500)
    parser.add_argument("--mutated", type=int, default=4_000)
    parser.add_argument("--dclm", type=int, default=3_000)
    options = parser.parse_args()
    table = documents(options.documents)
    tables = {
        "documents": table,
        "long documents": long_documents(options.long),
        "mutated": mutated(table, options.mutated),
    }
    counts = {name: min(options.dclm, each.height) for name, each in tables.items()}
    counts["long documents"] = min(options.dclm // 10, options.long)
    found = {name: compare(each, counts[name]) for name, each in tables.items()}
    report = markdown(found, counts)
    TABLE.write_text(report, encoding="utf-8")
    print(report)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
