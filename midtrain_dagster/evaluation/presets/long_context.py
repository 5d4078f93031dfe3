"""Long contexts: the survey's Table 2. What is generated here is the room ``long_context``'s."""

from collections.abc import Mapping

from midtrain_dagster.evaluation.presets.preset import Preset

_LONG = "long-context reasoning"

PRESETS: Mapping[str, Preset] = {
    "longeval": Preset(
        "LongEval",
        _LONG,
        "the long-generation benchmark of arXiv 2502.19103, not its older namesake",
        "not here",
        "none",
        "?",
        "Wu et al. 2025, arXiv 2502.19103",
        {},
        refused="it asks for long texts, which a judge reads: there are no items with answers",
    ),
    "mrcr": Preset(
        "MRCR",
        _LONG,
        "openai/mrcr, {2,4,8}needle/*.parquet",
        "a conversation with like requests; one of the replies is to be repeated",
        "ratio of difflib",
        "MIT",
        "Vodrahalli et al. 2024, arXiv 2409.12640",
        {
            "domain": "long_context",
            "question": "prompt",
            "answer": "answer",
            "evaluate": {
                "method": "generated_answer",
                "extract": "whole",
                "compare": "words",
                "until": [],
                "most_tokens": 1024,
            },
        },
        missing="the conversation is shown as its JSON, and an answer that does not begin with its "
        "random string is not set to 0: the figure is `similarity`",
    ),
    "longbench_v2": Preset(
        "LongBench v2",
        _LONG,
        "zai-org/LongBench-v2, data.json",
        "the text, the question, four lettered choices",
        "accuracy",
        "Apache-2.0",
        "Bai et al. 2025, arXiv 2412.15204",
        {
            "domain": "long_context",
            "question": "question",
            "passage": "context",
            "choices": ["choice_A", "choice_B", "choice_C", "choice_D"],
            "gold": "answer",
            "item": "_id",
            "prompt": "longbench2",
            "evaluate": "multiple_choice",
        },
        "longbench2",
    ),
    "ruler": Preset(
        "RULER",
        _LONG,
        "generated: `long_context` in the recipe",
        "needles, variables and words, hidden in documents of the recipe (docs/long-context.md)",
        "rank accuracy",
        "Apache-2.0",
        "Hsieh et al. 2024, arXiv 2404.06654",
        {},
        refused="its items are made at every length of the documents of a recipe: say "
        "`long_context: {}` at the recipe's top (docs/long-context.md)",
    ),
    "helmet": Preset(
        "HELMET",
        _LONG,
        "github.com/princeton-nlp/HELMET, data.tar.gz (34 GB)",
        "not here",
        "none",
        "MIT",
        "Yen et al. 2025, arXiv 2410.02694",
        {},
        refused="it is seven kinds of tasks, two of them judged: its recall is `long_context` of "
        "the recipe; for the others run its own `eval.py` on an exported checkpoint",
    ),
}
