"""Tools: the survey's Table 2. Calls of one turn are compared here; conversations with a user whom
another model plays are those of runners of their own."""

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
    "bfcl": Preset(
        "BFCL V3",
        _TOOLS,
        "package bfcl-eval, bfcl_eval/data/BFCL_v4_CATEGORY.json and, of the same name, "
        "bfcl_eval/data/possible_answer: say both in `paths`",
        "functions are described, and calls of them are written: simple, multiple, parallel, "
        "parallel multiple, and live; of irrelevance say `evaluate: {expected: no_call}`",
        "right calls, by syntax tree",
        "Apache-2.0",
        "Patil et al. 2025, ICML",
        {
            "domain": "tools",
            "question": "question.0.0.content",
            "item": "id",
            "joined": True,
            "evaluate": {"method": "tool_calls", "most_tokens": 512},
        },
        missing="its Java and JavaScript, and conversations of several turns: run its own command "
        "`bfcl` against a server of the exported checkpoint",
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
