from midtrain_dagster.display import losses
from midtrain_dagster.display.losses import Loss, Reason


def loss(source: str, *reasons: Reason) -> Loss:
    return Loss(source, "2 of 3 files", 2 / 3, reasons, 0.2, "mend the files")


def test_headline_names_the_first_sources_and_counts_the_others() -> None:
    assert losses.headline([], "rejected") == ""
    assert losses.headline([loss("a")], "rejected") == "2 of 3 files of `a` rejected"
    told = losses.headline([loss(name) for name in "abcde"], "rejected", at_most=1)
    assert told == "2 of 3 files of `a`, and some of 4 more rejected"


def test_lines_say_each_reason_with_its_examples_cut_short() -> None:
    first = Reason("empty", 2, ("a.md: nothing", "b " * 200))
    one, two = losses.lines([loss("notes", first, Reason("too_large", 1))])
    assert one.startswith("notes: empty 2: a.md: nothing; b b b")
    assert one.endswith(" …") and len(one) < 220
    assert two == "notes: too_large 1"


def test_every_source_over_its_ceiling_is_told_with_what_to_change() -> None:
    reason = Reason(
        "c4:has_lorem_ipsum", 2, ("a.md: text",), field="r.yaml, line 3: curation.prose"
    )
    told = losses.over_ceilings([loss("a", reason), loss("b")], "dropped", "All is kept.")
    assert told.splitlines() == [
        "2 sources lose more than the recipe allows:",
        "  a: 2 of 3 files dropped (67%, at most 20%) - c4:has_lorem_ipsum 2",
        "    c4:has_lorem_ipsum 2 - see r.yaml, line 3: curation.prose",
        "      a.md: text",
        "    mend the files",
        "  b: 2 of 3 files dropped (67%, at most 20%)",
        "    mend the files",
        "All is kept.",
    ]


def test_an_allowance_is_never_below_the_share() -> None:
    assert [losses.allowance(share) for share in (0.3, 2 / 3, 1.0)] == ["0.30", "0.67", "1.00"]
