"""Tries a Ray cluster, in a process of its own: ``python -m ... ADDRESS STORE`` prints what is
wrong with it as a JSON string, or null.

``STORE`` is a ``Storage`` as JSON. ``cluster`` says why this is a process.
"""

import json
import logging
import os
import platform
import socket
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from midtrain_dagster.core.execution import travelling

ANSWER_SECONDS = 10.0
"""In which a cluster has to answer."""
TASK_SECONDS = 60.0
"""In which each node has to run an empty task; a runtime environment is made for it."""

PACKAGE = "midtrain-dagster"
TOKEN = (
    "it needs a token, and there is none here, or another: set RAY_AUTH_MODE=token and "
    "RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH, a file), as the cluster has them"
)


def problem(address: str, store: str) -> str | None:
    """What is wrong with a cluster, in one line; None: nothing."""
    if address != "auto":
        found = _unanswered(address) or _unlike(address)
        if found:
            return found
    import ray
    from ray.exceptions import AuthenticationError, RayError

    try:
        ray.init(
            address,
            runtime_env={"env_vars": travelling()},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except AuthenticationError:
        return TOKEN
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        return _first_line(error)
    return _lacking(store)


def _unanswered(address: str) -> str | None:
    """Whether nothing is there."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return "it is no address: HOST:PORT, or auto on its head node"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        return f"no answer ({error.strerror or error}); `ray start --head` starts one"
    return None


def _unlike(address: str) -> str | None:
    """Whether what is there is another thing, or another version of it."""
    if "://" in address:
        return None
    import ray
    from ray.exceptions import AuthenticationError

    answer = _answer(address)
    if answer is None:
        return (
            "something is there, but it has not answered as Ray does within "
            f"{ANSWER_SECONDS:.0f} s: is it another program's port?"
        )
    if isinstance(answer, AuthenticationError):
        return TOKEN
    if isinstance(answer, Exception):
        return _first_line(answer)
    theirs = (answer["ray_version"], answer["python_version"])
    ours = (ray.__version__, platform.python_version())
    if theirs != ours:
        return (
            f"it runs Ray {theirs[0]} on Python {theirs[1]}, and this is Ray {ours[0]} on Python "
            f"{ours[1]}: both must be the same"
        )
    return None


def _answer(address: str) -> Any:
    """What a cluster says of itself, or the error of asking it; None: nothing, in time."""
    from ray import _raylet
    from ray.exceptions import AuthenticationError

    raylet: Any = _raylet
    told = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    if told and not raylet.AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        return AuthenticationError("there is no token")  # asked, Ray would abort the process
    answers: list[Any] = []
    # Nothing can be told to give up: whoever has not answered in time is left behind.
    thread = threading.Thread(target=_ask, args=(address, answers), daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    return answers[0] if answers else None


def _ask(address: str, answers: list[Any]) -> None:
    from ray import _raylet
    from ray._common.usage.usage_lib import get_cluster_metadata

    raylet: Any = _raylet
    try:
        answers.append(get_cluster_metadata(raylet.GcsClient(address=address)))
    except Exception as error:  # told by who waits for it
        answers.append(error)


def _lacking(store: str) -> str | None:
    """What a node lacks that its tasks will need."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

    nodes = [node for node in ray.nodes() if node["Alive"]]
    task = ray.remote(num_cpus=0, max_retries=0)(_look)
    asked = {
        task.options(scheduling_strategy=OnNode(node["NodeID"], soft=False)).remote(
            _installed(), store
        ): node["NodeManagerAddress"]
        for node in nodes
    }
    done, waiting = ray.wait(list(asked), num_returns=len(asked), timeout=TASK_SECONDS)
    for each in waiting:
        return (
            f"its node {asked[each]} has not run a task that writes to the store within "
            f"{TASK_SECONDS:.0f} s"
        )
    for each in done:
        try:
            answer = ray.get(each)
        except ray.exceptions.RayError as error:
            return _first_line(error)
        if answer is not None:
            return f"its node {asked[each]} {answer}"
    return None


def _look(expected: str | None, store: str) -> str | None:
    """What the node that this runs on lacks. It travels by value, for that the package is there is
    just what is asked."""
    import importlib.metadata
    import importlib.util
    import pathlib
    import uuid

    lacking = [
        name for name in ("polars", "pyarrow", "torch") if not importlib.util.find_spec(name)
    ]
    if lacking:
        return f"lacks {', '.join(lacking)}: install what the project needs there"
    try:
        import midtrain_dagster
        from midtrain_dagster.core.room import FullDiskError
        from midtrain_dagster.core.storage import Storage, StorageError

        # What a job has brought with it lies in its working directory, and is found first.
        if pathlib.Path.cwd() not in pathlib.Path(str(midtrain_dagster.__file__)).parents:
            found = importlib.metadata.version("midtrain-dagster")
            if found != expected:
                return f"has midtrain-dagster {found}, and this is {expected}: install this there"
    except ImportError as error:
        return f"lacks midtrain-dagster ({error}): install the project there"
    storage = Storage.model_validate_json(store)
    if storage.is_local and not pathlib.Path(storage.root).is_dir():
        return f"does not see the store's folder {storage.root}"
    name = f".trial-{uuid.uuid4().hex}"
    try:
        storage.write(name, b"may be removed")
        storage.delete(name)
    except (StorageError, FullDiskError, OSError) as error:
        return (
            f"cannot write to the store ({str(error).splitlines()[0]}): nodes have the credentials "
            "of the environment that they are started in, not of this one"
        )
    return None


def _installed() -> str | None:
    """The version that is installed here; None where the project lies in a job's folder."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


if __name__ == "__main__":
    print(f"\n{json.dumps(problem(*sys.argv[1:]))}", flush=True)
    os._exit(0)  # a thread that still waits for an answer would keep it
