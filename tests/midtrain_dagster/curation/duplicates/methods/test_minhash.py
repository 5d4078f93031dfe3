from hashlib import sha256

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.duplicates import signatures as module
from midtrain_dagster.curation.duplicates.methods.minhash import (
    PRESETS,
    VERSION,
    Config,
    band_columns,
    caught,
    signatures,
)

from ...invariance import same_to_a_reader

WORDS = (
    *(
        "Straße",
        "don't",
        "s\u0131n\u0131r",
        "İstanbul",
        "naïve",
        "ΟΔΟΣ",
        "ёлка",
        "किताबें",
        "क़िला",
        "น้ำตาล",
    ),
    *("ﬁnd", "10⁶", "한국어", "東京ガイド", "القاهِرة", "שָׁלוֹם", "Việt", "a+b", "…"),
)
FINEWEB = {"shingle": 5, "bands": 14, "rows": 8, "seed": 1}
BANDS = band_columns(14)
SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "bytes": pl.UInt64(),
        "text_hash": pl.UInt64(),
        **dict.fromkeys(BANDS, pl.UInt64()),
        "error": pl.String(),
    }
)


def documents(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("fineweb", {0.5: 0.053, 0.6: 0.211, 0.7: 0.565, 0.75: 0.772, 0.8: 0.924, 0.9: 1.0}),
        ("strict", {0.5: 0.222, 0.6: 0.597, 0.7: 0.936, 0.75: 0.990, 0.8: 0.999, 0.9: 1.0}),
    ],
)
def test_presets_catch_what_they_say(preset: str, expected: dict[float, float]) -> None:
    """Of fineweb Penedo et al. 2024 give 0.56 at 0.7, 0.77 at 0.75, 0.92 at 0.8."""
    chosen = PRESETS[preset]
    for similarity, share in expected.items():
        found = caught(similarity, bands=chosen["bands"], rows=chosen["rows"])
        assert round(found, 3) == share


def test_strict_catches_99_in_100_at_0_8() -> None:
    assert caught(0.8, bands=PRESETS["strict"]["bands"], rows=PRESETS["strict"]["rows"]) > 0.99


@settings(max_examples=75, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), min_size=5, max_size=12).map(" ".join),
    st.data(),
)
def test_what_a_reader_does_not_see_changes_no_signature(text: str, data: st.DataObject) -> None:
    """Nor, then, a cluster."""
    table = documents(text, data.draw(same_to_a_reader(text)))
    one, two = signatures(table, **FINEWEB)["signatures"].drop("id", "bytes").rows()
    assert one == two and one[0] is not None


def test_what_is_given_replaces_the_preset() -> None:
    assert Config() == Config(preset="fineweb")
    assert Config().model_dump().items() >= PRESETS["fineweb"].items()
    policy = Config.model_validate({"preset": "strict", "threshold": 0.9})
    assert (policy.bands, policy.rows, policy.threshold) == (32, 7, 0.9)
    assert Config(bands=20).rows == 8
    with pytest.raises(ValueError, match=r"preset\n.*'fineweb' or 'strict'"):
        Config.model_validate({"preset": "strictest"})


def test_texts_without_a_shingle_have_no_bands() -> None:
    table = signatures(documents("one two three four five", "one two", None, ""), **FINEWEB)
    found = table["signatures"]
    assert found.schema == SCHEMA
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
    assert signatures(empty, **FINEWEB)["signatures"].schema == SCHEMA


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
    assert (VERSION, digest[:16]) == (3, "15bf23a2ed907c85")
