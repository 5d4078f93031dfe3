import polars as pl

from midtrain_dagster.curation.standing import VERSION, standing

JUDGED = pl.DataFrame(
    {
        "id": ["poor", "copy", "worn", "whole"],
        "reason": ["rating:quality", None, None, None],
        "utf8_bytes": [100, 100, 100, 100],
    }
)
CLUSTERS = pl.DataFrame({"id": ["copy", "poor", "elsewhere"], "kept": [False, False, False]})
SPANS = {"start": [0, 50, 0, 0], "stop": [30, 71, 50, 90]}
REPEATED = pl.DataFrame({"id": ["worn", "worn", "whole", "copy"], **SPANS})


def test_a_reason_of_an_earlier_step_stays() -> None:
    found = standing(JUDGED, CLUSTERS, REPEATED, maximum_repeated=0.5)
    assert VERSION == 1
    assert found["reason"].to_list() == ["rating:quality", "duplicate", "repeated_text", None]


def test_without_repeated_text_only_duplicates_fall() -> None:
    for repeated in (None, REPEATED.clear()):
        found = standing(JUDGED, CLUSTERS, repeated, maximum_repeated=0.5)
        assert found["reason"].to_list() == ["rating:quality", "duplicate", None, None]
