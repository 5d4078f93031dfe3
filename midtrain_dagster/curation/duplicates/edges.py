"""From candidate pairs to edges: what was measured of a pair is kept, and never measured again.

Candidates are joined anew over all signatures, which reads no text. Of them only the pairs that no
earlier artifact has verified are read, so new documents cost the verification of their own pairs.
"""

from collections.abc import Sequence

import polars as pl

from midtrain_dagster.core.artifacts import Figures, Part, scan_parts
from midtrain_dagster.core.causes import digest, versions_of
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.curation.duplicates import candidates, verification
from midtrain_dagster.curation.duplicates.method import Corpus

VERSION = 1
USES = (verification,)

VERIFIED = "verified"


def verified_edges(
    corpus: Corpus,
    proposals: Sequence[Work],
    *,
    shingle: int | None = None,
    threshold: float = 1.0,
) -> tuple[list[Part], Figures]:
    """Verify the pairs that the units of work propose, and write those that are duplicates.

    ``proposals`` each give a table of `candidates.PAIRS`; the section under which the artifact is
    made names ``shingle``, if the method has one. Returns the table ``edges``, and the tables
    ``verified`` that it was made from, of earlier artifacts too; and how many candidates there are.
    """
    storage = corpus.storage
    pairs = candidates.union([read_table(storage, part) for part in _all(corpus, proposals)])
    earlier = _measured(corpus, shingle)
    known = [read_table(storage, part) for part in earlier]
    verified = pl.concat([verification.VERIFIED.to_frame(), *known])
    made = _verify(corpus, verification.unverified(pairs, verified), shingle)
    verified = pl.concat([verified, *(read_table(storage, part) for part in made)])
    edges = verification.edges(pairs, verified, threshold=threshold)
    needed = [
        part
        for part, table in zip(earlier, known, strict=True)
        if table.join(pairs, on=["a", "b"], how="semi").height
    ]
    return [corpus.write("edges", edges), *needed, *made], {"candidates": pairs.height}


def _all(corpus: Corpus, works: Sequence[Work]) -> list[Part]:
    return [part for made in corpus.run(works) for part in made]


def _measured(corpus: Corpus, shingle: int | None) -> list[Part]:
    """The tables of pairs that earlier artifacts verified alike, each once, sorted by path."""
    alike = versions_of(verification).items()
    found = {
        part.path: part
        for artifact in corpus.earlier
        if alike <= artifact.manifest.versions.items()
        and artifact.manifest.section.get("shingle") == shingle
        for part in artifact.manifest.parts
        if part.table == VERIFIED
    }
    return [found[path] for path in sorted(found)]


def _verify(corpus: Corpus, pairs: pl.DataFrame, shingle: int | None) -> list[Part]:
    """Read the texts of the pairs, batch by batch, and measure how alike they are."""
    members = pl.concat([pairs["a"], pairs["b"]]).unique().implode()
    sizes = [
        scan_parts(corpus.storage, [part])
        .select("id", "bytes", part=pl.lit(number))
        .filter(pl.col("id").is_in(members))
        for number, part in enumerate(corpus.signatures)
    ]
    works = [
        Work(
            verification.verify,
            scans={"documents": [corpus.documents[number] for number in batch.parts]},
            parameters={"shingle": shingle},
            causes=digest(batch.pairs.write_csv().encode()),
            arguments={"pairs": batch.pairs},
            effort=verification.EFFORT,
        )
        for batch in verification.batches(pairs, pl.concat(sizes).collect())
    ]
    return _all(corpus, works)
