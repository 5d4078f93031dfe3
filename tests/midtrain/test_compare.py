from typing import Any


def test_runs_are_listed_and_compared(whole_run: Any) -> None:
    command, _ = whole_run
    listed = command.here("list")
    assert listed.code == 0
    lines = [line for line in listed.output.splitlines() if " tiny " in line]
    assert lines
    assert any("done" in line for line in lines), listed.output
    first = next(line for line in lines if "done" in line).split()[0]
    compared = command.here("compare", first[:6], first)
    assert compared.code == 0, compared.output
    for told in ("no difference", "0.000", "B minus A", "extended"):
        assert told in compared.output
    unknown = command.here("compare", first, "none")
    assert unknown.code == 2
    assert "no run has that id" in unknown.output
