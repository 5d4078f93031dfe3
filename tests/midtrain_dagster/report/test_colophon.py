"""When, where and how fast: said of a run, and no part of what it made."""

from datetime import UTC, datetime

from midtrain_dagster.core.machine import Machine
from midtrain_dagster.display.blocks import PageSection, Seconds, Span, Table, Text, columns
from midtrain_dagster.refresh.record import Amount, Moved, Refreshed
from midtrain_dagster.report import page
from midtrain_dagster.report.colophon import Colophon

MACHINE = Machine(
    processor="Fast <Processor>",
    cores=2,
    memory=16 * 10**9,
    system="Linux 6.1",
    python="3.11.2",
    package="0.1.0",
    libraries={"torch": "2.8.0"},
)
DATE = datetime(2026, 11, 30, 8, 5, tzinfo=UTC)


def test_blocks_have_the_last_refreshes_the_latest_first() -> None:
    moved = Moved(came=Amount(documents=3), went=Amount(documents=1), kept=Amount(documents=7))
    refreshes = [
        Refreshed(
            run=f"run{n}", when="2026-11-30", sources={"web": moved}, seconds={"signals": 1.5}
        )
        for n in range(12)
    ]
    _, table = Colophon(DATE, MACHINE, refreshes=refreshes).blocks
    assert isinstance(table, Table) and len(table.rows) == 10
    run, _, came, went, *_, seconds = table.rows[0]
    assert isinstance(run, Span) and run.text == "run11"
    assert (came, went, seconds) == ("3", "1", "1.5")


def test_one_line_says_date_version_machine_and_duration() -> None:
    made = Colophon(DATE, MACHINE, {"documents": 12.2, "report": 50.0})
    assert made.line == (
        "Made 2026-11-30 08:05 UTC by midtrain-dagster 0.1.0 on Fast <Processor>, 2 cores, "
        "16 GB of memory in 1 min 2 s of work."
    )
    assert Colophon(DATE, MACHINE).line.endswith("16 GB of memory.")
    of_gpus = MACHINE.model_copy(update={"gpus": ("H200", "H200")})
    assert " on 2 x H200, 16 GB of memory" in Colophon(DATE, of_gpus).line


def test_assets_are_listed_with_their_seconds_the_slowest_first() -> None:
    machine, seconds = Colophon(DATE, MACHINE, {"documents": 2.25, "report": 50.0}).blocks
    assert isinstance(machine, Table) and isinstance(seconds, Table)
    assert ("torch", "2.8.0") in [(row[0].text, row[1]) for row in machine.rows]  # type: ignore[union-attr]
    assert [row[1] for row in seconds.rows] == ["50.0", "2.2"]
    assert len(Colophon(DATE, MACHINE).blocks) == 1


def test_the_page_has_a_place_for_it_and_is_otherwise_the_same() -> None:
    html = page.render("demo", "", [])
    copy = page.with_colophon(html, Colophon(DATE, MACHINE))
    assert "UTC" not in html and "Fast &lt;Processor&gt;" in copy
    before, _, after = html.partition(page.COLOPHON)
    assert copy.startswith(before) and copy.endswith(after)


def test_cells_of_seconds_are_filled_in_the_copy_alone() -> None:
    hostile = "--><b>"
    rows = ((Seconds("synthesis/qa/documents"), Seconds(hostile)),)
    forged = "<!-- seconds of synthesis/qa/documents -->\N{EN DASH}"
    blocks = (Table(columns("#seconds", "#of another"), rows), Text(forged))
    html = page.render("demo", "", [PageSection("a", "A", None, blocks)])
    copy = page.with_colophon(html, Colophon(DATE, MACHINE, {"synthesis/qa/documents": 1234.56}))
    cells = [part.partition("</td>")[0] for part in copy.split('<td class="number">')]
    assert cells[-2:] == ["1,234.6", "\N{EN DASH}"]
    assert html.count("\N{EN DASH}</td>") == 2
    assert hostile not in html
    assert forged.replace("<", "&lt;").replace(">", "&gt;") in copy, "a document's text is text"
