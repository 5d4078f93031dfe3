"""Tools: the survey's Table 2. Their calls are compared by runners of their own; what can be said
here of a call is how likely the right one is."""

from collections.abc import Mapping

from midtrain_dagster.evaluation.presets.preset import Preset

_TOOLS = "tool use"

PRESETS: Mapping[str, Preset] = {
    "tau2_bench": Preset(
        "tau2-Bench",
        _TOOLS,
        "github.com/sierra-research/tau2-bench: simulated users, tools and databases",
        "not here",
        "none",
        "MIT",
        "Barres et al. 2025, arXiv 2506.07982",
        {},
        refused="its items are conversations with a user whom another model plays: run its own "
        "command `tau2` against a server of the exported checkpoint",
    ),
    "bfcl_v3": Preset(
        "BFCL V3",
        _TOOLS,
        "package bfcl-eval, bfcl_eval/data/BFCL_v4_CATEGORY.json",
        "not here",
        "none",
        "Apache-2.0",
        "Patil et al. 2025, ICML",
        {},
        refused="its questions and answers are files apart, and its calls are compared by syntax "
        "tree: run its own command `bfcl` against a server of the exported checkpoint",
    ),
    "acebench": Preset(
        "ACEBench",
        _TOOLS,
        "github.com/ACEBench/ACEBench, data_all/data_en",
        "not here",
        "none",
        "MIT",
        "Chen et al. 2025, arXiv 2501.12851",
        {},
        refused="its questions and answers are files apart, and some items are conversations with "
        "a user whom another model plays: run its own `generate.py` and `eval_main.py`",
    ),
}
