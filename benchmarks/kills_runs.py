"""What ``benchmarks.kills`` kills: a run on a store of its own, disturbed at moments that are drawn
by a seed, finished, and compared with one that nobody disturbed.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.parts import RECORD
from midtrain_dagster.core.storage import Storage

ROOT = Path(__file__).parents[1]
MOST = 5
"""Runs after a disturbance, at most, until one ends well."""


class Row(NamedTuple):
    """What became of a store."""

    killed: str
    times: int
    finished: int
    """Files that were there when something was killed, summed over the kills."""
    lost: int
    equal: bool
    more_seconds: float
    told: str
    """The last line that a disturbed run printed, if it lived to print one."""


@dataclass
class Place:
    """A store, and how a run is started on it."""

    recipe: Path
    until: str | None
    folder: Path
    root: str
    environment: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    told: str = ""

    @property
    def storage(self) -> Storage:
        """The store."""
        return Storage(root=self.root, endpoint=endpoint_of(self.root.partition("://")[0]))

    def start(self) -> "subprocess.Popen[str]":
        """A run, in a session of its own."""
        until = ["--until", self.until] if self.until else []
        places = {
            "MIDTRAIN_ROOT": self.root,
            "DAGSTER_HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "t"),
            "RAY_TMPDIR": str(self.folder / "t"),
        }
        (self.folder / "t").mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "midtrain", "run", str(self.recipe), *until, *self.arguments],
            cwd=ROOT,
            env={**os.environ, **places, **self.environment},
            stdout=(self.folder / "output").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ends(self, process: "subprocess.Popen[str]") -> bool:
        """Wait for a run; whether it went well. What it said last is kept where it did not."""
        code = process.wait()
        if code:
            lines = (self.folder / "output").read_text("utf-8", "replace").splitlines()
            told = [line.strip() for line in lines if line.strip()]
            # The very last says where the traceback is.
            self.told = (told[-2:] or [""])[0]
        return code == 0

    def finish(self) -> None:
        """Run until it ends well. Raises RuntimeError where it does not."""
        for _ in range(MOST):
            if self.ends(self.start()):
                return
        raise RuntimeError(f"{self.root}: {MOST} runs failed: {self.told}")

    def timed(self) -> float:
        """The seconds that it takes to ``finish``."""
        began = time.monotonic()
        self.finish()
        return time.monotonic() - began

    def finished(self) -> dict[str, int]:
        """Every finished file with the time at which it was written: manifests, and the parts of
        all work that has its record."""
        from pyarrow.fs import FileSelector, FileType

        files = self.storage.filesystem()
        base = self.root.partition("://")[2] or self.root
        everything = FileSelector(base, recursive=True, allow_not_found=True)
        written = {
            Path(info.path).relative_to(base): info.mtime_ns
            for info in files.get_file_info(everything)
            if info.type == FileType.File
        }
        recorded = {path.parent for path in written if path.name == RECORD}
        return {
            str(path): time_of
            for path, time_of in written.items()
            if path.parent in recorded or path.parts[0] == "manifests"
            if not path.name.startswith(".")
        }

    def manifests(self) -> dict[str, bytes]:
        """What was made."""
        return {path: self.storage.read(path) for path in self.storage.list("manifests")}


Disturb = Callable[[Place, float], bool]
"""Starts a run, disturbs it so many seconds later, and waits for its end; whether it came to it."""


@dataclass
class Bench:
    """What all rows share: the undisturbed run, its time, and the moments."""

    recipe: Path
    until: str | None
    kills: int
    draws: random.Random
    folder: Path
    expected: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def place(self, name: str) -> Place:
        """An empty store; its folder's path is short, for Ray's sockets."""
        folder = self.folder / name
        folder.mkdir()
        return Place(self.recipe, self.until, folder, str(folder / "store"))

    def undisturbed(self) -> None:
        """Make the run that all are compared with, and again with nothing to make."""
        place = self.place("0")
        self.seconds = place.timed()
        self.expected = place.manifests()
        self.start_seconds = place.timed()

    def moments(self, count: int) -> list[float]:
        """Seconds after their starts at which so many runs in a row are disturbed."""
        work = self.seconds - self.start_seconds
        points = sorted(self.draws.uniform(0.02, 0.95) * work for _ in range(count))
        return [self.start_seconds + at - before for before, at in pairwise([0.0, *points])]

    def row(
        self, killed: str, place: Place, disturb: Callable[[Place, float], bool], n: int
    ) -> Row:
        """Disturb a run ``n`` times, finish it, and compare."""
        before: list[dict[str, Any]] = []
        began = time.monotonic()
        times = 0
        for moment in self.moments(n):
            times += disturb(place, moment)
            before.append(place.finished())
        place.finish()
        after = place.finished()
        seconds = time.monotonic() - began - self.seconds
        lost = {
            path for each in before for path, time_of in each.items() if after.get(path) != time_of
        }
        made = place.manifests()
        equal = all(made.get(path) == manifest for path, manifest in self.expected.items())
        finished = sum(map(len, before))
        return Row(killed, times, finished, len(lost), equal, round(seconds, 1), place.told)
