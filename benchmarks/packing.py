"""Packing documents into windows: best-fit (ours) against greedy concatenation and first-fit.

    python -m benchmarks.packing [--megabytes 40] [--tokenizer data/smollm2-135m-instruct]

Real documents, each with its end-of-text token, at windows of 512, 2,048 and 8,192 tokens:

- *best-fit decreasing*, as in ``dataloader.packing``: only what is longer than a window is cut;
- *first-fit decreasing*: the same pieces, each into the first window with room (Johnson 1974), by a
  segment tree, so that it can be asked of a real corpus;
- *greedy concatenation*: all documents, in the order of their ids, one after the other, and cut
  wherever a window ends. It pads nothing but the end.

What is measured: *fill*, the share of all positions that hold tokens (the rest is padding); *cut*
documents, which do not stand in one window; and *cropped* tokens, which stand in another window
than the beginning of their document and are learnt without it (none is thrown away by any of the
three). *Needless* is what befell documents that would have fitted a window.

The last line is one JSON object; the table is written to ``docs/packing.md``.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from benchmarks.corpus import documents
from benchmarks.side_by_side import machine
from midtrain_dagster.dataloader.packing import best_fit, cut

WINDOWS = (512, 2_048, 8_192)
REPEATS = 3
ROOT = Path(__file__).parents[1]
TOKENIZER = ROOT / "data" / "smollm2-135m-instruct"
TABLE = ROOT / "docs" / "packing.md"


class Packing(NamedTuple):
    """Pieces (document, first token, tokens) and the window that each stands in."""

    document: np.ndarray
    start: np.ndarray
    length: np.ndarray
    window_of: np.ndarray


class Figures(NamedTuple):
    """What a packing does to the documents; shares of 1, but for the windows."""

    windows: int
    fill: float
    cut: float
    needlessly_cut: float
    cropped: float
    needlessly_cropped: float


def lengths_of(texts: list[str], tokenizer: Path) -> np.ndarray:
    """Tokens of each text with its end-of-text token (int64)."""
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    encoder.no_truncation()
    encoder.no_padding()
    encoder.encode_special_tokens = True
    counts: list[int] = []
    for begin in range(0, len(texts), 256):
        batch = encoder.encode_batch_fast(texts[begin : begin + 256], add_special_tokens=False)
        counts += [len(each.ids) + 1 for each in batch]
    return np.array(counts, np.int64)


def ours(lengths: np.ndarray, window: int) -> Packing:
    """Best-fit decreasing, as the plan packs."""
    return _decreasing(lengths, window, best_fit)


def first_fit(lengths: np.ndarray, window: int) -> Packing:
    """First-fit decreasing over the same pieces."""
    return _decreasing(lengths, window, _first_fit)


def _decreasing(lengths: np.ndarray, window: int, pack: Any) -> Packing:
    document, start, length = cut(lengths, window)
    order = np.argsort(-length, kind="stable")
    return Packing(document[order], start[order], length[order], pack(length[order], window))


def greedy(lengths: np.ndarray, window: int) -> Packing:
    """Concatenation, cut at every multiple of the window."""
    stops = np.cumsum(lengths)
    edges = np.arange(window, stops[-1], window)
    cuts = np.unique(np.concatenate([[0], stops, edges]))
    begin, end = cuts[:-1], cuts[1:]
    document = np.searchsorted(stops, begin, side="right")
    return Packing(document, begin - (stops - lengths)[document], end - begin, begin // window)


METHODS = {
    "best-fit decreasing (ours)": ours,
    "first-fit decreasing": first_fit,
    "greedy concatenation": greedy,
}


@njit(cache=True)
def _first_fit(descending: np.ndarray, window: int) -> np.ndarray:
    # A tree over the windows in order: each node has the most room of any window below it.
    leaves = 1
    while leaves < len(descending):
        leaves *= 2
    room = np.full(2 * leaves, window, np.int64)
    placed = np.empty(len(descending), np.int64)
    for piece in range(len(descending)):
        node = 1
        while node < leaves:
            node *= 2
            if room[node] < descending[piece]:
                node += 1
        placed[piece] = node - leaves
        room[node] -= descending[piece]
        while node > 1:
            node //= 2
            room[node] = max(room[2 * node], room[2 * node + 1])
    return placed


def figures(packing: Packing, lengths: np.ndarray, window: int) -> Figures:
    """What a packing does to the documents."""
    windows = int(packing.window_of.max()) + 1
    pieces = np.bincount(packing.document, minlength=len(lengths))
    is_cut = pieces > 1
    fits = lengths <= window
    is_cropped = packing.start > 0
    total = int(lengths.sum())
    return Figures(
        windows,
        total / (windows * window),
        float(is_cut.mean()),
        float((is_cut & fits).mean()),
        float(packing.length[is_cropped].sum() / total),
        float(packing.length[is_cropped & fits[packing.document]].sum() / total),
    )


def measured(lengths: np.ndarray) -> dict[int, dict[str, tuple[Figures, float]]]:
    """The figures of each method at each window, and the seconds that it took."""
    found: dict[int, dict[str, tuple[Figures, float]]] = {}
    for window in WINDOWS:
        found[window] = {}
        for name, pack in METHODS.items():
            seconds = []
            for _ in range(REPEATS):
                begun = time.perf_counter()
                packing = pack(lengths, window)
                seconds.append(time.perf_counter() - begun)
            found[window][name] = figures(packing, lengths, window), min(seconds)
    return found


def table(found: dict[int, dict[str, tuple[Figures, float]]], lengths: np.ndarray) -> str:
    """The page ``docs/packing.md``."""
    quarters = np.percentile(lengths, (25, 50, 75)).astype(int).tolist()
    rows = [
        f"| {window:,} | {name} | {each.windows:,} | {each.fill:.2%} | {1 - each.fill:.2%} "
        f"| {each.cut:.1%} | {each.needlessly_cut:.1%} "
        f"| {each.cropped:.1%} | {each.needlessly_cropped:.1%} |"
        for window, methods in found.items()
        for name, (each, _) in methods.items()
    ]
    longer = ", ".join(f"{(lengths > window).mean():.1%} of {window:,}" for window in WINDOWS)
    return f"""\
# Packing

`python -m benchmarks.packing`: {len(lengths):,} real documents, {lengths.sum():,} tokens with an
end-of-text token each; quartiles of their lengths {quarters[0]:,}, {quarters[1]:,} and
{quarters[2]:,} tokens; longer than a window are {longer}.

Best-fit and first-fit cut only what is longer than a window; greedy concatenation cuts wherever a
window ends. *Cropped* tokens stand in another window than the beginning of their document; none is
thrown away. *Needless* is what befell documents that would have fitted a window.

| window | packing | windows | fill | padding | documents cut | needlessly | tokens cropped | \
needlessly |
|---:|---|---:|---:|---:|---:|---:|---:|---:|
{chr(10).join(rows)}

What best-fit crops, no packing could have kept whole in that window. Ding et al. 2024 (*Fewer
Truncations Improve Language Modeling*) report what the rest is worth: reading comprehension +4.7%,
context following +16.8%. First-fit fills windows as well; best-fit needs a search over the room
left (at most the window) where first-fit needs one over all windows.
"""


def main() -> None:
    """Measure, write the table, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    options = parser.parse_args()
    texts = documents(megabytes=options.megabytes)["text"].to_list()
    lengths = lengths_of(texts, options.tokenizer)
    found = measured(lengths)
    page = table(found, lengths)
    TABLE.write_text(page, "utf-8")
    print(page)
    result = {
        "windows": {
            window: {
                name: {key: round(value, 5) for key, value in each._asdict().items()}
                | {"seconds": round(seconds, 3)}
                for name, (each, seconds) in methods.items()
            }
            for window, methods in found.items()
        },
        "machine": machine(),
        "sizes": {"documents": len(lengths), "tokens": int(lengths.sum())},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
