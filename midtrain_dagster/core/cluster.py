"""Whether a Ray cluster can be worked on, asked before anything is made.

Ray itself tries for minutes to reach an address where nothing answers, and says in many lines what
is wrong where something does. So another process (``cluster_probe``) tries all that a run will do:
it can be given up, and what Ray prints in it is nobody's trouble.
"""

import json
import subprocess
import sys

from midtrain_dagster.core.storage import Storage

SECONDS = 90.0
"""For the whole trial; that no one is there is known after ten."""


class ClusterError(RuntimeError):
    """A Ray cluster that cannot be worked on; the message says why, in one line."""


def require_cluster(address: str, storage: Storage) -> None:
    """Raise :class:`ClusterError` unless the cluster at ``address`` answers, has our versions, and
    each of its nodes has this package and may write to the store."""
    module = f"{__package__}.cluster_probe"
    command = [sys.executable, "-m", module, address, storage.model_dump_json()]
    try:
        tried = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ClusterError(
            f"the Ray cluster at {address} has not run a task within {SECONDS:.0f} s: see its "
            "dashboard, or `ray status`"
        ) from None
    lines = tried.stdout.strip().splitlines()
    if tried.returncode != 0 or not lines:
        told = tried.stderr.strip().splitlines() or ["it said nothing"]
        raise ClusterError(f"the Ray cluster at {address}: trying it failed: {told[0]}")
    problem = json.loads(lines[-1])
    if problem:
        raise ClusterError(f"the Ray cluster at {address}: {problem}")
