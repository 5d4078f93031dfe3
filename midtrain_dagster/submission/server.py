"""Ray's job server, through the client of Ray's own; every question to it ends in time.

Ray's client waits without end for an answer, and tells nothing of Python's version. Where the
cluster asks for a token, Ray's client sends the one of ``RAY_AUTH_MODE=token``.
"""

import asyncio
import logging
import platform
import queue
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.core.cluster_probe import ANSWER_SECONDS, TOKEN

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

UPLOAD_SECONDS = 120.0
"""Between two signs of life of the server, also where it takes in what was uploaded."""

NOT_FOUND = "status code 404"
"""How Ray's client says that there is no such job."""


SPEAKING = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
"""Modules of Ray's that tell of each step of an upload."""


class UnreachableError(ClusterError):
    """The job server does not answer, at the moment or at all."""


class JobServer:
    """A cluster's job server, asked whether it is one of ours when this is made.

    Raises :class:`ClusterError` where nothing answers within ten seconds, where it is no dashboard
    of Ray's, wants a token that is not here, or runs another Ray or Python.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._require_listener()
        self._client = self._connected()
        self._require_versions()

    def jobs(self, beginning: str) -> "dict[str, JobDetails]":
        """The jobs whose submission ids begin so, by their ids."""
        found = self._asked(lambda client: client.list_jobs())
        return {
            job.submission_id: job
            for job in found
            if job.submission_id and job.submission_id.startswith(beginning)
        }

    def job(self, id_: str) -> "JobDetails | None":
        """What the server says of a job; None: it knows none of that id."""
        return self._asked(lambda client: client.get_job_info(id_))

    def submit(
        self,
        id_: str,
        entrypoint: str,
        *,
        folder: Path | None,
        runtime_env: dict[str, Any],
        metadata: dict[str, str],
    ) -> None:
        """Submit a job; a ``folder`` is uploaded to be its working directory. Raises
        :class:`ClusterError` where it is refused."""
        environment = {**runtime_env, **({"working_dir": str(folder)} if folder else {})}
        self._asked(
            lambda client: client.submit_job(
                submission_id=id_,
                entrypoint=entrypoint,
                runtime_env=environment,
                metadata=metadata,
            )
        )

    def stop(self, id_: str) -> None:
        """Ask a job to end; it has three seconds to do so by itself."""
        self._asked(lambda client: client.stop_job(id_))

    def tail(self, id_: str) -> "Tail":
        """The job's log from its beginning, as it grows."""
        return Tail(self._client, id_)

    def _require_listener(self) -> None:
        parts = urlsplit(self.address)
        try:
            place = (parts.hostname or "", parts.port or 80)
            socket.create_connection(place, timeout=ANSWER_SECONDS).close()
        except TimeoutError:
            raise self._error(
                f"no answer within {ANSWER_SECONDS:.0f} s", UnreachableError
            ) from None
        except OSError as error:
            raise self._error(
                f"no answer ({error.strerror or error}); `ray start --head` starts a cluster, and "
                "its dashboard listens there",
                UnreachableError,
            ) from None

    def _connected(self) -> "JobSubmissionClient":
        import requests
        from ray.exceptions import AuthenticationError

        try:
            return _bounded_client()(self.address)
        except AuthenticationError:
            raise self._error(TOKEN) from None
        except (requests.exceptions.Timeout, ConnectionError):
            raise self._error(
                f"something is there, but it has not answered as Ray does within "
                f"{ANSWER_SECONDS:.0f} s: is it another program's port?",
                UnreachableError,
            ) from None
        except (requests.exceptions.RequestException, RuntimeError, ValueError, KeyError) as error:
            raise self._error(
                f"what answers there is not Ray's dashboard ({type(error).__name__}): is it "
                "another program's port?"
            ) from None

    def _require_versions(self) -> None:
        import ray

        told = self._asked(lambda client: client._do_request("GET", "/api/v0/cluster_metadata"))
        versions = told.json()["data"]
        theirs = (versions["rayVersion"], versions["pythonVersion"])
        ours = (ray.__version__, platform.python_version())
        if theirs != ours:
            raise self._error(
                f"it runs Ray {theirs[0]} on Python {theirs[1]}, and this is Ray {ours[0]} on "
                f"Python {ours[1]}: both must be the same"
            )

    def _asked(self, question: Any) -> Any:
        """The answer to a question; None where it is about a job that is not known."""
        import requests
        from ray.exceptions import AuthenticationError

        try:
            return question(self._client)
        except AuthenticationError:
            raise self._error(TOKEN) from None
        except requests.exceptions.RequestException as error:
            raise self._error(f"no answer ({type(error).__name__})", UnreachableError) from error
        except (RuntimeError, ValueError) as error:
            if NOT_FOUND in str(error):
                return None
            raise self._error(next(iter(str(error).splitlines()), type(error).__name__)) from error

    def _error(self, problem: str, kind: type[ClusterError] = ClusterError) -> ClusterError:
        return kind(f"the Ray cluster at {self.address}: {problem}")


class Tail:
    """A job's log, read by a thread of its own; the one who waits for it can be interrupted."""

    def __init__(self, client: "JobSubmissionClient", id_: str) -> None:
        self._client, self._id = client, id_
        self._chunks: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name=f"log of {id_}", daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether more may come."""
        return self._thread.is_alive() or not self._chunks.empty()

    def next(self, seconds: float) -> str:
        """What has come next; empty where nothing came in time."""
        try:
            return self._chunks.get(timeout=seconds)
        except queue.Empty:
            return ""

    def _read(self) -> None:
        import aiohttp

        async def read() -> None:
            async for chunk in self._client.tail_job_logs(self._id):
                self._chunks.put(chunk)

        try:
            asyncio.run(read())
        except (RuntimeError, aiohttp.ClientError, OSError, ValueError):
            return  # a lost connection: who follows asks for the job, and for another tail


def _bounded_client() -> "type[JobSubmissionClient]":
    """Ray's client, whose requests end in time."""
    from ray.job_submission import JobSubmissionClient

    for module in SPEAKING:
        logging.getLogger(module).setLevel(logging.WARNING)

    class Bounded(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
            answer = UPLOAD_SECONDS if method in ("PUT", "POST") else ANSWER_SECONDS
            options.setdefault("timeout", (ANSWER_SECONDS, answer))
            return super()._do_request(method, endpoint, **options)

    return Bounded
