"""Workers that a stage has lost: with their process, or with the node that they were on.

Only then does it help to go on from the last checkpoint; an error of the stage's own would come
again. A process that ends is noticed by Ray at once. A node that is gone, as a spot machine is, is
noticed by the workers on other nodes first: their connections to it are closed, and what they
raise looks like any error. So where a stage fails, it is asked for a while whether a node is gone.
"""

import time
from collections.abc import Iterable

from midtrain_dagster.training.checkpoints.checkpoint import read_state
from midtrain_dagster.training.ray_private import is_lost
from midtrain_dagster.training.stage import Stage

GONE_SECONDS = 60.0
"""In which Ray notices that a node is gone: five health checks of ten seconds at most."""

LOOK_SECONDS = 0.5
"""From one look at the nodes to the next."""


def living_nodes() -> set[str]:
    """The ids of the nodes that Ray has."""
    import ray

    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def were_lost(failures: Iterable[BaseException], nodes: set[str]) -> bool:
    """Whether a stage has failed because workers were lost; ``nodes`` are those that there were.

    Waits for as long as Ray may take to notice that one of them is gone.
    """
    if is_lost(failures):
        return True
    until = time.monotonic() + GONE_SECONDS
    while time.monotonic() < until:
        if nodes - living_nodes():
            return True
        time.sleep(LOOK_SECONDS)
    return False


def in_words(run: str, stage: Stage, resume: str | None) -> str:
    """That a worker of a run was lost, the checkpoint it goes on from, and what it waits for."""
    import ray

    words = f"{run}: a worker was lost; it goes on from "
    if resume is None:
        words += "its start"
    else:
        words += f"the checkpoint of step {read_state(resume).step} of {stage.steps}"
    kind = "GPU" if stage.accelerator == "gpu" else "CPU"
    there = int(ray.cluster_resources().get(kind, 0))
    if there < stage.workers:
        words += f", as soon as the cluster has {stage.workers} {kind}s again ({there} are left)"
    return words
