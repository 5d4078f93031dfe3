"""Progress in the terminal: a line for each asset, and a bar while it works.

The lines come from Dagster's own events, through an ordinary Dagster logger, so they say what the
UI says. On a terminal a bar moves while an asset works; in a log file a line is written every few
seconds instead.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from midtrain_dagster.core import interruption
from resources.artifacts import REUSED, asset_name

MARGIN = 12
"""The column of names is this much wider than the longest, for the keys of partitions."""

QUIET_SECONDS = 5.0
"""Without a terminal, a line of progress is written at most this often."""

LOST = "lost"
"""Metadata of this name is text about data that went away: its first line is printed behind the
asset's, the others below."""

TOLD = "told"
"""Likewise, of what is worth knowing and no reason to worry."""


class Terminal:
    """Shows each asset as it is made: its name, rows or tokens, seconds.

    ``assets`` are those that will be made: a step's events carry its name and no asset key.
    """

    def __init__(self, console: Console, assets: Iterable[dg.AssetsDefinition]) -> None:
        self.console = console
        self._names = {each.op.name: asset_name(each.key) for each in assets}
        self._width = max((len(name) for name in self._names.values()), default=0) + MARGIN
        self._bar = Progress(
            TextColumn(f"  {{task.description:<{self._width}}}"),
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
        self.reused: list[str] = []
        """What was found, and has no line of its own."""
        self._shown = 0.0

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
        elif time.monotonic() - self._shown > QUIET_SECONDS and 0 < done < total:
            self._shown = time.monotonic()
            line = f"  {asset:<{self._width}} {done:>9,} of {total:,} {unit}  {note}"
            self.console.print(line.rstrip(), highlight=False, markup=False)

    def started(self, step: str) -> None:
        """An asset begins."""
        self._started[step] = self._shown = time.monotonic()

    def finished(self, step: str, shown: str, metadata: Mapping[str, Any]) -> None:
        """An asset is done: write its line, under the name to be ``shown``, if it was made."""
        seconds = time.monotonic() - self._started.pop(step, time.monotonic())
        if REUSED in metadata and metadata[REUSED].value:
            self._clear()
            self.reused.append(shown)
            return
        line = f"{shown:<{self._width}} {_amount(metadata):>24} {seconds:>8.1f} s"
        notes = list(_notes(metadata))
        self._write(line, note=notes[0] if notes else None)
        for note in notes[1:]:
            self._write("", note=note)

    def retried(self, step: str, seconds: float, reason: str) -> None:
        """An asset failed and will be tried again: say when, and what happened."""
        when = f"again in {seconds:,.0f} s" if seconds >= 1 else "again"
        self._write(
            f"{self._name(step):<{self._width}} {f'failed, {when}':>24}  {reason}", "yellow"
        )

    def warned(self, message: str) -> None:
        """An asset has something to say that a person should know."""
        self._write(message, "yellow")

    def failed(self, step: str) -> None:
        """An asset failed, or was stopped with the process: say which; the error itself follows."""
        word, style = ("stopped", "yellow") if interruption.came() else ("failed", "bold red")
        self._write(f"{self._name(step):<{self._width}} {word:>24}", style)

    def _name(self, step: str) -> str:
        return self._names.get(step, step)

    def _write(self, line: str, style: str | None = None, note: Text | None = None) -> None:
        self._clear()
        text = Text(f"  {line}  ").append_text(note) if note else Text(f"  {line}")
        self.console.print(text, style=style, highlight=False)

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
        told = getattr(record, "dagster_meta", {})
        event = told.get("dagster_event")
        if event is None:
            if record.levelno >= logging.WARNING:
                self._terminal.warned(told.get("orig_message", record.getMessage()))
            return
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._terminal.started(event.step_key)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                made = event.step_materialization_data.materialization
                name = asset_name(made.asset_key)
                shown = f"{name} [{made.partition}]" if made.partition else name
                self._terminal.finished(event.step_key, shown, made.metadata)
            case dg.DagsterEventType.STEP_UP_FOR_RETRY:
                retry = event.step_retry_data
                self._terminal.retried(
                    event.step_key, retry.seconds_to_wait or 0, _reason(retry.error)
                )
            case dg.DagsterEventType.STEP_FAILURE:
                self._terminal.failed(event.step_key)


def _reason(error: Any) -> str:
    """The first line of the error that the asset raised; Dagster wraps it once."""
    raised = error.cause or error
    return str(raised.message).partition("\n")[0]


def _amount(metadata: Mapping[str, Any]) -> str:
    for key, unit in (("tokens", "tokens"), ("dagster/row_count", "rows")):
        if key in metadata:
            return f"{int(metadata[key].value):,} {unit}"
    return ""


def _notes(metadata: Mapping[str, Any]) -> Iterator[Text]:
    """What an asset says of itself, line by line."""
    for key, style in ((LOST, "yellow"), (TOLD, "dim")):
        said = metadata[key].value if key in metadata else ""
        yield from (Text(line, style) for line in str(said).splitlines())
