"""Reading: ours against datatrove's readers, on the same files in the same call.

    python -m benchmarks.readers [--megabytes 64] [--repeats 3]

Parquet, packed JSON Lines and WARC, by one worker on one core and by all cores. Two tasks: ``read``
gives documents in memory, ours as checked tables with ids and the digest of the file, datatrove's
as Python objects; ``collect`` also stores them for the next step, ours as parts (text that is
well-formed Parquet already is not written again), datatrove's by its ``ParquetWriter``. WARC
includes Trafilatura, nearly all of its time on both sides. The last line is one JSON object; speeds
are MB (10^6 bytes) of text a second, the best of the repeats, and a ratio is ours over theirs.

datatrove runs in the peers' environment: ``make bench``, or a Python named by ``MIDTRAIN_PEERS``.
"""

import argparse
import gzip
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.clock import timed
from benchmarks.corpus import FOLDER, documents
from benchmarks.side_by_side import machine, peers_python
from midtrain_dagster.core.in_place import InPlace

REPOSITORY = Path(__file__).parents[1]
READERS = {"parquet": "parquet", "jsonl.gz": "json_lines", "warc.gz": "warc"}
FILES = 8
PAGES, LARGEST_PAGE = 240, 100_000
"""HTML pages, a few MB of them: Trafilatura reads about one MB a second."""


def work(job: tuple[str, str, str, str]) -> tuple[int, int]:
    """Documents and bytes of text of one file: task, format, folder, name."""
    from pydantic import TypeAdapter

    from midtrain_dagster.collection.read import read, versions
    from midtrain_dagster.collection.source import Source
    from midtrain_dagster.core.parts import Work, do_work
    from midtrain_dagster.core.storage import Storage

    task, form, folder, name = job
    fields = {"reader": READERS[form], "paths": [name], "domain": "web", "kind": "prose"}
    source: Any = TypeAdapter(Source).validate_python(fields)
    files = source.list_files("corpus", folder)
    count = size = 0

    def counted(**arguments: Any) -> Iterator[tuple[str, pl.DataFrame | InPlace]]:
        nonlocal count, size
        for table, output in read("corpus", **arguments):
            if table == "documents":
                text = (output.table if isinstance(output, InPlace) else output)["text"]
                count, size = count + len(text), size + int(text.str.len_bytes().sum())
            yield table, output

    arguments = {"source": source, "files": files, "part_bytes": 8 * 2**20}
    arguments["max_document_bytes"] = 64 * 2**20
    if task == "read":
        for _ in counted(**arguments):
            pass
    else:
        with tempfile.TemporaryDirectory(prefix="midtrain-readers-") as store:
            counting = Work(counted, versions=versions(source), arguments=arguments)
            do_work(Storage(root=store), counting)
    return count, size


def ask_datatrove(request: dict[str, Any]) -> dict[str, Any]:
    """datatrove's answer to a request."""
    finished = subprocess.run(
        [str(peers_python()), "-m", "benchmarks.datatrove_readers"],
        cwd=REPOSITORY,
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise SystemExit(f"the peers: {finished.stderr.strip()[-2000:]}")
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer


def write_files(folder: Path, megabytes: float) -> dict[str, list[str]]:
    """The corpus in each format, as ``FILES`` files of about one size."""
    texts = documents(megabytes=megabytes).select("text", "source", key="id")
    pages = list(_pages(texts))
    names: dict[str, list[str]] = {form: [] for form in READERS}
    for number in range(FILES):
        share = texts.gather_every(FILES, number)
        share.write_parquet(folder / f"{number}.parquet", row_group_size=1000)
        lines = io.BytesIO()
        share.write_ndjson(lines)
        (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(lines.getvalue()))
        _write_warc(folder / f"{number}.warc.gz", pages[number::FILES])
        for form, files in names.items():
            files.append(f"{number}.{form}")
    return names


def _pages(texts: pl.DataFrame) -> Iterator[bytes]:
    """HTML pages of the packages; without them, pages made of the corpus' paragraphs."""
    found = [
        path
        for path in sorted(FOLDER.glob("*/usr/share/doc/**/*.html"))
        if path.stat().st_size <= LARGEST_PAGE
    ]
    step = max(1, len(found) // PAGES)
    for path in found[::step][:PAGES]:
        yield path.read_bytes()
    if not found:
        for text in texts["text"].head(PAGES):
            paragraphs = text.replace("&", "&amp;").replace("<", "&lt;").split("\n\n")
            body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
            yield f"<html><body><article>{body}</article></body></html>".encode()


def _write_warc(path: Path, pages: list[bytes]) -> None:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    with path.open("wb") as stream:
        writer = WARCWriter(stream, gzip=True)
        for number, page in enumerate(pages):
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], "HTTP/1.0")
            record = writer.create_warc_record(
                f"https://example.org/{path.stem}/{number}",
                "response",
                payload=io.BytesIO(page),
                http_headers=headers,
                warc_headers_dict={"WARC-Identified-Payload-Type": "text/html"},
            )
            writer.write_record(record)


def measure(folder: Path, names: dict[str, list[str]], repeats: int) -> dict[str, Any]:
    """Speeds, ratios and sizes of every format, by one worker and by all cores."""
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}
    sizes: dict[str, Any] = {}
    cores = dict.fromkeys((1, os.cpu_count() or 1))
    for (form, files), task, workers in product(names.items(), ("read", "collect"), cores):
        if task == "collect" and form == "warc.gz":
            continue  # the same but for Trafilatura's share
        request = {"task": task, "format": form, "folder": str(folder), "files": files}
        jobs = [(task, form, str(folder), name) for name in files]
        speeds: list[tuple[float, float]] = []
        for _ in range(repeats):
            seconds, results = timed(work, jobs, jobs[0], workers)
            count, size = (sum(column) for column in zip(*results, strict=True))
            answer = ask_datatrove({**request, "workers": workers})
            speeds.append((size / seconds / 1e6, answer["bytes"] / answer["seconds"] / 1e6))
        case = f"{task} {form}, {workers} worker{'s' if workers > 1 else ''}"
        ours[case], theirs[case] = (max(column) for column in zip(*speeds, strict=True))
        print(f"{case:28} {ours[case]:8.1f} MB/s, datatrove {theirs[case]:8.1f} MB/s", flush=True)
        sizes[form] = {
            "documents": count,
            "text_bytes": size,
            "datatrove_documents": answer["documents"],
            "file_bytes": sum((folder / name).stat().st_size for name in files),
        }
    return {
        "ours": {case: round(speed, 1) for case, speed in ours.items()},
        "peers": {"datatrove": {case: round(speed, 1) for case, speed in theirs.items()}},
        "ratio": {f"datatrove: {case}": round(ours[case] / theirs[case], 2) for case in ours},
        "machine": machine(),
        "sizes": sizes,
    }


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="midtrain-readers-") as folder:
        names = write_files(Path(folder), options.megabytes)
        print(json.dumps(measure(Path(folder), names, options.repeats)))


if __name__ == "__main__":
    main()
