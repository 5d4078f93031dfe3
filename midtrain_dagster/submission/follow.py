"""A job that is found again: its id follows from what is asked, so whoever asks for the same
attaches to what runs already, after a crash or a lost connection as well.

Ray runs a job once, and forgets it with the cluster. So ids end with the number of an attempt: a
job that ended is never looked at again, and the next attempt goes on from what the store has.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.submission.server import JobServer, Tail, UnreachableError

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

ATTEMPTS = 3
"""Jobs that are submitted one after the other where the cluster loses them."""

LOOK_SECONDS = 2.0
"""From one look at the job to the next, where its log says nothing."""

QUIET_SECONDS = 60.0
"""After which the log is asked for anew: its connection may be dead without a sign."""

PATIENCE_SECONDS = 600.0
"""For which a cluster may be away while a job of ours runs there."""

STOP_SECONDS = 20.0
"""In which a job that is stopped should have ended; Ray kills it after three."""

KILLED = (137, -9)
"""How a shell's command ends that a SIGKILL has ended, as that of the kernel short of memory."""


class JobFailedError(ClusterError):
    """A job that ran and failed, or was stopped by others; the message says how it ended."""


@dataclass(frozen=True)
class Request:
    """What is asked of a cluster."""

    name: str
    """The beginning of its jobs' ids: the same for whoever asks for the same."""
    entrypoint: str
    runtime_env: dict[str, Any]
    metadata: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """What is uploaded to be the job's working directory."""

    def id_of(self, attempt: int) -> str:
        """The submission id of an attempt, from 1."""
        return f"{self.name}-{attempt}"


@dataclass
class Following:
    """A request on its way: submitted or attached to, followed to its end, stopped."""

    server: JobServer
    request: Request
    on_line: Callable[[str], None]
    """Called with each line of the job's log."""
    note: Callable[[str], None]
    """Called with what happens to the job itself."""
    on_job: Callable[[str], None] = lambda id_: None
    """Called with the id of each job that is followed."""
    id: str | None = None
    """Of the job that is followed."""
    _seen: int = 0
    _rest: str = ""

    def to_the_end(self) -> str:
        """Follow the job that runs already, or submit one; the id of that which succeeded.

        A job that the cluster has lost is submitted again. Raises :class:`JobFailedError` where
        one failed, and :class:`UnreachableError` where the cluster is away for too long.
        """
        for left in range(ATTEMPTS - 1, -1, -1):
            id_ = self._begun()
            ended = self._followed(id_)
            if ended is not None and ended.status.value == "SUCCEEDED":
                return id_
            problem = _loss(ended)
            if problem is None or not left:
                raise JobFailedError(f"the Ray job {id_} {problem or _end(ended)}")
            self.note(f"the Ray job {id_} {problem}: it is submitted again")
        raise AssertionError("the last attempt raises")

    def stop(self) -> None:
        """End the job that is followed, and wait for a while until it has."""
        if self.id is None:
            return
        self.server.stop(self.id)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until:
            job = self.server.job(self.id)
            if job is None or job.status.is_terminal():
                self.note(f"the Ray job {self.id} is stopped")
                return
            time.sleep(0.5)
        self.note(f"the Ray job {self.id} was told to stop, and runs yet")

    def _begun(self) -> str:
        """The id of the job that runs, or of one that is submitted."""
        known = self.server.jobs(f"{self.request.name}-")
        running = [id_ for id_, job in known.items() if not job.status.is_terminal()]
        if running:
            return self._took(running[0], "attached to the Ray job {}, which runs; all of its log")
        attempt = 1 + max((_attempt(id_) for id_ in known), default=0)
        if self.id is not None:  # the cluster may have lost all of them
            attempt = max(attempt, _attempt(self.id) + 1)
        id_ = self.request.id_of(attempt)
        try:
            self.server.submit(
                id_,
                self.request.entrypoint,
                folder=self.request.folder,
                runtime_env=self.request.runtime_env,
                metadata=self.request.metadata,
            )
        except ClusterError:
            if self.server.job(id_) is None:
                raise
            return self._took(id_, "attached to the Ray job {}, which was submitted just now")
        return self._took(id_, f"submitted as the Ray job {{}} to {self.server.address}")

    def _took(self, id_: str, words: str) -> str:
        """The id of the job that is followed from now on, and that it is."""
        self.id = id_
        self.on_job(id_)
        self.note(words.format(id_))
        return id_

    def _followed(self, id_: str) -> "JobDetails | None":
        """What the job is in the end; None where the cluster knows it no more."""
        self._seen, self._rest = 0, ""
        tail, skip = self.server.tail(id_), 0
        last_word = looked = time.monotonic()
        away: float | None = None
        while True:
            chunk = tail.next(LOOK_SECONDS / 4)
            if chunk:
                last_word = time.monotonic()
                skip = self._tell(chunk, skip)
                if time.monotonic() - looked < LOOK_SECONDS:
                    continue
            if tail.is_open and time.monotonic() - looked < LOOK_SECONDS:
                continue
            looked = time.monotonic()
            try:
                job = self.server.job(id_)
            except UnreachableError as error:
                away = self._away(away, id_, error)
                time.sleep(LOOK_SECONDS)
                continue
            if away is not None:
                self.note(f"{self.server.address} answers again")
                away, tail, skip = None, self.server.tail(id_), self._seen
            if job is None or job.status.is_terminal():
                self._drain(tail, skip)
                return job
            if not tail.is_open or time.monotonic() - last_word > QUIET_SECONDS:
                time.sleep(LOOK_SECONDS / 4)
                tail, skip, last_word = self.server.tail(id_), self._seen, time.monotonic()

    def _away(self, since: float | None, id_: str, error: UnreachableError) -> float:
        """Since when the cluster is away. Raises its error if that is too long."""
        if since is None:
            self.note(f"{error}: waiting for it for {PATIENCE_SECONDS / 60:.0f} minutes")
            return time.monotonic()
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise UnreachableError(
                f"{error}, for {PATIENCE_SECONDS / 60:.0f} minutes; the job {id_} may run yet: run "
                "again to attach to it"
            ) from error
        return since

    def _tell(self, chunk: str, skip: int) -> int:
        """Tell the lines of a chunk, but for ``skip`` characters that were told; what is left to
        skip."""
        if skip >= len(chunk):
            return skip - len(chunk)
        self._seen += len(chunk) - skip
        *lines, self._rest = (self._rest + chunk[skip:]).split("\n")
        for line in lines:
            self.on_line(line)
        return 0

    def _drain(self, tail: Tail, skip: int) -> None:
        """Tell what is left of the log of a job that has ended."""
        until = time.monotonic() + 2 * LOOK_SECONDS
        while tail.is_open and time.monotonic() < until:
            skip = self._tell(tail.next(LOOK_SECONDS / 4), skip)
        if self._rest:
            self.on_line(self._rest)


def _attempt(id_: str) -> int:
    """The number at the end of a job's id."""
    number = id_.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _loss(job: "JobDetails | None") -> str | None:
    """How the cluster lost a job; None where the job itself failed, or somebody stopped it."""
    if job is None:
        return "is known to the cluster no more"
    if job.status.value != "FAILED":
        return None
    if job.driver_exit_code is None:
        return f"was lost ({_last_line(job.message)})"
    return "was killed" if job.driver_exit_code in KILLED else None


def _end(job: "JobDetails | None") -> str:
    assert job is not None
    if job.status.value == "STOPPED":
        return "was stopped: run again to go on from what was finished"
    return f"failed (exit code {job.driver_exit_code}); its log says why"


def _last_line(message: str | None) -> str:
    lines: Sequence[str] = (message or "").strip().splitlines()
    return lines[0] if lines else "without a word"
