"""Precision, recall and F1 of decontamination by kind of contamination and by preset.

    python -m benchmarks.decontamination                # the seven presets, held out: some minutes
    python -m benchmarks.decontamination --half development --preset '{"method": "edited"}'
    python -m benchmarks.decontamination --peer PYTHON  # AI2's decon beside them, and translations
    python -m benchmarks.decontamination --real FOLDER  # what is flagged in real text as well
    python -m benchmarks.decontamination --write        # the tables and the plot of the docs

The labelled set is made of real items and pages (`contamination.labelled`): each kind has at least
``--least`` documents, and some 2,000 documents without an item share eight words in a row with one.
Thresholds were chosen on ``development``, whose items and draws are others than those of
``held_out``, of which docs/decontamination.md states the figures.

Presets are measured without the list of common n-grams that some have by default, for the set holds
each item some twenty times. A section may ask for one, counted over the set's own documents, and
for a second look, whose ``embedding`` is a folder here.

PYTHON is one of an environment with benchmarks/peers_decon.txt (Python 3.12 or later). FOLDER holds
Debian's documentation packages (`benchmarks.corpus` fetches them). The last line is JSON.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from benchmarks.contamination import decon_tool
from benchmarks.contamination.figures import Judged, judged
from benchmarks.contamination.labelled import Labelled, labelled
from benchmarks.contamination.page import write
from benchmarks.contamination.real_text import flags_of, real_text
from midtrain_dagster.decontamination import acquittals
from midtrain_dagster.decontamination.config import ContaminationMethod
from midtrain_dagster.decontamination.scan import scan, searched_of

PRESETS = (
    "edited",
    "qwen_math",
    '{"method": "qwen_math", "ngram": 8, "order_free": 0.6}',
    "gpt3",
    "marin",
    "phi4",
    "tulu3",
)


def method(preset: str) -> ContaminationMethod:
    """A method by its name, or by its section of a recipe."""
    section = json.loads(preset) if preset.startswith("{") else {"method": preset}
    validated: ContaminationMethod = TypeAdapter(ContaminationMethod).validate_python(section)
    if "common_ngrams" not in section:
        validated = validated.model_copy(update={"common_ngrams": None})
    return validated


def measured(made: Labelled, preset: str) -> Judged:
    """What a preset does on the labelled set."""
    config = method(preset)
    keys = common_keys(made, config)
    hits = acquittals.judged(made.documents, made.items, keys, config=config, look=look_of(config))
    searched = searched_of(made.items, config=config.alone(), common=keys)
    return judged(made.documents, hits, searched.testable())


def look_of(config: ContaminationMethod) -> Path | None:
    """The folder of the model that takes the second look, where one does."""
    return None if config.second_look is None else Path(config.second_look.embedding)


def common_keys(made: Labelled, config: ContaminationMethod) -> pl.DataFrame | None:
    """The n-grams that count for nothing because so many documents of the set hold them."""
    if config.common_ngrams is None:
        return None
    alone = config.alone()
    counts = scan(made.documents, made.items, config=alone, counting=True)["ngrams"]
    needed = config.common_ngrams.needed(made.documents.height)
    found = acquittals.common(counts.lazy(), made.items, config=alone, needed=needed)
    return found["common_keys"]


def told(tool: str, found: Judged) -> dict[str, Any]:
    """A line of JSON for a tool."""
    return {
        "tool": tool,
        "kinds": found.kinds.to_dicts(),
        "negatives": found.negatives.to_dicts(),
        "other_items": found.other_items,
    }


def options() -> argparse.Namespace:
    """The command's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=("development", "held_out"), default="held_out")
    parser.add_argument("--least", type=int, default=300, help="documents a kind, at least")
    parser.add_argument("--most", type=int, default=100, help="items of a benchmark and kind")
    parser.add_argument("--fragments", type=int, default=1400, help="negatives that are fragments")
    parser.add_argument("--preset", nargs="+", default=list(PRESETS), help="names, or sections")
    parser.add_argument("--peer", type=Path, help="a Python that has decon")
    parser.add_argument("--real", type=Path, help="Debian's documentation packages")
    parser.add_argument("--real-preset", default="edited", help="by which real text is scanned")
    parser.add_argument("--write", action="store_true", help="write the docs anew")
    return parser.parse_args()


def main() -> None:
    """The command."""
    asked = options()
    templates = decon_tool.templates(asked.peer) if asked.peer else None
    made = labelled(
        asked.half,
        templates=templates,
        least=asked.least,
        most=asked.most,
        negative=asked.fragments,
    )
    results = []
    for preset in asked.preset:
        results.append(told(preset, measured(made, preset)))
        show(results[-1])
    if asked.peer:
        for name, fields in decon_tool.SETTINGS.items():
            accused = decon_tool.accused(asked.peer, made, fields)
            results.append(told(name, judged(made.documents, accused)))
            show(results[-1])
    if asked.real:
        real = real_text(asked.real.resolve())
        config = method(asked.real_preset)
        hits = acquittals.judged(real, made.items, config=config, look=look_of(config))
        flags = flags_of(real, made.items, hits)
        with pl.Config(tbl_rows=-1, fmt_str_lengths=200):
            print(flags)
        print(f"{real.height} documents of real text, {flags['id'].n_unique()} flagged")
    if asked.write:
        write(results)
    print(json.dumps({"half": asked.half, "results": results}))


def show(result: dict[str, Any]) -> None:
    """A tool's table."""
    print(result["tool"], {each["kind"]: each["flagged"] for each in result["negatives"]})
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, float_precision=3):
        print(pl.DataFrame(result["kinds"]), flush=True)


if __name__ == "__main__":
    main()
