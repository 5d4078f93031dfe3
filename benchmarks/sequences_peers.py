"""What FineWeb's sequence keeps of documents, and what DCLM's rules decide of them.

    PEERS_PYTHON -m benchmarks.sequences_peers TEXTS OUT DCLM

TEXTS holds the texts, one JSON string a line; OUT becomes as many lines, each an object:
``dropped`` (the filter of FineWeb's sequence that drops the document, null if it is kept), ``text``
(what is kept of it), and for the first DCLM of them ``dclm``, by rule whether DCLM keeps it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import fasttext
from datatrove.data import Document
from datatrove.pipeline.filters.c4_filters import C4QualityFilter
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from uniseg.wordbreak import words

from benchmarks.dclm_filters import keeps_quality, keeps_repetition

SEQUENCE = {
    "gopher_repetition_datatrove": GopherRepetitionFilter(),
    "gopher_quality_datatrove": GopherQualityFilter(),
    "c4_fineweb": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb_after_c4": FineWebQualityFilter(),
}
"""The steps of FineWeb's published script after the language, by the rule that stands for each."""


def fineweb(text: str) -> dict[str, str | None]:
    """What becomes of a text; a filter sees it as the one before left it."""
    document = Document(text=text, id="0")
    for name, filter_ in SEQUENCE.items():
        if filter_.filter(document) is not True:
            return {"dropped": name, "text": None}
    return {"dropped": None, "text": document.text}


def dclm(text: str) -> dict[str, bool]:
    """Whether DCLM's rules keep a text."""
    return {
        "gopher_quality_dclm": keeps_quality(text, fasttext.FastText.tokenize),
        "gopher_repetition_dclm": keeps_repetition(text, lambda each: list(words(each))),
    }


def main() -> None:
    """Decide on each text of the file."""
    source, target = map(Path, sys.argv[1:3])
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for number, line in enumerate(lines):
            text = json.loads(line)
            row: dict[str, Any] = fineweb(text)
            if number < int(sys.argv[3]):
                row["dclm"] = dclm(text)
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
