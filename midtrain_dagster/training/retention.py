"""Which checkpoints of a running stage are due, which are kept, and which one a resume takes.

Where a recipe does not say how often, one is due every few minutes and at each twentieth of the
stage, so that whatever is killed loses little. When that is depends on the clock, so the first
worker decides for all; what is trained does not depend on it.

The last few are kept, because the machine may die while one is written, and those at milestones of
tokens, because curves, soups and post-mortems need them. A resume looks at the folders themselves
and at nobody's list of them: the newest whole checkpoint is it. A damaged one is refused by name
and put aside, and the one before it is taken; that costs a read of the whole checkpoint for its
digests, once a resume.

Folders may be on an object store: all goes through PyArrow's file systems.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.core.atomic_folder import discard, put_aside
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.training.checkpoints.checkpoint import verify_checkpoint
from midtrain_dagster.training.stage import Stage

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

logger = logging.getLogger(__name__)

NAME = re.compile(r"step-(\d{6,})")
"""What the folder of a checkpoint is called; the number is that of updates done."""

PARTIAL = re.compile(r"\.step-(\d{6,})\.(\w+\.)?partial")
"""What the folder is called in which a checkpoint is written before it is whole."""


SECONDS = 180.0
"""From one checkpoint to the next, unless the recipe says after how many steps."""

TWENTIETHS = 20
"""In how many parts a stage is cut, with a checkpoint after each."""


def is_due(stage: Stage, step: int) -> bool:
    """Whether a checkpoint has to be there after ``step`` updates: an interval that the recipe
    says, a milestone, the end."""
    every = stage.checkpoint_every
    interval = every is not None and step % every == 0
    return step == stage.steps or interval or is_milestone(stage, step)


class Usual:
    """When a checkpoint is due of a stage that does not say how often.

    After some minutes and after each twentieth. Neither waits for the disk: where the checkpoint
    before is still being written, it becomes due when that is done.
    """

    def __init__(self, stage: Stage, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage, self._clock = stage, clock
        self._last = clock()
        self._owed = False

    def is_due(self, step: int, *, is_free: bool) -> bool:
        """Whether one is due after ``step`` updates, on the worker that writes; it ``is_free`` to
        write. To be asked once a step."""
        if self._stage.checkpoint_every is not None:
            return False
        twentieth = TWENTIETHS * step // self._stage.steps
        self._owed |= twentieth > TWENTIETHS * (step - 1) // self._stage.steps
        return is_free and (self._owed or self._clock() - self._last > SECONDS)

    def written(self) -> None:
        """One is being written, be it for this or for another reason."""
        self._last, self._owed = self._clock(), False


def is_milestone(stage: Stage, step: int) -> bool:
    """Whether the ``step``-th update was the one that reached a multiple of the milestones."""
    milestones = stage.checkpoints.milestones
    if milestones is None or step < 1:
        return False
    before, after = (stage.batches.tokens_before(each) for each in (step - 1, step))
    return after // milestones > before // milestones


def milestones(stage: Stage) -> list[int]:
    """The steps before its last whose checkpoints a stage keeps for good."""
    return list(_milestones(stage))


def keeps_milestones(stage: Stage) -> bool:
    """Whether there are any, however many steps it has."""
    return next(_milestones(stage), None) is not None


def _milestones(stage: Stage) -> Iterator[int]:
    """From multiple to multiple: of the steps between, a stage may have billions."""
    every, batches = stage.checkpoints.milestones, stage.batches
    if every is None:
        return
    step = batches.step_from(every)
    while step < stage.steps:
        yield step
        step = batches.step_from((batches.tokens_before(step) // every + 1) * every)


def step_of_milestone(stage: Stage, number: int) -> int:
    """After which step a stage reached its ``number``-th milestone, from 1.

    Raises ``ValueError`` where there are fewer, or they keep no moments and state.
    """
    if not stage.checkpoints.moments:
        raise ValueError(
            "it keeps nothing on the way from which a stage could start: give it checkpoints: "
            "{milestones: TOKENS, moments: true}"
        )
    kept = milestones(stage)
    if number > len(kept):
        seen = ", ".join(f"{stage.batches.tokens_before(each):,}" for each in kept)
        after = f", after {seen} tokens" if kept else ""
        raise ValueError(f"it has {len(kept)} milestones before its end{after}")
    return kept[number - 1]


def superfluous(stage: Stage, steps: Iterable[int]) -> list[int]:
    """Those of the steps with a checkpoint whose checkpoints are not kept, in order."""
    ordered = sorted(steps)
    return [
        step for step in ordered[: -stage.checkpoints.keep_last] if not is_milestone(stage, step)
    ]


def prune(folder: str | Path, stage: Stage) -> None:
    """Remove the checkpoints in ``folder`` (a path or URI) that are not to be kept, and what killed
    writes of steps up to the last checkpoint have left.

    Call it after a checkpoint is whole on disk: what is counted as the last is then really there.
    Another process that still writes such a step finds it whole; only where it has fallen so far
    behind that the step is no longer kept does its write fail.
    """
    from pyarrow.fs import LocalFileSystem

    files, root = filesystem_of(folder)
    steps = _steps(files, root)
    for step in superfluous(stage, steps):
        with suppress(FileNotFoundError):
            files.delete_dir(f"{root}/{named(step)}")
    if steps and isinstance(files, LocalFileSystem):
        for path in Path(root).iterdir():
            name = PARTIAL.fullmatch(path.name)
            if name and int(name[1]) <= max(steps):
                discard(path)


def checkpoints_in(folder: str | Path) -> list[int]:
    """The steps of the checkpoints in ``folder`` (a path or URI), damaged ones too."""
    return sorted(_steps(*filesystem_of(folder)))


def latest_checkpoint(
    folder: str | Path, refused: Callable[[CheckpointError], None] | None = None
) -> str | None:
    """The newest whole checkpoint in ``folder`` (a path or URI), as a path or URI; None: none.

    Every damaged one that is newer is handed to ``refused`` (default: a warning in the log) and
    put aside as ``damaged-step-...``; on an object store, which renames no folders, it is removed.
    To be called by one process, before others write.
    """
    files, root = filesystem_of(folder)
    for step in sorted(_steps(files, root), reverse=True):
        found = f"{str(folder).rstrip('/')}/{named(step)}"
        try:
            verify_checkpoint(found)
        except CheckpointError as error:
            (refused or _warn)(error)
            put_aside(files, f"{root}/{named(step)}")
        else:
            return found
    return None


def _warn(error: CheckpointError) -> None:
    logger.warning("a damaged checkpoint is refused, the one before it is used: %s", error)


def named(step: int) -> str:
    """What the folder of the checkpoint after so many updates is called."""
    return f"step-{step:06d}"


def _steps(files: "FileSystem", root: str) -> list[int]:
    from pyarrow.fs import FileSelector, FileType

    found = files.get_file_info(FileSelector(root, allow_not_found=True))
    names = (NAME.fullmatch(info.base_name) for info in found if info.type == FileType.Directory)
    return [int(name[1]) for name in names if name]
