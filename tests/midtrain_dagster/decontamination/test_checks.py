"""Whether a clean scan says something."""

from midtrain_dagster.decontamination.checks import can_be_found


def test_scan_of_which_most_items_cannot_be_found_is_no_evidence() -> None:
    assert can_be_found(10, 5) == (True, "5 of 10 items cannot be looked for")
    assert can_be_found(10, 6) == (False, "6 of 10 items cannot be looked for")
