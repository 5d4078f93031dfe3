"""One measured run of the signals, ours or datatrove's filters, on a core: a process of `signals`.

    python -m benchmarks.signals_runs NAME FILE CORE SECONDS

FILE holds the texts, one JSON string a line. Prints megabytes of text per second, the best of as
many rounds as fit into SECONDS (one at least), reading and writing files left out.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

WARM_UP = 20


def ours(texts: list[str]) -> Callable[[slice], object]:
    """The whole unit of work: a table of documents to the table of signals."""
    import polars as pl

    from midtrain_dagster.curation.signals.signals import signals

    table = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    return lambda rows: signals(table[rows])


def datatrove(texts: list[str]) -> Callable[[slice], object]:
    """Its four families, each asked of every document; its own cache shares spaCy's words."""
    from datatrove.data import Document
    from datatrove.pipeline.filters.c4_filters import C4QualityFilter
    from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
    from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
    from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter

    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        FineWebQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
    ]

    def run(rows: slice) -> list[list[object]]:
        return [
            [each.filter(Document(text=text, id="0")) for each in filters] for text in texts[rows]
        ]

    return run


RUNS = {"ours": ours, "datatrove": datatrove}


def main() -> None:
    """Measure one of the runs."""
    name, file, core, seconds = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    texts = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    run = RUNS[name](texts)
    run(slice(0, WARM_UP))
    ends = [time.perf_counter()]
    while len(ends) < 2 or ends[-1] - ends[0] < float(seconds):
        run(slice(None))
        ends.append(time.perf_counter())
    best = min(stop - start for start, stop in pairwise(ends))
    print(sum(len(text.encode()) for text in texts) / best / 1e6)


if __name__ == "__main__":
    main()
