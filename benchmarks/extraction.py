"""Extraction of main text: ours, Trafilatura's other modes and Resiliparse on labelled pages.

    python -m benchmarks.extraction [--pages]

The score is F1 over the multiset of words (Bevendorff et al. 2023, "An Empirical Comparison of Web
Content Extraction Algorithms", use the like), the mean over the pages of a kind; ``--pages`` prints
each page's. The last line is one JSON object. Resiliparse runs in the peers' environment.
"""

import argparse
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.extraction_pages import Page, pages, words
from benchmarks.side_by_side import ROOT, peers_python


def ours(markup: str) -> str:
    """The reader ``html``."""
    from midtrain_dagster.collection.readers.html import read_page
    from midtrain_dagster.collection.record import Document

    record = read_page("page", markup.encode(), "utf-8", {})
    return record.text if isinstance(record, Document) else ""


def trafilatura(*, precision: bool = False, recall: bool = False) -> Callable[[str], str]:
    """Trafilatura as its users call it, without comments."""

    def extracted(markup: str) -> str:
        from trafilatura import extract

        text = extract(
            markup, include_comments=False, favor_precision=precision, favor_recall=recall
        )
        return text or ""

    return extracted


EXTRACTORS: dict[str, Callable[[str], str]] = {
    "ours": ours,
    "trafilatura_precision": trafilatura(precision=True),
    "trafilatura": trafilatura(),
    "trafilatura_recall": trafilatura(recall=True),
}


def resiliparse(found: Sequence[Page]) -> list[str]:
    """Resiliparse's texts of all pages."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "pages.jsonl"), Path(folder, "texts.jsonl")
        lines = [json.dumps(page.markup) for page in found]
        source.write_text("\n".join(lines), encoding="utf-8")
        program = [str(peers_python()), "-m", "benchmarks.extraction_resiliparse"]
        subprocess.run([*program, str(source), str(target)], check=True, cwd=ROOT)
        return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def score(label: Sequence[str], text: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of a text's words."""
    found = words(text)
    common = sum((Counter(label) & Counter(found)).values())
    precision = common / len(found) if found else 0.0
    recall = common / len(label)
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def main() -> None:
    """Score every extractor on every page, and print the means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", action="store_true", help="print each page's scores")
    options = parser.parse_args()
    found = list(pages())
    texts = {name: [extract(page.markup) for page in found] for name, extract in EXTRACTORS.items()}
    texts["resiliparse"] = resiliparse(found)
    scores = {
        name: [score(page.words, text) for page, text in zip(found, own, strict=True)]
        for name, own in texts.items()
    }
    if options.pages:
        for number, page in enumerate(found):
            row = "  ".join(f"{scores[name][number][2]:.3f}" for name in scores)
            print(f"{row}  {page.name} ({len(page.words)} words)")
    kinds = list(dict.fromkeys(page.kind for page in found))
    table: dict[str, dict[str, float]] = {}
    for name, own in scores.items():
        by_kind = {
            kind: mean(one[2] for page, one in zip(found, own, strict=True) if page.kind == kind)
            for kind in kinds
        }
        table[name] = {
            **by_kind,
            "kinds": mean(by_kind.values()),
            "precision": mean(one[0] for one in own),
            "recall": mean(one[1] for one in own),
        }
    print("  ".join(["kind".ljust(14), *(name.rjust(21) for name in table)]))
    for row in (*kinds, "kinds", "precision", "recall"):
        print("  ".join([row.ljust(14), *(f"{table[name][row]:21.3f}" for name in table)]))
    result = {name: {row: round(value, 3) for row, value in table[name].items()} for name in table}
    print(json.dumps({"pages": len(found), "f1": result}))


if __name__ == "__main__":
    main()
