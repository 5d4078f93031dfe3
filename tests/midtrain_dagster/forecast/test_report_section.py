from midtrain_dagster.core.findings import (
    Finding,
    Unknown,
    doubt,
    findings_of,
    findings_table,
    unknown_table,
)
from midtrain_dagster.display.blocks import Notice
from midtrain_dagster.forecast.report_section import preflight_section
from midtrain_dagster.report.page import render

FOUND = [doubt(("evaluation", "general", 0), "has no loss"), Finding(("held_out",), "too few")]


def test_findings_are_tables_and_back() -> None:
    assert findings_of(findings_table([*FOUND, FOUND[0]])) == FOUND


def test_the_section_has_what_was_doubtful_and_what_was_not_known() -> None:
    unknown = unknown_table([Unknown(("stages",), "whether losses fall")])
    section = preflight_section(findings_table(FOUND[:1]), unknown)
    html = render("small", "", [section])
    assert all(words in html for words in ("evaluation.general.0", "has no loss", "losses fall"))
    assert section.gates[0].detail == "nothing stops a run, 1 doubtful"
    nothing = preflight_section(findings_table([]), unknown_table([]))
    assert nothing.blocks == (Notice("Nothing was doubtful."),)
