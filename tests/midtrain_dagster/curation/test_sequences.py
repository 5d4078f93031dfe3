"""FineWeb's sequence as datatrove 0.10.1 runs it, and DCLM's decisions: recorded on 200 real texts.

``python -m benchmarks.agreement_fixture`` recorded them; `texts` are the same texts as there. What
the whole corpus says is in ``docs/sequences.md``.
"""

from hashlib import blake2b
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.curation.c4_edits import c4_edits
from midtrain_dagster.curation.eligibility import eligibility
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals.rules import asked, violation
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.tokens.splits import curated

FIXTURE = Path(__file__).parent / "fixtures" / "sequences.parquet"
FINEWEB = CurationPolicy.model_validate({"languages": "all", "prose": {"policy": "fineweb"}})


@pytest.fixture(scope="module")
def recorded() -> pl.DataFrame:
    return pl.read_parquet(FIXTURE)


@pytest.fixture(scope="module")
def documents(passages: pl.DataFrame, programs: pl.DataFrame) -> pl.DataFrame:
    """Passages of web text and Wikipedia, five of them in one, pages of lines, and programs."""
    some = [*passages["text"][:300], *passages["text"][1000:1300]]
    texts = [
        *some[::8],
        *("\n\n".join(some[at : at + 5]) for at in range(0, 250, 10)),
        *("\n".join(some[at].split(". ") * 2) for at in range(0, 600, 12)),
        *programs["text"][:50],
    ]
    table = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    named = {"kind": "prose", "format": "markdown", "source": "web", "domain": "", "metadata": "{}"}
    return table.with_columns(**{name: pl.lit(value) for name, value in named.items()})


def test_policy_fineweb_keeps_what_fineweb_keeps(
    documents: pl.DataFrame, recorded: pl.DataFrame
) -> None:
    measured = signals(documents, names=FINEWEB.signals, cutting=FINEWEB.cutting)["signals"]
    judged = eligibility(documents, None, measured, None, policy=FINEWEB)["eligibility"]
    assert judged["reason"].str.split(":").list.first().to_list() == recorded["dropped"].to_list()
    assert judged["reason"].null_count() > 50

    edits = c4_edits(documents, policy=FINEWEB)["c4_edits"]
    listed = edits.group_by("id").agg(edits=pl.struct("start", "stop", "replacement"))
    decided = judged.select("id", keep=pl.col("reason").is_null())
    kept = curated(documents, decided.join(listed, on="id", how="left"))["text"]
    digests = [blake2b(text.encode(), digest_size=8).hexdigest() for text in kept]
    assert digests == recorded["kept"].drop_nulls().to_list()


@pytest.mark.parametrize("rule", ["gopher_quality_dclm", "gopher_repetition_dclm"])
def test_rules_named_after_dclm_decide_as_dclm(
    documents: pl.DataFrame, recorded: pl.DataFrame, rule: str
) -> None:
    bounds = asked([rule], {})
    plain = documents.with_columns(format=pl.lit("plain"))
    measured = signals(plain, names=[each.signal for each in bounds])["signals"]
    keeps = measured.select(violation(bounds).is_null()).to_series()
    assert keeps.to_list() == recorded[rule].to_list()
    assert 20 < keeps.sum() < 190
