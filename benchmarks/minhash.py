"""MinHash from text to signatures, ours against datatrove, rensa and datasketch.

    python -m benchmarks.minhash [--megabytes 4] [--seconds 3]

What the figures are is said in `side_by_side`, what each one does in `minhash_runs`.
"""

from benchmarks.side_by_side import compare

if __name__ == "__main__":
    compare("benchmarks.minhash_runs", ("datatrove", "rensa", "datasketch"), megabytes=4)
