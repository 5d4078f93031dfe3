"""Progress in the terminal: a line for each asset, and a bar while it works.

The lines come from Dagster's own events, through an ordinary Dagster logger, so they say what the
UI says. On a terminal a bar moves while an asset works; in a log file a line is written every few
seconds instead.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from resources.artifacts import asset_name

QUIET_SECONDS = 5.0
"""Without a terminal, a line of progress is written at most this often."""


class Terminal:
    """Shows each asset as it is made: its name, rows or tokens, seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("  {task.description:<34}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>9,.0f} of {task.total:,.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[note]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._started: dict[str, float] = {}
        self._told = 0.0

    def __enter__(self) -> "Terminal":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, asset: str, done: int, total: int, unit: str, note: str) -> None:
        """Show how far an asset has come, and how it goes."""
        if total <= 0:
            return
        if self.console.is_terminal:
            if self._task is None:
                self._task = self._bar.add_task(asset, total=total, unit=unit, note=note)
            self._bar.update(
                self._task, description=asset, completed=done, total=total, unit=unit, note=note
            )
        elif time.monotonic() - self._told > QUIET_SECONDS and 0 < done < total:
            self._told = time.monotonic()
            line = f"  {asset:<34} {done:>9,} of {total:,} {unit}  {note}"
            self.console.print(line.rstrip(), highlight=False, markup=False)

    def started(self, asset: str) -> None:
        """An asset begins."""
        self._started[asset] = self._told = time.monotonic()

    def finished(self, asset: str, metadata: Mapping[str, Any]) -> None:
        """An asset is done: write its line."""
        self._clear()
        seconds = time.monotonic() - self._started.pop(asset, time.monotonic())
        self.console.print(
            f"  {asset:<34} {_amount(metadata):>24} {seconds:>8.1f} s",
            highlight=False,
            markup=False,
        )

    def failed(self, asset: str) -> None:
        """An asset failed: say which; the error itself follows."""
        self._clear()
        self.console.print(
            f"  {asset:<34} {'failed':>24}", style="bold red", highlight=False, markup=False
        )

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def logger(self) -> dg.LoggerDefinition:
        """The Dagster logger that feeds this terminal."""
        handler = _EventHandler(self)

        def make(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("midtrain.terminal", level=logging.DEBUG)
            logger.addHandler(handler)
            return logger

        return dg.LoggerDefinition(make, description="Progress for a person at a terminal")


class _EventHandler(logging.Handler):
    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.DEBUG)
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None:
            return
        kind = event.event_type
        if kind == dg.DagsterEventType.STEP_START:
            self._terminal.started(_step_name(event))
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
            materialization = event.step_materialization_data.materialization
            name = asset_name(materialization.asset_key)
            partition = materialization.partition
            shown = f"{name} [{partition}]" if partition else name
            self._terminal._started[shown] = self._terminal._started.pop(
                _step_name(event), time.monotonic()
            )
            self._terminal.finished(shown, materialization.metadata)
        elif kind == dg.DagsterEventType.STEP_FAILURE:
            self._terminal.failed(_step_name(event))


def _step_name(event: dg.DagsterEvent) -> str:
    """A step's asset name: its key is the asset key joined by double underscores, recipe first."""
    return str(event.step_key).split("__", 1)[-1].replace("__", "/")


def _amount(metadata: Mapping[str, Any]) -> str:
    for key, unit in (("tokens", "tokens"), ("dagster/row_count", "rows")):
        if key in metadata:
            return f"{int(metadata[key].value):,} {unit}"
    return ""
