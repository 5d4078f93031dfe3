"""datatrove's side of ``benchmarks.readers``; runs in the peers' environment.

Reads one JSON request from standard input, ``{"task", "format", "folder", "files", "workers"}``,
and prints one JSON answer, ``{"seconds", "documents", "bytes"}``.
"""

import json
import sys
import tempfile
from typing import Any

from benchmarks.clock import timed


def work(job: tuple[str, str, str, str]) -> tuple[int, int]:
    """Documents and bytes of text of one file: task, format, folder, name."""
    from datatrove.pipeline.readers import JsonlReader, ParquetReader, WarcReader
    from datatrove.utils.logging import logger

    logger.remove()
    task, form, folder, name = job
    reader = {"parquet": ParquetReader, "jsonl.gz": JsonlReader, "warc.gz": WarcReader}[form]
    stream: Any = reader(folder, glob_pattern=name).run()
    if form == "warc.gz":
        from datatrove.pipeline.extractors import Trafilatura

        # Its option `deduplicate` drops text that an earlier page had, which is another work.
        stream = Trafilatura(timeout=60, deduplicate=False).run(stream)
    with tempfile.TemporaryDirectory(prefix="midtrain-readers-") as target:
        if task == "collect":
            from datatrove.pipeline.writers import ParquetWriter

            stream = ParquetWriter(target).run(stream)
        texts = [document.text for document in stream]
    return len(texts), sum(len(text.encode()) for text in texts)


def main() -> None:
    """Answer the request."""
    request = json.load(sys.stdin)
    place = (request["task"], request["format"], request["folder"])
    jobs = [(*place, name) for name in request["files"]]
    seconds, results = timed(work, jobs, jobs[0], request["workers"])
    documents, size = (sum(column) for column in zip(*results, strict=True))
    print(json.dumps({"seconds": seconds, "documents": documents, "bytes": size}))


if __name__ == "__main__":
    main()
