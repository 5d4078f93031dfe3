"""What a person sees at a terminal, and what a log file holds."""

from io import StringIO
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from resources import terminal as terminals
from resources.terminal import Terminal

LETTERS = dg.DynamicPartitionsDefinition(name="letters")


@dg.asset(key=["tiny", "documents"])
def documents() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 12_345})


@dg.asset(key=["tiny", "lossy"])
def lossy() -> dg.MaterializeResult:
    said = {"lost": "2 of 3 files of `[notes]` rejected\nnotes: empty 2", "told": "passed over: 1"}
    return dg.MaterializeResult(metadata={"dagster/row_count": 320, **said})


@dg.asset(key=["tiny", "synthetic", "token_shards"])
def token_shards() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"tokens": 6_789, "dagster/row_count": 3})


@dg.asset(key=["tiny", "scores"], partitions_def=LETTERS)
def scores() -> None: ...


@dg.asset(key=["tiny", "checkpoint", "annealed", "control"])
def broken() -> None:
    raise ValueError("no [bold] luck")


def flaky(failures: int) -> dg.AssetsDefinition:
    """An asset that fails some times before it is made; it may be tried twice more."""
    left = [failures]

    @dg.asset(key=["tiny", "rater", "quality"], retry_policy=dg.RetryPolicy(max_retries=2))
    def asked() -> None:
        if left[0]:
            left[0] -= 1
            raise ConnectionError("no [answer]\nsecond line") from OSError("a socket")

    return asked


def shown(*assets: dg.AssetsDefinition, **options: Any) -> list[str]:
    """The lines that a run of the assets leaves in a log file."""
    file = StringIO()
    with Terminal(Console(file=file, width=200, highlight=False), assets) as terminal:
        job = dg.Definitions(
            assets=assets,
            jobs=[dg.define_asset_job("all", dg.AssetSelection.all())],
            loggers={"terminal": terminal.logger()},
            executor=dg.in_process_executor,
        ).resolve_job_def("all")
        job.execute_in_process(
            run_config={"loggers": {"terminal": {}}}, raise_on_error=False, **options
        )
    return file.getvalue().splitlines()


def test_terminal_has_a_line_for_each_asset_with_its_size_and_its_seconds() -> None:
    (first,) = shown(documents)
    assert first.split()[:3] == ["documents", "12,345", "rows"]
    assert first.endswith(" s")


def test_terminal_tells_what_was_lost_behind_an_asset_and_below_it() -> None:
    first, second, third = shown(lossy)
    assert first.split()[:3] == ["lossy", "320", "rows"]
    assert first.endswith(" s  2 of 3 files of `[notes]` rejected")
    assert (second.strip(), third.strip()) == ("notes: empty 2", "passed over: 1")


def test_terminal_has_no_line_for_what_was_found_but_counts_it() -> None:
    file = StringIO()
    with Terminal(Console(file=file, width=200), []) as terminal:
        for reused in (True, False):
            terminal.started("documents")
            found = {"reused": dg.MetadataValue.bool(reused), "tokens": dg.MetadataValue.int(5)}
            terminal.finished("documents", f"documents {reused}", found)
    assert terminal.reused == ["documents True"]
    (line,) = file.getvalue().splitlines()
    assert line.split()[:2] == ["documents", "False"]


def test_terminal_prefers_tokens_to_rows_and_names_assets_by_their_path() -> None:
    (line,) = shown(token_shards)
    assert line.split()[:3] == ["synthetic/token_shards", "6,789", "tokens"]


def test_terminal_names_a_partition_by_its_key() -> None:
    """Brackets are the console's mark-up: printed carelessly, the key is swallowed."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("letters", ["alpha"])
        (line,) = shown(scores, instance=instance, partition_key="alpha")
    assert line.split()[:2] == ["scores", "[alpha]"]


def test_terminal_shows_a_failure_and_no_size() -> None:
    (line,) = shown(broken)
    assert line.split() == ["checkpoint/annealed/control", "failed"]


def test_terminal_shows_a_retry_with_its_reason() -> None:
    first, second, made = (line.split() for line in shown(flaky(2)))
    told = ["rater/quality", "failed,", "again", "ConnectionError:", "no", "[answer]"]
    assert first == second == told
    assert made[0] == "rater/quality" and made[-1] == "s"


def test_terminal_shows_a_failure_when_no_retry_is_left() -> None:
    *retries, failed = (line.split() for line in shown(flaky(3)))
    assert [line[:3] for line in retries] == [["rater/quality", "failed,", "again"]] * 2
    assert failed == ["rater/quality", "failed"]


def test_terminal_writes_a_line_of_progress_every_few_seconds_to_a_log_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = StringIO()
    terminal = Terminal(Console(file=file, width=200), [])
    clock = [0.0]
    monkeypatch.setattr(terminals.time, "monotonic", lambda: clock[0])
    with terminal:
        terminal.started("documents")
        for second in range(13):
            clock[0] = float(second)
            terminal.advance("documents", second * 100, 1_300, "parts", f"at {second}")
        terminal.advance("documents", 1_300, 1_300, "parts", "")
        terminal.advance("nothing", 0, 0, "parts", "")
    lines = [line.split() for line in file.getvalue().splitlines()]
    assert lines == [
        ["documents", "600", "of", "1,300", "parts", "at", "6"],
        ["documents", "1,200", "of", "1,300", "parts", "at", "12"],
    ]


def test_terminal_has_a_bar_that_moves_and_is_gone_when_the_asset_is_done() -> None:
    file = StringIO()
    console = Console(file=file, width=120, force_terminal=True, color_system=None)
    with Terminal(console, []) as terminal:
        terminal.started("base")
        terminal.advance("base", 512, 1_024, "tokens", "loss 2.310")
        terminal._bar.refresh()
        assert "512 of 1,024 tokens" in file.getvalue()
        assert "loss 2.310" in file.getvalue()
        assert "base" in file.getvalue()
        terminal.finished("base", "base", {"tokens": dg.MetadataValue.int(1_024)})
        assert terminal._bar.tasks == []
    assert "1,024 tokens" in file.getvalue()
