from hashlib import sha256

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.duplicates import minhash as module
from midtrain_dagster.curation.duplicates.minhash import (
    VERSION,
    band_columns,
    signature_schema,
    signatures,
)

FINEWEB = {"shingle": 5, "bands": 14, "rows": 8, "seed": 1}
BANDS = band_columns(14)


def documents(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})


def test_texts_without_a_shingle_have_no_bands() -> None:
    table = signatures(documents("one two three four five", "one two", None, ""), **FINEWEB)
    found = table["signatures"]
    assert found.schema == signature_schema(14)
    for band in BANDS:
        assert found[band].is_null().to_list() == [False, True, True, True]
    assert found["bytes"].to_list() == [23, 7, None, 0]
    assert found["text_hash"].is_null().to_list() == [False, False, True, False]
    assert found["error"].to_list() == [None, None, "the text is null", None]


def test_case_spacing_and_punctuation_do_not_change_the_bands() -> None:
    table = signatures(
        documents("The cat sat on the mat.", "the CAT   sat on\nthe mat!", "The cat sat on a mat."),
        **FINEWEB,
    )["signatures"]
    one, two, three = table.select(BANDS).rows()
    assert one == two != three
    assert table["text_hash"].n_unique() == 3


def test_no_documents_give_an_empty_table() -> None:
    empty = documents("x").clear()
    assert signatures(empty, **FINEWEB)["signatures"].schema == signature_schema(14)


def test_chunks_and_order_do_not_change_a_signature(
    passages: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = passages.head(40)
    whole = signatures(some, **FINEWEB)["signatures"]
    monkeypatch.setattr(module, "CHUNK_BYTES", 700)
    shuffled = some.sample(fraction=1, shuffle=True, seed=2)
    assert_frame_equal(signatures(shuffled, **FINEWEB)["signatures"].sort("id"), whole.sort("id"))


def test_golden(passages: pl.DataFrame) -> None:
    table = signatures(passages, **FINEWEB)["signatures"]
    digest = sha256(table.write_csv().encode()).hexdigest()
    assert (VERSION, digest[:16]) == (2, "221292bd7835c248")
