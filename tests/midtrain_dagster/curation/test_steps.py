import polars as pl

from midtrain_dagster.curation.signals.rules import RULES
from midtrain_dagster.curation.steps import STEPS, step_of


def test_every_reason_has_its_step() -> None:
    reasons = {
        "kept": None,
        "language:de": "language",
        "language:uncertain": "language",
        "error:language": "language",
        "error:signals": "rules",
        "minimum_characters": "rules",
        **{f"{rule}:word_count": "rules" for rule in RULES},
        "rating:educational": "ratings",
        "error:ratings": "ratings",
        "repeated_text": "repeated_text",
        "duplicate": "duplicates",
        "contamination:mmlu": "contamination",
        "sampling:web": "sampling",
    }
    table = pl.DataFrame({"reason": list(reasons)}).select(step_of(pl.col("reason")))
    assert table.to_series().to_list() == list(reasons.values())
    assert set(reasons.values()) - {None} == set(STEPS) - {"collected"}
