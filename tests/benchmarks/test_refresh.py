"""The corpus of the refresh benchmark is always the same; its table shows what costs too much."""

import json
from itertools import pairwise
from pathlib import Path

from benchmarks.refresh import LONGEST, SHORTEST, Run, corpus, table, write_files


def test_corpus_is_drawn_alike_with_documents_that_are_there_nearly_twice() -> None:
    texts = list(corpus(2))
    assert texts == list(corpus(2))
    assert 2_000_000 <= sum(map(len, texts)) < 2_100_000
    assert min(map(len, texts)) > SHORTEST / 2
    assert max(map(len, texts)) < 2 * LONGEST
    pairs = [
        (one, two)
        for one, two in pairwise(texts)
        if len({*one.split("\n\n")} & {*two.split("\n\n")}) > 0.5 * len(two.split("\n\n"))
    ]
    assert pairs and len(pairs) < 0.2 * len(texts)


def test_files_hold_each_document_once(tmp_path: Path) -> None:
    texts = [str(number) * 1_000_000 for number in range(10)]
    write_files(tmp_path, "first", texts)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    rows = [json.loads(line)["text"] for file in files for line in file.read_text().splitlines()]
    assert rows == texts


def test_table_has_a_ratio_for_each_asset_and_what_none_took() -> None:
    runs = {
        "whole": Run(100.0, {"documents": 60.0, "signals": 30.0}, 180.0),
        "1%": Run(12.0, {"documents": 1.0, "signals": 6.0}, 18.0),
        "0.1%": Run(5.0, {"documents": 0.5}, 9.0),
    }
    head, *lines = table(runs)
    assert "1%" in head
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["all"] == ["100.0s", "12.0s", "12.0%", "5.0s", "5.0%"]
    assert rows["signals"] == ["30.0s", "6.0s", "6.0%", "0.0s", "0.0%"]
    assert rows["processor"] == ["180.0s", "18.0s", "10.0%", "9.0s", "5.0%"]
    assert rows["process"] == ["10.0s", "5.0s", "5.0%", "4.5s", "4.5%"]
