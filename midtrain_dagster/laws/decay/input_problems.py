"""What is wrong with the logs from elsewhere that decay laws are to be fitted to."""

from collections.abc import Callable, Iterator
from pathlib import Path

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.csv_logs import read_log
from midtrain_dagster.laws.decay.curve import LogError


def findings(section: DecayLawSection, path: Callable[[str], str]) -> Iterator[Finding]:
    """Logs that are not there, and those that are none; ``path`` is a path as the recipe means
    it."""
    for name, log in section.logs.items():
        try:
            read_log(Path(path(log.path)), name=name, warmup=log.warmup)
        except LogError as error:
            yield Finding(("logs", name, "path"), str(error))
