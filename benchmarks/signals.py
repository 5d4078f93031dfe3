"""All signals, text to table, against datatrove's four filter families.

    python -m benchmarks.signals [--megabytes 2] [--seconds 3]

Ours computes every signal of `signals` (both readings of each rule and more); datatrove asks its
Gopher quality, Gopher repetition, C4 and FineWeb filters of each document and stops at a filter's
first reason. What the figures are is said in `side_by_side`.
"""

from benchmarks.side_by_side import compare

if __name__ == "__main__":
    compare("benchmarks.signals_runs", ("datatrove",), megabytes=2)
