"""datatrove's n-gram filter in a process of its own: ``FOLDER CORE``; see `benchmarks.scanning`.

Its index is written as its indexer writes it, which itself cannot be made without lighteval: the
12-grams of answers and, as its configuration says, of questions and of where they meet.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.utils.text import ngrams, simplify_text


def main() -> None:
    """Measure, and print the figures as JSON."""
    folder, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    config = NGramsDecontConfig(find_query_ngrams=True)
    index = folder / "index"
    index.mkdir()
    decontaminate = NGramsDecontFilter(str(index), config)
    _write_index(folder / "evals" / "items.jsonl", index, decontaminate)
    decontaminate.load_index_hashes()
    start = time.process_time()
    found = [
        document.id
        for document in JsonlReader(str(folder / "texts")).run()
        if decontaminate.filter(document) is not True
    ]
    print(json.dumps({"seconds": time.process_time() - start, "documents": len(found)}))


def _write_index(items: Path, index: Path, decontaminate: NGramsDecontFilter) -> None:
    size = decontaminate.config.n_grams
    hashes = set[int]()
    for line in items.open(encoding="utf-8"):
        item = json.loads(line)
        question, answer = (
            decontaminate.tokenizer.word_tokenize(
                simplify_text(item[field], decontaminate.config.norm_config)
            )
            for field in ("question", "answer")
        )
        grams = [*ngrams(question, size), *ngrams(answer, size)]
        grams += ngrams([*question[1 - size :], *answer[: size - 1]], size)
        hashes.update(decontaminate.hash_func(" ".join(gram)) for gram in grams)
    described = decontaminate.config.hash_config.np_descr
    np.array(list(hashes), dtype=described).tofile(index / "items.index.hashes")


if __name__ == "__main__":
    main()
