"""What something was made on: processor, memory, GPUs, and the versions of libraries.

Nothing here is a cause: it is written down for people, beside what was made and never in it.
"""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from midtrain_dagster.core import limits
from midtrain_dagster.core.frozen_model import FrozenModel

PACKAGE = "midtrain-dagster"

LIBRARIES = ("dagster", "ray", "torch", "transformers", "lm-eval", "polars")
"""Those whose versions can show in what is made."""

CPUINFO = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")


class Machine(FrozenModel):
    """A machine and what is installed on it."""

    processor: str
    cores: int
    """Those that this process may use."""
    memory: int
    """Bytes that this process may have."""
    gpus: tuple[str, ...] = ()
    system: str
    python: str
    package: str
    """The version of this project."""
    libraries: dict[str, str]


def machine() -> Machine:
    """The machine that this process runs on."""
    import psutil

    total = int(psutil.virtual_memory().total)
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        memory=min(total, limits.memory() or total),
        gpus=_gpus(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        package=_version(PACKAGE),
        libraries={name: _version(name) for name in LIBRARIES},
    )


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    lines = CPUINFO.read_text("utf-8").splitlines() if CPUINFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def usable_cores() -> int:
    """The cores that this process may use: of the machine's, those that its affinity and its
    container's quota (cgroup) leave it; at least one."""
    from joblib import cpu_count

    known = int(cpu_count())
    return min(known, limits.cores() or known)


def _gpus() -> tuple[str, ...]:
    """The names of NVIDIA's GPUs as its driver tells them, without waiting for a CUDA context."""
    texts = [path.read_text("utf-8") for path in sorted(GPUS.glob("*/information"))]
    lines = [line for text in texts for line in text.splitlines()]
    return tuple(
        line.partition(":")[2].strip() for line in lines if line.partition(":")[0] == "Model"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
