"""What datatrove decides of documents, with the words and sentences by which it decided.

    PEERS_PYTHON -m benchmarks.agreement_datatrove TEXTS OUT

TEXTS holds the texts, one JSON string a line; OUT becomes as many lines, each an object: ``drops``
(for each filter the reason for which it drops the document, null if it keeps it), ``words`` (starts
and stops of spaCy's tokens, without white space) and ``sentences`` (starts of the sentences of each
line that C4 could count, after its citations are cut), all in UTF-8 bytes of the text.
"""

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters.c4_filters import CITATION_REGEX, C4QualityFilter
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from datatrove.utils.word_tokenizers import load_word_tokenizer

FILTERS = {
    "gopher_quality_datatrove": GopherQualityFilter(),
    "gopher_repetition_datatrove": GopherRepetitionFilter(),
    "c4_datatrove": C4QualityFilter(),
    "c4_fineweb": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb_datatrove": FineWebQualityFilter(),
}
"""datatrove's filters with their defaults, by the name of the rule that should decide the same."""


def drops(text: str) -> dict[str, str | None]:
    """Why each filter drops the text."""
    found: dict[str, str | None] = {}
    for name, filter_ in FILTERS.items():
        verdict = filter_.filter(Document(text=text, id="0"))
        found[name] = None if verdict is True else str(verdict[1] if verdict else "dropped")
    return found


def words(text: str) -> tuple[list[int], list[int]]:
    """Starts and stops of the tokens, in characters."""
    tokenizer = load_word_tokenizer("en")
    tokenizer.tokenizer.max_length = len(text) + 10
    starts, stops = [], []
    with tokenizer.tokenizer.memory_zone():  # as datatrove does
        for token in tokenizer.tokenizer(text):
            if token.text.strip():
                starts.append(token.idx)
                stops.append(token.idx + len(token.text))
    return starts, stops


def sentences(text: str) -> list[int]:
    """Where the sentences of each line start, in characters of the uncut text."""
    tokenizer = load_word_tokenizer("en").tokenizer
    starts = []
    begin = 0
    for raw in text.splitlines(keepends=True):
        line = raw.strip()
        if len(line.split()) >= 3:
            first = begin + raw.index(line)
            kept = list(range(len(line)))
            for citation in reversed(list(CITATION_REGEX.finditer(line))):
                del kept[citation.start() : citation.end()]
            cut = "".join(line[place] for place in kept)
            tokenizer.max_length = len(cut) + 10
            for sentence in tokenizer(cut).sents:
                if sentence.text.strip():
                    blank = len(sentence.text) - len(sentence.text.lstrip())
                    starts.append(first + kept[sentence.start_char + blank])
        begin += len(raw)
    return starts


def described(text: str) -> dict[str, Any]:
    """Everything about one text."""
    places = [0, *accumulate(len(character.encode()) for character in text)]
    starts, stops = words(text)
    return {
        "drops": drops(text),
        "words": [[places[at] for at in starts], [places[at] for at in stops]],
        "sentences": [places[at] for at in sentences(text)],
    }


def main() -> None:
    """Describe each text of the file."""
    source, target = map(Path, sys.argv[1:])
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(described(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
